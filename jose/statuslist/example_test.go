package statuslist_test

import (
	"context"
	"fmt"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/statuslist"
)

// An issuer revokes one token of a list; a resource learns it from the list.
func Example() {
	moment := time.Unix(1700000000, 0)
	key, err := jwk.Generate(jwk.ES256, "2026")
	if err != nil {
		fmt.Println(err)
		return
	}
	list, err := statuslist.NewList(2, 100_000) // the issuer's side
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := list.Set(4711, statuslist.Invalid); err != nil {
		fmt.Println(err)
		return
	}
	signer, err := statuslist.NewSigner(key, statuslist.SignerOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := signer.Sign(list, statuslist.Info{
		URI: "https://issuer.example/statuslists/1", Issuer: "https://issuer.example",
		IssuedAt: moment, Expiry: moment.Add(time.Hour), TTL: 10 * time.Minute,
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	verifier, err := statuslist.NewVerifier(key, statuslist.Policy{ // the resource's side
		Issuers:    []string{"https://issuer.example"},
		Algorithms: []jwk.Algorithm{jwk.ES256},
		MaxAge:     2 * time.Hour,
		Clock:      func() time.Time { return moment },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ref, err := statuslist.ReadReference(`{"sub":"alice","status":{"status_list":{"idx":4711,"uri":"https://issuer.example/statuslists/1"}}}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	got, err := verifier.Verify(context.Background(), text, ref.URI)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(verifier.Check(got, ref))
	ref.Index++
	fmt.Println(verifier.Check(got, ref))
	// Output:
	// INVALID status_not_valid: the status list says INVALID
	// VALID <nil>
}

// A resource keeps a list until it is due, and takes none for another that was asked for.
func ExampleNewVerifier() {
	moment := time.Unix(1700000000, 0)
	key, err := jwk.Generate(jwk.ES256, "2026")
	if err != nil {
		fmt.Println(err)
		return
	}
	list, err := statuslist.NewList(1, 1000)
	if err != nil {
		fmt.Println(err)
		return
	}
	signer, err := statuslist.NewSigner(key, statuslist.SignerOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := signer.Sign(list, statuslist.Info{URI: "https://issuer.example/lists/1", Issuer: "https://issuer.example",
		IssuedAt: moment, Expiry: moment.Add(time.Hour), TTL: 10 * time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := statuslist.NewVerifier(key, statuslist.Policy{Issuers: []string{"https://issuer.example"}, Algorithms: []jwk.Algorithm{jwk.ES256},
		MaxAge: 2 * time.Hour, Clock: func() time.Time { return moment }})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = verifier.Verify(context.Background(), text, "https://issuer.example/lists/2")
	fmt.Println(jose.ReasonOf(err))
	got, err := verifier.Verify(context.Background(), text, "https://issuer.example/lists/1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(got.Len(), verifier.Due(got))
	moment = moment.Add(11 * time.Minute)
	fmt.Println(verifier.Due(got))
	// Output:
	// claim_mismatch
	// 1000 false
	// true
}
