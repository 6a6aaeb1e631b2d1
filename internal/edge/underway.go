package edge

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"time"

	"github.com/jotward/jotward/internal/reason"
)

// reviewEvery bounds how long a request may run on after its token was revoked:
// with the feed's way here it stays well under a second.
const reviewEvery = 200 * time.Millisecond

// Error makes a refusal the cause for which a request under way is ended.
func (r *refusal) Error() string { return string(r.code) }

// enter notes a request that a token let in, so that review finds it, and
// returns the context that ends it. leave forgets it, here and at its upstream.
func (e *Edge) enter(ctx context.Context, p *passage, w http.ResponseWriter) (_ context.Context, leave func()) {
	if p.token == nil {
		return ctx, p.leave
	}
	ctx, cancel := context.WithCancelCause(ctx)
	p.end = func(no *refusal) {
		cancel(no)
		// To end a wait for the body. When all of it has come, net/http waits on the
		// connection itself, and would end it for the requests after this one as well.
		if !p.body.whole() {
			p.hush(w)
		}
	}
	e.underway.Store(p, nil)
	return ctx, func() {
		e.underway.Delete(p)
		cancel(nil)
		p.leave()
	}
}

// review ends the requests under way that may not run on.
func (e *Edge) review() {
	now := e.options.Now()
	e.underway.Range(func(key, _ any) bool {
		p := key.(*passage)
		no := p.review(now)
		if no == nil && p.endless.Load() {
			no = e.reask(p, now)
		}
		if no != nil {
			p.end(no)
		}
		return true
	})
}

// review says why a request may not run on. Revocation ends every one: it was
// taken back on purpose. What has no end of its own lives, besides, only as long
// as a new request with its token would be let in; anything else may finish
// under the token that it began with.
func (p *passage) review(now time.Time) *refusal {
	if no := p.token.ask(true); no != nil || !p.endless.Load() {
		return no
	}
	switch i := p.token.issuer; {
	case !now.Before(p.token.expiry):
		return &refusal{code: reason.TokenExpired}
	case !i.serve && i.freshness(now) == FeedStale:
		return &refusal{code: reason.RevocationStale}
	}
	return nil
}

// endless says whether an answer goes on until somebody leaves: a WebSocket, or
// server-sent events.
func endless(answer *http.Response) bool {
	t, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	return answer.StatusCode == http.StatusSwitchingProtocols || t == "text/event-stream"
}

// ended returns why review ended a request.
func ended(ctx context.Context) (*refusal, bool) {
	return errors.AsType[*refusal](context.Cause(ctx))
}
