package web

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// of is a request's context: from an address, of a client that proved who it is or not.
func of(addr string, isProved bool) context.Context {
	return context.WithValue(context.Background(), callerKey{}, &caller{addr: netip.MustParseAddr(addr), proved: isProved})
}

// However many networks fill the memory of proofs, one that comes anew has its share, and
// clients that proved who they are have the room that strangers cannot take.
func TestThreatProofMemory(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	m := newProofMemory(10_000, func() time.Time { return now })
	n := 0
	fill := func(addr string, isProved bool, most int) (held int, err error) {
		for held < most {
			n++
			if seen, err := m.Seen(of(addr, isProved), fmt.Sprint(n), now.Add(time.Minute)); seen || err != nil {
				return held, err
			}
			held++
		}
		return held, nil
	}
	for i := range 40 {
		if held, err := fill(fmt.Sprintf("192.0.%d.1", i), false, 10_000); !errors.Is(err, errShare) || held > 10_000/16 {
			t.Fatalf("network %d holds %d, %v", i, held, err)
		}
	}
	if held, err := fill("198.51.100.1", false, 20); err != nil {
		t.Errorf("one that comes anew has room for %d: %v", held, err)
	}
	if _, err := fill("192.0.0.200", false, 1); !errors.Is(err, errShare) {
		t.Errorf("another address of a network: %v", err)
	}
	if held, err := fill("192.0.1.1", true, 2500); err != nil {
		t.Errorf("a client that proved who it is has room for %d: %v", held, err)
	}
	for i := 0; ; i++ { // a network of networks
		if i > 1<<16 {
			t.Fatal("it never is full")
		}
		if _, err := fill(fmt.Sprintf("2001:db8:0:%x::1", i), false, 1); errors.Is(err, jwt.ErrReplayFull) {
			break
		}
	}
	if len(m.known) > 10_000 || len(m.known) != len(m.queue) {
		t.Errorf("%d are known, %d queued", len(m.known), len(m.queue))
	}
	// Nothing that was used is used again, whoever brings it, and all is forgotten in the end.
	if seen, err := m.Seen(of("203.0.113.1", true), "1", now); !seen || err != nil {
		t.Errorf("a replay: %v, %v", seen, err)
	}
	now = now.Add(time.Minute + 1)
	if seen, err := m.Seen(of("192.0.0.1", false), "1", now.Add(time.Minute)); seen || err != nil || len(m.known) != 1 || m.strangers != 1 || len(m.held) != 1 {
		t.Errorf("%v, %v; %d are known, %d of strangers of %d networks", seen, err, len(m.known), m.strangers, len(m.held))
	}
}

// Room that only clients that proved who they are had filled is full for all.
func TestProofMemoryIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	m := newProofMemory(100, func() time.Time { return now })
	for i := range 100 {
		if _, err := m.Seen(of("192.0.2.1", true), fmt.Sprint(i), now); err != nil {
			t.Fatal(err)
		}
	}
	for _, isProved := range []bool{true, false} {
		if _, err := m.Seen(of("192.0.2.1", isProved), "another", now); !errors.Is(err, jwt.ErrReplayFull) {
			t.Error(err)
		}
	}
}

// shareless has no room for the network that asks.
type shareless struct{}

func (shareless) Seen(context.Context, string, time.Time) (bool, error) { return false, errShare }

// A network over its share is told to come back later; that is no fault of the store's.
func TestProofShareIsTold(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	clock := func() time.Time { return now }
	p, err := NewProofs("https://id.example", "", clock)
	if err != nil {
		t.Fatal(err)
	}
	if p.verifier, err = jwt.NewDPoPVerifier(jwt.DPoPPolicy{Algorithms: ProofAlgorithms(), MaxAge: proofAge, Clock: clock, Replay: shareless{}}); err != nil {
		t.Fatal(err)
	}
	key, err := jwk.Generate(jwk.ES256, "")
	if err != nil {
		t.Fatal(err)
	}
	prover, err := jwt.NewDPoPSigner(key, clock)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := prover.Proof(jwt.DPoPTarget{Method: "POST", URL: "https://id.example/token", Nonce: p.nonces.Current(now)})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/token", nil).WithContext(of("192.0.2.1", false))
	r.Header.Set("DPoP", proof)
	_, err = p.Key(httptest.NewRecorder(), r)
	if e := asRefusal(err); e.Code != reason.RateLimited || e.RetryAfter != proofAge {
		t.Error(err)
	}
}
