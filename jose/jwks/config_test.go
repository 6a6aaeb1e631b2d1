package jwks

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

func TestConfigRefuses(t *testing.T) {
	t.Parallel()
	good := Config{URL: "https://issuer.example/keys", Algorithms: []jwk.Algorithm{jwk.ES256}, Clock: time.Now}
	if _, err := NewRemote(good); err != nil {
		t.Fatal(err)
	}
	if _, err := NewRemote(Config{}); !errors.Is(err, jose.PolicyInvalid) {
		t.Errorf("the zero value: %v", err)
	}
	for name, change := range map[string]func(*Config){
		"two sources":         func(c *Config) { c.Issuer = "https://issuer.example" },
		"no source":           func(c *Config) { c.URL = "" },
		"plain http":          func(c *Config) { c.URL = "http://issuer.example/keys" },
		"http to loopback":    func(c *Config) { c.URL = "http://127.0.0.1/keys" },
		"http beyond":         func(c *Config) { c.URL, c.AllowHTTP = "http://10.0.0.1/keys", true },
		"http to a lookalike": func(c *Config) { c.URL, c.AllowHTTP = "http://localhost.example/keys", true },
		"user":                func(c *Config) { c.URL = "https://u:p@issuer.example/keys" },
		"unreadable user":     func(c *Config) { c.URL = "https://u:s3cr3t @issuer.example/keys" },
		"password":            func(c *Config) { c.URL = "https://u:s3cr3t@issuer.example/keys" },
		"issuer's password":   func(c *Config) { c.URL, c.Issuer = "", "https://u:s3cr3t@issuer.example" },
		"fragment":            func(c *Config) { c.URL = "https://issuer.example/keys#a" },
		"opaque":              func(c *Config) { c.URL = "https:issuer.example" },
		"issuer with a query": func(c *Config) { c.URL, c.Issuer = "", "https://issuer.example?a=b" },
		"no algorithms":       func(c *Config) { c.Algorithms = nil },
		"unknown algorithm":   func(c *Config) { c.Algorithms = []jwk.Algorithm{"none"} },
		"shared secret":       func(c *Config) { c.Algorithms = []jwk.Algorithm{jwk.ES256, jwk.HS256} },
		"no clock":            func(c *Config) { c.Clock = nil },
		"negative cool-down":  func(c *Config) { c.CoolDown = -1 },
		"negative timeout":    func(c *Config) { c.Timeout = -1 },
		"negative size":       func(c *Config) { c.MaxBytes = -1 },
		"negative keys":       func(c *Config) { c.MaxKeys = -1 },
		"ages crossed":        func(c *Config) { c.MinAge, c.MaxAge = time.Hour, time.Minute },
	} {
		c := good
		change(&c)
		if _, err := NewRemote(c); !errors.Is(err, jose.PolicyInvalid) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, address := range []string{"http://127.0.0.1:8080/keys", "http://[::1]/keys", "http://localhost/keys", "http://a.localhost/keys"} {
		c := good
		c.URL, c.AllowHTTP = address, true
		if _, err := NewRemote(c); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// Neither the environment nor a default transport may put a proxy in between.
func TestNoProxyFromTheEnvironment(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]*http.Client{"no client": nil, "a client without a transport": {Timeout: time.Second}} {
		r, err := NewRemote(Config{URL: "https://issuer.example/keys", Algorithms: []jwk.Algorithm{jwk.ES256}, Clock: time.Now, Client: client})
		if err != nil {
			t.Fatal(err)
		}
		transport, ok := r.config.Client.Transport.(*http.Transport)
		if !ok || transport.Proxy != nil || transport.MaxResponseHeaderBytes == 0 || transport.TLSClientConfig.InsecureSkipVerify {
			t.Errorf("%s: %+v", name, transport)
		}
	}
}

type body string

func (b body) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Cache-Control": {string(b)}}, Body: io.NopCloser(strings.NewReader(string(b))), Request: req}, nil
}

// FuzzReply reads any bytes as a set, as metadata and as Cache-Control: each is
// refused with one of two reasons or holds what it promises.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		`{"keys":[{"kty":"EC","kid":"a","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`,
		`{"issuer":"https://issuer.example","jwks_uri":"https://issuer.example/keys"}`,
		`{"keys":[{"kty":"oct","k":"AAAA"},{}]}`, `max-age=10, no-cache`, `{"keys":{}}`, `[]`, "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := NewRemote(Config{Issuer: "https://issuer.example", Algorithms: []jwk.Algorithm{jwk.ES256, jwk.RS256}, Clock: time.Now,
			Client: &http.Client{Transport: body(text)}, MaxBytes: 1 << 14, MaxKeys: 8})
		if err != nil {
			t.Fatal(err)
		}
		known := func(err error) {
			if reason := jose.ReasonOf(err); reason != jose.KeySetInvalid && reason != jose.KeysUnavailable {
				t.Errorf("refused with %v", err)
			}
		}
		if address, err := r.discover(context.Background()); err != nil {
			known(err)
		} else if !strings.HasPrefix(address, "https://") {
			t.Errorf("address %q", address)
		}
		if set, err := r.parse([]byte(text)); err != nil {
			known(err)
		} else {
			for _, k := range set.Keys() {
				if k.IsPrivate() {
					t.Errorf("%v is used", k)
				}
			}
		}
		if age := r.freshness(http.Header{"Cache-Control": {text}, "Age": {text}}); age < DefaultMinAge || age > DefaultMaxAge {
			t.Errorf("fresh for %s", age)
		}
	})
}
