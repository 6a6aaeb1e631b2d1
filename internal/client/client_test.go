package client_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
)

// shelf is a store of clients in memory.
type shelf map[string]client.Client

func (s shelf) CreateClient(_ context.Context, c client.Client, _ audit.Act) (int64, error) {
	s[c.ID] = c
	return c.Version, nil
}
func (s shelf) Client(_ context.Context, id string) (client.Client, error) {
	c, ok := s[id]
	if !ok {
		return c, reason.New(reason.NotFound, nil)
	}
	return c, nil
}
func (s shelf) Clients(context.Context, string, int) ([]client.Client, error) { return nil, nil }
func (s shelf) UpdateClient(_ context.Context, c client.Client, from int64, _ audit.Act) error {
	if s[c.ID].Revision != from {
		return reason.New(reason.Conflict, nil)
	}
	s[c.ID] = c
	return nil
}
func (s shelf) DeleteClient(_ context.Context, id string, _ int64, _ audit.Act) error {
	delete(s, id)
	return nil
}

func service() *client.Service {
	return &client.Service{Store: shelf{}, Now: func() time.Time { return time.Unix(1_800_000_000, 0) }, TokenLife: time.Hour}
}

// redirect_uri bypass (RFC 9700 4.1): exact, but for the port on loopback.
func TestThreatRedirectBypass(t *testing.T) {
	t.Parallel()
	c := client.Client{RedirectURIs: []string{"https://app.example/cb", "http://127.0.0.1/cb", "http://[::1]:1234/cb?x=1", "com.example.app:/cb"}}
	for uri, want := range map[string]bool{
		"https://app.example/cb": true, "com.example.app:/cb": true, "http://127.0.0.1/cb": true, "http://127.0.0.1:49152/cb": true, "http://[::1]/cb?x=1": true, "http://[::1]:9/cb?x=1": true,

		"": false, "https://app.example/cb/": false, "https://app.example/cb?x": false, "https://app.example/cb#": false, "https://app.example:443/cb": false,
		"https://APP.example/cb": false, "https://app.example.evil/cb": false, "https://app.example/cb/../x": false, "https://app.example%2f@evil/cb": false,
		"http://127.0.0.1:/cb": false, "http://127.0.0.1:0/cb": false, "http://127.0.0.1:080/cb": false, "http://127.0.0.1:65536/cb": false, "http://127.0.0.1:9/cb#x": false,
		"http://127.0.0.1:9@evil/cb": false, "http://x@127.0.0.1/cb": false, "http://127.0.0.2/cb": false, "http://localhost/cb": false, "http://127.0.0.1.evil/cb": false,
		"HTTP://127.0.0.1/cb": false, "https://127.0.0.1/cb": false, "http://127.0.0.1:9/cb/": false, "http://127.0.0.1:9\\@evil/cb": false, "http://[::1]:9/cb": false,
		"http://[::ffff:127.0.0.1]/cb": false, "http://0x7f.1/cb": false, "http://127.1/cb": false, "//127.0.0.1/cb": false, "com.example.app:/cb/x": false,
	} {
		if got := c.AllowsRedirect(uri); got != want {
			t.Errorf("%q: allowed %v", uri, got)
		}
	}
}

func FuzzRedirect(f *testing.F) {
	c := client.Client{RedirectURIs: []string{"https://app.example/cb", "http://127.0.0.1/cb"}}
	for _, v := range []string{"https://app.example/cb", "http://127.0.0.1:80/cb", "http://127.0.0.1:80@evil/cb", "http://127.0.0.1/cb\n", "http://[::1]/cb"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if !c.AllowsRedirect(uri) || uri == "https://app.example/cb" {
			return
		}
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "http" || u.Hostname() != "127.0.0.1" || u.Path != "/cb" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			t.Fatalf("%q was allowed", uri)
		}
	})
}

