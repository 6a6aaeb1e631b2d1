package web

import (
	"net/http"
	"time"

	"github.com/jotward/jotward/internal/limit"
	"github.com/jotward/jotward/internal/reason"
)

// Limits are what an operator grants, beside what is always bounded (see Budget): how
// often a network may call, a client that proved who it is be answered, and tokens of
// one person be made or shown. Nil is without a bound.
type Limits struct{ Network, Client, Subject *limit.Limiter }

// MaxLimited is how many networks, clients or people are counted apart. When they are
// that many, more are refused until one is free.
const MaxLimited = 1 << 16

func take(l *limit.Limiter, key string, now time.Time) error {
	if l == nil {
		return nil
	}
	if wait, ok := l.Take(now, key); !ok {
		return &reason.Error{Code: reason.RateLimited, OAuth: "temporarily_unavailable", RetryAfter: wait}
	}
	return nil
}

// Person counts one token of a person, or one look at who he is. It fails with
// RateLimited.
func (l Limits) Person(subject string, now time.Time) error { return take(l.Subject, subject, now) }

// Limited counts the requests of each network to the routes, before anything of them
// is read. What costs next to nothing is free, key sets and health, and the way of
// revocations, which waits for nobody.
func (s *Server) Limited(routes []Route) []Route {
	for i, r := range routes {
		if r.Quiet && !r.Counted || r.Unlimited {
			continue
		}
		routes[i].Handler = func(w http.ResponseWriter, req *http.Request) error {
			if err := take(s.Limits.Network, limit.Network(ClientAddr(req.Context())), s.Now()); err != nil {
				return err
			}
			return r.Handler(w, req)
		}
	}
	return routes
}
