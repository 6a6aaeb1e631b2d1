package tokensource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// DefaultMaxBytes bounds the token endpoint's reply when nobody says otherwise.
const DefaultMaxBytes = 64 << 10

// maxLifetime is the longest expires_in that is believed: longer ones are cut.
const maxLifetime = 24 * time.Hour

// A ClientConfig describes a client that gets tokens for itself (RFC 6749 4.4).
type ClientConfig struct {
	// TokenURL is the issuer's token endpoint. https, or http to loopback with
	// AllowHTTP.
	TokenURL string
	// ClientID and ClientSecret authenticate the client by HTTP Basic
	// (RFC 6749 2.3.1). Required.
	ClientID, ClientSecret string
	// Scopes are asked for; none means what the issuer gives by default.
	Scopes []string
	// Resources name what the token is for (RFC 8707 2).
	Resources []string
	// Lifetime is how long a token lives whose reply has no expires_in. 0 means
	// that such a reply is refused.
	Lifetime time.Duration
	// Client makes the requests. nil, or one without a Transport, means one that uses
	// no proxy from the environment and keeps bounds on time and headers. Whatever
	// it is, redirects are not followed and cookies are not kept.
	Client *http.Client
	// MaxBytes bounds the reply. 0 means DefaultMaxBytes.
	MaxBytes int64
	// Clock returns the time. Required.
	Clock func() time.Time
	// AllowHTTP allows plain HTTP to loopback addresses, and nowhere else.
	AllowHTTP bool
}

// String names the client, and nothing of its secret.
func (c ClientConfig) String() string { return fmt.Sprintf("tokensource.ClientConfig(%q)", c.ClientID) }

