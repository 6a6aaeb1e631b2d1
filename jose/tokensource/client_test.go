package tokensource_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/tokensource"
)

const good = `{"access_token":"abc.def-_~+/==","token_type":"bearer","expires_in":300}`

var now = time.Unix(1700000000, 0)

// answers is an http.RoundTripper with one answer, that remembers what it was sent.
type answers struct {
	status int
	header http.Header
	body   string
	err    error
	sent   []*http.Request
	form   []string
}

func (a *answers) RoundTrip(req *http.Request) (*http.Response, error) {
	body := ""
	if req.Body != nil {
		text, _ := io.ReadAll(req.Body)
		_ = req.Body.Close()
		body = string(text)
	}
	a.sent, a.form = append(a.sent, req), append(a.form, body)
	if a.err != nil {
		return nil, a.err
	}
	status := a.status
	if status == 0 {
		status = http.StatusOK
	}
	header := a.header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(a.body)), Request: req}, nil
}

func config(a *answers) tokensource.ClientConfig {
	return tokensource.ClientConfig{TokenURL: "https://issuer.example/token", ClientID: "id", ClientSecret: "s3cr3t", Client: &http.Client{Transport: a},
		Clock: func() time.Time { return now }}
}

func fetch(t *testing.T, c tokensource.ClientConfig) (tokensource.Token, error) {
	t.Helper()
	f, err := tokensource.ClientCredentials(c)
	if err != nil {
		t.Fatal(err)
	}
	return f(t.Context())
}

// RFC 6749 4.4.2 and 2.3.1.
func TestRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ id, secret, want string }{
		{"s6BhdRkqt3", "gX1fBat3bV", "s6BhdRkqt3:gX1fBat3bV"}, // RFC 6749 2.3.1's example
		{"a:b", "c d%+&é", "a%3Ab:c+d%25%2B%26%C3%A9"},
	} {
		a := &answers{body: good}
		conf := config(a)
		conf.ClientID, conf.ClientSecret, conf.Scopes, conf.Resources = c.id, c.secret, []string{"read", "write"}, []string{"https://api.example", "https://b.example/x y"}
		token, err := fetch(t, conf)
		if err != nil || token.Value != "abc.def-_~+/==" || !token.Expires.Equal(now.Add(5*time.Minute)) {
			t.Fatalf("%q until %s, %v", token.Value, token.Expires, err)
		}
		req := a.sent[0]
		basic, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(req.Header.Get("Authorization"), "Basic "))
		if err != nil || string(basic) != c.want {
			t.Errorf("credentials %q, want %q", basic, c.want)
		}
		if req.Method != "POST" || req.URL.String() != conf.TokenURL || req.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || req.Header.Get("Accept") != "application/json" {
			t.Errorf("%s %s %v", req.Method, req.URL, req.Header)
		}
		form, err := url.ParseQuery(a.form[0])
		if err != nil || form.Get("grant_type") != "client_credentials" || form.Get("scope") != "read write" || fmt.Sprint(form["resource"]) != "[https://api.example https://b.example/x y]" || len(form) != 3 {
			t.Errorf("%s", a.form[0])
		}
	}
	a := &answers{body: good}
	if _, err := fetch(t, config(a)); err != nil || a.form[0] != "grant_type=client_credentials" {
		t.Errorf("%s, %v", a.form, err)
	}
}

