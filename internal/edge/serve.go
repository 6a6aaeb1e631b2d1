package edge

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/bearer"
)

// passage is what one request carries through the proxy.
type passage struct {
	state    *state
	identity *identity // nil: anonymous
	peer     netip.Addr
	trusted  bool
	event    *Event
}

type passageKey struct{}

// ServeHTTP decides about a request and forwards it.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := e.options.Now()
	s := e.current.Load()
	ev := &Event{RequestID: newRequestID(), Method: method(r.Method), BytesIn: max(r.ContentLength, 0)}
	p := &passage{state: s, event: ev}
	p.peer, p.trusted = s.peer(r)
	rt, no := e.decide(r, p, start)
	ev.Decision = e.options.Now().Sub(start)
	cw := &counter{ResponseWriter: w}
	defer func() { // also when the proxy aborts a broken answer by panicking
		ev.Status, ev.BytesOut, ev.Total = cw.status, cw.bytes, e.options.Now().Sub(start)
		e.record(s, rt, ev)
	}()
	if no != nil {
		ev.Reason, ev.Detail = no.code, no.detail
		var scopes []string
		if rt != nil {
			scopes = rt.Scopes
		}
		deny(cw, no, scopes, ev.RequestID)
		return
	}
	rt.proxy.ServeHTTP(cw, r.WithContext(context.WithValue(r.Context(), passageKey{}, p)))
}

func (e *Edge) decide(r *http.Request, p *passage, now time.Time) (*route, *refusal) {
	host, path, ok := canonical(r)
	if !ok {
		return nil, &refusal{code: reason.RequestAmbiguous}
	}
	rt := p.state.match(host, path, r.Method)
	if rt == nil {
		return nil, &refusal{code: reason.RouteNotFound}
	}
	p.event.Route = rt.Name
	if rt.auth == authNone {
		return rt, nil
	}
	token, err := bearer.FromRequest(r)
	if err != nil {
		// A request without any credential may be anonymous; one whose credential
		// cannot be read may not.
		if rt.auth == authOptional && jose.ReasonOf(err) == jose.CredentialMissing && len(r.Header["Authorization"]) == 0 {
			return rt, nil
		}
		return rt, refused(err)
	}
	if hidden(r.URL.RawQuery) {
		return rt, &refusal{code: reason.CredentialRepeated, detail: "another credential behind a semicolon"}
	}
	if p.state.config.RefuseInsecure && !secure(r, p.trusted) {
		return rt, &refusal{code: reason.TransportInsecure}
	}
	v, hit, no := e.verify(r.Context(), p.state, token, now)
	if v != nil {
		p.event.Issuer, p.event.ClientID, p.event.CacheHit = v.identity.issuer, v.identity.client, hit
		_, p.event.Seq = v.issuer.view.Position()
	}
	if no != nil {
		return rt, no
	}
	if v.issuer.follower != nil && v.issuer.view.Stale(now, v.issuer.maxAge) {
		if !v.issuer.serve {
			return rt, &refusal{code: reason.RevocationStale}
		}
		p.event.Stale = true
	}
	p.identity = v.identity
	return rt, rt.authorize(v.identity)
}

// hidden finds a second credential in a query with semicolons: this side reads
// no parameter there, and a server behind may (RFC 6750 2).
func hidden(query string) bool {
	if !strings.Contains(query, ";") {
		return false
	}
	plain, err := url.QueryUnescape(query)
	return err != nil || strings.Contains(plain, "access_token")
}

// secure believes X-Forwarded-Proto from trusted peers only.
func secure(r *http.Request, trusted bool) bool {
	return r.TLS != nil || trusted && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

func (s *state) peer(r *http.Request) (netip.Addr, bool) {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	a := ap.Addr().Unmap()
	for _, p := range s.trusted {
		if p.Contains(a) {
			return a, true
		}
	}
	return a, false
}

// method keeps strangers from writing log fields and labels of their own.
func method(m string) string {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT":
		return m
	}
	return "other"
}

// counter notes status and size. Unwrap keeps flushing and hijacking possible.
type counter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (c *counter) WriteHeader(status int) {
	if c.status < 200 {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(b)
	c.bytes += int64(n)
	return n, err
}

func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
