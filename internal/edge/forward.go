package edge

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
)

// hsts is a year: RFC 6797 6.1.1. Subdomains are not the edge's to speak for.
const hsts = "max-age=31536000"

func timeouts(c config.Timeouts) (config.Timeouts, error) {
	for _, t := range []struct {
		d        *time.Duration
		standard time.Duration
	}{{&c.Connect, 5 * time.Second}, {&c.TLSHandshake, 5 * time.Second}, {&c.ResponseHeader, time.Minute}, {&c.RequestBody, time.Minute}} {
		if *t.d == 0 {
			*t.d = t.standard
		}
		if *t.d < 0 {
			return c, fmt.Errorf("edge: timeouts: %s is negative: leave it out for the default", *t.d)
		}
	}
	return c, nil
}

type buffers struct{ pool sync.Pool }

var shared = &buffers{pool: sync.Pool{New: func() any { return new([32 << 10]byte) }}}

// Get and Put implement httputil.BufferPool.
func (b *buffers) Get() []byte { return b.pool.Get().(*[32 << 10]byte)[:] }

func (b *buffers) Put(s []byte) { b.pool.Put((*[32 << 10]byte)(s)) }

func (r *route) newProxy(t http.RoundTripper) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport:      timed{t},
		BufferPool:     shared,
		ErrorLog:       log.New(io.Discard, "", 0), // the event says it
		Rewrite:        r.rewrite,
		ModifyResponse: answered,
		ErrorHandler: func(w http.ResponseWriter, in *http.Request, err error) {
			p := in.Context().Value(passageKey{}).(*passage)
			no := p.failure(in, err)
			p.event.Reason, p.event.Detail = no.code, no.detail
			p.drain(w)
			p.deny(w, no, r)
		},
	}
}

// timed notes how long the upstream took to answer.
type timed struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t timed) RoundTrip(r *http.Request) (*http.Response, error) {
	p := r.Context().Value(passageKey{}).(*passage)
	start := p.now()
	answer, err := t.RoundTripper.RoundTrip(r)
	p.event.Upstream = p.now().Sub(start)
	return answer, err
}

// answered adds to the upstream's answer what the edge says of the request.
func answered(answer *http.Response) error {
	p := answer.Request.Context().Value(passageKey{}).(*passage)
	if answer.StatusCode < 100 { // net/http reads 099, and panics when it is written
		return fmt.Errorf("status %03d", answer.StatusCode)
	}
	if answer.StatusCode == http.StatusSwitchingProtocols {
		p.event.Status = answer.StatusCode // a tunnel writes no status
	}
	p.endless.Store(endless(answer))
	p.answerLength = answer.ContentLength
	p.conceal(answer)
	p.sign(answer.Header)
	return nil
}

// sign sets the request's id, and HSTS where TLS was used (RFC 6797 7.1, 7.2).
func (p *passage) sign(h http.Header) {
	h["X-Request-Id"] = []string{p.event.RequestID}
	p.tell(h)
	if p.way.secure && len(h["Strict-Transport-Security"]) == 0 {
		h.Set("Strict-Transport-Security", hsts)
	}
}

// failure says whose fault it was that no answer came: the client's, whose token
// was taken back, who went away or sent a body that is none, or the upstream's.
func (p *passage) failure(in *http.Request, err error) *refusal {
	if no, cut := ended(in.Context()); cut {
		return no
	}
	if no := p.body.broken(); no != nil && (no.code == reason.CredentialRepeated || no.code == reason.RequestTimeout || in.Context().Err() == nil) {
		return no
	}
	if in.Context().Err() != nil {
		return &refusal{code: reason.ClientGone}
	}
	switch {
	case err == errAllOut:
		return &refusal{code: reason.UpstreamUnavailable, detail: err.Error()}
	case timedOut(err):
		return &refusal{code: reason.UpstreamTimeout, detail: err.Error()}
	}
	return &refusal{code: reason.UpstreamUnreachable, detail: err.Error()}
}

// rewrite runs after ReverseProxy removed the hop-by-hop headers that the
// client named in Connection, so that a client cannot have the edge's own
// headers removed (CVE-2022-1388, CVE-2025-48865).
func (r *route) rewrite(pr *httputil.ProxyRequest) {
	p := pr.In.Context().Value(passageKey{}).(*passage)
	out := pr.Out
	out.URL.Scheme, out.URL.Host = r.target.Scheme, r.target.Host
	out.URL.Path, out.URL.RawPath, out.URL.RawQuery = pr.In.URL.Path, pr.In.URL.RawPath, pr.In.URL.RawQuery
	out.Host = pr.In.Host
	for name := range out.Header {
		if p.state.inbound(name) {
			delete(out.Header, name)
		}
	}
	out.Trailer = nil // a trailer could name an identity after all headers were checked
	// Only a WebSocket may turn the connection into something else: an origin
	// that took h2c would read requests that no route was matched for.
	if !strings.EqualFold(out.Header.Get("Upgrade"), "websocket") || pr.In.Method != http.MethodGet {
		out.Header.Del("Upgrade")
		out.Header.Del("Connection")
	}
	out.Header.Del("Http2-Settings")
	if p.body.begun { // the client was told to continue
		out.Header.Del("Expect")
	}
	// The very credential that was verified, or none: naming it in Connection
	// does not take it away from the origin.
	out.Header.Del("Authorization")
	if v := pr.In.Header["Authorization"]; !r.strip && len(v) > 0 {
		out.Header["Authorization"] = v
	}
	r.withhold(p, pr)
	out.Header.Del("Dpop") // it was for this address, and is spent (RFC 9449 11.1)
	h := out.Header
	// One array for five values; each slice ends where the next begins.
	set := func(i int, name, value string) {
		p.values[i] = value
		h[name] = p.values[i : i+1 : i+1]
	}
	if p.way.chain != "" {
		set(0, "X-Forwarded-For", p.way.chain)
	}
	set(1, "X-Forwarded-Proto", p.way.proto())
	set(2, "X-Forwarded-Host", p.way.host)
	if p.way.address != "" {
		set(3, "X-Real-Ip", p.way.address)
	}
	set(4, "X-Request-Id", p.event.RequestID)
	for _, set := range p.headers {
		h.Set(set.name, set.value)
	}
}

func (w *way) proto() string {
	if w.secure {
		return "https"
	}
	return "http"
}
