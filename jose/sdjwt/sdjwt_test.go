package sdjwt_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
	"github.com/jotward/jotward/jose/sdjwt"
)

var (
	ctx = context.Background()
	now = time.Unix(1748537250, 0)
)

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func digestOf(disclosure string) string {
	sum := sha256.Sum256([]byte(disclosure))
	return encode(string(sum[:]))
}

func sorted(list []string) []string { slices.Sort(list); return list }

func wants(t *testing.T, name string, err error, r jose.Reason) {
	t.Helper()
	if !errors.Is(err, r) {
		t.Errorf("%s: got %v, want %s", name, err, r)
	}
}

// house is an issuer, a holder, and a verifier of either kind.
type house struct {
	t              testing.TB
	issuer, holder *jwk.Key
	free, bound    *sdjwt.Verifier[map[string]any]
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t}
	var err error
	if h.issuer, err = jwk.Generate(jwk.ES256, "issuer"); err != nil {
		t.Fatal(err)
	}
	if h.holder, err = jwk.Generate(jwk.EdDSA, "holder"); err != nil {
		t.Fatal(err)
	}
	if h.free, err = sdjwt.NewVerifier[map[string]any](h.issuer, policy(false)); err != nil {
		t.Fatal(err)
	}
	if h.bound, err = sdjwt.NewVerifier[map[string]any](h.issuer, policy(true)); err != nil {
		t.Fatal(err)
	}
	return h
}

func policy(bound bool) sdjwt.Policy {
	p := sdjwt.Policy{Token: jwt.Policy{
		SkipIssuer: true, SkipAudience: true, Algorithms: []jwk.Algorithm{jwk.ES256}, Type: "test+sd-jwt", Required: []string{},
		SkipLifetime: true, Leeway: time.Second, Clock: func() time.Time { return now },
	}, SkipKeyBinding: !bound}
	if bound {
		p.KeyBinding = sdjwt.KeyBinding{Audience: "https://verifier.example", Algorithms: []jwk.Algorithm{jwk.EdDSA, jwk.ES256}, MaxAge: time.Minute}
	}
	return p
}

// sign signs any payload as an issuer's.
func (h *house) sign(payload string) string {
	h.t.Helper()
	token, err := jws.Sign([]byte(payload), h.issuer, jws.SignOptions{Type: "test+sd-jwt"})
	if err != nil {
		h.t.Fatal(err)
	}
	return token
}

// verify signs a payload and verifies it with these disclosures.
func (h *house) verify(payload string, disclosures ...string) (*sdjwt.Token[map[string]any], error) {
	h.t.Helper()
	return h.free.Verify(ctx, strings.Join(append([]string{h.sign(payload)}, disclosures...), "~")+"~", "")
}

// bind signs a key binding by hand.
func (h *house) bind(key *jwk.Key, typ, claims string) string {
	h.t.Helper()
	token, err := jws.Sign([]byte(claims), key, jws.SignOptions{Type: typ})
	if err != nil {
		h.t.Fatal(err)
	}
	return token
}

