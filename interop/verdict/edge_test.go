package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// Times at their bounds, and the numbers that RFC 7519 2 lets a NumericDate be.
func TestDates(t *testing.T) {
	w := newWorld(t)
	base := w.good(jwk.ES256).with("iss", nil).with("aud", nil).with("require", []string{})
	for claims, want := range map[string]string{
		`"exp":1700000000`:                       "reject", // "on or after" (RFC 7519 4.1.4)
		`"exp":1700000000.5`:                     "accept",
		`"exp":1700000000.0`:                     "reject",
		`"exp":1.700000001e9`:                    "accept",
		`"exp":1.5`:                              "reject",
		`"nbf":1.5`:                              "accept",
		`"nbf":1700000000`:                       "accept", // "before which" (4.1.5)
		`"nbf":1700000000.5`:                     "reject",
		`"nbf":1700000001`:                       "reject",
		`"iat":1700000000`:                       "accept",
		`"iat":1700000001`:                       "reject",
		`"exp":"1700000001"`:                     "reject",
		`"exp":null`:                             "reject",
		`"exp":true`:                             "reject",
		`"exp":-1`:                               "reject",
		`"nbf":1e400`:                            "reject",
		`"nbf":1e30`:                             "reject", // wraps where a float becomes an int64
		`"exp":9223372036854775808`:              "reject",
		`"exp":99999999999`:                      "accept",
		`"exp":1700000001,"exp":1800000000`:      "reject",
		`"exp":1700000001,"\u0065xp":1700000002`: "reject",
		`"Exp":1,"EXP":1,"nBf":1800000000`:       "accept", // other claims
		`"exp":` + strings.Repeat("1", 100000):   "reject",
		`"sub":7`:                                "reject",
		`"aud":["a",7]`:                          "reject",
		`"aud":[]`:                               "accept",
		`"jti":{}`:                               "reject",
		`"iss":["https://i.example"]`:            "reject",
		`"a":` + strings.Repeat(`[`, 80) + "1" + strings.Repeat(`]`, 80): "reject",
	} {
		token := w.sign(jwk.ES256, `{"alg":"ES256","typ":"JWT"}`, "{"+claims+"}")
		base.with("token", token).want(t, want, claims[:min(len(claims), 60)])
		base.with("token", token).with("kind", "jws").want(t, "accept", "the signature alone, "+claims[:min(len(claims), 60)])
	}
}

// The default list of required claims stays whole where a check is skipped: a
// token without the claim that nobody compares still lacks it.
func TestDefaultRequiredClaims(t *testing.T) {
	w := newWorld(t)
	base := w.good(jwk.ES256).with("iss", nil).with("aud", nil).with("require", nil)
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat"} {
		var claims fields
		_ = json.Unmarshal([]byte(goodClaims), &claims)
		token := w.sign(jwk.ES256, `{"alg":"ES256","typ":"JWT"}`, string(must(json.Marshal(claims.with(name, nil)))))
		base.with("token", token).want(t, "reject", "no list, no "+name)
		base.with("token", token).with("require", []string{name}).want(t, "reject", name+" required and missing")
		base.with("token", token).with("require", []string{}).want(t, "accept", "nothing required, no "+name)
	}
	// What is compared must be there, whatever the list says.
	bare := base.with("require", []string{}).with("token", w.sign(jwk.ES256, `{"alg":"ES256"}`, `{}`)).with("typ", nil)
	bare.want(t, "accept", "nothing compared")
	for name, value := range map[string]string{"iss": "https://i.example", "aud": "b", "typ": "JWT"} {
		bare.with(name, value).want(t, "reject", name+" compared and missing")
	}
}

