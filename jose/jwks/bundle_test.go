package jwks_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
	"github.com/jotward/jotward/jose/jwt"
)

// carried is a bundle of one key with a clock.
type carried struct {
	*jwks.Bundle
	now time.Time
	key *jwk.Key
}

func carry(t testing.TB) *carried {
	t.Helper()
	c := &carried{now: time.Unix(1700000000, 0), key: generate(t, "a")}
	set, err := jwk.NewSet(c.key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwks.ExportBundle(issuer, c.now, set)
	if err != nil {
		t.Fatal(err)
	}
	if c.Bundle, err = jwks.NewBundle(text, c.config()); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *carried) config() jwks.BundleConfig {
	return jwks.BundleConfig{Issuer: issuer, Algorithms: []jwk.Algorithm{jwk.ES256}, MaxAge: 24 * time.Hour, Leeway: time.Minute,
		Clock: func() time.Time { return c.now }}
}

// A Remote's keys are exported with their age, carried, and verify with no network.
func TestBundleFromARemote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		key := generate(t, "a")
		w.set(keysAt, page{body: publish(t, key)})
		r := remote(t, w, nil)
		_, err := r.Export(issuer)
		wants(t, err, jose.KeysUnavailable)
		if err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		fetched := time.Now()
		time.Sleep(5 * time.Minute)
		text, err := r.Export(issuer)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `"d"`) {
			t.Errorf("a private key: %s", text)
		}
		w.close() // whoever asks now, waits for ever
		asked := w.count(keysAt)
		c := jwks.BundleConfig{Issuer: issuer, Algorithms: []jwk.Algorithm{jwk.ES256}, MaxAge: time.Hour, Clock: time.Now}
		b, err := jwks.NewBundle(text, c)
		if err != nil || !b.Fetched().Equal(fetched) || len(b.Keys()) != 1 {
			t.Fatalf("%v, %v, want %v", err, b.Fetched(), fetched)
		}
		v, err := jwt.NewVerifier[struct{}](b, jwt.Policy{Issuers: []string{issuer}, SkipAudience: true, SkipType: true,
			Algorithms: []jwk.Algorithm{jwk.ES256}, Required: []string{}, SkipLifetime: true, Clock: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		s, err := jwt.NewSigner(key, jwt.SignerOptions{})
		if err != nil {
			t.Fatal(err)
		}
		token, err := s.Sign(map[string]string{"iss": issuer})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(55 * time.Minute) // an hour since it was fetched, not since it was exported
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Errorf("at the last moment: %v", err)
		}
		time.Sleep(time.Nanosecond)
		// With a warm cache of headers, too.
		_, err = v.Verify(t.Context(), token)
		wants(t, err, jose.KeysUnavailable)
		if w.count(keysAt) != asked {
			t.Error("the network was asked")
		}
		// A Remote that is past its bound has nothing to export.
		time.Sleep(24 * time.Hour)
		_, err = r.Export(issuer)
		wants(t, err, jose.KeysUnavailable)
	})
}