// Every reply that is no token is refused, and no error tells a secret.
func TestAttackReplies(t *testing.T) {
	t.Parallel()
	swap := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, c := range []struct {
		name   string
		answer answers
		detail string
	}{
		{"refused", answers{status: 401, body: `{"error":"invalid_client","error_description":"s3cr3t"}`}, `status 401 and error invalid_client`},
		{"refused at length", answers{status: 401, body: `{"error":"` + strings.Repeat("a", 65) + `"}`}, "status 401"},
		{"refused, repeating the secret", answers{status: 401, body: `{"error":"unknown s3cr3t"}`}, "status 401"},
		{"refused without JSON", answers{status: 500, body: "<html>s3cr3t"}, "status 500"},
		{"refused with a long error", answers{status: 400, body: `{"error":"` + strings.Repeat("s3cr3t", 20) + `"}`}, "status 400"},
		{"an error that is none", answers{status: 400, body: `{"error":["s3cr3t"]}`}, "status 400"},
		{"redirect", answers{status: 302, header: http.Header{"Location": {"https://evil.example/token"}}, body: good}, "status 302"},
		{"redirect that keeps the method", answers{status: 307, header: http.Header{"Location": {"https://issuer.example/token2"}}, body: good}, "status 307"},
		{"created", answers{status: 201, body: good}, "status 201"},
		{"empty", answers{}, "json"},
		{"no JSON", answers{body: "access_token=x&token_type=bearer"}, "json"},
		{"a name twice", answers{body: swap(`{`, `{"access_token":"evil",`)}, "duplicate"},
		{"data behind", answers{body: good + good}, "after the value"},
		{"folded name", answers{body: swap("access_token", "Access_Token")}, "access_token"},
		{"token no string", answers{body: swap(`"abc.def-_~+/=="`, `["x"]`)}, "access_token"},
		{"token empty", answers{body: swap(`abc.def-_~+/==`, ``)}, "access_token"},
		{"token of padding", answers{body: swap(`abc.def-_~+/==`, `==`)}, "access_token"},
		{"token that ends a header", answers{body: swap(`abc.def-_~+/==`, `abc\r\nX-Admin: 1`)}, "access_token"},
		{"token with a blank", answers{body: swap(`abc.def-_~+/==`, `abc def`)}, "access_token"},
		{"no type", answers{body: swap(`"token_type":"bearer",`, ``)}, "token_type"},
		{"another type", answers{body: swap(`"bearer"`, `"DPoP"`)}, "token_type"},
		{"no lifetime", answers{body: swap(`,"expires_in":300`, ``)}, "how long"},
		{"expired", answers{body: swap(`300`, `0`)}, "how long"},
		{"negative lifetime", answers{body: swap(`300`, `-1`)}, "expires_in"},
		{"lifetime a string", answers{body: swap(`300`, `"300"`)}, "expires_in"},
		{"lifetime a fraction", answers{body: swap(`300`, `300.5`)}, "expires_in"},
		{"lifetime without end", answers{body: swap(`300`, strings.Repeat("9", 30))}, "expires_in"},
		{"too large", answers{body: good + strings.Repeat(" ", tokensource.DefaultMaxBytes)}, "more than"},
		{"unreachable", answers{err: errors.New("no route")}, "failed"},
	} {
		token, err := fetch(t, config(&c.answer))
		wants(t, c.name, err, jose.TokenUnavailable)
		if token.Value != "" || len(c.answer.sent) != 1 || !strings.Contains(fmt.Sprint(err), c.detail) {
			t.Errorf("%s: %q, %v after %d requests", c.name, token.Value, err, len(c.answer.sent))
		}
		if text := fmt.Sprintf("%v %+v", err, err); strings.Contains(text, "s3cr3t") || strings.Contains(text, "abc.def") || strings.Contains(text, strings.Repeat("a", 65)) {
			t.Errorf("%s: a secret is told: %s", c.name, text)
		}
	}
	for body, want := range map[string]time.Duration{swap(`300`, `18446744073709551615`): 24 * time.Hour, swap(`300`, `86401`): 24 * time.Hour, swap(`,"expires_in":300`, ``): time.Minute} {
		c := config(&answers{body: body})
		c.Lifetime = time.Minute
		if token, err := fetch(t, c); err != nil || token.Expires.Sub(now) != want {
			t.Errorf("%s: %s, %v", body, token.Expires.Sub(now), err)
		}
	}
}

// A token's time counts from before the request: it may have travelled for long.
func TestExpiryCountsFromTheRequest(t *testing.T) {
	t.Parallel()
	moment := now
	c := config(&answers{body: good})
	c.Client = &http.Client{Transport: slow{c.Client.Transport, func() { moment = moment.Add(time.Minute) }}}
	c.Clock = func() time.Time { return moment }
	if token, err := fetch(t, c); err != nil || !token.Expires.Equal(now.Add(5*time.Minute)) {
		t.Errorf("until %s, %v", token.Expires, err)
	}
}

