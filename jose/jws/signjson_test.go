package jws_test

import (
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// Every form that is written is read again, under each of its keys.
func TestEveryFormThatIsSigned(t *testing.T) {
	all := []jwk.Algorithm{jwk.ES256, jwk.EdDSA, jwk.HS256}
	var keys []*jwk.Key
	for _, a := range all {
		keys = append(keys, generate(t, a, "kid-"+string(a)))
	}
	for _, n := range []int{1, 3} {
		for _, o := range []jws.SignOptions{{}, {Type: "t", ContentType: "c"}, {Unencoded: true}} {
			payload := []byte("$.02 <é>\n")
			text, err := jws.SignJSON(payload, keys[:n], o)
			if err != nil {
				t.Fatal(err)
			}
			detached, err := jws.SignJSONDetached(payload, keys[:n], o)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range keys[:n] {
				m, err := jws.VerifyJSON(ctx, text, k, allow(k.Algorithm()))
				if err != nil || string(m.Payload) != string(payload) || m.Header.Type != o.Type || m.Header.ContentType != o.ContentType {
					t.Errorf("%d keys, %+v, %v: %v", n, o, k, err)
				}
				if _, err := jws.VerifyJSONDetached(ctx, detached, payload, k, allow(k.Algorithm())); err != nil {
					t.Errorf("%d keys, detached, %+v, %v: %v", n, o, k, err)
				}
			}
		}
	}
	o := jws.SignOptions{Unencoded: true}
	compact, err := jws.Sign([]byte("a b"), keys[0], o)
	if err != nil || strings.Split(compact, ".")[1] != "a b" {
		t.Fatal(compact, err)
	}
	if m, err := jws.Verify(ctx, compact, keys[0], allow(all...)); err != nil || string(m.Payload) != "a b" {
		t.Error(m, err)
	}
	if compact, err = jws.SignDetached([]byte("\x00."), keys[0], o); err != nil {
		t.Fatal(err)
	}
	if _, err := jws.VerifyDetached(ctx, compact, []byte("\x00."), keys[0], allow(all...)); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotSigned(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	for _, payload := range []string{"a.b", "a\n", "é", "\xff"} {
		_, err := jws.Sign([]byte(payload), k, jws.SignOptions{Unencoded: true})
		wants(t, err, jose.TokenMalformed)
	}
	_, err := jws.SignJSON([]byte("\xff"), []*jwk.Key{k}, jws.SignOptions{Unencoded: true})
	wants(t, err, jose.TokenMalformed)
	_, err = jws.SignJSON(nil, nil, jws.SignOptions{})
	wants(t, err, jose.PolicyInvalid)
	_, err = jws.SignJSON(nil, make([]*jwk.Key, 17), jws.SignOptions{})
	wants(t, err, jose.PolicyInvalid)
	_, err = jws.SignJSONDetached(nil, []*jwk.Key{k, nil}, jws.SignOptions{})
	wants(t, err, jose.PolicyInvalid)
	pub, err := generate(t, jwk.ES256, "").Public()
	if err != nil {
		t.Fatal(err)
	}
	_, err = jws.SignJSON(nil, []*jwk.Key{k, pub}, jws.SignOptions{})
	wants(t, err, jose.KeyMisuse)
	_, err = jws.SignJSON(nil, []*jwk.Key{k}, jws.SignOptions{Type: strings.Repeat("x", jws.MaxHeaderSize)})
	wants(t, err, jose.HeaderInvalid)
}
