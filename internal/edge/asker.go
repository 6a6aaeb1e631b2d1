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

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/oauth"
)

const maxAnswer = 64 << 10 // what is read of an answer

// An asker is the edge as a client of an issuer: it posts to one endpoint, which is
// configured or found by discovery.
type asker struct {
	issuer   string
	member   string // the endpoint's in the issuer's metadata
	fixed    string // the configured one; "": it is found
	id       string
	secret   config.Secret
	loopback bool // plain HTTP is allowed, to loopback addresses
	client   *http.Client
	found    *atomic.Pointer[string]
}

func newAsker(c config.EdgeIssuer, o Options, member, endpoint, id string, secret config.Secret) (asker, error) {
	a := asker{issuer: c.Issuer, member: member, fixed: endpoint, id: id, secret: secret, loopback: c.AllowHTTP, client: feedClient(o.HTTPClient), found: new(atomic.Pointer[string])}
	switch {
	case id == "" || secret.Reveal() == "":
		return a, errors.New("client_id and client_secret are required")
	case endpoint != "" && !a.reachable(endpoint):
		return a, errors.New("endpoint is not an https address")
	}
	return a, nil
}

// reachable says whether the client's secret and tokens may go there.
func (a *asker) reachable(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && u.User == nil && u.Fragment == "" && (u.Scheme == "https" || u.Scheme == "http" && a.loopback && config.Loopback(u.Hostname()))
}

// post sends a form as the client (RFC 6749 2.3.1).
func (a *asker) post(ctx context.Context, form url.Values, want string) ([]byte, error) {
	endpoint, err := a.endpoint(ctx)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errors.New("the endpoint is no address")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", want)
	r.SetBasicAuth(url.QueryEscape(a.id), url.QueryEscape(a.secret.Reveal()))
	return a.read(r, want)
}

// otherwise is an answer that is not the one that was asked for.
type otherwise struct {
	status int
	want   string
}

func (o otherwise) Error() string {
	return fmt.Sprintf("the answer is %d, or not %s", o.status, o.want)
}

// read sends a request and reads an answer of 200 and one type, up to a bound.
// Errors of the client name the address and not the body, which has the token.
func (a *asker) read(r *http.Request, want string) ([]byte, error) {
	answer, err := a.client.Do(r)
	if err != nil {
		return nil, unanswered{err}
	}
	defer answer.Body.Close()
	if got, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); answer.StatusCode != http.StatusOK || got != want || len(answer.Header["Content-Type"]) > 1 {
		err = otherwise{answer.StatusCode, want}
		switch answer.StatusCode {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout: // RFC 6585 4, RFC 9110 15.6
			err = unanswered{err}
		}
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		return nil, unanswered{err}
	}
	if len(body) > maxAnswer {
		err = errors.New("the answer is too large")
	}
	return body, err
}

// endpoint is the configured one, or what the issuer's metadata say (RFC 8414 2, 3;
// OpenID Connect Discovery 4).
func (a *asker) endpoint(ctx context.Context) (string, error) {
	if a.fixed != "" {
		return a.fixed, nil
	}
	if found := a.found.Load(); found != nil {
		return *found, nil
	}
	u, err := url.Parse(strings.TrimSuffix(a.issuer, "/"))
	if err != nil || !a.reachable(a.issuer) {
		return "", errors.New("discovery: the issuer is no https address")
	}
	for _, address := range []string{u.String() + "/.well-known/openid-configuration", u.Scheme + "://" + u.Host + "/.well-known/oauth-authorization-server" + u.EscapedPath()} {
		r, failed := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if failed != nil {
			return "", errors.New("discovery: the issuer is no address")
		}
		var body []byte
		if body, err = a.read(r, "application/json"); err != nil {
			continue
		}
		metadata, failed := oauth.Object(body)
		endpoint, _ := metadata[a.member].(string)
		if failed != nil || metadata["issuer"] != a.issuer || !a.reachable(endpoint) { // "MUST be identical" (RFC 8414 3.3)
			return "", fmt.Errorf("discovery: the metadata are another issuer's, or name no %s of https", a.member)
		}
		a.found.Store(&endpoint)
		return endpoint, nil
	}
	if other, is := errors.AsType[otherwise](err); is { // of the metadata: no answer about any token
		return "", errors.New("discovery: " + other.Error())
	}
	return "", fmt.Errorf("discovery: %w", err)
}
