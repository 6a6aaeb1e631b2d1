package edge

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
)

// passage is what one request carries through the proxy.
type passage struct {
	state            *state
	in               *http.Request
	way              way
	headers          []header // what is set from claims
	limits, policies []string // what is left of the limits that were asked, and what they are
	body             body
	values           [5]string // of the headers that are set for every request
	credential       credential
	bare             bool   // its credential was taken out of the query
	offered          string // the name of the credential's subprotocol, where a client offered it
	event            Event
	now              func() time.Time
	token            *verified // that let it in; nil: none
	member           *member   // of a pool, that it counts for; nil: none
	end              func(*refusal)
	endless          atomic.Bool // its answer has no end of its own
	again            again
	answerLength     int64 // declared; ReverseProxy flushes what has none
	hushing          sync.Mutex
	over             bool // the handler has returned; under hushing
}

type passageKey struct{}

// ServeHTTP decides about a request and forwards it, or answers with the edge's own keys.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s := e.current.Load(); !s.signing.serve(w, r, s, e.inClear) {
		e.pass(w, r)
	}
}

// inClear says whether somebody could read the request on its way, where TLS ends
// at a proxy.
func (e *Edge) inClear(w way) bool {
	return e.options.TLSAtProxy && !w.secure && (w.trusted || !w.peer.IsLoopback())
}

func (e *Edge) pass(w http.ResponseWriter, r *http.Request) {
	start := e.options.Now()
	s := e.current.Load()
	p := e.passage(r, s)
	rt, no := e.decide(r, p, start)
	for no != nil && no.code == reason.KeysUnavailable && e.current.Load() != s {
		// A reload closed the source whose first keys this request waited for:
		// it is decided anew, as if it had come after the reload.
		s = e.current.Load()
		p = e.passage(r, s)
		rt, no = e.decide(r, p, start)
	}
	ev := &p.event
	ev.Decision = e.options.Now().Sub(start)
	p.body.rest = p.resting(w, s.timeouts.RequestBody)
	if no == nil {
		no = p.body.begin(r)
	}
	ev.Allowed = no == nil
	cw := &counter{ResponseWriter: w, passage: p, old: !r.ProtoAtLeast(1, 1), last: r.ProtoMajor == 1 && (r.ProtoMinor == 0 || r.ContentLength < 0)}
	whole := false
	metrics := rt.metricsOr(s.unmatched)
	metrics.begin()
	ctx, leave := r.Context(), p.leave
	if no == nil {
		ctx, leave = e.enter(context.WithValue(ctx, passageKey{}, p), p, w)
	}
	defer func() { // also when the proxy aborts a broken answer by panicking
		leave()
		if why, cut := ended(ctx); cut && ev.Reason == "" && (!whole || ev.Status == http.StatusSwitchingProtocols) {
			ev.Reason, ev.Detail = why.code, "ended under way"
		}
		if !whole && ev.Reason == "" {
			if ev.Reason, ev.Detail = reason.UpstreamUnreachable, "the answer broke off"; r.Context().Err() != nil {
				ev.Reason, ev.Detail = reason.ClientGone, ""
			}
		}
		if cw.status != 0 {
			ev.Status = cw.status
		}
		ev.BytesIn, ev.BytesOut, ev.Total = p.body.bytes.Load(), cw.bytes.Load(), e.options.Now().Sub(start)
		metrics.end(ev)
		e.record(ev)
		if whole && ev.Status != http.StatusSwitchingProtocols && !p.body.whole() {
			_ = http.NewResponseController(w).Flush() // what was answered does not wait
			p.drain(w)
		}
		p.hushing.Lock()
		p.over = true
		p.hushing.Unlock()
	}()
	if no != nil {
		ev.Reason, ev.Detail = no.code, no.detail
		p.drain(w)
		p.deny(cw, no, rt)
		whole = true
		return
	}
	forwarded := r.WithContext(ctx)
	forwarded.Body = &p.body
	rt.proxy.ServeHTTP(cw, forwarded)
	whole = true
}

// resting bounds one wait for a body's next bytes: it returns what begins the
// wait, and that what ends it. In between there is no deadline, for it would end
// a long answer. Once it has passed it stays: net/http would go on waiting for
// the rest of the body, to answer.
func (p *passage) resting(w http.ResponseWriter, longest time.Duration) func() func() {
	return func() func() {
		t := time.AfterFunc(longest, func() {
			// Said before net/http ends the request's context for it, which would look
			// like a client that went away.
			p.body.failed.CompareAndSwap(nil, &errRested)
			p.hush(w)
		})
		return func() { t.Stop() }
	}
}

// hush ends the reading of the body, for good. After the handler it must not:
// the connection is another request's by then, and HTTP/2 has no stream to end.
func (p *passage) hush(w http.ResponseWriter) {
	p.hushing.Lock()
	defer p.hushing.Unlock()
	if p.over {
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) // a recorder of tests has none
}

// drainBytes is what net/http would read of a body that nobody read, to keep the
// connection, without a bound on time.
const drainBytes = 256 << 10

// drain reads what is left of a body, all of it within one wait, and has the
// connection closed when that was not all. A client that awaits 100 Continue is
// not waited for.
func (p *passage) drain(w http.ResponseWriter) {
	if p.in.ProtoMajor != 1 || p.body.whole() {
		return
	}
	if p.body.begun || len(p.in.Header["Expect"]) == 0 {
		defer p.body.rest()()
		if p.body.discard(drainBytes) == io.EOF {
			return
		}
	}
	p.hush(w)
}

