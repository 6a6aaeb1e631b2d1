package edge

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"syscall"

	"github.com/jotward/jotward/internal/edge/lean"
)

// errAllOut is that a pool has no member for a request.
var errAllOut = errors.New("every upstream of the pool is out")

// pooled sends requests to the members of a pool. A request goes to another one
// only if it certainly reached none (RFC 9110 9.2.2): there was no connection, or,
// for a safe method without a body, one that had carried others was closed before
// any byte of an answer. All that happens below the decision: a token is verified,
// spent and counted once, however often its request is sent.
type pooled struct{ pool *pool }

// RoundTrip implements http.RoundTripper.
func (t pooled) RoundTrip(r *http.Request) (*http.Response, error) {
	p := r.Context().Value(passageKey{}).(*passage)
	t.pool.spare.earn()
	var tried [maxRetries + 1]*member
	err := errAllOut
	for n := range t.pool.retries + 1 {
		m, trial := t.pool.pick(p.now(), tried[:n])
		if m == nil {
			return nil, err
		}
		if n > 0 && !t.pool.spare.spend(p.now()) {
			m.busy.Add(-1)
			m.undecided(trial)
			t.pool.withheld.Add(1)
			return nil, err
		}
		if n > 0 {
			t.pool.resent.Add(1)
			p.event.Retries++
		}
		p.leave()
		p.member, p.event.Member, tried[n] = m, m.name, m
		a := attempt{transport: t.pool.transports.to(m.target), answers: m.answers.Load()}
		answer, failure := a.send(r, m)
		if failure == nil {
			m.answered(p.now(), trial)
			return answer, nil
		}
		err = failure
		if r.Context().Err() != nil || p.body.broken() != nil || !a.tells(m, failure) {
			m.undecided(trial)
		} else {
			m.failed(p.now(), trial, failure)
		}
		if !a.repeatable(r, failure) || r.Context().Err() != nil {
			return nil, err
		}
	}
	return nil, err
}

// leave ends what the request counts for at its member.
func (p *passage) leave() {
	if p.member != nil {
		p.member.busy.Add(-1)
		p.member = nil
	}
}

// An attempt is a request on its way to one member.
type attempt struct {
	transport http.RoundTripper
	answers   int64 // of the member, before
	body      *unread
	// What net/http's transport tells. HTTP/2 does so from goroutines of its own.
	asked, connected, reused, heard atomic.Bool
}

func (a *attempt) send(r *http.Request, m *member) (*http.Response, error) {
	out := *r
	u := *r.URL
	u.Scheme, u.Host = m.target.Scheme, m.target.Host
	out.URL = &u
	if r.Body != nil && r.Body != http.NoBody {
		a.body = &unread{body: r.Body}
		out.Body = a.body
	}
	if _, ok := a.transport.(*http.Transport); ok {
		return a.transport.RoundTrip(out.WithContext(a.trace(r.Context())))
	}
	return a.transport.RoundTrip(&out)
}

func (a *attempt) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { a.asked.Store(true) }, // the request is well-formed
		GotConn: func(i httptrace.GotConnInfo) {
			a.reused.Store(i.Reused)
			a.connected.Store(true)
		},
		GotFirstResponseByte: func() { a.heard.Store(true) },
	})
}

// unsent says whether there was no connection to send anything on.
func (a *attempt) unsent(err error) bool {
	if _, ok := a.transport.(*http.Transport); ok {
		return a.asked.Load() && !a.connected.Load()
	}
	_, dialling := errors.AsType[*lean.DialError](err)
	return dialling
}

// repeatable says whether a request may be sent to another member.
func (a *attempt) repeatable(r *http.Request, err error) bool {
	if a.body != nil {
		return a.unsent(err) && !a.body.begun.Load()
	}
	return a.unsent(err) || safe(r.Method) && a.connected.Load() && a.reused.Load() && !a.heard.Load() && !timedOut(err)
}

// tells says whether a failure is the member's own. That it takes no connection is,
// and that it is silent, if it was so to everybody. What breaks off, or makes no
// sense, may be what one request does to it: whoever sends such a request could
// take every member away from all others.
func (a *attempt) tells(m *member, err error) bool {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return false // the edge's own
	}
	return a.unsent(err) || timedOut(err) && m.answers.Load() == a.answers
}

// safe methods are those of RFC 9110 9.2.1 that are forwarded.
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// unread is a body that knows whether anything was asked of it. Whoever could not
// send it closes it, and it must last for the next one: ReverseProxy closes it at
// the end.
type unread struct {
	body  io.Reader
	begun atomic.Bool
}

// Read implements io.Reader.
func (u *unread) Read(p []byte) (int, error) {
	u.begun.Store(true)
	return u.body.Read(p)
}

// Close implements io.Closer.
func (*unread) Close() error { return nil }
