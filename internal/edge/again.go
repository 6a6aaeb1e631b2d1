package edge

import (
	"sync/atomic"
	"time"

	"github.com/jotward/jotward/internal/reason"
)

// again is when the issuer was asked last about the token of an answer that has no end.
type again struct {
	asking atomic.Bool
	active atomic.Int64 // when it said that the token is active, in nanoseconds since 1970; 0: see reask
	next   atomic.Int64 // when it is asked
}

// reask asks the issuer again about an introspected token for which the view cannot
// tell that it was taken back: a new request would be asked about, so what has no end
// is, too, as often as an answer could be remembered. When no answer has come for
// twice as long, it is over. It waits for nothing; what the answer ends, it ends itself.
func (e *Edge) reask(p *passage, now time.Time) *refusal {
	i := p.token.issuer
	if !p.token.introspected() || i.keep(p.token, now).After(now) {
		return nil
	}
	a := &p.again
	if a.active.CompareAndSwap(0, now.UnixNano()) { // it was asked when the request came
		a.next.Store(now.Add(i.remember).UnixNano())
	}
	if now.UnixNano() >= a.active.Load()+2*int64(i.remember) {
		return &refusal{code: reason.IntrospectionUnavailable}
	}
	if now.UnixNano() >= a.next.Load() && a.asking.CompareAndSwap(false, true) {
		a.next.Store(now.Add(askAgain).UnixNano()) // unless it answers
		go func() {                                // ends within the timeout of a question
			defer a.asking.Store(false)
			if no := e.stillActive(p); no != nil {
				p.end(no)
			}
		}()
	}
	return nil
}

// stillActive asks once. Silence says nothing of the token.
func (e *Edge) stillActive(p *passage) *refusal {
	i := p.token.issuer
	q, err := i.source.introspector.ask(e.life, networkOf(p.way.client), p.token.token)
	if e.metrics != nil {
		e.metrics.introspected(i.name, q, err)
	}
	if err != nil {
		return nil
	}
	if !q.active {
		return &refusal{code: reason.TokenInactive}
	}
	now := e.options.Now()
	if _, no := i.believe(q.members, now); no != nil {
		return no
	}
	p.again.active.Store(now.UnixNano())
	p.again.next.Store(now.Add(i.remember).UnixNano())
	return nil
}