// The two names of Ed25519 are one algorithm to a key (RFC 9864 2.2); the list
// of a case is compared with the header exactly.
func TestNamesOfEd25519(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		key, header string
		allowed     []string
		want        string
	}{
		{"EdDSA", "Ed25519", []string{"Ed25519"}, "accept"}, {"Ed25519", "EdDSA", []string{"EdDSA"}, "accept"},
		{"EdDSA", "Ed25519", []string{"EdDSA", "Ed25519"}, "accept"}, {"", "Ed25519", []string{"EdDSA", "Ed25519"}, "accept"},
		{"EdDSA", "Ed25519", []string{"EdDSA"}, "reject"}, {"Ed25519", "EdDSA", []string{"Ed25519"}, "reject"},
		{"EdDSA", "Ed448", []string{"EdDSA"}, "reject"}, {"EdDSA", "eddsa", []string{"EdDSA"}, "reject"},
	} {
		token := w.sign(jwk.EdDSA, `{"alg":"`+c.header+`","typ":"JWT"}`, goodClaims)
		key := w.jwk(jwk.EdDSA, false, "alg")
		if c.key != "" {
			key = key.with("alg", c.key)
		}
		w.good(jwk.EdDSA).with("token", token).with("key", key).with("alg_allowed", c.allowed).want(t, c.want, c.key+" "+c.header)
	}
}

// A key without alg serves each algorithm that the case allows and its type fits.
func TestKeyWithoutAlgAmongSeveral(t *testing.T) {
	w := newWorld(t)
	for a, several := range map[jwk.Algorithm][]string{
		jwk.RS384: {"RS256", "RS384", "PS384", "HS384"}, jwk.PS256: {"RS256", "PS256", "ES256"}, jwk.HS512: {"HS256", "HS512", "RS256"},
	} {
		key := w.jwk(a, false, "alg")
		good := w.good(a).with("key", key).with("alg_allowed", several)
		good.with("kind", "jws").want(t, "accept", string(a))
		good.want(t, "accept", string(a)+" in a JWT")
		good.with("key", fields{"keys": []any{w.jwk(jwk.ES256, false), key}}).want(t, map[bool]string{true: "reject", false: "accept"}[a == jwk.HS512], string(a)+" in a set") // a secret among public keys
		good.with("alg_allowed", nil).want(t, "accept", string(a)+" without a list")
		good.with("alg_allowed", several[:1]).want(t, "reject", string(a)+", not allowed")
		good.with("key", w.jwk(a, false)).with("token", w.sign(a, `{"alg":"`+several[0]+`","typ":"JWT"}`, goodClaims)).want(t, "reject", "another alg than the key's")
	}
}

// An algorithm that is not built makes a case unsupported only where the case
// allows it; otherwise the token is refused like any other.
func TestUnbuiltAlgorithms(t *testing.T) {
	w := newWorld(t)
	key := fields{"kty": "EC", "crv": "secp256k1", "x": encode(strings.Repeat("x", 32)), "y": encode(strings.Repeat("y", 32))}
	base := w.good(jwk.ES256).with("key", key).with("token", w.sign(jwk.ES256, `{"alg":"ES256K","typ":"JWT"}`, goodClaims))
	for _, kind := range []string{"jws", "jwt"} {
		base := base.with("kind", kind)
		base.with("alg_allowed", []string{"ES256K"}).want(t, "unsupported", "allowed")
		base.with("alg_allowed", []string{"ES256"}).want(t, "reject", "not allowed")
		base.with("alg_allowed", []string{}).want(t, "reject", "nothing allowed")
		base.with("alg_allowed", nil).want(t, "reject", "no list")
	}
	ed448 := fields{"kty": "OKP", "crv": "Ed448", "x": encode(strings.Repeat("x", 57))}
	ed := w.good(jwk.EdDSA)
	ed.with("key", ed448).want(t, "unsupported", "Ed448")
	ed.with("key", fields{"keys": []any{ed448}}).want(t, "unsupported", "Ed448 in a set")
	ed.with("key", ed448).with("alg_allowed", []string{"ES256"}).want(t, "reject", "Ed448, not allowed")
	both := fields{"keys": []any{ed448, w.jwk(jwk.EdDSA, false)}}
	ed.with("key", both).want(t, "accept", "Ed25519 beside Ed448")
	ed.with("key", both).with("token", w.token(jwk.EdDSA)+"AAAA").want(t, "reject", "a forgery beside Ed448")
	for _, name := range []string{"none", "None", "HS1", "foo", "RSA-OAEP", ""} {
		token := w.sign(jwk.ES256, string(must(json.Marshal(fields{"alg": name}))), goodClaims)
		base.with("token", token).with("alg_allowed", []string{name}).want(t, "reject", "alg "+name)
	}
}

