package edge

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/limit"
	"github.com/jotward/jotward/internal/reason"
)

// counted is one limit of a route.
type counted struct {
	config.Limit
	rate    limit.Rate
	limiter *limit.Limiter // of this edge alone
	policy  string         // for RateLimit-Policy
	claim   string         // of claim:NAME
	late    bool           // counted once the token held
}

const defaultKeys = 100_000

// compileLimits returns a route's limits. One that did not change since the
// configuration before, by route and name, keeps what it counted.
func (s *state) compileLimits(c config.Route, before *route) ([]*counted, error) {
	var out []*counted
	names := map[string]bool{}
	for _, l := range c.Limits {
		n, err := s.compileLimit(l)
		if err != nil {
			return nil, fmt.Errorf("limit %q: %w", l.Name, err)
		}
		if names[l.Name] {
			return nil, fmt.Errorf("limit %q is listed twice: name each once", l.Name)
		}
		if names[l.Name] = true; n.late && c.Auth == "none" {
			return nil, fmt.Errorf("limit %q: by %s needs auth: required or optional", l.Name, l.By)
		}
		if old := before.limit(l.Name); old != nil && old.rate == n.rate && old.By == n.By && old.Keys == n.Keys && old.Shared == n.Shared && old.AloneRate == n.AloneRate {
			n.limiter = old.limiter
		}
		out = append(out, n)
	}
	return out, nil
}

func (r *route) limit(name string) *counted {
	if r == nil {
		return nil
	}
	for _, n := range r.limits {
		if n.Name == name {
			return n
		}
	}
	return nil
}

func (s *state) compileLimit(l config.Limit) (*counted, error) {
	n := &counted{Limit: l}
	if l.Name == "" || strings.Trim(l.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		return nil, errors.New("its name is not of letters, digits, - . and _")
	}
	switch claim, isClaim := strings.CutPrefix(l.By, "claim:"); {
	case l.By == "route", l.By == "network", l.By == "credential":
	case l.By == "subject", l.By == "client", isClaim && claim != "":
		n.late, n.claim = true, claim
		if !isClaim {
			n.claim = map[string]string{"subject": "sub", "client": "client_id"}[l.By]
		}
	default:
		return nil, errors.New("by is not route, network, credential, subject, client or claim:NAME")
	}
	if n.Keys == 0 {
		n.Keys = defaultKeys
	}
	var err error
	if n.rate, err = limit.ParseRate(l.Rate, l.Burst); err != nil {
		return nil, err
	}
	alone := n.rate
	switch {
	case l.Shared && s.shared == nil:
		return nil, errNoShared
	case l.AloneRate != "" && !l.Shared:
		return nil, errors.New("alone_rate needs shared: true")
	case l.AloneRate != "":
		if alone, err = limit.ParseRate(l.AloneRate, 0); err != nil {
			return nil, err
		}
	}
	if n.limiter, err = limit.New(alone, n.Keys); err != nil {
		return nil, err
	}
	n.policy = fmt.Sprintf(`"%s";q=%d;w=%d`, l.Name, n.rate.Burst, int(math.Ceil((n.rate.Every * time.Duration(n.rate.Burst)).Seconds())))
	return n, nil
}

// count counts a request against the limits of its route that are asked now:
// early ones before the token is looked at, late ones once it held and the rules
// let it pass. token is what stands in the credential's place.
func (rt *route) count(ctx context.Context, p *passage, late bool, token string, id *identity, now time.Time) *refusal {
	for _, n := range rt.limits {
		if n.late != late || n.By == "credential" && token == "" {
			continue
		}
		c := n.ask(ctx, p.state.shared, rt, now, n.key(p, token, id))
		p.policies = append(p.policies, n.policy)
		p.limits = append(p.limits, fmt.Sprintf(`"%s";r=%d;t=%d`, n.Name, c.Left, seconds(c.Reset)))
		if c.OK {
			continue
		}
		if n.Shadow {
			p.event.Shadow, p.event.ShadowRule = string(reason.RateLimited), n.Name
			continue
		}
		return &refusal{code: reason.RateLimited, detail: n.Name, wait: c.Wait}
	}
	return nil
}

// key is what a request is counted by. Claims of another type than a string or a
// whole number, and claims that are not there, are counted together.
func (n *counted) key(p *passage, token string, id *identity) string {
	switch n.By {
	case "route":
		return ""
	case "network":
		return networkOf(p.way.client)
	case "credential":
		sum := sha256.Sum256([]byte(token))
		return string(sum[:16])
	}
	text, _ := scalar(id.claims[n.claim])
	return id.issuer + " " + text
}

// networkOf names what one client can have many addresses of.
func networkOf(a netip.Addr) string {
	if a.Is6() {
		if prefix, err := a.Prefix(64); err == nil {
			a = prefix.Addr()
		}
	}
	return string(a.AsSlice())
}

// seconds rounds up, so that whoever waits as long waits long enough.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// tell writes how much is left of every limit that was asked
// (draft-ietf-httpapi-ratelimit-headers), beside what the origin says of its own.
func (p *passage) tell(h http.Header) {
	if len(p.limits) == 0 {
		return
	}
	h["Ratelimit-Policy"] = append(h["Ratelimit-Policy"], strings.Join(p.policies, ", "))
	h["Ratelimit"] = append(h["Ratelimit"], strings.Join(p.limits, ", "))
}

// retryAfter is for an answer that refuses for now (RFC 9110 10.2.3).
func (no *refusal) retryAfter() string { return strconv.Itoa(max(seconds(no.wait), 1)) }

// compileBudget returns what bounds the tokens that do not hold, by network. It
// keeps what was counted when nothing changed.
func (s *state) compileBudget(c config.Budget, old *state) error {
	if c.Rate == "" && c.Burst == 0 {
		c = config.Budget{Rate: "50/s", Burst: 500}
	}
	rate, err := limit.ParseRate(c.Rate, c.Burst)
	if err != nil {
		return err
	}
	if s.invalid = (budget{rate: rate}); old != nil && old.invalid.rate == rate {
		s.invalid = old.invalid
		return nil
	}
	s.invalid.limiter, err = limit.New(rate, defaultKeys)
	return err
}

type budget struct {
	rate    limit.Rate
	limiter *limit.Limiter
}
