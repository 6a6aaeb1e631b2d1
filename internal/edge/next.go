package edge

import (
	"errors"
	"slices"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// next is a stricter policy of an issuer that is only watched. Its zero value
// refuses nothing.
type next struct {
	algorithms  []jwk.Algorithm // empty: as today
	typ         string          // "": as today
	maxLifetime time.Duration   // 0: as today
}

// nextRule names the watched policy in events and metrics, where rules have theirs.
const nextRule = "issuer_next"

// compileNext reads a policy that must be narrower than today's: of what is refused
// today nobody can see whether it will hold.
func compileNext(c *config.EdgeIssuerNext, today config.EdgeIssuer) (next, error) {
	if c == nil {
		return next{}, nil
	}
	n := next{typ: c.Type, maxLifetime: c.MaxLifetime}
	for _, a := range c.Algorithms {
		if !slices.Contains(today.Algorithms, a) {
			return next{}, errors.New("next.algorithms: " + a + " is not accepted today: only what is can be watched")
		}
		n.algorithms = append(n.algorithms, jwk.Algorithm(a))
	}
	switch {
	case len(n.algorithms) == 0 && n.typ == "" && n.maxLifetime == 0:
		return next{}, errors.New("next: name what changes: algorithms, typ or max_lifetime")
	case n.maxLifetime < 0 || n.maxLifetime > today.MaxLifetime:
		return next{}, errors.New("next.max_lifetime is longer than today's: only a shorter one can be watched")
	}
	return n, nil
}

// would returns why the policy would refuse a token that holds, "" when it would not.
func (n *next) would(t *jwt.Token[map[string]any]) reason.Code {
	switch {
	case len(n.algorithms) > 0 && !slices.Contains(n.algorithms, t.Header.Algorithm):
		return reason.AlgorithmNotAllowed
	case n.typ != "" && t.Header.Type != n.typ:
		return reason.TypeMismatch
	case n.maxLifetime > 0 && t.Expiry.Sub(t.IssuedAt) > n.maxLifetime:
		return reason.LifetimeExceeded
	}
	return ""
}