// A payload that is signed as it stands (RFC 7797): read in a JWS whose crit says
// so, and in a JWT always refused (RFC 7797 7).
func TestUnencodedPayload(t *testing.T) {
	w := newWorld(t)
	base := w.good(jwk.ES256)
	for header, want := range map[string]string{
		`{"alg":"ES256","b64":false,"crit":["b64"]}`: "accept", `{"alg":"ES256","b64":false}`: "reject",
		`{"alg":"ES256","b64":"false","crit":["b64"]}`: "reject", `{"alg":"ES256","b64":false,"crit":["b64","x"]}`: "reject",
	} {
		// Encoded all the same: a JWT to whoever ignores b64, and to a JWS the text as it stands.
		token := w.sign(jwk.ES256, header, goodClaims)
		base.with("token", token).want(t, "reject", "a JWT, "+header)
		v := base.with("token", token).with("kind", "jws").ask(t)
		if v.Verdict != want || want == "accept" && *v.Payload != encode(encode(goodClaims)) {
			t.Errorf("encoded all the same, %s: %+v", header, v)
		}
		head := encode(header)
		sign := func(payload string) string {
			return encode(string(must(jws.SignInput(w.keys[jwk.ES256], []byte(head+"."+payload)))))
		}
		detached := base.with("kind", "jws").with("token", head+".."+sign("$.02")).with("detached_payload_b64", encode("$.02"))
		detached.want(t, want, "detached, "+header)
		if v := detached.ask(t); want == "accept" && (v.Payload == nil || *v.Payload != encode("$.02")) {
			t.Errorf("payload %v", v)
		}
		detached.with("detached_payload_b64", encode("$.03")).want(t, "reject", "another payload, "+header)
		flat := fields{"payload": "$.02", "protected": head, "signature": sign("$.02")}
		base.with("kind", "jws").with("token", flat).want(t, want, "flattened, "+header)
		base.with("kind", "jws").with("token", head+".a b."+sign("a b")).want(t, want, "compact, "+header)
	}
}

// What encoding/json repairs in a case is not what was sent.
func TestCharactersThatAreNone(t *testing.T) {
	w := newWorld(t)
	flat := w.signature(jwk.ES256, `{"alg":"ES256"}`, "x", fields{"note": "A"}).with("payload", encode("x"))
	text := string(must(json.Marshal(flat)))
	line := func(note string) string {
		token := strings.ReplaceAll(string(must(json.Marshal(text))), `\"note\":\"A\"`, `\"note\":\"`+note+`\"`)
		c := string(must(json.Marshal(fields{"id": "x", "kind": "jws", "key": w.jwk(jwk.ES256, false), "alg_allowed": []string{"ES256"}})))
		return strings.TrimSuffix(c, "}") + `,"token":` + token + "}"
	}
	for note, want := range map[string]string{"A": "accept", "\\ufffd": "accept", "\uFFFD": "accept", "é": "accept", "\xff": "reject", "\xed\xa0\x80": "reject", `\ud800`: "reject", "\\ufffd\xff": "reject"} {
		if v := ask(t, line(note)); v.Verdict != want {
			t.Errorf("%q: %s (%s), want %s", note, v.Verdict, v.Error, want)
		}
	}
}

// The error of a refusal is a code: no part of a token, its header or its claims
// comes back.
func TestErrorsAreCodes(t *testing.T) {
	w := newWorld(t)
	good := w.good(jwk.HS256)
	form := regexp.MustCompile(`^[a-z0-9_]+$`)
	for name, c := range map[string]fields{
		"iss": good.with("iss", "x"), "aud": good.with("aud", "x"), "typ": good.with("typ", "x"), "expired": good.with("now", 1800000000),
		"alg": good.with("alg_allowed", []string{"ES256"}), "key": good.with("key", w.jwk(jwk.ES256, false)), "signature": good.with("token", w.token(jwk.HS256)+"AAAA"),
		"kid": good.with("token", w.sign(jwk.HS256, `{"alg":"HS256","kid":"secret-kid"}`, goodClaims)), "shape": good.with("token", "secret"),
	} {
		v := c.ask(t)
		if v.Verdict != "reject" || !form.MatchString(v.Error) || v.Payload != nil || v.Claims != nil {
			t.Errorf("%s: %+v", name, v)
		}
	}
}
