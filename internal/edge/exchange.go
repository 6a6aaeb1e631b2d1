package edge

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/oauth"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwt"
)

const (
	exchangeGrant   = "urn:ietf:params:oauth:grant-type:token-exchange"
	exchangeToken   = "urn:ietf:params:oauth:token-type:access_token"
	exchangeSpare   = 5 * time.Second // an upstream gets no token that ends sooner, where another can be had
	exchangeRefused = 10 * time.Second
)

// An exchanger has an issuer exchange tokens (RFC 8693) for those that upstreams get.
type exchanger struct {
	asker
	timeout   time.Duration
	life      context.Context
	questions questions
}

func newExchanger(life context.Context, c config.EdgeIssuer, o Options) (*exchanger, error) {
	x := &exchanger{timeout: c.Exchange.Timeout, life: life}
	if x.timeout == 0 {
		x.timeout = 5 * time.Second
	}
	if x.timeout < 0 || x.timeout > 30*time.Second {
		return nil, errors.New("exchange: timeout is not between 0s and 30s")
	}
	var err error
	if x.asker, err = newAsker(c, o, "token_endpoint", c.Exchange.Endpoint, c.Exchange.ClientID, c.Exchange.ClientSecret); err != nil {
		return nil, fmt.Errorf("exchange: %w", err)
	}
	x.questions = questions{issuer: c.Issuer, what: "token", most: exchangesAtOnce, now: o.Now, log: o.Logger, asked: map[string]*question{}, held: map[string]int{}}
	return x, nil
}

// exchangesAtOnce is how many may be under way with one issuer.
const exchangesAtOnce = 64

// compileExchange reads what a route has exchanged. The issuers of its tokens must all
// be asked as a client.
func (s *state) compileExchange(r *route) error {
	c := r.Exchange
	switch {
	case c == nil:
		return nil
	case c.Audience == "" || strings.TrimSpace(c.Audience) != c.Audience:
		return errors.New("exchange.audience is missing, or has blanks at its ends: name the upstream")
	case r.Authorization == "forward":
		return errors.New("exchange writes Authorization: the one that came cannot be forwarded as well")
	case r.Identity != nil && r.Identity.Header == authorization:
		return errors.New("exchange and identity both write Authorization: give identity another header")
	case r.Credentials != nil && r.Credentials.Cookie != nil && r.Credentials.Cookie.Forward:
		return errors.New("exchange writes Authorization: the token is not forwarded in a cookie beside it")
	}
	names := r.Issuers
	if len(names) == 0 {
		names = s.names()
	}
	for _, name := range names {
		if i := s.issuers[name]; i != nil && i.source != nil && i.source.exchanger == nil { // one that is not there was reported
			return fmt.Errorf("exchange: issuer %q has no exchange: name the client that the edge is there", name)
		}
	}
	r.strip = true
	return nil
}

// exchange adds the token that the upstream gets. It is kept beside the one that came,
// and dies with it; a refusal is kept for a moment.
func (e *Edge) exchange(ctx context.Context, told []header, rt *route, p *passage, v *verified, now time.Time) ([]header, *refusal) {
	if rt.Exchange == nil {
		return told, nil
	}
	found := v.exchanged.find(rt, now)
	if found == nil {
		x := v.issuer.source.exchanger
		text, life, err := x.ask(ctx, networkOf(p.way.client), v.token, rt.Exchange)
		if e.metrics != nil {
			e.metrics.exchanged(v.issuer.name, err)
		}
		if other, answered := errors.AsType[otherwise](err); answered && (other.status == http.StatusBadRequest || other.status == http.StatusForbidden) {
			text, life, err = "", exchangeRefused+exchangeSpare, nil // RFC 8693 2.2.2
		}
		if err != nil {
			no := &refusal{code: reason.ExchangeUnavailable, detail: err.Error()}
			if err == errAway {
				no.wait = askAgain
			}
			return nil, no
		}
		found = &signed{route: rt, text: text, until: now.Add(life - exchangeSpare)}
		v.exchanged.keep(found)
	}
	if found.text == "" {
		return nil, &refusal{code: reason.ExchangeRefused}
	}
	return append(told, header{authorization, "Bearer " + found.text}), nil
}

// ask exchanges a token, once for all requests that want the same at the same time.
func (x *exchanger) ask(ctx context.Context, network, token string, c *config.RouteExchange) (text string, life time.Duration, err error) {
	scope := strings.Join(c.Scope, " ")
	q, first, err := x.questions.begin(network, token+"\x00"+c.Audience+"\x00"+scope)
	if err != nil {
		return "", 0, err
	}
	if first {
		go func() { // ends within the timeout
			defer close(q.done)
			bounded, cancel := context.WithTimeout(x.life, x.timeout)
			defer cancel()
			q.members, q.err = x.request(bounded, token, c.Audience, scope)
			x.questions.end(q)
		}()
	}
	select {
	case <-q.done:
	case <-ctx.Done():
		return "", 0, ctx.Err()
	}
	if q.err != nil {
		return "", 0, q.err
	}
	return read(q.members)
}

func (x *exchanger) request(ctx context.Context, token, audience, scope string) (map[string]any, error) {
	form := url.Values{"grant_type": {exchangeGrant}, "subject_token": {token}, "subject_token_type": {exchangeToken}, "requested_token_type": {exchangeToken}, "audience": {audience}}
	if scope != "" {
		form.Set("scope", scope)
	}
	body, err := x.post(ctx, form, "application/json")
	if err != nil {
		return nil, err
	}
	members, err := oauth.Object(body)
	if err != nil {
		err = fmt.Errorf("the answer %w", err)
	}
	return members, err
}

// read takes an answer of RFC 8693 2.2.1: a bearer's access token, for a while.
func read(members map[string]any) (text string, life time.Duration, err error) {
	text, _ = members["access_token"].(string)
	kind, _ := members["token_type"].(string)
	issued, _ := members["issued_token_type"].(string)
	seconds, _ := members["expires_in"].(float64)
	switch {
	case !b64token(text) || len(text) > jwt.DefaultMaxSize:
		return "", 0, errors.New("the answer has no access_token that a header can carry")
	case !strings.EqualFold(kind, "Bearer") || issued != exchangeToken:
		return "", 0, errors.New("the answer is no bearer's access token")
	case seconds < 0 || seconds > math.MaxInt32:
		return "", 0, errors.New("the answer's expires_in is no time")
	}
	return text, time.Duration(seconds) * time.Second, nil
}
