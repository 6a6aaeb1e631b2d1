package edge

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/rule"
)

// compileRules returns a route's rules, nil for none.
func compileRules(c config.Route) (*rule.Set, error) {
	if len(c.Rules) == 0 {
		if c.RulesDefault != "" {
			return nil, errors.New("rules_default needs rules: without them nothing is asked")
		}
		return nil, nil
	}
	return rule.New(c.Rules, c.RulesDefault)
}

// judge asks the route's rules about a request that may come as far as them.
// Without a token id is nobody's.
func (rt *route) judge(r *http.Request, p *passage, id *identity, path string, now time.Time) *refusal {
	if rt.rules == nil {
		return nil
	}
	host, _ := canonicalHost(r.Host) // it has one, or no route would have been found
	q := rule.Request{Method: r.Method, Host: host, Path: path, Header: r.Header, Address: p.way.client, Now: now,
		Issuer: id.issuer, Audiences: id.audiences, Scopes: id.scopes, Roles: id.roles, Permissions: id.permissions, Claims: id.claims}
	d := rt.rules.Decide(&q)
	ev := &p.event
	ev.RuleAction, ev.Noted = d.Action, d.Noted
	if d.Rule != nil {
		ev.Rule = d.Rule.Name
	}
	if d.WatchedRule != nil {
		ev.ShadowRule, ev.Shadow = d.WatchedRule.Name, string(d.Watched)
	}
	detail := "the default"
	if d.Rule != nil {
		detail = d.Rule.Name
	}
	if d.Failed != nil {
		detail += "; an expression failed: " + d.Failed.Error()
	}
	switch d.Action {
	case rule.Allow:
		return nil
	case rule.Challenge:
		return &refusal{code: reason.AuthenticationInsufficient, detail: detail, demand: demand(d.Rule)}
	}
	return &refusal{code: reason.RuleDenied, detail: detail}
}

// demand says what sign-in would do (RFC 9470 3).
func demand(r *rule.Rule) string {
	var out string
	if len(r.ACRValues) > 0 {
		out = `, acr_values="` + strings.Join(r.ACRValues, " ") + `"`
	}
	if r.MaxAge > 0 {
		out += `, max_age="` + strconv.Itoa(int(r.MaxAge/time.Second)) + `"`
	}
	return out
}

// watched lets a refusal of a route that is only watched pass, and notes it. What
// concerns the request itself, and not who sent it, is refused all the same.
func (rt *route) watched(p *passage, no *refusal) *refusal {
	if no == nil || !rt.Shadow || no.code == reason.RateLimited {
		return no
	}
	p.event.Shadow, p.event.ShadowRule, p.event.Detail = string(no.code), "", no.detail
	p.headers, p.token = nil, nil
	return nil
}
