package jws_test

import (
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// signed returns the encoded header, and the signature over payload as it stands.
func signed(t *testing.T, k *jwk.Key, header, payload string) (protected, signature string) {
	t.Helper()
	protected = encode(header)
	sig, err := jws.SignInput(k, []byte(protected+"."+payload))
	if err != nil {
		t.Fatal(err)
	}
	return protected, encode(string(sig))
}

const rawHeader = `{"alg":"HS256","b64":false,"crit":["b64"]}`

// RFC 7797: a payload that is signed as it stands, in every form there is.
func TestUnencodedPayload(t *testing.T) {
	k, o := generate(t, jwk.HS256, ""), allow(jwk.HS256)
	holds := func(form, want string, m *jws.Message, err error) {
		t.Helper()
		if err != nil || string(m.Payload) != want {
			t.Errorf("%s: %v, %v", form, m, err)
		}
	}
	for _, payload := range []string{"$.02", "", "a b", "line\r\nline", "\x00\xff", "é"} {
		h, s := signed(t, k, rawHeader, payload)
		m, err := jws.VerifyDetached(ctx, h+".."+s, []byte(payload), k, o)
		holds("detached", payload, m, err)
		part := `"protected":"` + h + `","signature":"` + s + `"`
		m, err = jws.VerifyJSONDetached(ctx, []byte("{"+part+"}"), []byte(payload), k, o)
		holds("flattened, detached", payload, m, err)
		m, err = jws.VerifyJSONDetached(ctx, []byte(`{"signatures":[{`+part+`},{`+part+`}]}`), []byte(payload), k, o)
		holds("general, detached", payload, m, err)
		_, err = jws.VerifyDetached(ctx, h+".."+s, []byte(payload+"x"), k, o)
		wants(t, err, jose.SignatureInvalid)
	}
	h, s := signed(t, k, rawHeader, `a "b" $~`)
	m, err := jws.Verify(ctx, h+`.a "b" $~.`+s, k, o)
	holds("compact", `a "b" $~`, m, err)
	h, s = signed(t, k, rawHeader, "$.02 é\n")
	m, err = jws.VerifyJSON(ctx, []byte(`{"payload":"$\u002e02 \u00e9\n","protected":"`+h+`","signature":"`+s+`"}`), k, o)
	holds("flattened", "$.02 é\n", m, err)
	// Said aloud or not, b64 true is what every other signature does.
	for _, header := range []string{`{"alg":"HS256","b64":true,"crit":["b64"]}`, `{"alg":"HS256","b64":true}`} {
		h, s = signed(t, k, header, encode("x"))
		m, err = jws.Verify(ctx, h+"."+encode("x")+"."+s, k, o)
		holds(header, "x", m, err)
	}
}

// What RFC 7797 forbids, and what would let one payload be read in two ways.
func TestUnencodedPayloadRefused(t *testing.T) {
	k, o := generate(t, jwk.HS256, ""), allow(jwk.HS256)
	for _, payload := range []string{"a\nb", "a\x7f", "é", "\x00"} {
		h, s := signed(t, k, rawHeader, payload)
		_, err := jws.Verify(ctx, h+"."+payload+"."+s, k, o)
		wants(t, err, jose.TokenMalformed)
	}
	h, s := signed(t, k, rawHeader, "$.02")
	_, err := jws.Verify(ctx, h+".$.02."+s, k, o)
	wants(t, err, jose.TokenMalformed)
	_, err = jws.VerifyDetached(ctx, h+".x."+s, []byte("$.02"), k, o)
	wants(t, err, jose.TokenMalformed)
	for _, rest := range []string{`"b64":false`, `"b64":false,"crit":[]`, `"b64":false,"crit":["b64","x"],"x":1`, `"b64":false,"crit":["b64","b64"]`,
		`"b64":false,"crit":["B64"]`, `"b64":false,"crit":"b64"`, `"b64":"false","crit":["b64"]`, `"b64":0,"crit":["b64"]`, `"b64":null,"crit":["b64"]`, `"crit":["b64"]`} {
		h, s := signed(t, k, `{"alg":"HS256",`+rest+`}`, "abcd")
		_, err := jws.Verify(ctx, h+".abcd."+s, k, o)
		wants(t, err, jose.CriticalUnsupported)
		_, err = jws.VerifyJSON(ctx, []byte(`{"payload":"abcd","protected":"`+h+`","signature":"`+s+`"}`), k, o)
		wants(t, err, jose.CriticalUnsupported)
	}
	// Signatures that do not agree on b64, whichever of them would hold.
	payload := encode("x")
	h1, s1 := signed(t, k, rawHeader, payload)
	h2, s2 := signed(t, k, `{"alg":"HS256"}`, payload)
	one, two := `{"protected":"`+h1+`","signature":"`+s1+`"}`, `{"protected":"`+h2+`","signature":"`+s2+`"}`
	for _, parts := range []string{one + "," + two, two + "," + one} {
		_, err = jws.VerifyJSON(ctx, []byte(`{"payload":"`+payload+`","signatures":[`+parts+`]}`), k, o)
		wants(t, err, jose.CriticalUnsupported)
	}
	// Both members belong under the signature.
	for _, header := range []string{`{"b64":false,"crit":["b64"]}`, `{"b64":false}`, `{"b64":true}`, `{"crit":["b64"]}`} {
		text := `{"payload":"` + payload + `","header":` + header + "," + strings.TrimPrefix(two, "{")
		_, err = jws.VerifyJSON(ctx, []byte(text), k, o)
		wants(t, err, jose.HeaderInvalid)
	}
}

// "Otherwise, it MUST be absent": a header without members (RFC 7515 7.2.1).
func TestEmptyHeadersAreAbsent(t *testing.T) {
	k, o := generate(t, jwk.HS256, ""), allow(jwk.HS256)
	h, s := signed(t, k, `{"alg":"HS256"}`, encode("x"))
	_, err := jws.VerifyJSON(ctx, []byte(`{"payload":"`+encode("x")+`","protected":"`+h+`","header":{},"signature":"`+s+`"}`), k, o)
	wants(t, err, jose.HeaderInvalid)
	h, s = signed(t, k, `{}`, encode("x"))
	_, err = jws.VerifyJSON(ctx, []byte(`{"payload":"`+encode("x")+`","protected":"`+h+`","header":{"alg":"HS256"},"signature":"`+s+`"}`), k, o)
	wants(t, err, jose.HeaderInvalid)
}