func (e *Edge) passage(r *http.Request, s *state) *passage {
	p := &passage{state: s, in: r, way: s.wayOf(r), now: e.options.Now}
	p.body.ReadCloser, p.body.length = r.Body, r.ContentLength
	ev := &p.event
	ev.RequestID, ev.TraceID, ev.Method, ev.Client = p.way.requestID(r), traceID(r.Header), method(r.Method), p.way.address
	return p
}

// maxHeader bounds a request's header fields, its target and their names, in bytes.
const maxHeader = 64 << 10

func (e *Edge) decide(r *http.Request, p *passage, now time.Time) (*route, *refusal) {
	if web.HeaderSize(r) > maxHeader {
		return nil, &refusal{code: reason.HeadersTooLarge}
	}
	if e.inClear(p.way) {
		return nil, &refusal{code: reason.TransportInsecure, detail: "the peer is no trusted proxy, or the proxy was reached in clear"}
	}
	rt, path, no := p.state.routeOf(r)
	if no != nil {
		return nil, no
	}
	p.event.Route, p.event.host, p.event.path, p.event.told = rt.Name, p.way.host, path, p.state.told
	return rt, rt.watched(p, e.ask(r, p, rt, path, now))
}

// routeOf finds a request's route, and the path in its one reading.
func (s *state) routeOf(r *http.Request) (*route, string, *refusal) {
	host, path, ok := canonical(r)
	if !ok {
		return nil, "", &refusal{code: reason.RequestAmbiguous}
	}
	if !forwardable(r.Method) {
		return nil, "", &refusal{code: reason.MethodNotAllowed}
	}
	if s.signing.owns(path) { // see serve: no route has it, in no spelling
		return nil, "", &refusal{code: reason.RequestAmbiguous, detail: "the path of the edge's own keys but for its case"}
	}
	rt, ambiguous := s.match(host, path, r.Method)
	if ambiguous {
		return nil, "", &refusal{code: reason.RequestAmbiguous, detail: "another route's path but for its case"}
	}
	if rt == nil {
		return nil, "", &refusal{code: reason.RouteNotFound}
	}
	return rt, path, nil
}

// ask holds a request against its route: the token, where it takes one, and the rules.
func (e *Edge) ask(r *http.Request, p *passage, rt *route, path string, now time.Time) *refusal {
	var no *refusal
	p.credential.anonymous = rt.auth == authNone
	if rt.auth != authNone {
		p.body.form, p.body.also = isForm(r.Header), rt.places.queryFolded
		if p.credential, no = rt.credential(r, p.state.proofs); no == nil {
			no = rt.places.foreign(r, p)
		}
	}
	token := p.credential.token
	if over := rt.count(r.Context(), p, false, token, nil, now); over != nil {
		return over
	}
	if no != nil {
		return no
	}
	if p.credential.anonymous {
		return rt.judge(r, p, &identity{}, path, now)
	}
	if p.state.refuseInsecure && !p.way.secure {
		return &refusal{code: reason.TransportInsecure}
	}
	return e.admit(r, p, rt, token, path, now)
}

// admit lets a token through a route, or says why not.
func (e *Edge) admit(r *http.Request, p *passage, rt *route, token, path string, now time.Time) *refusal {
	v, hit, no := e.verify(r.Context(), p, rt, token, now)
	if v != nil {
		p.event.Issuer, p.event.ClientID, p.event.CacheHit = v.identity.issuer, v.identity.client, hit
		p.event.Feed = v.issuer.freshness(now)
		_, p.event.Seq = v.issuer.source.view.Position()
	}
	if no != nil {
		return no
	}
	p.event.who = v.identity
	if v.would != "" {
		p.event.Shadow, p.event.ShadowRule = string(v.would), nextRule
	}
	if p.event.Feed == FeedStale && !v.issuer.serve {
		return &refusal{code: reason.RevocationStale}
	}
	if no := p.state.prove(r.Context(), p, rt, v, path, now); no != nil {
		return no
	}
	if no := rt.permit(r, p, v, path, now); no != nil {
		return no
	}
	if no := rt.count(r.Context(), p, true, token, v.identity, now); no != nil {
		return no
	}
	told, no := rt.headers(v.identity)
	if no == nil {
		told, no = p.state.signing.tell(told, rt, v, now)
	}
	if no == nil {
		told, no = e.exchange(r.Context(), told, rt, p, v, now)
	}
	if no != nil {
		return no
	}
	// Last, and only then is anything said: a token that was spent before tells nobody's identity.
	if no := e.spend(r.Context(), p, rt, v); no != nil {
		return no
	}
	p.token, p.headers = v, told
	return nil
}

// permit asks whether a token that holds is enough for the route and its rules.
func (rt *route) permit(r *http.Request, p *passage, v *verified, path string, now time.Time) *refusal {
	if no := rt.authorize(v); no != nil {
		return no
	}
	return rt.judge(r, p, v.identity, path, now)
}

// method keeps strangers from writing log fields and labels of their own.
func method(m string) string {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT":
		return m
	}
	return "other"
}
