package sdjwt_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/sdjwt"
)

// sd is an object's _sd with the digests of these disclosures.
func sd(disclosures ...string) string {
	list := make([]string, len(disclosures))
	for i, d := range disclosures {
		list[i] = `"` + digestOf(d) + `"`
	}
	return `"_sd":[` + strings.Join(list, ",") + `]`
}

// el is an array's element that hides this disclosure.
func el(disclosure string) string { return `{"...":"` + digestOf(disclosure) + `"}` }

// Every step of RFC 9901 7.1 has a token that breaks it. All are signed by the
// issuer: what is wrong with them is nothing that a signature shows.
func TestAttackDisclosures(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	name := encode(`["s","name","Ann"]`)
	elem := encode(`["s","DE"]`)
	object := func(text string) (string, []string) { d := encode(text); return `{` + sd(d) + `}`, []string{d} }
	type attack struct {
		name        string
		payload     string
		disclosures []string
		reason      jose.Reason // "" when it must be accepted
	}
	list := []attack{
		{"honest", `{` + sd(name) + `,"l":[` + el(elem) + `]}`, []string{elem, name}, ""},
		{"none came along", `{` + sd(name) + `,"l":[` + el(elem) + `]}`, nil, ""},
		{"no digests at all", `{"a":1}`, nil, ""},
		{"_sd empty", `{"_sd":[]}`, nil, ""},

		{"a disclosure without a digest", `{"a":1}`, []string{name}, jose.DisclosureInvalid},
		{"one that is changed", `{` + sd(name) + `}`, []string{encode(`["s","name","Eve"]`)}, jose.DisclosureInvalid},
		{"the same disclosure twice", `{` + sd(name) + `}`, []string{name, name}, jose.DisclosureInvalid},
		{"a digest twice in one _sd", `{` + sd(name, name) + `}`, []string{name}, jose.DisclosureInvalid},
		{"a digest twice in two _sd", `{` + sd(name) + `,"a":{` + sd(name) + `}}`, []string{name}, jose.DisclosureInvalid},
		{"a digest twice, in _sd and in an array", `{` + sd(name) + `,"l":[` + el(name) + `]}`, nil, jose.DisclosureInvalid},
		{"a decoy twice", `{"_sd":["x"],"a":{"_sd":["x"]}}`, nil, jose.DisclosureInvalid},
		{"a digest twice by way of a disclosure", `{` + sd(name, encode(`["s","a",{`+sd(name)+`}]`)) + `}`, []string{name, encode(`["s","a",{` + sd(name) + `}]`)}, jose.DisclosureInvalid},

		{"claim over a signed one", `{"name":"Bob",` + sd(name) + `}`, []string{name}, jose.DisclosureInvalid},
		{"claim over a signed one behind it", `{` + sd(name) + `,"name":"Bob"}`, []string{name}, jose.DisclosureInvalid},
		{"claim over a signed one, escaped", `{` + sd(name) + `,"\u006eame":"Bob"}`, []string{name}, jose.DisclosureInvalid},
		{"claim over a disclosed one", `{` + sd(name, encode(`["t","name","Eve"]`)) + `}`, []string{name, encode(`["t","name","Eve"]`)}, jose.DisclosureInvalid},
		{"the same name elsewhere", `{"a":{"name":1},` + sd(name) + `}`, []string{name}, ""},

		{"_sd not an array", `{"_sd":"x"}`, nil, jose.DisclosureInvalid},
		{"_sd null", `{"_sd":null}`, nil, jose.DisclosureInvalid},
		{"_sd an object", `{"_sd":{}}`, nil, jose.DisclosureInvalid},
		{"_sd of numbers", `{"_sd":[1]}`, nil, jose.DisclosureInvalid},
		{"_sd twice", `{"_sd":[],"_sd":[]}`, nil, jose.ClaimsInvalid},
		{"... not a string", `{"l":[{"...":1}]}`, nil, jose.DisclosureInvalid},
		{"... with others", `{"l":[{"...":"x","a":1}]}`, nil, jose.DisclosureInvalid},
		{"... outside an array", `{"a":{"...":"x"}}`, nil, jose.DisclosureInvalid},
		{"... at the top", `{"...":"x"}`, nil, jose.DisclosureInvalid},
		{"_sd_alg inside", `{"a":{"_sd_alg":"sha-256"}}`, nil, jose.DisclosureInvalid},
		{"an element's disclosure for a claim", `{` + sd(elem) + `}`, []string{elem}, jose.DisclosureInvalid},
		{"a claim's disclosure for an element", `{"l":[` + el(name) + `]}`, []string{name}, jose.DisclosureInvalid},

		{"unknown hash", `{"_sd_alg":"sha-1"}`, nil, jose.AlgorithmNotAllowed},
		{"truncated hash", `{"_sd_alg":"sha-256-32"}`, nil, jose.AlgorithmNotAllowed},
		{"folded hash", `{"_sd_alg":"SHA-256"}`, nil, jose.AlgorithmNotAllowed},
		{"empty hash", `{"_sd_alg":""}`, nil, jose.AlgorithmNotAllowed},
		{"hash not a string", `{"_sd_alg":["sha-256"]}`, nil, jose.DisclosureInvalid},
		{"another hash than the digests'", `{"_sd_alg":"sha-512",` + sd(name) + `}`, []string{name}, jose.DisclosureInvalid},

		{"payload no object", `[]`, nil, jose.ClaimsInvalid},
		{"payload with data behind", `{} {}`, nil, jose.ClaimsInvalid},
		{"payload with a name twice inside", `{"a":{"b":1,"b":2}}`, nil, jose.ClaimsInvalid},
		{"nested too deeply", `{"a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, nil, jose.ClaimsInvalid},
	}
	// What a disclosure may not be.
	for _, text := range []string{
		`["s","name"]`, `["s"]`, `[]`, `["s","name","x","y"]`, `[1,"name","x"]`, `[null,"name","x"]`, `["s",1,"x"]`, `["s",null,"x"]`,
		`["s","_sd",["x"]]`, `["s","...","x"]`, `["s","_sd_alg","sha-256"]`, `["s","\u005fsd",["x"]]`, `{}`, `"x"`, `1`, ` `, `["s","name","x"`, `["s","name","x"],`,
		`["s","name","x"] 1`, `["s","name","x"],"e":[]`, `["s","name",{"a":1,"a":2}]`, "[\"s\",\"name\",\"\xff\"]", `["s","name",01]`, `["s","name",x]`,
		`["s","name",{"_sd":1}]`, `["s","name",{"...":"x"}]`, `["s","name",[{"...":"x","y":1}]]`, `["s","name",{"_sd_alg":"sha-256"}]`,
		`["s","name",` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `]`,
		`["s","iss","x"]`, `["s","aud","x"]`, `["s","exp",9999999999]`, `["s","nbf",0]`, `["s","cnf",{}]`, `["s","status",{}]`,
	} {
		payload, disclosures := object(text)
		list = append(list, attack{"disclosure " + text, payload, disclosures, jose.DisclosureInvalid})
	}
	// Neither may a part of them be left to the holder.
	for _, part := range []string{`{"cnf":{%s}}`, `{"status":{%s}}`, `{"status":{"status_list":{%s}}}`, `{"iss":{%s}}`} {
		d := encode(`["s","jwk",{}]`)
		list = append(list, attack{"inside " + part, strings.Replace(part, "%s", sd(d), 1), []string{d}, jose.DisclosureInvalid})
	}
	hidden := encode(`["s",1]`)
	list = append(list, attack{"an element inside cnf", `{"cnf":{"l":[` + el(hidden) + `]}}`, []string{hidden}, jose.DisclosureInvalid})
	// Inside of others, such names decide about nothing.
	inner := encode(`["s","exp",1]`)
	list = append(list, attack{"exp inside", `{"a":{` + sd(inner) + `}}`, []string{inner}, ""})
	// Disclosures inside disclosures, deeper than any text could be.
	value, chain := `1`, []string(nil)
	for range 70 {
		d := encode(`["s","a",` + value + `]`)
		chain, value = append(chain, d), `{`+sd(d)+`}`
	}
	list = append(list, attack{"a chain of 70", value, chain, jose.DisclosureInvalid})
	// The same through elements of arrays.
	value, chain = `1`, nil
	for range 70 {
		d := encode(`["s",` + value + `]`)
		chain, value = append(chain, d), `[`+el(d)+`]`
	}
	list = append(list, attack{"a chain of 70 arrays", `{"a":` + value + `}`, chain, jose.DisclosureInvalid})
	list = append(list, attack{"a disclosure that is no base64url", `{"_sd":["` + digestOf(name+"=") + `"]}`, []string{name + "="}, jose.DisclosureInvalid})
	for _, c := range list {
		token, err := h.verify(c.payload, c.disclosures...)
		if c.reason == "" {
			if err != nil {
				t.Errorf("%s: refused: %v", c.name, err)
			}
			continue
		}
		wants(t, c.name, err, c.reason)
		if token != nil {
			t.Errorf("%s: %s", c.name, token.Payload)
		}
		// The holder's side refuses the same.
		_, err = sdjwt.Open(strings.Join(append([]string{h.sign(c.payload)}, c.disclosures...), "~") + "~")
		wants(t, c.name+", opened", err, c.reason)
	}
}

// A disclosure that is sent twice is told apart from one that nobody signed.
func TestAttackSentTwice(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	name := encode(`["s","name","Ann"]`)
	_, err := h.verify(`{`+sd(name)+`}`, name, name)
	if err == nil || !strings.Contains(err.Error(), "sent twice") {
		t.Error(err)
	}
}

// Validity is judged by the policy, on the processed payload: what a holder may
// disclose is judged too, and what it leaves out is missing.
func TestAttackValidity(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sub, iat, aud := encode(`["s","sub","alice"]`), encode(`["s","iat",1748537300]`), encode(`["s","https://api.example"]`)
	p := policy(false)
	p.Token.SkipAudience, p.Token.Audiences, p.Token.Required = false, []string{"https://api.example"}, []string{"sub", "aud", "exp"}
	v, err := sdjwt.NewVerifier[struct{}](h.issuer, p)
	if err != nil {
		t.Fatal(err)
	}
	payload := `{"exp":1748537251,` + sd(sub, iat) + `,"aud":["https://other.example",` + el(aud) + `]}`
	for _, c := range []struct {
		name, payload string
		disclosures   []string
		reason        jose.Reason
	}{
		{"honest", payload, []string{sub, aud}, ""},
		{"sub left out", payload, []string{aud}, jose.ClaimMissing},
		{"aud left out", payload, []string{sub}, jose.AudienceMismatch},
		{"iat in the future", payload, []string{sub, aud, iat}, jose.TokenFromFuture},
		{"expired", strings.Replace(payload, "1748537251", "1748537249", 1), []string{sub, aud}, jose.TokenExpired},
		{"no exp", strings.Replace(payload, `"exp"`, `"ex"`, 1), []string{sub, aud}, jose.ClaimMissing},
		{"sub no string", `{"exp":1748537251,"aud":"https://api.example",` + sd(encode(`["s","sub",1]`)) + `}`, []string{encode(`["s","sub",1]`)}, jose.ClaimsInvalid},
	} {
		_, err := v.Verify(ctx, strings.Join(append([]string{h.sign(c.payload)}, c.disclosures...), "~")+"~", "")
		if c.reason == "" && err != nil || c.reason != "" && jose.ReasonOf(err) != c.reason {
			t.Errorf("%s: %v, want %q", c.name, err, c.reason)
		}
	}
}

// RFC 9901 4: the form, and its bounds.
func TestAttackForm(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	jwt := h.sign(`{}`)
	proof := h.bind(h.holder, "kb+jwt", `{}`)
	other, err := jwk.Generate(jwk.ES256, "issuer")
	if err != nil {
		t.Fatal(err)
	}
	forged, err := jws.Sign([]byte(`{}`), other, jws.SignOptions{Type: "test+sd-jwt"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		reason     jose.Reason
	}{
		{"empty", "", jose.TokenMalformed},
		{"a JWT", jwt, jose.TokenMalformed},
		{"tilde alone", "~", jose.TokenMalformed},
		{"an empty disclosure", jwt + "~~", jose.TokenMalformed},
		{"a key binding", jwt + "~" + proof, jose.TokenMalformed},
		{"something behind", jwt + "~x", jose.TokenMalformed},
		{"a tilde in front", "~" + jwt + "~", jose.TokenMalformed},
		{"JSON", `{"payload":"~"}`, jose.TokenMalformed},
		{"forged", forged + "~", jose.SignatureInvalid},
		{"none", encode(`{"alg":"none","typ":"test+sd-jwt"}`) + "." + encode(`{}`) + ".~", jose.AlgorithmNotAllowed},
		{"another type", h.bind(h.issuer, "at+jwt", `{}`) + "~", jose.TypeMismatch},
		{"too large", jwt + "~" + strings.Repeat("a", sdjwt.DefaultMaxSize) + "~", jose.TokenOversize},
		{"too many", jwt + strings.Repeat("~a", 257) + "~", jose.TokenOversize},
		{"nothing but tildes", strings.Repeat("~", 60000), jose.TokenOversize},
	} {
		_, err := h.free.Verify(ctx, c.text, "")
		wants(t, c.name, err, c.reason)
	}
	for _, text := range []string{"", jwt, jwt + "~~", jwt + "~" + proof, "a.b~", "a.b.c~", encode(`{"alg":"ES256"}`) + ".!.~"} {
		_, err := sdjwt.Open(text)
		wants(t, "open "+text, err, jose.TokenMalformed)
	}
	_, err = sdjwt.Open(encode(`{"alg":"ES256","crit":["x"]}`) + "." + encode(`{}`) + ".~")
	wants(t, "open crit", err, jose.CriticalUnsupported)
	p := policy(false)
	p.MaxSize, p.MaxDisclosures = len(jwt)+3, 1
	v, err := sdjwt.NewVerifier[struct{}](h.issuer, p)
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(ctx, jwt+"~aaa~", "")
	wants(t, "own size", err, jose.TokenOversize)
	_, err = v.Verify(ctx, jwt+"~a~", "")
	wants(t, "own size held", err, jose.DisclosureInvalid)
	p.MaxSize = 0
	if v, err = sdjwt.NewVerifier[struct{}](h.issuer, p); err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(ctx, jwt+"~a~b~", "")
	wants(t, "own number", err, jose.TokenOversize)
	// A nonce where none belongs, and none where one does.
	_, err = h.free.Verify(ctx, jwt+"~", "n")
	wants(t, "useless nonce", err, jose.PolicyInvalid)
	_, err = h.bound.Verify(ctx, jwt+"~"+proof, "")
	wants(t, "no nonce", err, jose.PolicyInvalid)
}

// Every step of RFC 9901 7.3 has a key binding that breaks it.
func TestAttackKeyBinding(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	public, err := h.holder.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	name := encode(`["s","name","Ann"]`)
	token := h.sign(`{"cnf":{"jwk":`+string(public)+`},`+sd(name)+`}`) + "~"
	full := token + name + "~"
	claims := func(hashed string) string {
		return `{"iat":1748537240,"aud":"https://verifier.example","nonce":"n-1","sd_hash":"` + digestOf(hashed) + `"}`
	}
	good := claims(full)
	if _, err := h.bound.Verify(ctx, full+h.bind(h.holder, "kb+jwt", good), "n-1"); err != nil {
		t.Fatal(err)
	}
	other, err := jwk.Generate(jwk.EdDSA, "holder")
	if err != nil {
		t.Fatal(err)
	}
	swap := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatal(old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, c := range []struct {
		name, text string
		reason     jose.Reason
	}{
		{"stripped", full, jose.KeyBindingMissing},
		{"stripped, with an empty one", full + "..", jose.HeaderInvalid},
		{"of a token without its disclosures", token + h.bind(h.holder, "kb+jwt", good), jose.ClaimMismatch},
		{"of a token with fewer disclosures", full + h.bind(h.holder, "kb+jwt", claims(token)), jose.ClaimMismatch},
		{"over the text without the last tilde", full + h.bind(h.holder, "kb+jwt", claims(strings.TrimSuffix(full, "~"))), jose.ClaimMismatch},
		{"another key", full + h.bind(other, "kb+jwt", good), jose.SignatureInvalid},
		{"the issuer's key", full + h.bind(h.issuer, "kb+jwt", good), jose.KeyNotFound},
		{"another type", full + h.bind(h.holder, "JWT", good), jose.TypeMismatch},
		{"no type", full + h.bind(h.holder, "", good), jose.TypeMismatch},
		{"none", full + encode(`{"alg":"none","typ":"kb+jwt"}`) + "." + encode(good) + ".", jose.AlgorithmNotAllowed},
		{"another nonce", full + h.bind(h.holder, "kb+jwt", swap(`"n-1"`, `"n-2"`)), jose.ClaimMismatch},
		{"a longer nonce", full + h.bind(h.holder, "kb+jwt", swap(`"n-1"`, `"n-10"`)), jose.ClaimMismatch},
		{"no nonce", full + h.bind(h.holder, "kb+jwt", swap(`"nonce"`, `"Nonce"`)), jose.ClaimMissing},
		{"nonce a number", full + h.bind(h.holder, "kb+jwt", swap(`"n-1"`, `1`)), jose.ClaimsInvalid},
		{"another audience", full + h.bind(h.holder, "kb+jwt", swap(`verifier.example`, `verifier.evil`)), jose.AudienceMismatch},
		{"two audiences", full + h.bind(h.holder, "kb+jwt", swap(`"https://verifier.example"`, `["https://verifier.example","https://evil.example"]`)), jose.ClaimsInvalid},
		{"one audience in a list", full + h.bind(h.holder, "kb+jwt", swap(`"https://verifier.example"`, `["https://verifier.example"]`)), jose.ClaimsInvalid},
		{"no audience", full + h.bind(h.holder, "kb+jwt", swap(`"aud"`, `"Aud"`)), jose.ClaimMissing},
		{"no iat", full + h.bind(h.holder, "kb+jwt", swap(`"iat"`, `"Iat"`)), jose.ClaimMissing},
		{"too old", full + h.bind(h.holder, "kb+jwt", swap(`1748537240`, `1748537188`)), jose.TokenExpired},
		{"from the future", full + h.bind(h.holder, "kb+jwt", swap(`1748537240`, `1748537252`)), jose.TokenFromFuture},
		{"expired", full + h.bind(h.holder, "kb+jwt", swap(`{`, `{"exp":1748537241,`)), jose.TokenExpired},
		{"no sd_hash", full + h.bind(h.holder, "kb+jwt", swap(`"sd_hash"`, `"sd-hash"`)), jose.ClaimMissing},
		{"sd_hash in hex", full + h.bind(h.holder, "kb+jwt", swap(digestOf(full), fmt.Sprintf("%x", digestOf(full)))), jose.ClaimMismatch},
		{"a token that names no key", h.sign(`{}`) + "~" + h.bind(h.holder, "kb+jwt", claims(h.sign(`{}`)+"~")), jose.ClaimMissing},
	} {
		got, err := h.bound.Verify(ctx, c.text, "n-1")
		wants(t, c.name, err, c.reason)
		if got != nil {
			t.Errorf("%s: accepted", c.name)
		}
	}
	last := swap(`1748537240`, `1748537189`) // sixty seconds, and one of leeway
	if _, err := h.bound.Verify(ctx, full+h.bind(h.holder, "kb+jwt", last), "n-1"); err != nil {
		t.Errorf("at the last moment: %v", err)
	}
	// What cnf may not be.
	for cnf, reason := range map[string]jose.Reason{
		`{}`: jose.KeyNotFound, `null`: jose.ClaimsInvalid, `"x"`: jose.ClaimsInvalid, `{"jwk":"x"}`: jose.KeyInvalid, `{"jwk":{}}`: jose.KeyInvalid,
		`{"jkt":"` + h.holder.Thumbprint() + `"}`:                                   jose.KeyNotFound,
		`{"jwk":{"kty":"oct","k":"` + strings.Repeat("A", 43) + `","alg":"HS256"}}`: jose.KeyMisuse,
	} {
		token := h.sign(`{"cnf":`+cnf+`}`) + "~"
		_, err := h.bound.Verify(ctx, token+h.bind(h.holder, "kb+jwt", claims(token)), "n-1")
		wants(t, "cnf "+cnf, err, reason)
	}
	// A token that publishes its holder's private key: everybody is the holder.
	private, err := h.holder.ExportPrivate()
	if err != nil {
		t.Fatal(err)
	}
	token = h.sign(`{"cnf":{"jwk":`+string(private)+`}}`) + "~"
	_, err = h.bound.Verify(ctx, token+h.bind(h.holder, "kb+jwt", claims(token)), "n-1")
	wants(t, "cnf with a private key", err, jose.KeyMisuse)
	// A holder's key of an algorithm that the policy does not allow.
	rs, err := jwk.Generate(jwk.ES384, "holder")
	if err != nil {
		t.Fatal(err)
	}
	document, err := rs.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	token = h.sign(`{"cnf":{"jwk":`+string(document)+`}}`) + "~"
	_, err = h.bound.Verify(ctx, token+h.bind(rs, "kb+jwt", claims(token)), "n-1")
	wants(t, "another algorithm", err, jose.AlgorithmNotAllowed)
	// The binding of one holder does not serve another's token.
	c, err := sdjwt.Open(full)
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.PresentBound(sdjwt.Binding{Key: h.holder, Audience: "https://verifier.example", Nonce: "n-1", IssuedAt: now.Add(-time.Second)}, "/name")
	if err != nil {
		t.Fatal(err)
	}
	thief, err := other.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	stolen := h.sign(`{"cnf":{"jwk":`+string(thief)+`},`+sd(name)+`}`) + "~" + name + "~" + text[strings.LastIndexByte(text, '~')+1:]
	_, err = h.bound.Verify(ctx, stolen, "n-1")
	wants(t, "another holder's binding", err, jose.SignatureInvalid)
}
