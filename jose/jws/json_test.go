package jws_test

import (
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// The JSON forms are held to the same options as the compact one.
func TestJSONOptionsRefuse(t *testing.T) {
	t.Parallel()
	k := generate(t, jwk.HS256, "")
	h, s := signed(t, k, `{"alg":"HS256"}`, encode("x"))
	part := `"protected":"` + h + `","signature":"` + s + `"`
	text := []byte(`{"payload":"` + encode("x") + `",` + part + `}`)
	apart := []byte("{" + part + "}")
	for _, f := range []struct {
		name   string
		size   int // of what arrived
		verify func(jws.KeySource, jws.Options) error
	}{
		{"VerifyJSON", len(text), func(keys jws.KeySource, o jws.Options) error {
			_, err := jws.VerifyJSON(ctx, text, keys, o)
			return err
		}},
		{"VerifyJSONDetached", len(apart) + 1, func(keys jws.KeySource, o jws.Options) error {
			_, err := jws.VerifyJSONDetached(ctx, apart, []byte("x"), keys, o)
			return err
		}},
	} {
		list := []jwk.Algorithm{jwk.HS256}
		for _, c := range []struct {
			name string
			keys jws.KeySource
			o    jws.Options
			want jose.Reason
		}{
			{"whole", k, jws.Options{Algorithms: list, MaxSize: f.size}, ""},
			{"the zero value", k, jws.Options{}, jose.PolicyInvalid},
			{"none", k, allow("none"), jose.PolicyInvalid},
			{"no key source", nil, allow(jwk.HS256), jose.PolicyInvalid},
			{"another algorithm", k, allow(jwk.HS384), jose.AlgorithmNotAllowed},
			{"negative size", k, jws.Options{Algorithms: list, MaxSize: -1}, jose.PolicyInvalid},
			{"oversize", k, jws.Options{Algorithms: list, MaxSize: f.size - 1}, jose.TokenOversize},
		} {
			if err := f.verify(c.keys, c.o); jose.ReasonOf(err) != c.want {
				t.Errorf("%s, %s: %v, want %q", f.name, c.name, err, c.want)
			}
		}
	}
}

// Messages whose signature holds, but for the one thing that their form may not have.
func TestJSONFormRefused(t *testing.T) {
	t.Parallel()
	k, o := generate(t, jwk.HS256, ""), allow(jwk.HS256)
	payload := encode("x")
	h, s := signed(t, k, `{"alg":"HS256"}`, payload)
	_, bare := signed(t, k, "", payload) // over no protected header at all
	part := `"protected":"` + h + `","signature":"` + s + `"`
	for _, c := range []struct {
		name, text string
		want       jose.Reason
	}{
		{"one element", `{"payload":"` + payload + `","signatures":[{` + part + `}]}`, ""},
		{"signatures is an object", `{"payload":"` + payload + `","signatures":{"a":{` + part + `}}}`, jose.TokenMalformed},
		{"protected is a number", `{"payload":"` + payload + `","protected":1,"header":{"alg":"HS256"},"signature":"` + bare + `"}`, jose.TokenMalformed},
		{"protected is null", `{"payload":"` + payload + `","protected":null,"header":{"alg":"HS256"},"signature":"` + bare + `"}`, jose.TokenMalformed},
		{"protected is an object", `{"payload":"` + payload + `","protected":{"alg":"HS256"},"signature":"` + bare + `"}`, jose.TokenMalformed},
		{"no base64url behind a good one", `{"payload":"` + payload + `","signatures":[{` + part + `},{"protected":"` + h + `","signature":"!"}]}`, jose.TokenMalformed},
		{"no base64url before a good one", `{"payload":"` + payload + `","signatures":[{"protected":"` + h + `","signature":"` + s + `="},{` + part + `}]}`, jose.TokenMalformed},
		{"signature is a number", `{"payload":"` + payload + `","signatures":[{` + part + `},{"protected":"` + h + `","signature":1}]}`, jose.TokenMalformed},
	} {
		if _, err := jws.VerifyJSON(ctx, []byte(c.text), k, o); jose.ReasonOf(err) != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	// Which of the two payloads was signed would be the reader's choice.
	for _, inside := range []string{payload, encode("y"), ""} {
		_, err := jws.VerifyJSONDetached(ctx, []byte(`{"payload":"`+inside+`",`+part+`}`), []byte("x"), k, o)
		wants(t, err, jose.TokenMalformed)
	}
}