func TestWhatMayBeRegistered(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		c  client.Client
		ok bool
	}{
		"empty":             {client.Client{}, true},
		"https":             {client.Client{RedirectURIs: []string{"https://app.example/cb"}}, true},
		"private scheme":    {client.Client{RedirectURIs: []string{"com.example.app:/cb"}}, true},
		"loopback":          {client.Client{RedirectURIs: []string{"http://[::1]/cb"}}, true},
		"http":              {client.Client{RedirectURIs: []string{"http://app.example/cb"}}, false},
		"localhost":         {client.Client{RedirectURIs: []string{"http://localhost/cb"}}, false},
		"javascript":        {client.Client{RedirectURIs: []string{"javascript:alert(1)"}}, false},
		"data":              {client.Client{RedirectURIs: []string{"data:text/html,x"}}, false},
		"file":              {client.Client{RedirectURIs: []string{"file:///etc/passwd"}}, false},
		"fragment":          {client.Client{RedirectURIs: []string{"https://app.example/#x"}}, false},
		"wildcard":          {client.Client{RedirectURIs: []string{"https://*.example/cb"}}, false},
		"user information":  {client.Client{RedirectURIs: []string{"https://a@app.example/cb"}}, false},
		"a blank":           {client.Client{RedirectURIs: []string{"https://app.example/c b"}}, false},
		"a port alone":      {client.Client{RedirectURIs: []string{"https://:443/cb"}}, false},
		"query":             {client.Client{RedirectURIs: []string{"https://app.example/cb?tenant=a"}}, true},
		"a code of its own": {client.Client{RedirectURIs: []string{"https://app.example/cb?code=x"}}, false},
		"an iss of its own": {client.Client{RedirectURIs: []string{"https://app.example/cb?%69ss=x"}}, false},
		"bent query":        {client.Client{RedirectURIs: []string{"https://app.example/cb?a;b"}}, false},
		"turned name":       {client.Client{Name: "\u202eknab"}, false},
		"line in a role":    {client.Client{Roles: []string{"a\nb"}}, false},
		"relative":          {client.Client{RedirectURIs: []string{"/cb"}}, false},
		"a person's id":     {client.Client{ID: "usr_x"}, false},
		"control in id":     {client.Client{ID: "a\nb"}, false},
		"dots for an id":    {client.Client{ID: ".."}, false},
		"a path for an id":  {client.Client{ID: "https://x//y"}, false},
		"a flag for an id":  {client.Client{ID: "-x"}, false},
		"scope with space":  {client.Client{Scopes: []string{"a b"}}, false},
		"empty scope":       {client.Client{Scopes: []string{""}}, false},
		"implicit":          {client.Client{GrantTypes: []string{"implicit"}}, false},
		"password":          {client.Client{GrantTypes: []string{"password"}}, false},
		"public machine":    {client.Client{Public: true, GrantTypes: []string{"client_credentials"}}, false},
		"5 minutes":         {client.Client{AccessTokenLifetime: 5 * time.Minute}, true},
		"less":              {client.Client{AccessTokenLifetime: 5*time.Minute - 1}, false},
		"60 minutes":        {client.Client{AccessTokenLifetime: time.Hour}, true},
		"more":              {client.Client{AccessTokenLifetime: time.Hour + 1}, false},
	} {
		_, _, err := service().Create(t.Context(), audit.Actor{}, row.c)
		if (err == nil) != row.ok || err != nil && !errors.Is(err, reason.New(reason.RequestInvalid, nil)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Unknown, public, disabled, wrong: one answer.
func TestThreatClientAuthConfusion(t *testing.T) {
	t.Parallel()
	s := service()
	ctx := t.Context()
	_, secret, err := s.Create(ctx, audit.Actor{}, client.Client{ID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	_, off, err := s.Create(ctx, audit.Actor{}, client.Client{ID: "off"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Disable(ctx, audit.Actor{}, "off", 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Create(ctx, audit.Actor{}, client.Client{ID: "open", Public: true}); err != nil {
		t.Fatal(err)
	}
	// Strangers see code and detail; the cause, in the log alone, names who is registered.
	same := func(err error, id string, registered bool) bool {
		e, ok := errors.AsType[*reason.Error](err)
		return ok && e.Code == reason.ClientInvalid && e.Detail == "" && e.OAuth == "" && e.RetryAfter == 0 && e.Cause != nil &&
			(id == "" || strings.Contains(e.Cause.Error(), "client "+id) == registered)
	}
	for _, row := range []struct{ id, secret string }{{"a", ""}, {"a", secret + "x"}, {"a", off}, {"off", off}, {"open", "x"}, {"off", ""}, {"none", ""}, {"", ""}} {
		if _, err := s.Authenticate(ctx, client.Credentials{ID: row.id, Secret: row.secret}); !same(err, row.id, row.id != "none") {
			t.Errorf("%q: %v", row.id, err)
		}
	}
	if c, err := s.Authenticate(ctx, client.Credentials{ID: "open"}); err != nil || c.ID != "open" {
		t.Error(err)
	}
	if _, err := s.Authenticate(ctx, client.Credentials{ID: "a", Secret: secret}); err != nil {
		t.Error(err)
	}
	next, err := s.RotateSecret(ctx, audit.Actor{}, "a", 0, 0)
	if err != nil || next == secret || strings.Contains(next, secret) {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(ctx, client.Credentials{ID: "a", Secret: secret}); err == nil {
		t.Error("the old secret still opens")
	}
}

// Two secrets overlap for a week at most, and no client without one gets one.
func TestOverlapIsBounded(t *testing.T) {
	t.Parallel()
	s := service()
	ctx := t.Context()
	for _, c := range []client.Client{{ID: "a"}, {ID: "open", Public: true}} {
		if _, _, err := s.Create(ctx, audit.Actor{}, c); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		id      string
		overlap time.Duration
	}{{"a", -1}, {"a", client.MaxOverlap + 1}, {"open", 0}} {
		if _, err := s.RotateSecret(ctx, audit.Actor{}, row.id, 0, row.overlap); !errors.Is(err, reason.New(reason.RequestInvalid, nil)) {
			t.Errorf("%v: %v", row, err)
		}
	}
	if _, err := s.RotateSecret(ctx, audit.Actor{}, "a", 0, client.MaxOverlap); err != nil {
		t.Error(err)
	}
}