// issue issues claims with the holder's key.
func (h *house) issue(claims map[string]any, plan sdjwt.Plan) string {
	h.t.Helper()
	issuer, err := sdjwt.NewIssuer(h.issuer, sdjwt.IssuerOptions{Type: "test+sd-jwt"})
	if err != nil {
		h.t.Fatal(err)
	}
	text, err := issuer.Issue(claims, plan)
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, hash := range []sdjwt.Hash{"", sdjwt.SHA256, sdjwt.SHA384, sdjwt.SHA512} {
		issuer, err := sdjwt.NewIssuer(h.issuer, sdjwt.IssuerOptions{Type: "test+sd-jwt", Hash: hash})
		if err != nil {
			t.Fatal(err)
		}
		claims := map[string]any{
			"iss": "https://issuer.example", "iat": now.Unix(), "exp": now.Unix() + 60, "aud": []string{"a", "b"}, "cnf": map[string]any{"jwk": h.holder},
			"name": "Ann \"x\" <b>\u2028", "n": json.RawMessage("12345678901234567890.000"), "address": map[string]any{"city": "Köln", "zip": "50667", "a/b~c": 1},
			"langs": []any{"de", "en", map[string]any{"x": []int{1, 2}}}, "nothing": nil, "empty": map[string]any{},
		}
		text, err := issuer.Issue(claims, sdjwt.Plan{
			Hide:   []string{"/name", "/n", "/address", "/address/city", "/address/a~1b~0c", "/langs/1", "/langs/2", "/langs/2/x/0", "/nothing", "/empty", "/aud/1"},
			Decoys: map[string]int{"": 3, "/langs": 2, "/address": 1, "/empty": 1},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"Ann \\", "Köln", "langs\":[\"de\",\"en", "12345678901234567890"} {
			payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
			if strings.Contains(string(payload), secret) {
				t.Errorf("%s is published: %s", secret, payload)
			}
		}
		c, err := sdjwt.Open(text)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"/address", "/address/a~1b~0c", "/address/city", "/aud/1", "/empty", "/langs/1", "/langs/2", "/langs/2/x/0", "/n", "/name", "/nothing"}
		if got := sorted(c.Places()); !reflect.DeepEqual(got, want) {
			t.Errorf("places %q", got)
		}
		// Everything, as the issuer wrote it, to the digit.
		all, err := c.Present(c.Places()...)
		if err != nil {
			t.Fatal(err)
		}
		token, err := h.free.Verify(ctx, all, "")
		if err != nil {
			t.Fatal(err)
		}
		whole, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		sameJSON(t, "everything", token.Claims, string(whole))
		if token.Payload != c.Payload() || !strings.Contains(token.Payload, "12345678901234567890.000") {
			t.Errorf("%s is not %s", token.Payload, c.Payload())
		}
		// A place inside another brings its surroundings along, and nothing else.
		proof := sdjwt.Binding{Key: h.holder, Audience: "https://verifier.example", Nonce: "n-1", IssuedAt: now}
		some, err := c.PresentBound(proof, "/address/city", "/langs/2/x/0", "/aud/1")
		if err != nil {
			t.Fatal(err)
		}
		if token, err = h.bound.Verify(ctx, some, "n-1"); err != nil {
			t.Fatal(err)
		}
		cnf, _ := json.Marshal(h.holder)
		sameJSON(t, "some", token.Claims, `{"iss":"https://issuer.example","iat":1748537250,"exp":1748537310,"aud":["a","b"],"cnf":{"jwk":`+string(cnf)+`},
			"address":{"city":"Köln","zip":"50667"},"langs":["de",{"x":[1,2]}]}`)
		if token.HolderKey.Thumbprint() != h.holder.Thumbprint() || !slices.Equal(token.Audience, []string{"a", "b"}) {
			t.Errorf("holder %v, aud %q", token.HolderKey, token.Audience)
		}
		// The same by way of JSON.
		flat, err := sdjwt.FlattenedJSON(some)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := sdjwt.Compact(flat); err != nil || back != some {
			t.Errorf("%s, %v", back, err)
		}
	}
}

// Digests say nothing about the order, or about what has the same name and value.
func TestDigestsConceal(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	claims := map[string]any{"a": 1, "b": 1, "c": []any{1, 1, 1, 1, 1, 1, 1, 1}, "d": map[string]any{"a": 1}}
	plan := sdjwt.Plan{Hide: []string{"/b", "/a", "/d/a"}, Decoys: map[string]int{"": 30, "/c": 8}}
	seen := map[string]bool{}
	place := map[string]bool{}
	for range 8 {
		text := h.issue(claims, plan)
		payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
		var got struct {
			Digests []string `json:"_sd"`
			C       []any    `json:"c"`
		}
		if err := json.Unmarshal(payload, &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Digests) != 32 || len(got.C) != 16 || !slices.IsSorted(got.Digests) {
			t.Fatalf("%s", payload)
		}
		pattern := ""
		for _, e := range got.C {
			if _, hidden := e.(map[string]any); hidden {
				pattern += "."
			} else {
				pattern += "1"
			}
		}
		place[pattern] = true
		for _, d := range got.Digests {
			if seen[d] {
				t.Fatal("a digest came twice: a salt or a decoy is not random")
			}
			seen[d] = true
		}
		for _, d := range strings.Split(text, "~")[1:4] {
			plain, _ := base64.RawURLEncoding.DecodeString(d)
			var parts []any
			if err := json.Unmarshal(plain, &parts); err != nil || len(parts) != 3 {
				t.Fatal(string(plain), err)
			}
			salt, err := base64.RawURLEncoding.DecodeString(parts[0].(string))
			if err != nil || len(salt) != 16 || seen[string(salt)] {
				t.Fatalf("salt %x, %v", salt, err)
			}
			seen[string(salt)] = true
		}
	}
	if len(place) < 2 {
		t.Error("decoys stand always in the same places")
	}
}

func TestIssueRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	issuer, err := sdjwt.NewIssuer(h.issuer, sdjwt.IssuerOptions{Type: "test+sd-jwt"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, claims string
		plan         sdjwt.Plan
		reason       jose.Reason
	}{
		{"a typo", `{"name":1}`, sdjwt.Plan{Hide: []string{"/nmae"}}, jose.PolicyInvalid},
		{"inside of what is no object", `{"name":1}`, sdjwt.Plan{Hide: []string{"/name/x"}}, jose.PolicyInvalid},
		{"behind an array's end", `{"a":[1]}`, sdjwt.Plan{Hide: []string{"/a/1"}}, jose.PolicyInvalid},
		{"an array's place in another spelling", `{"a":[1]}`, sdjwt.Plan{Hide: []string{"/a/00"}}, jose.PolicyInvalid},
		{"no pointer", `{"a":1}`, sdjwt.Plan{Hide: []string{"a"}}, jose.PolicyInvalid},
		{"a pointer behind a letter", `{"a":1}`, sdjwt.Plan{Hide: []string{"xa"}}, jose.PolicyInvalid},
		{"everything", `{"a":1}`, sdjwt.Plan{Hide: []string{""}}, jose.PolicyInvalid},
		{"twice", `{"a":1}`, sdjwt.Plan{Hide: []string{"/a", "/a"}}, jose.PolicyInvalid},
		{"iss", `{"iss":"a"}`, sdjwt.Plan{Hide: []string{"/iss"}}, jose.PolicyInvalid},
		{"exp", `{"exp":1}`, sdjwt.Plan{Hide: []string{"/exp"}}, jose.PolicyInvalid},
		{"nbf", `{"nbf":1}`, sdjwt.Plan{Hide: []string{"/nbf"}}, jose.PolicyInvalid},
		{"aud", `{"aud":"a"}`, sdjwt.Plan{Hide: []string{"/aud"}}, jose.PolicyInvalid},
		{"cnf", `{"cnf":{}}`, sdjwt.Plan{Hide: []string{"/cnf"}}, jose.PolicyInvalid},
		{"status", `{"status":{}}`, sdjwt.Plan{Hide: []string{"/status"}}, jose.PolicyInvalid},
		{"a part of cnf", `{"cnf":{"jwk":{}}}`, sdjwt.Plan{Hide: []string{"/cnf/jwk"}}, jose.PolicyInvalid},
		{"a part of status", `{"status":{"status_list":{"idx":1}}}`, sdjwt.Plan{Hide: []string{"/status/status_list/idx"}}, jose.PolicyInvalid},
		{"aud with nothing behind", `{"aud":{"":1}}`, sdjwt.Plan{Hide: []string{"/aud/"}}, jose.PolicyInvalid},
		{"decoys of a number", `{"a":1}`, sdjwt.Plan{Decoys: map[string]int{"/a": 1}}, jose.PolicyInvalid},
		{"decoys of nothing", `{"a":1}`, sdjwt.Plan{Decoys: map[string]int{"/b": 1}}, jose.PolicyInvalid},
		{"less than no decoys", `{"a":1}`, sdjwt.Plan{Decoys: map[string]int{"": -1}}, jose.PolicyInvalid},
		{"too many decoys", `{"a":1}`, sdjwt.Plan{Decoys: map[string]int{"": 1025}}, jose.PolicyInvalid},
		{"decoys without a pointer", `{"a":1}`, sdjwt.Plan{Decoys: map[string]int{"a": 1}}, jose.PolicyInvalid},
		{"_sd", `{"a":{"_sd":[]}}`, sdjwt.Plan{}, jose.ClaimsInvalid},
		{"_sd_alg", `{"_sd_alg":"sha-256"}`, sdjwt.Plan{}, jose.ClaimsInvalid},
		{"...", `{"a":[{"...":"x"}]}`, sdjwt.Plan{}, jose.ClaimsInvalid},
		{"reserved and hidden", `{"a":[{"_sd":"x"}]}`, sdjwt.Plan{Hide: []string{"/a"}}, jose.ClaimsInvalid},
		{"no object", `[]`, sdjwt.Plan{}, jose.ClaimsInvalid},
		{"a name twice", `{"a":1,"\u0061":2}`, sdjwt.Plan{}, jose.ClaimsInvalid},
	} {
		for _, claims := range []any{[]byte(c.claims), json.RawMessage(c.claims)} {
			text, err := issuer.Issue(claims, c.plan)
			wants(t, c.name, err, c.reason)
			if text != "" {
				t.Errorf("%s: %s", c.name, text)
			}
		}
	}
	_, err = issuer.Issue(map[string]any{"a": func() {}}, sdjwt.Plan{})
	wants(t, "no JSON", err, jose.ClaimsInvalid)
	secret, err := jwk.Generate(jwk.HS256, "")
	if err != nil {
		t.Fatal(err)
	}
	public, err := h.issuer.Public()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key    *jwk.Key
		o      sdjwt.IssuerOptions
		reason jose.Reason
	}{
		"no type":      {h.issuer, sdjwt.IssuerOptions{}, jose.PolicyInvalid},
		"unknown hash": {h.issuer, sdjwt.IssuerOptions{Type: "x", Hash: "sha-256-128"}, jose.PolicyInvalid},
		"secret":       {secret, sdjwt.IssuerOptions{Type: "x"}, jose.PolicyInvalid},
		"no key":       {nil, sdjwt.IssuerOptions{Type: "x"}, jose.PolicyInvalid},
		"public key":   {public, sdjwt.IssuerOptions{Type: "x"}, jose.KeyMisuse},
	} {
		_, err := sdjwt.NewIssuer(c.key, c.o)
		wants(t, name, err, c.reason)
	}
}

func TestPolicyRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := sdjwt.NewVerifier[struct{}](h.issuer, sdjwt.Policy{})
	wants(t, "the zero value", err, jose.PolicyInvalid)
	for name, change := range map[string]func(*sdjwt.Policy){
		"no audience":       func(p *sdjwt.Policy) { p.KeyBinding.Audience = "" },
		"no algorithms":     func(p *sdjwt.Policy) { p.KeyBinding.Algorithms = nil },
		"no age":            func(p *sdjwt.Policy) { p.KeyBinding.MaxAge = 0 },
		"negative age":      func(p *sdjwt.Policy) { p.KeyBinding.MaxAge = -1 },
		"no binding":        func(p *sdjwt.Policy) { p.KeyBinding = sdjwt.KeyBinding{} },
		"binding twice":     func(p *sdjwt.Policy) { p.SkipKeyBinding = true },
		"hmac of a holder":  func(p *sdjwt.Policy) { p.KeyBinding.Algorithms = []jwk.Algorithm{jwk.HS256} },
		"hmac of an issuer": func(p *sdjwt.Policy) { p.Token.Algorithms = []jwk.Algorithm{jwk.HS256} },
		"none":              func(p *sdjwt.Policy) { p.KeyBinding.Algorithms = []jwk.Algorithm{"none"} },
		"negative size":     func(p *sdjwt.Policy) { p.MaxSize = -1 },
		"negative number":   func(p *sdjwt.Policy) { p.MaxDisclosures = -1 },
		"no type":           func(p *sdjwt.Policy) { p.Token.Type = "" },
		"no clock":          func(p *sdjwt.Policy) { p.Token.Clock = nil },
	} {
		p := policy(true)
		change(&p)
		_, err := sdjwt.NewVerifier[struct{}](h.issuer, p)
		wants(t, name, err, jose.PolicyInvalid)
	}
}

func TestPresentRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	text := h.issue(map[string]any{"a": 1, "b": 2, "cnf": map[string]any{"jwk": h.holder}}, sdjwt.Plan{Hide: []string{"/a"}})
	c, err := sdjwt.Open(text)
	if err != nil {
		t.Fatal(err)
	}
	good := sdjwt.Binding{Key: h.holder, Audience: "v", Nonce: "n", IssuedAt: now}
	for _, place := range []string{"/b", "/A", "a", "", "/a/"} {
		_, err := c.Present(place)
		wants(t, place, err, jose.PolicyInvalid)
		_, err = c.PresentBound(good, place)
		wants(t, place, err, jose.PolicyInvalid)
	}
	other, err := jwk.Generate(jwk.EdDSA, "holder")
	if err != nil {
		t.Fatal(err)
	}
	secret, err := jwk.Generate(jwk.HS256, "holder")
	if err != nil {
		t.Fatal(err)
	}
	public, err := h.holder.Public()
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		change func(*sdjwt.Binding)
		reason jose.Reason
	}{
		"no key":      {func(b *sdjwt.Binding) { b.Key = nil }, jose.PolicyInvalid},
		"no audience": {func(b *sdjwt.Binding) { b.Audience = "" }, jose.PolicyInvalid},
		"no nonce":    {func(b *sdjwt.Binding) { b.Nonce = "" }, jose.PolicyInvalid},
		"no time":     {func(b *sdjwt.Binding) { b.IssuedAt = time.Time{} }, jose.PolicyInvalid},
		"another key": {func(b *sdjwt.Binding) { b.Key = other }, jose.KeyMisuse},
		"a secret":    {func(b *sdjwt.Binding) { b.Key = secret }, jose.KeyMisuse},
		"public half": {func(b *sdjwt.Binding) { b.Key = public }, jose.KeyMisuse},
	} {
		b := good
		x.change(&b)
		_, err := c.PresentBound(b, "/a")
		wants(t, name, err, x.reason)
	}
	for payload, reason := range map[string]jose.Reason{`{}`: jose.ClaimMissing, `{"cnf":1}`: jose.ClaimsInvalid, `{"cnf":{"kid":"x"}}`: jose.KeyNotFound, `{"cnf":{"jwk":1}}`: jose.KeyInvalid} {
		c, err := sdjwt.Open(h.sign(payload) + "~")
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.PresentBound(good)
		wants(t, payload, err, reason)
	}
}