// A bundle is a JWK Set to everybody else (RFC 7517 5).
func TestBundleIsASet(t *testing.T) {
	t.Parallel()
	key := generate(t, "a")
	secret, err := jwk.Generate(jwk.HS256, "s")
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwk.NewSet(key, secret)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwks.ExportBundle("https://issuer.example/\"<é>", time.Unix(1700000000, 999), set)
	if err != nil {
		t.Fatal(err)
	}
	read, err := jwk.ParseSet(text, jwk.Options{PublicOnly: true})
	if err != nil || read.Len() != 1 || read.Keys()[0].Thumbprint() != key.Thumbprint() {
		t.Errorf("%s: %v", text, err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || len(members) != 3 || string(members["fetched_at"]) != "1700000000" {
		t.Errorf("%s: %v", text, err)
	}
	empty, err := jwk.NewSet()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := jwks.ExportBundle(issuer, time.Unix(0, 0), empty); err != nil || !json.Valid(text) {
		t.Errorf("%s: %v", text, err)
	}
	for name, c := range map[string]struct {
		issuer string
		at     time.Time
		set    *jwk.Set
	}{"no issuer": {"", time.Unix(1, 0), set}, "no set": {issuer, time.Unix(1, 0), nil}, "before 1970": {issuer, time.Unix(-1, 0), set}, "no time": {issuer, time.Time{}, set},
		"after 9999": {issuer, time.Unix(253402300800, 0), set}} {
		if _, err := jwks.ExportBundle(c.issuer, c.at, c.set); jose.ReasonOf(err) != jose.PolicyInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBundleAge(t *testing.T) {
	t.Parallel()
	c := carry(t)
	fresh := c.Generation()
	for after, reason := range map[time.Duration]jose.Reason{
		-time.Minute: "", -time.Minute - 1: jose.KeysUnavailable, 0: "", 24 * time.Hour: "", 24*time.Hour + 1: jose.KeysUnavailable, 100 * 365 * 24 * time.Hour: jose.KeysUnavailable,
	} {
		c.now = time.Unix(1700000000, 0).Add(after)
		keys, err := c.Lookup(t.Context(), "a", jwk.ES256)
		if jose.ReasonOf(err) != reason || (len(keys) == 1) != (err == nil) {
			t.Errorf("after %s: %v", after, err)
		}
		if (c.Generation() == fresh) != (err == nil) {
			t.Errorf("after %s: generation %d with %v", after, c.Generation(), err)
		}
	}
	c.now = time.Unix(1700000000, 0)
	_, err := c.Lookup(t.Context(), "b", jwk.ES256)
	wants(t, err, jose.KeyNotFound)
	_, err = c.Lookup(t.Context(), "a", jwk.RS256)
	wants(t, err, jose.KeyMisuse)
	if keys := c.Keys(); !slices.ContainsFunc(keys, func(k *jwk.Key) bool { return k.KeyID() == "a" && !k.IsPrivate() }) {
		t.Errorf("%v", keys)
	}
}

func TestBundleRefuses(t *testing.T) {
	t.Parallel()
	c := carry(t)
	keys := publish(t, c.key)
	keys = strings.TrimSuffix(strings.TrimPrefix(keys, "{"), "}")
	private, err := c.key.ExportPrivate()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		``, `[]`, `{}`, `{` + keys + `}`, `{"issuer":"` + issuer + `",` + keys + `}`, `{"fetched_at":1700000000,` + keys + `}`,
		`{"issuer":"https://evil.example","fetched_at":1700000000,` + keys + `}`, `{"issuer":"` + issuer + `/","fetched_at":1700000000,` + keys + `}`,
		`{"issuer":["` + issuer + `"],"fetched_at":1700000000,` + keys + `}`, `{"Issuer":"` + issuer + `","fetched_at":1700000000,` + keys + `}`,
		`{"issuer":"https://evil.example","issuer":"` + issuer + `","fetched_at":1700000000,` + keys + `}`,
		`{"issuer":"` + issuer + `","fetched_at":"1700000000",` + keys + `}`, `{"issuer":"` + issuer + `","fetched_at":-1,` + keys + `}`, `{"issuer":"` + issuer + `","fetched_at":1.5,` + keys + `}`,
		`{"issuer":"` + issuer + `","fetched_at":1e9,` + keys + `}`, `{"issuer":"` + issuer + `","fetched_at":253402300800,` + keys + `}`, `{"issuer":"` + issuer + `","fetched_at":null,` + keys + `}`,
		`{"issuer":"` + issuer + `","fetched_at":1700000000,"keys":[]}`, `{"issuer":"` + issuer + `","fetched_at":1700000000}`, `{"issuer":"` + issuer + `","fetched_at":1700000000,` + keys + `} {}`,
		`{"issuer":"` + issuer + `","fetched_at":1700000000,"keys":[` + string(private) + `]}`, // a private key is lost, and alone here
	} {
		_, err := jwks.NewBundle([]byte(text), c.config())
		if jose.ReasonOf(err) != jose.KeySetInvalid {
			t.Errorf("%s: %v", text, err)
		}
	}
	good := fmt.Sprintf(`{"issuer":%q,"fetched_at":1700000000,%s}`, issuer, keys)
	if _, err := jwks.NewBundle([]byte(good), c.config()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*jwks.BundleConfig){
		"no issuer":       func(c *jwks.BundleConfig) { c.Issuer = "" },
		"no algorithms":   func(c *jwks.BundleConfig) { c.Algorithms = nil },
		"shared secret":   func(c *jwks.BundleConfig) { c.Algorithms = []jwk.Algorithm{jwk.HS256} },
		"no age":          func(c *jwks.BundleConfig) { c.MaxAge = 0 },
		"negative age":    func(c *jwks.BundleConfig) { c.MaxAge = -1 },
		"negative leeway": func(c *jwks.BundleConfig) { c.Leeway = -1 },
		"negative keys":   func(c *jwks.BundleConfig) { c.MaxKeys = -1 },
		"no clock":        func(c *jwks.BundleConfig) { c.Clock = nil },
		"the zero value":  func(c *jwks.BundleConfig) { *c = jwks.BundleConfig{} },
	} {
		config := c.config()
		change(&config)
		_, err := jwks.NewBundle([]byte(good), config)
		if jose.ReasonOf(err) != jose.PolicyInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	two := fmt.Sprintf(`{"issuer":%q,"fetched_at":1700000000,%s}`, issuer, strings.TrimSuffix(strings.TrimPrefix(publish(t, generate(t, "b"), generate(t, "c")), "{"), "}"))
	config := c.config()
	config.MaxKeys = 1
	_, err = jwks.NewBundle([]byte(two), config)
	wants(t, err, jose.KeySetInvalid)
	// Another issuer's keys are not exported under this one's name.
	r := remote(t, &world{}, func(c *jwks.Config) { c.URL, c.Issuer = "", issuer })
	_, err = r.Export("https://evil.example")
	wants(t, err, jose.PolicyInvalid)
}

// FuzzBundle: what is read is within its bounds and comes back the same.
func FuzzBundle(f *testing.F) {
	c := carry(f)
	text, err := jwks.ExportBundle(issuer, c.now, mustSet(f, c.key))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"issuer":"https://issuer.example","fetched_at":0,"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		config := c.config()
		config.Algorithms = []jwk.Algorithm{jwk.ES256, jwk.RS256, jwk.EdDSA}
		b, err := jwks.NewBundle(text, config)
		if err != nil {
			if jose.ReasonOf(err) != jose.KeySetInvalid {
				t.Fatal(err)
			}
			return
		}
		again, err := jwks.ExportBundle(issuer, b.Fetched(), mustSet(t, b.Keys()...))
		if err != nil {
			t.Fatal(err)
		}
		same, err := jwks.NewBundle(again, config)
		if err != nil || !same.Fetched().Equal(b.Fetched()) || len(same.Keys()) != len(b.Keys()) {
			t.Fatalf("%s: %v", again, err)
		}
	})
}

func mustSet(t testing.TB, keys ...*jwk.Key) *jwk.Set {
	t.Helper()
	set, err := jwk.NewSet(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// A Remote that was warmed answers at once while its issuer is away, asks it all the
// same, and forgets what it was told when the issuer says something else.
func TestWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		old, next := generate(t, "old"), generate(t, "next")
		w.set(keysAt, page{body: publish(t, old)})
		before := remote(t, w, nil)
		if err := before.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		text, err := before.Export(issuer)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Minute)
		w.set(keysAt, page{status: 503})
		r := remote(t, w, nil)
		if err := r.Warm(text, issuer); err != nil {
			t.Fatal(err)
		}
		asked, generation := w.count(keysAt), r.Generation()
		keys, err := r.Lookup(t.Context(), "old", jwk.ES256)
		if err != nil || len(keys) != 1 || generation == 0 {
			t.Fatal(keys, err)
		}
		synctest.Wait()
		if w.count(keysAt) == asked || !r.Health().Stale {
			t.Error("the issuer was not asked")
		}
		w.set(keysAt, page{body: publish(t, next)})
		time.Sleep(time.Minute)
		if err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Lookup(t.Context(), "old", jwk.ES256); jose.ReasonOf(err) != jose.KeyNotFound || r.Generation() == generation {
			t.Error("an old key stayed", err)
		}
		if err := r.Warm(text, issuer); err != nil {
			t.Error(err)
		}
		if _, err := r.Lookup(t.Context(), "next", jwk.ES256); err != nil {
			t.Error("newer keys were replaced:", err)
		}
	})
}

func TestWarmRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		key := generate(t, "a")
		w.set(keysAt, page{body: publish(t, key)})
		r := remote(t, w, nil)
		if err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		text, err := r.Export(issuer)
		if err != nil {
			t.Fatal(err)
		}
		cold := remote(t, w, nil)
		wants(t, cold.Warm([]byte("{}"), issuer), jose.KeySetInvalid)
		wants(t, cold.Warm(text, "https://other.example"), jose.KeySetInvalid)
		wants(t, cold.Warm([]byte(strings.Replace(string(text), issuer, "https://other.example", 1)), issuer), jose.KeySetInvalid)
		// Another issuer's bundle under its own name: a Remote has the keys of one issuer.
		named := remote(t, w, func(c *jwks.Config) { c.URL, c.Issuer = "", issuer })
		other, err := jwks.ExportBundle("https://other.example", time.Now(), mustSet(t, generate(t, "theirs")))
		if err != nil {
			t.Fatal(err)
		}
		wants(t, named.Warm(other, "https://other.example"), jose.PolicyInvalid)
		if named.Health().Usable {
			t.Error("there are another issuer's keys")
		}
		if err := named.Warm(text, issuer); err != nil {
			t.Error(err)
		}
		time.Sleep(jwks.DefaultMaxAge + jwks.DefaultMaxStale + time.Second)
		wants(t, cold.Warm(text, issuer), jose.KeysUnavailable)
		if cold.Health().Usable {
			t.Error("there are keys")
		}
	})
}
