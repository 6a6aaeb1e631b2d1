package obs

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
)

// What is written is what slog's JSON handler writes, whatever comes.
func TestLines(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 28, 15, 4, 5, 120_000_000, time.FixedZone("", 5400))
	odd := []slog.Attr{slog.Any("err", errors.New("x")), slog.Duration("d", time.Second), slog.Time("t", at), slog.Group("g", slog.Int("a", 1)), slog.Any("", nil), slog.Any("nil", nil), {}}
	texts := []string{"", "plain", `a"b`, `a\b`, "a\nb", "é", "\x7f", "\xff", "\u2028", "<&>", strings.Repeat("long ", 5000)}
	floats := []float64{0, 1, -1.5, 0.001, 1e-6, 1e-7, 123456.789, 1e20, 1e21, math.Copysign(0, -1), math.MaxFloat64, math.NaN(), math.Inf(1)}
	for name, change := range map[string]func(slog.Handler) slog.Handler{
		"alone": func(h slog.Handler) slog.Handler { return h },
		"attributes": func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.String("service", "edge"), slog.Int("n", 1)}).WithAttrs([]slog.Attr{slog.Bool("b", true)})
		},
		"odd": func(h slog.Handler) slog.Handler { return h.WithAttrs(odd).WithAttrs([]slog.Attr{slog.Int("n", 1)}) },
		"a group": func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Int("n", 1)}).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("m", 1)})
		},
	} {
		var got, want bytes.Buffer
		ours, theirs := change(newLines(&got)), change(slog.NewJSONHandler(&want, nil))
		say := func(at time.Time, level slog.Level, text string, attrs ...slog.Attr) {
			t.Helper()
			got.Reset()
			want.Reset()
			r := slog.NewRecord(at, level, text, 0)
			r.AddAttrs(attrs...)
			err1, err2 := ours.Handle(context.Background(), r), theirs.Handle(context.Background(), r)
			if l, ok := ours.(*Lines); ok {
				handled := got.String()
				if got.Reset(); l.Say(at, level, text, attrs) != nil && err1 == nil || got.String() != handled {
					t.Errorf("%s: %q is said, %q handled", name, got.String(), handled)
				}
			}
			if got.String() != want.String() || (err1 == nil) != (err2 == nil) {
				t.Errorf("%s: %q (%v), slog writes %q (%v)", name, got.String(), err1, want.String(), err2)
			}
		}
		for _, text := range texts {
			say(at, slog.LevelInfo, text, slog.String("k", "v"))
			say(at, slog.LevelWarn+1, "m", slog.String("k", text), slog.Int("n", -3), slog.Uint64("u", math.MaxUint64), slog.Bool("b", false))
			say(at, slog.LevelError, "m", slog.String(text, "v"))
		}
		for _, f := range floats {
			say(at.UTC(), slog.LevelInfo, "m", slog.Float64("f", f))
		}
		for _, a := range odd {
			say(at, slog.LevelInfo, "m", slog.Int("n", 1), a, slog.Int("n", 2))
		}
		say(time.Time{}, slog.LevelInfo, "m")
		say(time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC), slog.LevelInfo, "m")
	}
}

// Lines of both kinds share one writer, and none is torn.
func TestLinesTogether(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	log := Logger(&said).With("service", "x")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				log.Info("request", "text", "plain")
				log.Info("request", "text", "\"quoted\"")
			}
		})
	}
	all.Wait()
	for line := range strings.Lines(said.String()) {
		if !strings.HasPrefix(line, `{"time":"`) || !strings.HasSuffix(line, "}\n") || strings.Count(line, "time") != 1 {
			t.Fatalf("%q", line)
		}
	}
	if n := strings.Count(said.String(), "\n"); n != 3200 {
		t.Errorf("%d lines", n)
	}
}

func FuzzLines(f *testing.F) {
	f.Add("m", "k", "v", int64(1), 0.5)
	f.Add("\n", "\"", "\xff", int64(-1), 1e22)
	f.Fuzz(func(t *testing.T, message, key, value string, whole int64, number float64) {
		var got, want bytes.Buffer
		r := slog.NewRecord(time.Unix(1, 2), slog.Level(whole), message, 0)
		r.AddAttrs(slog.String(key, value), slog.Int64("i", whole), slog.Float64("f", number))
		_ = newLines(&got).Handle(context.Background(), r)
		_ = slog.NewJSONHandler(&want, nil).Handle(context.Background(), r)
		if got.String() != want.String() {
			t.Errorf("%q, slog writes %q", got.String(), want.String())
		}
	})
}

func BenchmarkLine(b *testing.B) {
	for name, h := range map[string]slog.Handler{"ours": newLines(discard{}), "slog": slog.NewJSONHandler(discard{}, nil)} {
		b.Run(name, func(b *testing.B) {
			log := slog.New(h.WithAttrs([]slog.Attr{slog.String("service", "edge")}))
			b.ReportAllocs()
			for b.Loop() {
				log.LogAttrs(context.Background(), slog.LevelInfo, "request", slog.String("request_id", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), slog.Bool("allowed", true), slog.String("reason", ""),
					slog.String("issuer", "https://issuer.example"), slog.String("client_addr", "192.0.2.1"), slog.String("route", "api"), slog.String("method", "GET"), slog.Int("status", 200),
					slog.Int64("bytes_in", 0), slog.Int64("bytes_out", 12), slog.Float64("ms", 0.314), slog.Float64("decision_ms", 0.012), slog.Float64("upstream_ms", 0.2))
			}
		})
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
