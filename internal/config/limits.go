package config

import "github.com/jotward/jotward/internal/limit"

// IssuerLimits are how often the issuer may be asked, beside what it always bounds:
// refusals, guesses, and what clients that prove nothing have it keep.
type IssuerLimits struct {
	// By network (an IPv4 /24, an IPv6 /64): every request but those for key sets, health and the revocation feed. It counts 65536 networks at once, as many as one IPv6 /48 has: slower than 100/m such a neighbour can leave no room for newcomers. Default: no limit.
	Network Budget `yaml:"network"`
	// By client that proved who it is: every request but those of the revocation feed, before a token is signed. A public client is not counted, for everybody can use its name. Default: no limit.
	Client Budget `yaml:"client"`
	// By person: tokens, before they are signed, and UserInfo. Default: 60/m with a burst of 120: no person needs more, and each rotation of a refresh token is kept on disk.
	Subject Budget `yaml:"subject"`
}

func (l IssuerLimits) check(p *problems) {
	for name, b := range map[string]Budget{"network": l.Network, "client": l.Client, "subject": l.Subject} {
		if _, err := b.Limiter(1); err != nil {
			p.add("issuer.limits."+name, err.Error())
		}
	}
}

// Limiter makes what counts by the budget; nil where it is not set.
func (b Budget) Limiter(keys int) (*limit.Limiter, error) {
	if b == (Budget{}) {
		return nil, nil
	}
	rate, err := limit.ParseRate(b.Rate, b.Burst)
	if err != nil {
		return nil, err
	}
	return limit.New(rate, keys)
}