// Format is String for every verb.
func (c ClientConfig) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// ClientCredentials returns a Fetch by the client credentials grant. It fails with
// PolicyInvalid; the Fetch fails with TokenUnavailable, and tells neither the secret
// nor the token.
func ClientCredentials(c ClientConfig) (Fetch, error) {
	u, err := url.Parse(c.TokenURL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "":
		return nil, fail(jose.PolicyInvalid, "the token endpoint is no usable address")
	case u.Scheme != "https" && !(u.Scheme == "http" && c.AllowHTTP && isLoopback(u.Hostname())):
		return nil, fail(jose.PolicyInvalid, "the token endpoint is not https; AllowHTTP allows http to loopback")
	case c.ClientID == "" || c.ClientSecret == "":
		return nil, fail(jose.PolicyInvalid, "client id or secret is empty")
	case slices.ContainsFunc(c.Scopes, func(s string) bool { return !isScope(s) }) || slices.Contains(c.Resources, ""):
		return nil, fail(jose.PolicyInvalid, "a scope or resource is malformed (RFC 6749 3.3)")
	case c.Lifetime < 0 || c.MaxBytes < 0:
		return nil, fail(jose.PolicyInvalid, "a bound is negative")
	case c.Clock == nil:
		return nil, fail(jose.PolicyInvalid, "no clock is given; time.Now is one")
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(c.Scopes) > 0 {
		form.Set("scope", strings.Join(c.Scopes, " "))
	}
	form["resource"] = slices.Clone(c.Resources)
	r := requester{config: c, client: guarded(c.Client), form: form.Encode(), host: u.Host}
	return r.fetch, nil
}

// isScope reports whether s is a scope-token (RFC 6749 3.3).
func isScope(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// guarded returns the client with redirects off: a redirect would carry the
// client's secret to wherever it points.
func guarded(given *http.Client) *http.Client {
	client := new(http.Client)
	if given != nil {
		*client = *given
	}
	if client.Transport == nil {
		client.Transport = &http.Transport{
			DialContext:            (&net.Dialer{Timeout: DefaultTimeout}).DialContext,
			TLSHandshakeTimeout:    DefaultTimeout,
			ResponseHeaderTimeout:  DefaultTimeout,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns:           2,
			IdleConnTimeout:        time.Minute,
			ForceAttemptHTTP2:      true,
		}
	}
	client.Jar = nil
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// requester asks a token endpoint.
type requester struct {
	config ClientConfig
	client *http.Client
	form   string
	host   string
}

func (r requester) fetch(ctx context.Context) (Token, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.config.TokenURL, strings.NewReader(r.form))
	if err != nil {
		return Token{}, fail(jose.TokenUnavailable, "no usable address")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	// "Encoded using the application/x-www-form-urlencoded encoding algorithm" before
	// they become name and password (RFC 6749 2.3.1): a colon in an id, a percent
	// sign in a secret would else be read as something else.
	req.SetBasicAuth(url.QueryEscape(r.config.ClientID), url.QueryEscape(r.config.ClientSecret))
	asked := r.config.Clock() // a token's time counts from before it travelled
	resp, err := r.client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without method and address
		}
		return Token{}, jose.NewError(jose.TokenUnavailable, "request to "+r.host+" failed", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, r.config.MaxBytes+1))
	switch {
	case err != nil:
		return Token{}, jose.NewError(jose.TokenUnavailable, "reading the reply of "+r.host+" failed", err)
	case int64(len(body)) > r.config.MaxBytes:
		return Token{}, fail(jose.TokenUnavailable, fmt.Sprintf("a reply of more than %d bytes", r.config.MaxBytes))
	case resp.StatusCode != http.StatusOK:
		return Token{}, fail(jose.TokenUnavailable, fmt.Sprintf("%s answered with status %d%s", r.host, resp.StatusCode, errorCode(body)))
	}
	return r.read(body, asked)
}

// errorCode returns the error of a refusal (RFC 6749 5.2), if it is written like those
// that are registered: a server that repeats what it was sent there is not believed.
func errorCode(body []byte) string {
	var d strictjson.Doc
	if d.Scan(string(body)) != nil {
		return ""
	}
	v, ok := d.Find("error")
	if !ok || v.Kind != strictjson.String || len(v.Text()) > 64 || strings.Trim(v.Text(), "abcdefghijklmnopqrstuvwxyz_") != "" {
		return ""
	}
	return " and error " + v.Text()
}

// read takes a token out of a successful reply (RFC 6749 5.1).
func (r requester) read(body []byte, asked time.Time) (Token, error) {
	var d strictjson.Doc
	if err := d.Scan(string(body)); err != nil {
		return Token{}, fail(jose.TokenUnavailable, "the reply: "+err.Error())
	}
	value, ok := d.Find("access_token")
	if !ok || value.Kind != strictjson.String || !isToken(value.Text()) {
		return Token{}, fail(jose.TokenUnavailable, "the reply: access_token is missing or no bearer token")
	}
	kind, ok := d.Find("token_type")
	if !ok || kind.Kind != strictjson.String || !strings.EqualFold(kind.Text(), "Bearer") {
		return Token{}, fail(jose.TokenUnavailable, "the reply: token_type is not Bearer")
	}
	lifetime := r.config.Lifetime
	if v, ok := d.Find("expires_in"); ok {
		seconds, err := strconv.ParseUint(v.Raw, 10, 64)
		if v.Kind != strictjson.Number || err != nil {
			return Token{}, fail(jose.TokenUnavailable, "the reply: expires_in is no whole number of seconds")
		}
		lifetime = time.Duration(min(seconds, math.MaxInt32)) * time.Second
	}
	if lifetime <= 0 {
		return Token{}, fail(jose.TokenUnavailable, "the reply does not say how long the token lives, and Lifetime is not set; or it has expired")
	}
	return Token{Value: strings.Clone(value.Text()), Expires: asked.Add(min(lifetime, maxLifetime))}, nil
}

// isToken reports whether s is a b64token (RFC 6750 2.1): what may stand in a
// header, and cannot end it.
func isToken(s string) bool {
	body := strings.TrimRight(s, "=")
	for _, c := range []byte(body) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~+/", c) >= 0:
		default:
			return false
		}
	}
	return body != ""
}
