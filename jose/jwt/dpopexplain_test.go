package jwt_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// Every explanation has the same checks, each with what was expected, found and to
// be done, and shows nothing that is compared in secret.
func TestDPoPExplain(t *testing.T) {
	k := newKit(t)
	kind := k.dpop()
	private, err := k.key.ExportPrivate()
	k.must(err)
	var members struct{ D string }
	k.must(json.Unmarshal(private, &members))
	names := func(e *jwt.Explanation) (list []string) {
		for _, c := range e.Checks {
			list = append(list, c.Name)
		}
		return list
	}
	want := names(kind.explain(kind.good))
	for _, name := range []string{"proof", "signature", "htm", "htu", "age", "nonce", "ath", "sender"} {
		if !slices.Contains(want, name) {
			t.Errorf("no check %s in %v", name, want)
		}
	}
	tokens := kind.bad
	tokens["a query in htu"] = k.proof(k.key, strings.Replace(proofClaims, "/token", "/token?access_token=s3cr3t", 1))
	tokens["a query in another htu"] = k.proof(k.key, strings.Replace(proofClaims, "/token", "/tok?access_token=s3cr3t", 1))
	tokens["good"] = kind.good
	for name, token := range tokens {
		e := kind.explain(token)
		if !slices.Equal(names(e), want) {
			t.Errorf("%s: %v", name, names(e))
		}
		for _, c := range e.Checks {
			if (c.State == jwt.CheckFailed) != (c.Reason != "") || (c.Remedy != "") != (c.Reason != "") {
				t.Errorf("%s: %+v", name, c)
			}
		}
		text, err := json.Marshal(e)
		k.must(err)
		for _, hidden := range []string{`"n0`, `"n1`, rfcAccessToken, "UHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo", "s3cr3t", members.D, token[strings.LastIndexByte(token, '.')+1:]} {
			if len(hidden) > 2 && strings.Contains(string(text), hidden) {
				t.Errorf("%s shows %s: %s", name, hidden, text)
			}
		}
	}
	// All that is wrong is said at once, and by whose key it is wrong.
	stranger := generate(t, jwk.ES256, "s")
	e := kind.explain(k.proof(stranger, strings.NewReplacer("POST", "GET", `"n1"`, `"n9"`).Replace(proofClaims)))
	var failed []string
	for _, c := range e.Checks {
		if c.State == jwt.CheckFailed {
			failed = append(failed, c.Name)
		}
		if c.Name == "sender" && (!strings.Contains(c.Expected, k.key.Thumbprint()) || !strings.Contains(c.Found, stranger.Thumbprint())) {
			t.Errorf("%+v", c)
		}
	}
	if !slices.Equal(failed, []string{"htm", "nonce", "sender"}) {
		t.Errorf("failed: %v", failed)
	}
}

// To explain uses up nothing, and says nothing of a request that is not whole.
func TestDPoPExplainUsesNothing(t *testing.T) {
	k := newKit(t)
	asked := 0
	v, err := jwt.NewDPoPVerifier(jwt.DPoPPolicy{Algorithms: k.algorithms(), MaxAge: time.Minute, Clock: clock, SkipNonce: true,
		Replay: storeFunc(func(string, time.Time) (bool, error) { asked++; return false, nil })})
	k.must(err)
	r := jwt.DPoPRequest{Proofs: []string{k.proof(k.key, proofClaims)}, Method: "POST", URL: proof, NoAccessToken: true}
	e, err := v.Explain(ctx, r)
	if err != nil || e.Failure() != nil || asked != 0 {
		t.Errorf("%v, %v, asked %d times", err, e.Failure(), asked)
	}
	r.URL = ""
	_, err = v.Explain(ctx, r)
	wants(t, err, jose.PolicyInvalid)
}

// A client's developer is told all that is wrong with a proof.
func ExampleDPoPVerifier_Explain() {
	signer, err := jwt.NewDPoPSigner(exampleKey(), exampleTime)
	if err != nil {
		fmt.Println(err)
		return
	}
	proof, err := signer.Proof(jwt.DPoPTarget{Method: "POST", URL: "https://api.example/order"})
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := jwt.NewDPoPVerifier(jwt.DPoPPolicy{
		Algorithms: []jwk.Algorithm{jwk.ES256}, MaxAge: time.Minute, Clock: exampleTime, SkipReplay: true, SkipNonce: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	explanation, err := verifier.Explain(context.Background(), jwt.DPoPRequest{
		Proofs: []string{proof}, Method: "GET", URL: "https://api.example/orders", NoAccessToken: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, check := range explanation.Checks {
		if check.State == jwt.CheckFailed {
			fmt.Printf("%s: expected %s; %s; %s\n", check.Name, check.Expected, check.Found, check.Remedy)
		}
	}
	// Output:
	// htm: expected "GET"; htm is "POST"; compare the claim with what is expected
	// htu: expected "https://api.example/orders"; htu is "https://api.example/order"; compare the claim with what is expected
}
