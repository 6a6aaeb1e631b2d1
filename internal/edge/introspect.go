package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/jose/jwks"
	"github.com/jotward/jotward/jose/jwt"
)

const (
	maxIntrospection = 64 << 10 // what is read of an answer
	signedType       = "application/token-introspection+jwt"
)

// An introspector asks an issuer about tokens that say nothing themselves (RFC
// 7662). It asks once for all requests that bring a token at the same time, and
// bounds how many questions are under way.
type introspector struct {
	issuer    string
	config    config.EdgeIntrospection
	loopback  bool // plain HTTP is allowed, to loopback addresses
	client    *http.Client
	verifier  *jwt.IntrospectionVerifier[map[string]any] // nil: answers are not signed
	found     atomic.Pointer[string]                     // by discovery
	life      context.Context
	questions questions
}

func newIntrospector(life context.Context, c config.EdgeIssuer, o Options, keys *jwks.Remote) (*introspector, error) {
	n := &introspector{issuer: c.Issuer, config: *c.Introspection, loopback: c.AllowHTTP, client: feedClient(o.HTTPClient), life: life}
	if n.config.Timeout == 0 {
		n.config.Timeout = 5 * time.Second
	}
	if n.config.Concurrent == 0 {
		n.config.Concurrent = 64
	}
	if n.config.ClientID == "" || n.config.ClientSecret.Reveal() == "" {
		return nil, errors.New("introspection: client_id and client_secret are required")
	}
	n.questions = questions{issuer: c.Issuer, most: n.config.Concurrent, now: o.Now, log: o.Logger, asked: map[string]*question{}, held: map[string]int{}}
	if n.config.Timeout < 0 || n.config.Timeout > 30*time.Second || n.config.Concurrent < 0 {
		return nil, errors.New("introspection: timeout is not between 0s and 30s, or concurrent is negative")
	}
	if e := n.config.Endpoint; e != "" && !n.reachable(e) {
		return nil, errors.New("introspection: endpoint is not an https address")
	}
	if !n.config.Signed {
		return n, nil
	}
	audience := n.config.Audience
	if audience == "" {
		audience = n.config.ClientID
	}
	var err error
	n.verifier, err = jwt.NewIntrospectionVerifier[map[string]any](keys, jwt.IntrospectionPolicy{Issuer: c.Issuer, Audience: audience, Algorithms: algorithms(c),
		MaxAge: time.Minute, MaxSize: maxIntrospection, Leeway: 5 * time.Second, Clock: o.Now})
	return n, err
}

// reachable says whether the client's secret and tokens may go there.
func (n *introspector) reachable(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && u.User == nil && u.Fragment == "" && (u.Scheme == "https" || u.Scheme == "http" && n.loopback && config.Loopback(u.Hostname()))
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
	endpoint, err := n.endpoint(ctx)
	if err != nil {
		return nil, false, err
	}
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, false, errors.New("the endpoint is no address")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(n.config.ClientID), url.QueryEscape(n.config.ClientSecret.Reveal())) // RFC 6749 2.3.1
	want := "application/json"
	if n.verifier != nil {
		want = signedType
	}
	r.Header.Set("Accept", want)
	body, err := n.read(r, want)
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
	if members, err = object(body); err != nil {
		return nil, false, fmt.Errorf("the answer %w", err)
	}
	active, is := members["active"].(bool)
	if !is {
		return nil, false, errors.New("the answer has no active that is true or false")
	}
	return members, active, nil
}

// read sends a request and reads an answer of 200 and one type, up to a bound.
// Errors of the client name the address and not the body, which has the token.
func (n *introspector) read(r *http.Request, want string) ([]byte, error) {
	answer, err := n.client.Do(r)
	if err != nil {
		return nil, unanswered{err}
	}
	defer answer.Body.Close()
	if got, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); answer.StatusCode != http.StatusOK || got != want || len(answer.Header["Content-Type"]) > 1 {
		err = fmt.Errorf("the answer is %d, or not %s", answer.StatusCode, want)
		switch answer.StatusCode {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout: // RFC 6585 4, RFC 9110 15.6
			err = unanswered{err}
		}
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxIntrospection+1))
	if err != nil {
		return nil, unanswered{err}
	}
	if len(body) > maxIntrospection {
		err = errors.New("the answer is too large")
	}
	return body, err
}

// endpoint is the configured one, or what the issuer's metadata say (RFC 8414 2, 3;
// OpenID Connect Discovery 4).
func (n *introspector) endpoint(ctx context.Context) (string, error) {
	if n.config.Endpoint != "" {
		return n.config.Endpoint, nil
	}
	if found := n.found.Load(); found != nil {
		return *found, nil
	}
	u, err := url.Parse(strings.TrimSuffix(n.issuer, "/"))
	if err != nil || !n.reachable(n.issuer) {
		return "", errors.New("discovery: the issuer is no https address")
	}
	for _, address := range []string{u.String() + "/.well-known/openid-configuration", u.Scheme + "://" + u.Host + "/.well-known/oauth-authorization-server" + u.EscapedPath()} {
		r, failed := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if failed != nil {
			return "", errors.New("discovery: the issuer is no address")
		}
		var body []byte
		if body, err = n.read(r, "application/json"); err != nil {
			continue
		}
		metadata, failed := object(body)
		endpoint, _ := metadata["introspection_endpoint"].(string)
		if failed != nil || metadata["issuer"] != n.issuer || !n.reachable(endpoint) { // "MUST be identical" (RFC 8414 3.3)
			return "", errors.New("discovery: the metadata are another issuer's, or name no introspection_endpoint of https")
		}
		n.found.Store(&endpoint)
		return endpoint, nil
	}
	return "", fmt.Errorf("discovery: %w", err)
}
