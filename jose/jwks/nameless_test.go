package jwks_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
	"github.com/jotward/jotward/jose/jwt"
)

// A key without kid (RFC 7517 4.5) rotates without an unknown kid to show it. A
// signature that fails under such keys starts one fetch, within the cool-down
// that all reasons share.
func TestNamelessKeysRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		one, two, stranger := withoutID(t), withoutID(t), withoutID(t)
		w.set(keysAt, page{body: publish(t, one)})
		v := anyToken(t, remote(t, w, nil))
		for range 2 { // the second time from the header cache
			if _, err := v.Verify(t.Context(), signed(t, one)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(jwks.DefaultCoolDown)
		w.set(keysAt, page{body: publish(t, two)})
		if _, err := v.Verify(t.Context(), signed(t, two)); err != nil || w.count(keysAt) != 2 {
			t.Errorf("after the rotation: %v, %d fetches", err, w.count(keysAt))
		}
		_, err := v.Verify(t.Context(), signed(t, one))
		wants(t, err, jose.SignatureInvalid)

		// Forgeries cause no more fetches than unknown kids do.
		before := w.count(keysAt)
		for range 50 {
			_, err := v.Verify(t.Context(), signed(t, stranger))
			wants(t, err, jose.SignatureInvalid)
		}
		time.Sleep(jwks.DefaultCoolDown)
		for range 50 {
			_, err := v.Verify(t.Context(), signed(t, stranger))
			wants(t, err, jose.SignatureInvalid)
		}
		if n := w.count(keysAt) - before; n != 1 {
			t.Errorf("%d fetches in two cool-downs of forgeries, the first of which had its fetch, want 1", n)
		}
	})
}

// A key with a kid is what its issuer says it is: a signature that fails under
// it is a forgery, and asks nobody anything.
func TestForgeryUnderANamedKeyFetchesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.set(keysAt, page{body: publish(t, generate(t, "a"))})
		v := anyToken(t, remote(t, w, nil))
		for _, forger := range []*jwk.Key{generate(t, "a"), withoutID(t)} {
			_, err := v.Verify(t.Context(), signed(t, forger))
			wants(t, err, jose.SignatureInvalid)
			time.Sleep(jwks.DefaultCoolDown)
		}
		if n := w.count(keysAt); n != 1 {
			t.Errorf("%d fetches, want the first alone", n)
		}
	})
}

// withoutID makes a key that has no kid.
func withoutID(t *testing.T) *jwk.Key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := jwk.New(private, jwk.ES256, "")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func anyToken(t *testing.T, r *jwks.Remote) *jwt.Verifier[struct{}] {
	t.Helper()
	v, err := jwt.NewVerifier[struct{}](r, jwt.Policy{SkipIssuer: true, SkipAudience: true, SkipType: true, SkipLifetime: true,
		Algorithms: []jwk.Algorithm{jwk.ES256}, Required: []string{}, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func signed(t *testing.T, by *jwk.Key) string {
	t.Helper()
	s, err := jwt.NewSigner(by, jwt.SignerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Sign([]byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return token
}
