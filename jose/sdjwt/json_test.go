package sdjwt_test

import (
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/sdjwt"
)

// RFC 9901 8.
func TestAttackJSON(t *testing.T) {
	t.Parallel()
	good := `{"payload":"p","protected":"h","signature":"s","header":{"disclosures":["a","b"],"kb_jwt":"x.y.z","kid":"1"}}`
	if text, err := sdjwt.Compact([]byte(good)); err != nil || text != "h.p.s~a~b~x.y.z" {
		t.Fatalf("%s, %v", text, err)
	}
	if text, err := sdjwt.Compact([]byte(`{"payload":"p","signatures":[{"protected":"h","signature":"s"},{"protected":"i","signature":"t"}]}`)); err != nil || text != "h.p.s~" {
		t.Fatalf("%s, %v", text, err)
	}
	for _, text := range []string{
		``, `[]`, `{}`, `{"payload":"p","protected":"h","signature":"s"}{}`, `{"payload":"p","payload":"q","protected":"h","signature":"s"}`,
		`{"payload":1,"protected":"h","signature":"s"}`, `{"payload":"p","protected":"h"}`, `{"payload":"p","signature":"s"}`, `{"payload":"p","protected":"","signature":"s"}`,
		`{"payload":"p~a","protected":"h","signature":"s"}`, `{"payload":"p","protected":"h.p","signature":"s"}`, `{"payload":"p","protected":"h","signature":"s~a~"}`,
		`{"payload":"p","protected":"h","signature":"s","header":[]}`, `{"payload":"p","protected":"h","signature":"s","header":{"disclosures":"a"}}`,
		`{"payload":"p","protected":"h","signature":"s","header":{"disclosures":[1]}}`, `{"payload":"p","protected":"h","signature":"s","header":{"disclosures":[""]}}`,
		`{"payload":"p","protected":"h","signature":"s","header":{"disclosures":["a~b"]}}`, `{"payload":"p","protected":"h","signature":"s","header":{"kb_jwt":1}}`,
		`{"payload":"p","protected":"h","signature":"s","header":{"kb_jwt":""}}`, `{"payload":"p","protected":"h","signature":"s","header":{"kb_jwt":"a~b"}}`,
		`{"payload":"p","signatures":{}}`, `{"payload":"p","signatures":{"a":{"protected":"h","signature":"s"}}}`, `{"payload":"p","signatures":[]}`, `{"payload":"p","signatures":[1]}`, `{"payload":"p","signature":"s","signatures":[{"protected":"h","signature":"s"}]}`,
		`{"payload":"p","signatures":[{"protected":"h","signature":"s"},{"header":{"disclosures":[]}}]}`, `{"payload":"p","signatures":[{"protected":"h","signature":"s"},{"header":{"kb_jwt":"x"}}]}`,
		`{"payload":"p","signatures":[{"protected":"h","signature":"s"},{"header":1}]}`,
		`{"payload":"p","protected":"h","signature":"s","header":{}}`,
		// RFC 7515 7.2.1 and 4.1.11: {"alg":"ES256","typ":"x"} is protected.
		`{"payload":"p","protected":"eyJhbGciOiJFUzI1NiIsInR5cCI6IngifQ","signature":"s","header":{"alg":"none"}}`,
		`{"payload":"p","protected":"eyJhbGciOiJFUzI1NiIsInR5cCI6IngifQ","signature":"s","header":{"disclosures":[],"t\u0079p":"x"}}`,
		`{"payload":"p","signatures":[{"protected":"eyJhbGciOiJFUzI1NiIsInR5cCI6IngifQ","signature":"s","header":{"typ":"y"}}]}`,
		`{"payload":"p","protected":"eyJhbGciOiJFUzI1NiIsInR5cCI6IngifQ","signature":"s","header":{"crit":["b64"]}}`,
	} {
		got, err := sdjwt.Compact([]byte(text))
		wants(t, text, err, jose.TokenMalformed)
		if got != "" {
			t.Errorf("%s: %s", text, got)
		}
	}
	if text, err := sdjwt.Compact([]byte(`{"payload":"p","protected":"eyJhbGciOiJFUzI1NiIsInR5cCI6IngifQ","signature":"s","header":{"kid":"1","disclosures":["a"]}}`)); err != nil || !strings.HasSuffix(text, ".p.s~a~") {
		t.Errorf("%s, %v", text, err)
	}
	_, err := sdjwt.Compact(make([]byte, sdjwt.DefaultMaxSize+1))
	wants(t, "too large", err, jose.TokenOversize)
	for _, text := range []string{"", "a.b.c", "a.b~", "~", "eyJrYl9qd3QiOiJ4In0.p.s~"} { // {"kb_jwt":"x"}
		_, err := sdjwt.FlattenedJSON(text)
		wants(t, text, err, jose.TokenMalformed)
	}
}
