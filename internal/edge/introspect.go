package edge

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/oauth"
	"github.com/jotward/jotward/jose/jwks"
	"github.com/jotward/jotward/jose/jwt"
)

const signedType = "application/token-introspection+jwt"

// An introspector asks an issuer about tokens that say nothing themselves (RFC
// 7662). It asks once for all requests that bring a token at the same time, and
// bounds how many questions are under way.
type introspector struct {
	asker
	config    config.EdgeIntrospection
	verifier  *jwt.IntrospectionVerifier[map[string]any] // nil: answers are not signed
	life      context.Context
	questions questions
}

func newIntrospector(life context.Context, c config.EdgeIssuer, o Options, keys *jwks.Remote) (*introspector, error) {
	n := &introspector{config: *c.Introspection, life: life}
	if n.config.Timeout == 0 {
		n.config.Timeout = 5 * time.Second
	}
	if n.config.Concurrent == 0 {
		n.config.Concurrent = 64
	}
	var err error
	if n.asker, err = newAsker(c, o, "introspection_endpoint", n.config.Endpoint, n.config.ClientID, n.config.ClientSecret); err != nil {
		return nil, fmt.Errorf("introspection: %w", err)
	}
	n.questions = questions{issuer: c.Issuer, what: "introspection", most: n.config.Concurrent, now: o.Now, log: o.Logger, asked: map[string]*question{}, held: map[string]int{}}
	if n.config.Timeout < 0 || n.config.Timeout > 30*time.Second || n.config.Concurrent < 0 {
		return nil, errors.New("introspection: timeout is not between 0s and 30s, or concurrent is negative")
	}
	if !n.config.Signed {
		return n, nil
	}
	audience := n.config.Audience
	if audience == "" {
		audience = n.config.ClientID
	}
	n.verifier, err = jwt.NewIntrospectionVerifier[map[string]any](keys, jwt.IntrospectionPolicy{Issuer: c.Issuer, Audience: audience, Algorithms: algorithms(c),
		MaxAge: time.Minute, MaxSize: maxAnswer, Leeway: 5 * time.Second, Clock: o.Now})
	return n, err
}

// ask returns what the issuer says of a token. A request that goes away leaves the
// question to those that await it too.
func (n *introspector) ask(ctx context.Context, network, token string) (*question, error) {
	q, first, err := n.questions.begin(network, token)
	if err != nil {
		return nil, err
	}
	if first {
		go func() { // ends within the timeout
			defer close(q.done)
			bounded, cancel := context.WithTimeout(n.life, n.config.Timeout)
			defer cancel()
			q.members, q.active, q.err = n.exchange(bounded, q.token)
			n.questions.end(q)
		}()
	}
	select {
	case <-q.done:
		return q, q.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// exchange is one request to the endpoint (RFC 7662 2.1). What is not an answer of
// that section, or of RFC 9701 5 where it is to be signed, is none: the token
// is neither active nor inactive.
func (n *introspector) exchange(ctx context.Context, token string) (members map[string]any, active bool, err error) {
	want := "application/json"
	if n.verifier != nil {
		want = signedType
	}
	body, err := n.post(ctx, url.Values{"token": {token}, "token_type_hint": {"access_token"}}, want)
	if err != nil {
		return nil, false, err
	}
	if n.verifier != nil {
		answer, err := n.verifier.Verify(ctx, string(body))
		if err != nil {
			return nil, false, fmt.Errorf("the signed answer does not hold: %w", err)
		}
		return answer.Claims, answer.Active, nil
	}
	if members, err = oauth.Object(body); err != nil {
		return nil, false, fmt.Errorf("the answer %w", err)
	}
	active, is := members["active"].(bool)
	if !is {
		return nil, false, errors.New("the answer has no active that is true or false")
	}
	return members, active, nil
}
