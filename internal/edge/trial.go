package edge

import (
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/rule"
	"github.com/jotward/jotward/jose/jwt"
)

// A Trial is a request to ask the configuration about, without a network and
// without a signature: its claims are taken as verified.
type Trial struct {
	Method, Host, Target string
	Header               http.Header
	Address              string // of the client; "" is unknown
	Now                  time.Time
	Claims               map[string]any // nil: no token
}

// A Verdict is what would become of a Trial. Reason is "" where it is allowed.
type Verdict struct {
	Route, Rule        string
	Reason             reason.Code
	Detail             string
	Shadow, ShadowRule string // what is only watched would have done; see Event
}

// Try decides about a request as ServeHTTP would once its token held.
func (e *Edge) Try(t Trial) Verdict {
	s := e.current.Load()
	r := &http.Request{Method: t.Method, Host: t.Host, RequestURI: t.Target, Header: t.Header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	p := &passage{state: s, in: r}
	p.way.client, _ = netip.ParseAddr(t.Address)
	var no *refusal
	var err error
	var rt *route
	if r.URL, err = url.ParseRequestURI(t.Target); err != nil {
		no = &refusal{code: reason.RequestAmbiguous, detail: "the path is no request target"}
	} else {
		var path string
		if rt, path, no = s.routeOf(r); no == nil {
			p.event.Route = rt.Name
			no = rt.watched(p, s.try(r, p, rt, path, t))
		}
	}
	v := Verdict{Route: p.event.Route, Rule: p.event.Rule, Shadow: p.event.Shadow, ShadowRule: p.event.ShadowRule}
	if no != nil {
		v.Reason, v.Detail = no.code, no.detail
	}
	return v
}

func (s *state) try(r *http.Request, p *passage, rt *route, path string, t Trial) *refusal {
	if t.Claims == nil || rt.auth == authNone {
		if rt.auth == authRequired {
			return &refusal{code: reason.CredentialMissing}
		}
		return rt.judge(r, p, &identity{}, path, t.Now)
	}
	token := &jwt.Token[map[string]any]{Claims: t.Claims}
	token.Issuer, _ = t.Claims["iss"].(string)
	token.Subject, _ = t.Claims["sub"].(string)
	switch aud := t.Claims["aud"].(type) {
	case string:
		token.Audience = []string{aud}
	case []any:
		for _, a := range aud {
			text, _ := a.(string)
			token.Audience = append(token.Audience, text)
		}
	}
	i := s.issuers[token.Issuer]
	if names := s.names(); i == nil && token.Issuer == "" && len(names) == 1 { // the one there is
		i, token.Issuer = s.issuers[names[0]], names[0]
	}
	if i == nil {
		return &refusal{code: reason.IssuerMismatch, detail: "no configured issuer"}
	}
	if token.Audience == nil {
		token.Audience = []string{i.audience}
		if rt.Audience != "" {
			token.Audience = []string{rt.Audience}
		}
	}
	id, err := identify(token)
	if err != nil {
		return &refusal{code: reason.ClaimsInvalid, detail: err.Error()}
	}
	return rt.permit(r, p, &verified{issuer: i, identity: id}, path, t.Now)
}

// Outcome names what a verdict comes to, as rules name it.
func (v Verdict) Outcome() rule.Action {
	switch v.Reason {
	case "":
		return rule.Allow
	case reason.AuthenticationInsufficient:
		return rule.Challenge
	}
	return rule.Deny
}
