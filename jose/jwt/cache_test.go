package jwt_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// changing is a source whose keys are replaced, and that counts its look-ups.
type changing struct {
	set        atomic.Pointer[jwk.Set]
	generation atomic.Uint64
	lookups    atomic.Int64
}

func (c *changing) Lookup(ctx context.Context, kid string, a jwk.Algorithm) ([]*jwk.Key, error) {
	c.lookups.Add(1)
	return c.set.Load().Lookup(ctx, kid, a)
}

func (c *changing) Generation() uint64 { return c.generation.Load() }

func (c *changing) replace(t testing.TB, keys ...*jwk.Key) {
	s, err := jwk.NewSet(keys...)
	if err != nil {
		t.Fatal(err)
	}
	c.set.Store(s)
	c.generation.Add(1)
}

// A header is resolved once, and again when the keys have changed: a key that
// was withdrawn is worth nothing to a verifier that remembers it.
func TestHeaderCacheFollowsTheKeys(t *testing.T) {
	a, b := generate(t, jwk.HS256, "a"), generate(t, jwk.HS256, "b")
	src := &changing{}
	src.replace(t, a)
	v := verifier(t, src, goodPolicy(jwk.HS256))
	token := sign(t, a, goodClaims)
	for range 5 {
		if _, err := v.Verify(ctx, token); err != nil { // accepted explains, which looks up
			t.Fatal(err)
		}
	}
	if n := src.lookups.Load(); n != 1 {
		t.Errorf("%d look-ups for one header", n)
	}
	src.replace(t, b)
	refused(t, v, token, jose.KeyNotFound)
	src.replace(t, b, a)
	accepted(t, v, token)
	// The same kid, another key.
	a2 := generate(t, jwk.HS256, "a")
	src.replace(t, a2)
	refused(t, v, token, jose.SignatureInvalid)
}

// Only headers that a signature vouched for are remembered, so strangers
// neither fill the cache nor push honest headers out of it.
func TestHeaderCacheIsClosedToStrangers(t *testing.T) {
	a, stranger := generate(t, jwk.HS256, "a"), generate(t, jwk.HS256, "a")
	src := &changing{}
	src.replace(t, a)
	v := verifier(t, src, goodPolicy(jwk.HS256))
	token := sign(t, a, goodClaims)
	accepted(t, v, token)
	for i := range 500 {
		refused(t, v, forge(t, stranger, fmt.Sprintf(`{"alg":"HS256","typ":"at+jwt","kid":"a","n":%d}`, i), goodClaims), jose.SignatureInvalid)
	}
	before := src.lookups.Load()
	if _, err := v.Verify(ctx, token); err != nil {
		t.Fatal(err)
	}
	if src.lookups.Load() != before {
		t.Error("strangers pushed a header out")
	}
	// An issuer with a new header for each token is slow, and right.
	for i := range 500 {
		accepted(t, v, forge(t, a, fmt.Sprintf(`{"alg":"HS256","typ":"at+jwt","kid":"a","n":%d}`, i), goodClaims))
	}
	accepted(t, v, token)
}

// A source that answers with a key of another algorithm is not believed.
type lying struct{ key *jwk.Key }

func (l lying) Lookup(context.Context, string, jwk.Algorithm) ([]*jwk.Key, error) {
	return []*jwk.Key{l.key}, nil
}
func (lying) Generation() uint64 { return 0 }

func TestSourceIsNotBelieved(t *testing.T) {
	k := generate(t, jwk.RS256, "")
	secret := generate(t, jwk.HS256, "")
	v := verifier(t, lying{public(t, k)}, goodPolicy(jwk.RS256, jwk.HS256))
	refused(t, v, sign(t, secret, goodClaims), jose.KeyMisuse)
	empty := verifier(t, nothing{}, goodPolicy(jwk.HS256))
	refused(t, empty, sign(t, secret, goodClaims), jose.KeyNotFound)
}

type nothing struct{}

func (nothing) Lookup(context.Context, string, jwk.Algorithm) ([]*jwk.Key, error) { return nil, nil }
func (nothing) Generation() uint64                                                { return 0 }

// Many goroutines, good and bad tokens, keys that change: for the race detector.
func TestVerifierRace(t *testing.T) {
	a, b := generate(t, jwk.HS256, "a"), generate(t, jwk.ES256, "b")
	src := &changing{}
	src.replace(t, a, b)
	v := verifier(t, src, goodPolicy(jwk.HS256, jwk.ES256))
	tokens := []string{sign(t, a, goodClaims), sign(t, b, goodClaims)}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				token := tokens[(g+i)%2]
				got, err := v.Verify(ctx, token)
				if err != nil || got.Subject != "alice" || got.Claims.Role != "clerk" {
					t.Errorf("%v, %v", got, err)
					return
				}
				if _, err := v.Verify(ctx, token[:len(token)-4]+"AAAA"); err == nil {
					t.Error("a bad signature is accepted")
					return
				}
				if g == 0 && i%10 == 0 {
					src.replace(t, a, b)
				}
			}
		})
	}
	wg.Wait()
}

// What a verification allocates is the payload that the token's strings are parts
// of, the list of its aud, and what the caller's claims need; for ECDSA and RSA,
// the raw operation's own beside. The Token itself is one when it is kept.
func TestAllocations(t *testing.T) {
	for _, c := range []struct {
		name, payload string
		alg           jwk.Algorithm
		most          float64
	}{
		{"HS256", goodClaims, jwk.HS256, 2},
		{"EdDSA", goodClaims, jwk.EdDSA, 2},
		{"HS256 with a list", goodClaims[:len(goodClaims)-1] + `,"groups":["a","b","c"]}`, jwk.HS256, 2},
	} {
		k := generate(t, c.alg, "k")
		s, err := jwk.NewSet(k)
		if err != nil {
			t.Fatal(err)
		}
		v := verifier(t, s, goodPolicy(c.alg))
		token := sign(t, k, c.payload)
		accepted(t, v, token)
		got := testing.AllocsPerRun(200, func() {
			if _, err := v.Verify(ctx, token); err != nil {
				t.Fatal(err)
			}
		})
		var keep *jwt.Token[claims]
		kept := testing.AllocsPerRun(200, func() { keep, _ = v.Verify(ctx, token) })
		if raceEnabled || testing.CoverMode() != "" { // with which nothing is inlined
			continue
		}
		if got > c.most || kept > c.most+1 || keep == nil {
			t.Errorf("%s: %v allocations, %v when the token is kept; at most %v and one more", c.name, got, kept, c.most)
		}
	}
}

var _ jwt.KeySource = (*jwk.Set)(nil)
var _ jwt.KeySource = (*jwk.Key)(nil)
