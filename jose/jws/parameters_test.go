package jws_test

import (
	"encoding/json"
	"fmt"
	"log"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// A request of ACME: its first one brings the key and no kid, and each names its address
// and a nonce (RFC 8555 6.2).
func ExampleSign_parameters() {
	account, err := jwk.Generate(jwk.ES256, "") // with the kid that follows from the key
	if err != nil {
		log.Fatal(err)
	}
	if account, err = account.WithKeyID(""); err != nil {
		log.Fatal(err)
	}
	text, err := jws.SignJSON([]byte(`{"termsOfServiceAgreed":true}`), []*jwk.Key{account}, jws.SignOptions{
		Parameters: map[string]any{"jwk": account, "nonce": "6S8IqOGY7eL2lsGoTZYifg", "url": "https://acme.example/new-account"},
	})
	if err != nil {
		log.Fatal(err)
	}
	message, err := jws.VerifyJSON(ctx, text, account, jws.Options{Algorithms: []jwk.Algorithm{jwk.ES256}})
	if err != nil {
		log.Fatal(err)
	}
	var header struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal([]byte(message.Header.Protected), &header); err != nil {
		log.Fatal(err)
	}
	fmt.Println(header.URL, message.Header.KeyID == "", strings.Contains(message.Header.Protected, `"d":`))
	// Output: https://acme.example/new-account true false
}

// Protected is what the signature covers, in each serialization, and nothing beside it.
func TestProtected(t *testing.T) {
	key := generate(t, jwk.HS256, "k")
	o := jws.Options{Algorithms: []jwk.Algorithm{jwk.HS256}}
	sign := jws.SignOptions{Parameters: map[string]any{"a": []int{1}, "b": "\u00fc"}}
	const want = `{"alg":"HS256","kid":"k","a":[1],"b":"ü"}`
	must := func(m *jws.Message, err error) *jws.Message {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	compact, err := jws.Sign([]byte("x"), key, sign)
	if err != nil {
		t.Fatal(err)
	}
	detached, err := jws.SignDetached([]byte("x"), key, sign)
	if err != nil {
		t.Fatal(err)
	}
	flattened, err := jws.SignJSON([]byte("x"), []*jwk.Key{key}, sign)
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]*jws.Message{
		"compact": must(jws.Verify(ctx, compact, key, o)), "detached": must(jws.VerifyDetached(ctx, detached, []byte("x"), key, o)), "JSON": must(jws.VerifyJSON(ctx, flattened, key, o)),
	} {
		if m.Header.Protected != want {
			t.Errorf("%s: %s", name, m.Header.Protected)
		}
	}
	beside := strings.Replace(string(flattened), `{"payload"`, `{"header":{"typ":"anybody's"},"payload"`, 1)
	if m := must(jws.VerifyJSON(ctx, []byte(beside), key, o)); m.Header.Protected != want || m.Header.Type != "anybody's" {
		t.Errorf("beside an unprotected header: %+v", m.Header)
	}
	for _, name := range []string{"alg", "kid", "crit", "b64", "enc"} {
		sign.Parameters = map[string]any{name: "x"}
		if text, err := jws.Sign([]byte("x"), key, sign); text != "" || jose.ReasonOf(err) != jose.HeaderInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
