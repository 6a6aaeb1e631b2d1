package edge

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwt"
)

// opaque says whether a token is neither signed nor encrypted: it has no segments
// to look at.
func opaque(token string) bool { n := segments(token); return n != 3 && n != 5 }

// inactiveFor is how long it is remembered that a token is not active, or was taken
// back: one that was just issued may not be known to every server of the issuer yet.
const inactiveFor = 10 * time.Second

// introspect has a token judged by its issuer, and the answer by us: it is held to
// all that a JWT's claims are held to.
func (e *Edge) introspect(ctx context.Context, p *passage, chosen choice, token string) (*verified, *refusal) {
	if len(token) > jwt.DefaultMaxSize {
		return nil, &refusal{code: reason.TokenOversize}
	}
	i := chosen.issuer
	generation := i.source.keys.Generation()
	q, err := i.source.introspector.ask(ctx, networkOf(p.way.client), token)
	if e.metrics != nil {
		e.metrics.introspected(i.name, q, err)
	}
	if err != nil {
		no := &refusal{code: reason.IntrospectionUnavailable, detail: err.Error()}
		if err == errAway {
			no.wait = askAgain
		}
		return nil, no
	}
	now := e.options.Now()
	v := &verified{token: strings.Clone(token), config: p.state.generation, keys: generation, issuer: i, route: chosen.route}
	if !q.active {
		return v, &refusal{code: reason.TokenInactive}
	}
	t, no := i.believe(q.members, now)
	if no != nil {
		return v, no
	}
	if v.identity, err = identify(t); err != nil {
		return v, &refusal{code: reason.ClaimsInvalid, detail: err.Error()}
	}
	if no := v.bind(t); no != nil {
		return nil, no
	}
	v.expiry, v.until = t.Expiry, i.keep(v, now)
	return v, nil
}

// believe reads an active answer (RFC 7662 2.2) as the claims of a token. Only iss may
// be missing, for it is the issuer's own endpoint that answers. token_type
// tells an access token from a refresh token, which is active too.
func (i *issuer) believe(m map[string]any, now time.Time) (*jwt.Token[map[string]any], *refusal) {
	claims := map[string]any{}
	for name, v := range m {
		if name != "active" {
			claims[name] = v
		}
	}
	if _, said := claims["iss"]; !said {
		claims["iss"] = i.name
	}
	c := reader{claims: claims}
	t := &jwt.Token[map[string]any]{Claims: claims}
	t.Issuer, t.Subject, t.ID = c.text("iss"), c.text("sub"), c.text("jti")
	kind := c.text("token_type")
	if one, is := claims["aud"].(string); is {
		t.Audience = []string{one}
	} else {
		t.Audience = c.list("aud")
	}
	for name, to := range map[string]*time.Time{"exp": &t.Expiry, "iat": &t.IssuedAt, "nbf": &t.NotBefore} {
		if n := c.number(name); n != 0 {
			*to = time.Unix(n, 0)
		}
	}
	if c.err != nil {
		return nil, &refusal{code: reason.ClaimsInvalid, detail: c.err.Error()}
	}
	for name, missing := range map[string]bool{"sub": t.Subject == "", "exp": t.Expiry.IsZero(), "iat": t.IssuedAt.IsZero(), "aud": len(t.Audience) == 0, "token_type": kind == ""} {
		if missing {
			return nil, &refusal{code: reason.ClaimMissing, detail: name + " is required in the introspection"}
		}
	}
	return t, i.judge(t, kind, now)
}

func (i *issuer) judge(t *jwt.Token[map[string]any], kind string, now time.Time) *refusal {
	var cnf binding
	if bound, there := t.Claims["cnf"]; there {
		cnf, _ = bindingOf(bound)
	}
	switch {
	case t.Issuer != i.name:
		return &refusal{code: reason.IssuerMismatch, detail: "the introspection names another issuer"}
	case !slices.ContainsFunc(t.Audience, func(a string) bool { return slices.Contains(i.audiences, a) }):
		return &refusal{code: reason.AudienceMismatch}
	case strings.EqualFold(kind, "DPoP") && cnf.jkt == "", !strings.EqualFold(kind, "Bearer") && !strings.EqualFold(kind, "DPoP"): // RFC 6749 5.1, RFC 9449 5
		return &refusal{code: reason.TypeMismatch, detail: "token_type is neither Bearer nor, with cnf, DPoP"}
	case !now.Before(t.Expiry):
		return &refusal{code: reason.TokenExpired}
	case now.Before(t.IssuedAt):
		return &refusal{code: reason.TokenFromFuture}
	case now.Before(t.NotBefore):
		return &refusal{code: reason.TokenNotYetValid}
	case t.Expiry.Sub(t.IssuedAt) > i.maxLifetime:
		return &refusal{code: reason.LifetimeExceeded}
	}
	return nil
}

// keep says until when an answer may be remembered: not at all where the view could
// not tell that the token was taken back. That needs a feed, and the names of all
// by which it can be: the token, its client, and, for a person, grant and session.
func (i *issuer) keep(v *verified, now time.Time) time.Time {
	id := v.identity.subject
	own := id.Subject == id.ClientID || id.GrantID != "" && id.SessionID != ""
	if i.freshness(now) != FeedFresh || id.TokenID == "" || id.ClientID == "" || !own {
		return now
	}
	return now.Add(i.remember)
}

// compileIntrospection reads the policy; the source asks.
func (i *issuer) compileIntrospection(c *config.EdgeIntrospection) error {
	if c == nil {
		return nil
	}
	if i.remember = c.MaxAge; i.remember == 0 {
		i.remember = time.Minute
	}
	if i.remember < 0 || i.remember > 10*time.Minute {
		return errors.New("introspection.max_age is not between 0s and 10m")
	}
	return nil
}
