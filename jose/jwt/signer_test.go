package jwt_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
)

// Bytes are signed as they are, blanks and order included.
func TestSignerSignsVerbatim(t *testing.T) {
	k := generate(t, jwk.HS256, "k")
	s, err := jwt.NewSigner(k, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		t.Fatal(err)
	}
	const payload = "{ \"b\" : 1.50 ,\n\"a\":\"<é>\\u0041\" }"
	for _, claims := range []any{[]byte(payload), json.RawMessage(payload)} {
		token, err := s.Sign(claims)
		if err != nil {
			t.Fatal(err)
		}
		_, segment, _, _ := jws.Split(token)
		if segment != encode(payload) {
			t.Errorf("%T: signed %s", claims, decode(t, segment))
		}
		h, err := jws.ParseHeader(token[:strings.IndexByte(token, '.')])
		if err != nil || h != (jws.Header{Algorithm: jwk.HS256, KeyID: "k", Type: "at+jwt", Protected: `{"alg":"HS256","kid":"k","typ":"at+jwt"}`}) {
			t.Errorf("%+v, %v", h, err)
		}
	}
}

func TestSignerRefuses(t *testing.T) {
	k := generate(t, jwk.ES256, "k")
	_, err := jwt.NewSigner(public(t, k), jwt.SignerOptions{})
	wants(t, err, jose.KeyMisuse)
	_, err = jwt.NewSigner(nil, jwt.SignerOptions{})
	wants(t, err, jose.PolicyInvalid)
	s, err := jwt.NewSigner(k, jwt.SignerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, claims := range []any{[]byte(`[]`), []byte(`{"a":1,"a":2}`), []byte(`{} x`), []byte{}, json.RawMessage("null"), []byte("{\"a\":\"\xff\"}"),
		"text", 1, nil, []string{"a"}, make(chan int), map[string]any{"f": func() {}},
		// encoding/json writes U+FFFD for what is no UTF-8, and two subjects become one.
		map[string]string{"sub": "\xff"}, map[string]string{"sub": "a\\\xff"}, map[string]string{"s\xfe": ""}, struct{ S []string }{[]string{"\\ufffd", "\xc0\xaf"}}} {
		token, err := s.Sign(claims)
		if token != "" || jose.ReasonOf(err) != jose.ClaimsInvalid {
			t.Errorf("%T %v: %q, %v", claims, claims, token, err)
		}
	}
}

// The character itself, and a text that only looks like its escape, are signed.
func TestSignerKeepsTheReplacementCharacter(t *testing.T) {
	k := generate(t, jwk.HS256, "k")
	s, err := jwt.NewSigner(k, jwt.SignerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"\ufffd", "\\ufffd", "\\\\ufffd", "é"} {
		token, err := s.Sign(map[string]string{"sub": sub})
		if err != nil {
			t.Fatalf("%q: %v", sub, err)
		}
		_, segment, _, _ := jws.Split(token)
		var got map[string]string
		if err := json.Unmarshal(decode(t, segment), &got); err != nil || got["sub"] != sub {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestSignerMarshalsStructs(t *testing.T) {
	k := generate(t, jwk.EdDSA, "k")
	s, err := jwt.NewSigner(k, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Sign(struct {
		Iss string          `json:"iss"`
		Sub string          `json:"sub"`
		Aud string          `json:"aud"`
		Exp jwt.NumericDate `json:"exp"`
		Iat jwt.NumericDate `json:"iat"`
	}{issuer, "alice", audience, jwt.NumericDate{Time: now.Add(60e9)}, jwt.NumericDate{Time: now}})
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, verifier(t, public(t, k), goodPolicy(jwk.EdDSA)), token)
	if kid, alg := s.Key(); kid != "k" || alg != jwk.EdDSA {
		t.Error(kid, alg)
	}
}
