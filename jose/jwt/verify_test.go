package jwt_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

func TestRejectClaims(t *testing.T) {
	k := generate(t, jwk.HS256, "k")
	p := goodPolicy(jwk.HS256)
	p.MaxSize = 1 << 20
	v := verifier(t, k, p)
	accepted(t, v, sign(t, k, goodClaims))
	for name, payload := range rejectedClaims(t) {
		reason, _, _ := strings.Cut(name, "--")
		if _, err := v.Verify(ctx, sign(t, k, payload)); jose.ReasonOf(err) != jose.Reason(reason) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Not everything that looks unusual is wrong.
func TestAcceptedClaims(t *testing.T) {
	k := generate(t, jwk.HS256, "k")
	v := verifier(t, k, goodPolicy(jwk.HS256))
	for name, payload := range map[string]string{
		"blanks":            " {\r\n" + goodClaims[1:] + "\n\t",
		"escaped names":     strings.Replace(goodClaims, `"sub"`, `"\u0073ub"`, 1),
		"audience list":     strings.Replace(goodClaims, `"https://api.example"`, `["https://b.example","https://api.example"]`, 1),
		"exponent":          strings.Replace(goodClaims, "1700000600", "1.7000006e9", 1),
		"fraction":          strings.Replace(goodClaims, "1700000600", "1700000600.5", 1),
		"last valid moment": strings.Replace(goodClaims, "1700000600", "1700000101", 1),
		"nbf now":           strings.Replace(goodClaims, `"iat"`, `"nbf":1700000100,"iat"`, 1),
		"iat now":           strings.Replace(goodClaims, `1700000000`, `1700000100`, 1),
		"whole lifetime":    strings.Replace(goodClaims, "1700000600", "1700003600", 1),
		"same inner names":  strings.Replace(goodClaims, `"jti"`, `"a":{"x":1},"b":{"x":1},"jti"`, 1),
		"unknown claims":    strings.Replace(goodClaims, `"jti"`, `"EXP":1,"Sub":"mallory","__proto__":{},"jti"`, 1),
	} {
		got := accepted(t, v, sign(t, k, payload))
		if got.Subject != "alice" || got.Claims.Role != "clerk" || got.Payload != payload {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestRegisteredClaims(t *testing.T) {
	k := generate(t, jwk.ES256, "k")
	v := verifier(t, public(t, k), goodPolicy(jwk.ES256))
	got := accepted(t, v, sign(t, k, strings.Replace(goodClaims, `"jti"`, `"nbf":1700000050.25,"jti"`, 1)))
	if got.Issuer != issuer || got.Subject != "alice" || !slices.Equal(got.Audience, []string{audience}) || got.ID != "t1" ||
		!got.Expiry.Equal(time.Unix(1700000600, 0)) || !got.IssuedAt.Equal(time.Unix(1700000000, 0)) ||
		!got.NotBefore.Equal(time.Unix(1700000050, 250000000)) {
		t.Errorf("%+v", got.Registered)
	}
	if got.Header.Algorithm != jwk.ES256 || got.Header.KeyID != "k" || got.Header.Type != "at+jwt" {
		t.Errorf("%+v", got.Header)
	}
}

func TestLeeway(t *testing.T) {
	k := generate(t, jwk.HS256, "k")
	p := goodPolicy(jwk.HS256)
	p.Leeway = 10 * time.Second
	v := verifier(t, k, p)
	with := func(old, new string) string { return sign(t, k, strings.Replace(goodClaims, old, new, 1)) }
	accepted(t, v, with("1700000600", "1700000091"))
	refused(t, v, with("1700000600", "1700000090"), jose.TokenExpired)
	accepted(t, v, with("1700000000", "1700000110"))
	refused(t, v, with("1700000000", "1700000111"), jose.TokenFromFuture)
	accepted(t, v, with(`"jti"`, `"nbf":1700000110,"jti"`))
	refused(t, v, with(`"jti"`, `"nbf":1700000111,"jti"`), jose.TokenNotYetValid)
}

// The library reads no clock of its own: what the policy's says, holds.
func TestClockIsThePolicys(t *testing.T) {
	k := generate(t, jwk.HS256, "k")
	moment := now
	p := goodPolicy(jwk.HS256)
	p.Clock = func() time.Time { return moment }
	v := verifier(t, k, p)
	token := sign(t, k, goodClaims)
	accepted(t, v, token)
	moment = time.Unix(1700000600, 0).Add(-time.Nanosecond)
	accepted(t, v, token)
	moment = time.Unix(1700000600, 0)
	refused(t, v, token, jose.TokenExpired)
}

func TestTypeIsAMediaType(t *testing.T) {
	k := generate(t, jwk.HS256, "k")
	for _, c := range []struct {
		policy, header string
		ok             bool
	}{
		{"at+jwt", `"at+jwt"`, true}, {"at+jwt", `"application/at+jwt"`, true}, {"application/at+jwt", `"AT+JWT"`, true},
		{"at+jwt", `"Application/At+Jwt"`, true}, {"JWT", `"jwt"`, true}, {"at+jwt", `"JWT"`, false}, {"at+jwt", `""`, false},
		{"at+jwt", `"at+jwt "`, false}, {"at+jwt", `"application/application/at+jwt"`, false}, {"at+jwt", `"application/"`, false},
		{"at+jwt", `"at+jwt;v=1"`, false}, {"secevent+jwt", `"\u017fecevent+jwt"`, false}, {"kb+jwt", `"\u212ab+jwt"`, false},
	} {
		p := goodPolicy(jwk.HS256)
		p.Type = c.policy
		_, err := verifier(t, k, p).Verify(ctx, forge(t, k, `{"alg":"HS256","typ":`+c.header+`}`, goodClaims))
		if (err == nil) != c.ok || err != nil && jose.ReasonOf(err) != jose.TypeMismatch {
			t.Errorf("%s for %s: %v", c.header, c.policy, err)
		}
	}
}

// A cty of JWT says that the payload is another token (RFC 7519 7.2 step 8): claims
// are none, whatever the policy says of typ.
func TestContentTypeOfClaims(t *testing.T) {
	k := generate(t, jwk.HS256, "k")
	untyped := goodPolicy(jwk.HS256)
	untyped.Type, untyped.SkipType = "", true
	for _, p := range []jwt.Policy{goodPolicy(jwk.HS256), untyped} {
		v := verifier(t, k, p)
		header := `{"alg":"HS256","typ":"` + goodPolicy().Type + `"`
		for _, cty := range []string{"JWT", "jwt", "application/jwt", "APPLICATION/JWT"} {
			refused(t, v, forge(t, k, header+`,"cty":"`+cty+`"}`, goodClaims), jose.TypeMismatch)
			refused(t, v, forge(t, k, header+`,"cty":"`+cty+`"}`, sign(t, k, goodClaims)), jose.TypeMismatch)
		}
		accepted(t, v, forge(t, k, header+`,"cty":"json"}`, goodClaims))
		accepted(t, v, forge(t, k, header+`}`, goodClaims))
	}
}

// Nothing about the claims is judged before the signature: an expired token of
// another issuer with a bad signature is told about its signature only.
func TestSignatureComesBeforeClaims(t *testing.T) {
	k, other := generate(t, jwk.HS256, "k"), generate(t, jwk.HS256, "k")
	v := verifier(t, k, goodPolicy(jwk.HS256))
	for _, payload := range []string{`{"iss":"x","exp":1}`, `no claims`, `{"a":1,"a":2}`} {
		refused(t, v, sign(t, other, payload), jose.SignatureInvalid)
	}
}

func TestRequiredIsTheWholeList(t *testing.T) {
	k := generate(t, jwk.HS256, "k")
	base := jwt.Policy{SkipIssuer: true, SkipAudience: true, SkipLifetime: true, SkipType: true, Algorithms: []jwk.Algorithm{jwk.HS256}, Clock: clock}
	base.Required = []string{}
	accepted(t, verifier(t, k, base), sign(t, k, `{}`))
	base.Required = []string{"client_id", "jti"}
	v := verifier(t, k, base)
	accepted(t, v, sign(t, k, `{"client_id":"web","jti":"1"}`))
	for _, payload := range []string{`{"jti":"1"}`, `{"client_id":"web"}`, `{"client_id":null,"jti":"1"}`, `{"client_id":"","jti":"1"}`, `{"client_id":"web","jti":""}`, `{"CLIENT_ID":"web","jti":"1"}`} {
		refused(t, v, sign(t, k, payload), jose.ClaimMissing)
	}
	base.Required = []string{}
	base.SkipLifetime, base.MaxLifetime = false, time.Hour
	v = verifier(t, k, base)
	refused(t, v, sign(t, k, `{}`), jose.ClaimMissing)
	refused(t, v, sign(t, k, `{"exp":1700003701}`), jose.LifetimeExceeded)
	accepted(t, v, sign(t, k, `{"exp":1700003700}`))
}

func TestSkipExpiryIsForHints(t *testing.T) {
	k := generate(t, jwk.HS256, "k")
	p := goodPolicy(jwk.HS256)
	p.SkipExpiry = true
	v := verifier(t, k, p)
	accepted(t, v, sign(t, k, strings.Replace(goodClaims, "1700000600", "1700000001", 1)))
	refused(t, v, sign(t, k, strings.Replace(goodClaims, "1700000000", "1700000101", 1)), jose.TokenFromFuture)
}

func TestSize(t *testing.T) {
	k := generate(t, jwk.HS256, "k")
	token := sign(t, k, goodClaims)
	p := goodPolicy(jwk.HS256)
	p.MaxSize = len(token)
	accepted(t, verifier(t, k, p), token)
	p.MaxSize--
	refused(t, verifier(t, k, p), token, jose.TokenOversize)
	refused(t, verifier(t, k, goodPolicy(jwk.HS256)), strings.Repeat("a", jwt.DefaultMaxSize+1), jose.TokenOversize)
}

// The zero value refuses, and so does every policy that leaves an expectation
// out without saying so, or says both.
func TestPolicyRefuses(t *testing.T) {
	k := generate(t, jwk.HS256, "k")
	for name, change := range map[string]func(*jwt.Policy){
		"zero":                  func(p *jwt.Policy) { *p = jwt.Policy{} },
		"no issuer":             func(p *jwt.Policy) { p.Issuers = nil },
		"empty issuer":          func(p *jwt.Policy) { p.Issuers = []string{""} },
		"issuer and skip":       func(p *jwt.Policy) { p.SkipIssuer = true },
		"no audience":           func(p *jwt.Policy) { p.Audiences = []string{} },
		"empty audience":        func(p *jwt.Policy) { p.Audiences = []string{"a", ""} },
		"audience and skip":     func(p *jwt.Policy) { p.SkipAudience = true },
		"no algorithms":         func(p *jwt.Policy) { p.Algorithms = nil },
		"none":                  func(p *jwt.Policy) { p.Algorithms = []jwk.Algorithm{"none"} },
		"an unknown algorithm":  func(p *jwt.Policy) { p.Algorithms = append(p.Algorithms, "HS1") },
		"no type":               func(p *jwt.Policy) { p.Type = "" },
		"type and skip":         func(p *jwt.Policy) { p.SkipType = true },
		"no lifetime":           func(p *jwt.Policy) { p.MaxLifetime = 0 },
		"negative lifetime":     func(p *jwt.Policy) { p.MaxLifetime = -1 },
		"lifetime and skip":     func(p *jwt.Policy) { p.SkipLifetime = true },
		"no clock":              func(p *jwt.Policy) { p.Clock = nil },
		"negative leeway":       func(p *jwt.Policy) { p.Leeway = -1 },
		"negative size":         func(p *jwt.Policy) { p.MaxSize = -1 },
		"an empty claim's name": func(p *jwt.Policy) { p.Required = []string{""} },
	} {
		p := goodPolicy(jwk.HS256)
		change(&p)
		v, err := jwt.NewVerifier[claims](k, p)
		if v != nil || jose.ReasonOf(err) != jose.PolicyInvalid {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
	_, err := jwt.NewVerifier[claims](nil, goodPolicy(jwk.HS256))
	wants(t, err, jose.PolicyInvalid)
}

// A policy is copied: whoever changes it later changes nothing.
func TestPolicyIsCopied(t *testing.T) {
	k := generate(t, jwk.HS256, "k")
	p := goodPolicy(jwk.HS256)
	v := verifier(t, k, p)
	p.Issuers[0], p.Audiences[0], p.Algorithms[0] = "x", "x", jwk.RS256
	accepted(t, v, sign(t, k, goodClaims))
}
