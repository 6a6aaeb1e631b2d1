package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDevKeepsItsState starts twice on one folder: the same secrets open the
// second run, and nobody else can read them.
func TestDevKeepsItsState(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	run := func() (story, func()) {
		ctx, cancel := context.WithCancel(t.Context())
		r, w := io.Pipe()
		done := make(chan error, 1)
		go func() {
			err := runDev(ctx, folder, true, w, t.Output())
			w.CloseWithError(err)
			done <- err
		}()
		var s story
		if err := json.NewDecoder(r).Decode(&s); err != nil {
			t.Fatal(err)
		}
		go io.Copy(io.Discard, r)
		return s, func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	first, stop := run()
	stop()
	second, stop := run()
	defer stop()
	if first.ClientSecret != second.ClientSecret || first.Password != second.Password || first.AdminToken != second.AdminToken || first.ClientSecret == "" {
		t.Error("the secrets were not kept")
	}
	v := &world{TB: t, story: second, http: http.DefaultClient}
	issued := v.want(v.post("/token", url.Values{"grant_type": {"client_credentials"}, "scope": {v.Scope}}, true), 200, "")
	v.want(v.resource(text(issued, "access_token")), 200, "")
	if kept, err := os.ReadFile(filepath.Join(folder, "dev.json")); err != nil || !strings.Contains(string(kept), `"ports":[`+second.Issuer[strings.LastIndexByte(second.Issuer, ':')+1:]+",") {
		t.Errorf("the issuer's address was not kept: %v", err)
	}
	for _, name := range []string{"dev.json", "jotward.db"} {
		if i, err := os.Stat(filepath.Join(folder, name)); err != nil || i.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v %v", name, i, err)
		}
	}
}

// TestDevShowsDecisions: the admin listener of dev is the edge's as well.
func TestDevShowsDecisions(t *testing.T) {
	t.Parallel()
	v := startDev(t)
	resp, err := v.http.Get(v.Admin + "/decisions")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	v.resource("none")
	line, err := bufio.NewReader(resp.Body).ReadString('\n')
	if err != nil || resp.StatusCode != 200 || !strings.Contains(line, `"reason":"token_malformed"`) {
		t.Errorf("%d %q %v", resp.StatusCode, line, err)
	}
}

// TestDevListensWhereItDid: the issuer's address stands in every token that was
// kept. A port that is taken meanwhile is replaced, and said.
func TestDevListensWhereItDid(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	d := &dev{process: newProcess(slog.New(slog.NewTextHandler(&log, nil)))}
	folder := t.TempDir()
	open := func() ([]net.Listener, []string) {
		v, err := openSecrets(folder)
		if err != nil {
			t.Fatal(err)
		}
		listeners, urls, err := d.listenAgain(v, []int{0, 0})
		if err != nil {
			t.Fatal(err)
		}
		return listeners, urls
	}
	shut := func(listeners []net.Listener) {
		for _, l := range listeners {
			l.Close()
		}
	}
	listeners, first := open()
	shut(listeners)
	listeners, second := open()
	if !slices.Equal(first, second) || log.Len() > 0 {
		t.Errorf("first %v, then %v: %s", first, second, log.String())
	}
	listeners[1].Close()
	third, moved := open()
	if moved[0] == first[0] || moved[1] != first[1] || !strings.Contains(log.String(), "tokens of the run before do not hold") {
		t.Errorf("with the first one taken: %v, log %q", moved, log.String())
	}
	shut(append(third, listeners[0]))
}
