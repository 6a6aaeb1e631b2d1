package jwks

import (
	"bytes"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/jotward/jotward/jose/jwk"
)

// A bundle that comes while the first reply is being taken in waits: else both would be
// published under one generation, and a verifier that had read the bundle's keys in
// between would go on with them, for to it nothing had changed.
func TestWarmWaitsForAReply(t *testing.T) {
	t.Parallel()
	now := time.Unix(1700000000, 0)
	set := func(kid string) *jwk.Set {
		key, err := jwk.Generate(jwk.ES256, kid)
		if err != nil {
			t.Fatal(err)
		}
		s, err := jwk.NewSet(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	told, said := set("told"), set("said")
	const issuer = "https://issuer.example"
	bundle, err := ExportBundle(issuer, now, told)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRemote(Config{Issuer: issuer, Algorithms: []jwk.Algorithm{jwk.ES256}, Client: &http.Client{Transport: unreachable{}}, Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.mu.Lock() // as fly does
	done := make(chan error, 1)
	go func() { done <- r.Warm(bundle, issuer) }()
	for !waiting("jwks.(*Remote).Warm") {
		select {
		case err := <-done:
			t.Errorf("written beside the reply: %v", err)
			done <- err
		default:
			runtime.Gosched()
			continue
		}
		break
	}
	r.accept(&reply{set: said, age: time.Hour}, now)
	r.mu.Unlock()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if keys, err := r.Lookup(t.Context(), "said", jwk.ES256); err != nil || len(keys) != 1 {
		t.Errorf("the issuer's own word is lost: %v, %v", keys, err)
	}
}

// waiting reports whether a goroutine stands before a mutex inside a function.
func waiting(function string) bool {
	stacks := make([]byte, 1<<20)
	for stack := range bytes.SplitSeq(stacks[:runtime.Stack(stacks, true)], []byte("\n\n")) {
		first, _, _ := bytes.Cut(stack, []byte("\n"))
		if bytes.Contains(first, []byte("[sync.Mutex.Lock")) && bytes.Contains(stack, []byte(function)) {
			return true
		}
	}
	return false
}
