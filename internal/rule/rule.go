// Package rule decides about a request by ordered rules: native conditions
// first, CEL for the rest. It reads no clock, and knows neither wire nor store.
//
// A rule that forbids reads its conditions wide, a rule that allows reads them
// narrow: where a path differs in case, a header comes twice, an address is
// unknown or an expression fails, both err on the side of refusing. Of headers
// that can be read in several ways, every mixture is asked about.
package rule

import (
	"net/netip"
	"time"
)

// An Action is what a rule does when its conditions hold.
type Action string

// The actions. Allow, Deny and Challenge decide; Log goes on to the next rule.
const (
	Allow     Action = "allow"
	Deny      Action = "deny"
	Challenge Action = "challenge" // ask for another sign-in (RFC 9470)
	Log       Action = "log"
)

// A Rule decides when all of When hold and not all of Unless do.
type Rule struct {
	// Its name in logs and metrics; each once on its route.
	Name string `yaml:"name"`
	// What it does: allow, deny, challenge (ask for another sign-in, RFC 9470), or log, which goes on to the next rule.
	Action Action `yaml:"action"`
	// Watch only: what the rule would have changed is counted and logged, and nothing is refused or allowed for it.
	Shadow bool `yaml:"shadow"`
	// The conditions, all of which must hold. None: the rule always holds.
	When Conditions `yaml:"when"`
	// The exception: the rule does not hold when all of these do. None: no exception.
	Unless Conditions `yaml:"unless"`
	// For challenge: the authentication context classes to ask for.
	ACRValues []string `yaml:"acr_values"`
	// For challenge: the longest time since the sign-in to ask for.
	MaxAge time.Duration `yaml:"max_age"`
}

// Conditions hold when each that is given holds. A rule that denies or
// challenges reads paths without regard to case and GET as HEAD too.
type Conditions struct {
	// One of these methods.
	Methods []string `yaml:"methods"`
	// One of these paths: {name} and * are one segment, ** at the end is all that follows.
	Paths []string `yaml:"paths"`
	// Path parameters that must equal a claim: parameter to claim, such as {customer: sub} for /customers/{customer}.
	Parameters map[string]string `yaml:"parameters"`
	// Request headers with these values. Clients write them: they are no proof of anything.
	Headers map[string]string `yaml:"headers"`
	// The client's address is in one of these networks.
	Networks []string `yaml:"networks"`
	// One of these times: days, hours and zone, such as "Mon-Fri 08:00-18:00 Europe/Berlin".
	Times []string `yaml:"times"`
	// The token is of one of these issuers.
	Issuers []string `yaml:"issuers"`
	// The token has one of these audiences.
	Audiences []string `yaml:"audiences"`
	// The token has all of these scopes.
	Scopes []string `yaml:"scopes"`
	// The token has one of these scopes.
	AnyScope []string `yaml:"any_scope"`
	// The token has all of these roles.
	Roles []string `yaml:"roles"`
	// The token has one of these roles.
	AnyRole []string `yaml:"any_role"`
	// The token has all of these permissions.
	Permissions []string `yaml:"permissions"`
	// The token has one of these permissions.
	AnyPermission []string `yaml:"any_permission"`
	// Claims that must be equal in value and type: a string, a whole number or a boolean; or, given a list, equal to one of it.
	Claims map[string]any `yaml:"claims"`
	// Claims that are lists and must hold this item.
	Contains map[string]any `yaml:"contains"`
	// A CEL expression over claims and request (method, host, path, parameters, headers by names in lower case, address, time).
	CEL string `yaml:"cel"`
}

// A Request is what rules look at. Nothing of it is changed or kept.
type Request struct {
	Method  string
	Host    string // in lower case and without a port
	Path    string // in its one canonical spelling
	Header  map[string][]string
	Address netip.Addr // of the client; the zero Addr is unknown
	Now     time.Time

	// What the verified token says; all empty without one.
	Issuer                                string
	Audiences, Scopes, Roles, Permissions []string
	Claims                                map[string]any
}

// A Decision is what the rules say. Rule is nil where the default decided.
type Decision struct {
	Action Action // Allow, Deny or Challenge
	Rule   *Rule
	// Watched is what would have been decided if the shadow rules counted, and
	// WatchedRule the rule that would have; nil where that is the same.
	Watched     Action
	WatchedRule *Rule
	// Noted are the log rules that held, and Failed the first expression that
	// could not be evaluated, with its rule's name.
	Noted  []*Rule
	Failed error
}

// Decide asks the rules in their order; the first that holds and decides does.
func (s *Set) Decide(r *Request) Decision {
	d := Decision{Action: s.standard}
	decided, watched := false, false
	m := matcher{request: r}
	for i := range s.rules {
		c := &s.rules[i]
		if decided && (watched || !s.shadow) {
			break
		}
		if !c.holds(&m) {
			continue
		}
		if c.Action == Log {
			d.Noted = append(d.Noted, &c.Rule)
			continue
		}
		if !watched {
			d.Watched, d.WatchedRule, watched = c.Action, &c.Rule, true
		}
		if !decided && !c.Shadow {
			d.Action, d.Rule, decided = c.Action, &c.Rule, true
		}
	}
	d.Failed = m.failed
	if !watched || d.Watched == d.Action {
		d.Watched, d.WatchedRule = "", nil
	}
	return d
}

// holds reports whether the rule decides about the request.
func (c *compiled) holds(m *matcher) bool {
	wide := c.Action != Allow
	return c.when.hold(m, wide) && (c.unless == nil || !c.unless.hold(m, !wide))
}
