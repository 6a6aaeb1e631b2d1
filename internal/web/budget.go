package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/jotward/jotward/internal/limit"
	"github.com/jotward/jotward/internal/reason"
)

// What one network may be refused, and what strangers in it may have us keep: bursts of
// many people behind one address pass, a flood does not. A request counts while it is
// under way, so that as many may be at once as a burst has.
var (
	RefusedRate  = limit.Rate{Every: 50 * time.Millisecond, Burst: 2000}
	StrangerRate = limit.Rate{Every: 200 * time.Millisecond, Burst: 100}
)

// maxNetworks bounds the memory of a Budget: a few megabytes.
const maxNetworks = 1 << 16

// A Budget counts by the caller's network: /24, or /64 of IPv6.
type Budget struct{ limiter *limit.Limiter }

// NewBudget makes a Budget of that rate. It fails for a rate that is none.
func NewBudget(r limit.Rate) (*Budget, error) {
	l, err := limit.New(r, maxNetworks)
	return &Budget{l}, err
}

// Take counts one request. It fails with RateLimited, and the time to wait; a Budget
// that nobody made lets nothing through.
func (b *Budget) Take(r *http.Request, now time.Time) error {
	if b == nil {
		return errors.New("web: this server has no budget")
	}
	if wait, ok := b.limiter.Take(now, limit.Network(ClientAddr(r.Context()))); !ok {
		return &reason.Error{Code: reason.RateLimited, OAuth: "temporarily_unavailable", RetryAfter: wait}
	}
	return nil
}

// Return takes the count back.
func (b *Budget) Return(r *http.Request, now time.Time) {
	b.limiter.Return(now, limit.Network(ClientAddr(r.Context())))
}

// patient are refusals that belong to a protocol's normal course: they cost nothing. A
// device that asks too soon is none of them: each time is written down.
var patient = map[reason.Code]bool{reason.DevicePending: true, reason.NonceMismatch: true, reason.ClientGone: true, reason.Internal: true,
	reason.StoreUnavailable: true, reason.RateLimited: true}

// budgeted answers who was refused too often before a secret is hashed or a signature
// checked. Each request is counted when it comes, so that many at once gain nothing, and
// given back when it was not refused, or when its client had proved who it is: an edge
// asks for what strangers bring it, and their refusals must not shut it out.
func (s *Server) budgeted(next HandlerFunc) HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		now := s.Now()
		if err := s.Refused.Take(r, now); err != nil {
			return err
		}
		err := next(w, r)
		if err == nil || proved(r.Context()) || patient[asRefusal(err).Code] {
			s.Refused.Return(r, now)
		}
		return err
	}
}
