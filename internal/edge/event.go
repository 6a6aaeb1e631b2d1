package edge

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/rule"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/bearer"
)

// An Event is the outcome of one request. It holds neither the token nor the
// path, which may hold one. Metrics and the log line are read from it.
type Event struct {
	RequestID  string
	TraceID    string // of a well-formed traceparent
	Allowed    bool   // the request was forwarded
	Reason     reason.Code
	Detail     string
	Issuer     string // of a verified token
	ClientID   string // of a verified token
	Client     string // the address of the client, see way
	Route      string
	Method     string
	Status     int // 0: the client was gone before there was one
	BytesIn    int64
	BytesOut   int64
	Total      time.Duration
	Decision   time.Duration // until the request was forwarded or refused
	Upstream   time.Duration // until the upstream's headers
	Member     string        // of a pool, that answered or was tried last
	Retries    int           // how often it was sent to another member
	CacheHit   bool
	Rule       string       // that decided; "" for the default, and without rules
	RuleAction rule.Action  // what the rules decided; "" without rules
	Noted      []*rule.Rule // the log rules that held
	// Shadow is what a rule or route that is only watched would have done: a rule's
	// action or a route's reason. ShadowRule is the rule's name.
	Shadow, ShadowRule string
	Feed               Freshness // what is known of the issuer's revocations; "" without a token
	Seq                uint64    // the last revocation known

	host, path string    // where it went; told only where the configuration says so
	who        *identity // of a token that held; nil: none did
	told       *told     // what the configuration says so; nil: nothing
}

// record writes the one line of a request.
func (e *Edge) record(ev *Event) {
	if e.options.Observe != nil {
		e.options.Observe(ev)
	}
	e.tails.tell(e.options.Now(), ev)
	level := slog.LevelInfo
	if ev.Status >= 500 || ev.Feed == FeedStale {
		level = slog.LevelWarn
	}
	h, ctx := e.options.Logger.Handler(), context.Background()
	if !h.Enabled(ctx, level) {
		return
	}
	attrs := [...]slog.Attr{slog.String("request_id", ev.RequestID), slog.String("trace_id", ev.TraceID), slog.Bool("allowed", ev.Allowed),
		slog.String("reason", string(ev.Reason)), slog.String("detail", clean(ev.Detail)),
		slog.String("issuer", ev.Issuer), slog.String("client_id", clean(ev.ClientID)), slog.String("client_addr", ev.Client), slog.String("route", ev.Route),
		slog.String("method", ev.Method), slog.Int("status", ev.Status), slog.Int64("bytes_in", ev.BytesIn), slog.Int64("bytes_out", ev.BytesOut),
		slog.Float64("ms", web.Millis(ev.Total)), slog.Float64("decision_ms", web.Millis(ev.Decision)), slog.Float64("upstream_ms", web.Millis(ev.Upstream)),
		slog.String("upstream", ev.Member), slog.Int("retries", ev.Retries),
		slog.String("rule", ev.Rule), slog.String("shadow", ev.Shadow), slog.String("shadow_rule", ev.ShadowRule), slog.Bool("cache_hit", ev.CacheHit), slog.String("feed", string(ev.Feed)), slog.Uint64("revocation_seq", ev.Seq)}
	if e.lines != nil {
		_ = e.lines.Say(e.options.Now(), level, "request", attrs[:])
		return
	}
	line := slog.NewRecord(e.options.Now(), level, "request", 0) // every line is from here
	line.AddAttrs(attrs[:]...)
	_ = h.Handle(ctx, line) // as slog.Logger does
}

// clean bounds a text that others had a hand in, and keeps it on one line
// whatever handler the logger has.
func clean(s string) string {
	const most = 256
	if len(s) <= most && !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c >= 0x7f }) {
		return s
	}
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, s)
}

func newRequestID() string { return rand.Text() }

// Headers that are one for all, and that nobody changes.
var (
	problemType = []string{"application/problem+json"}
	noStore     = []string{"no-store"}
	noSniff     = []string{"nosniff"}
)

// problems are the bodies of RFC 9457 by code, but for the request's id at their end.
var problems = func() map[reason.Code]string {
	out := map[reason.Code]string{}
	for _, info := range reason.All() {
		body, _ := json.Marshal(struct { // strings and a number always marshal
			Type   string      `json:"type"`
			Title  string      `json:"title"`
			Status int         `json:"status"`
			Detail string      `json:"detail"`
			Code   reason.Code `json:"code"`
		}{"urn:jotward:reason:" + string(info.Code), info.Meaning, info.Status, info.Remedy, info.Code})
		out[info.Code] = strings.TrimSuffix(string(body), "}") + `,"request_id":"`
	}
	return out
}()

// challenge returns what a refusal asks for by RFC 6750 3, made once for a route and code.
func (r *route) challenge(code reason.Code) []string {
	info, _ := reason.Lookup(code)
	o := bearer.Options{}
	if r != nil {
		o.ResourceMetadata = r.ResourceMetadata
		if code == reason.ScopeMissing {
			o.Scopes = r.Scopes
		}
	}
	oauth := info.OAuth
	if code == reason.CredentialMissing {
		oauth = "" // RFC 6750 3.1: no error code when there was no credential
	}
	return []string{o.Challenge(oauth, jose.Reason(code))}
}

// deny answers with the challenge of RFC 6750 3 and a problem of RFC 9457.
// Strangers are told what the code means and what to do, nothing of the token.
// rt is nil outside every route.
func (p *passage) deny(w http.ResponseWriter, no *refusal, rt *route) {
	info, ok := reason.Lookup(no.code)
	if !ok {
		info, _ = reason.Lookup(reason.Internal)
	}
	h := w.Header()
	h["Content-Type"], h["Cache-Control"], h["X-Content-Type-Options"] = problemType, noStore, noSniff
	p.sign(h)
	if info.Status == http.StatusUnauthorized || info.Status < 500 && info.OAuth != "" && no.code != reason.CrossOrigin {
		h["Www-Authenticate"] = p.challenges(h, no, rt, info)
	}
	if info.Status == http.StatusMethodNotAllowed { // RFC 9110 15.5.6
		h.Set("Allow", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")
	}
	if info.Status == http.StatusTooManyRequests {
		h.Set("Retry-After", no.retryAfter())
	}
	if info.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "5")
		if no.wait > 0 {
			h.Set("Retry-After", no.retryAfter())
		}
	}
	start := problems[info.Code]
	body := append(append(make([]byte, 0, len(start)+len(p.event.RequestID)+2), start...), p.event.RequestID...) // of letters, see requestID
	w.WriteHeader(info.Status)
	_, _ = w.Write(append(body, `"}`...)) // a client that is gone needs no answer
}

// challenges are those of the schemes that the client may use.
func (p *passage) challenges(h http.Header, no *refusal, rt *route, info reason.Info) []string {
	var list []string
	if rt != nil {
		list = rt.challenges.get(info.Code)
	} else {
		list = rt.challenge(info.Code)
	}
	if no.demand != "" {
		list = []string{list[0] + no.demand}
	}
	ps := p.state.proofs
	if ps == nil || info.Status != http.StatusUnauthorized || rt == nil {
		return list
	}
	switch {
	case p.credential.dpop: // the client knows the scheme: it is told what was wrong with it
		list = []string{ps.challenge(no)}
	case no.code == reason.SenderProofUnchecked, no.code == reason.CredentialMissing:
		list = []string{list[0], ps.challenge(nil)}
	}
	if ps.nonces != nil {
		h.Set("Dpop-Nonce", ps.nonces.Current(p.now()))
	}
	return list
}