type slow struct {
	http.RoundTripper
	wait func()
}

func (s slow) RoundTrip(req *http.Request) (*http.Response, error) {
	s.wait()
	return s.RoundTripper.RoundTrip(req)
}

// A redirect of the token endpoint carries the client's secret nowhere, over a
// real network, with a client that has a jar and follows redirects.
func TestAttackRedirectedSecret(t *testing.T) {
	t.Parallel()
	leaked := 0
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { leaked++; fmt.Fprint(w, good) }))
	defer thief.Close()
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		if len(r.Cookies()) > 0 {
			t.Error("a cookie is kept")
		}
		http.Redirect(w, r, thief.URL, http.StatusTemporaryRedirect)
	}))
	defer issuer.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := tokensource.ClientConfig{TokenURL: issuer.URL, AllowHTTP: true, ClientID: "id", ClientSecret: "s3cr3t", Client: &http.Client{Jar: jar}, Clock: func() time.Time { return now }}
	for range 2 {
		_, err := fetch(t, c)
		wants(t, "redirected", err, jose.TokenUnavailable)
	}
	if leaked != 0 {
		t.Errorf("%d requests went on", leaked)
	}
}

func TestClientConfigRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*tokensource.ClientConfig){
		"the zero value":    func(c *tokensource.ClientConfig) { *c = tokensource.ClientConfig{} },
		"no address":        func(c *tokensource.ClientConfig) { c.TokenURL = "" },
		"plain http":        func(c *tokensource.ClientConfig) { c.TokenURL = "http://issuer.example/token" },
		"http beyond":       func(c *tokensource.ClientConfig) { c.TokenURL, c.AllowHTTP = "http://10.0.0.1/token", true },
		"http to loopback":  func(c *tokensource.ClientConfig) { c.TokenURL = "http://127.0.0.1/token" },
		"user":              func(c *tokensource.ClientConfig) { c.TokenURL = "https://a:b@issuer.example/token" },
		"fragment":          func(c *tokensource.ClientConfig) { c.TokenURL = "https://issuer.example/token#a" },
		"no id":             func(c *tokensource.ClientConfig) { c.ClientID = "" },
		"no secret":         func(c *tokensource.ClientConfig) { c.ClientSecret = "" },
		"empty scope":       func(c *tokensource.ClientConfig) { c.Scopes = []string{""} },
		"two scopes in one": func(c *tokensource.ClientConfig) { c.Scopes = []string{"a b"} },
		"empty resource":    func(c *tokensource.ClientConfig) { c.Resources = []string{""} },
		"negative bytes":    func(c *tokensource.ClientConfig) { c.MaxBytes = -1 },
		"negative life":     func(c *tokensource.ClientConfig) { c.Lifetime = -1 },
		"no clock":          func(c *tokensource.ClientConfig) { c.Clock = nil },
	} {
		c := config(&answers{})
		change(&c)
		_, err := tokensource.ClientCredentials(c)
		wants(t, name, err, jose.PolicyInvalid)
	}
}

// FuzzReply: a token that may stand in a header, or an error.
func FuzzReply(f *testing.F) {
	f.Add(200, good)
	f.Add(400, `{"error":"invalid_scope"}`)
	f.Add(200, `{"access_token":"a","token_type":"Bearer","expires_in":1e9}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		token, err := fetch(t, config(&answers{status: status, body: body}))
		switch {
		case err != nil && (jose.ReasonOf(err) != jose.TokenUnavailable || token.Value != ""):
			t.Fatalf("%q: %v", body, err)
		case err == nil && (status != 200 || strings.Trim(token.Value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=") != "" ||
			!token.Expires.After(now) || token.Expires.After(now.Add(24*time.Hour))):
			t.Fatalf("%d %q: %q until %s", status, body, token.Value, token.Expires)
		}
	})
}
