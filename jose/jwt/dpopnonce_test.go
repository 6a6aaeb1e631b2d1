package jwt

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
)

// A nonce is given out for a window, accepted as long again, and not afterwards, nor
// by another source.
func TestDPoPNonces(t *testing.T) {
	if _, err := NewDPoPNonces(time.Millisecond); !errors.Is(err, jose.PolicyInvalid) {
		t.Errorf("a window of a millisecond: %v", err)
	}
	n, err := NewDPoPNonces(time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewDPoPNonces(time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Unix(1_700_000_040, 0) // a window begins
	nonce := n.Current(start)
	if len(nonce) != 22 {
		t.Errorf("%q is not 22 characters", nonce)
	}
	for _, c := range []struct {
		after time.Duration
		given bool
		taken bool
	}{{0, true, true}, {time.Minute - 1, true, true}, {time.Minute, false, true}, {2*time.Minute - 1, false, true}, {2 * time.Minute, false, false}, {-1, false, false}} {
		now := start.Add(c.after)
		if given := n.Current(now) == nonce; given != c.given {
			t.Errorf("after %s: given out is %v", c.after, given)
		}
		if taken := slices.Contains(n.Accepted(now), nonce); taken != c.taken {
			t.Errorf("after %s: accepted is %v", c.after, taken)
		}
	}
	if slices.Contains(other.Accepted(start), nonce) {
		t.Error("another source's nonce is accepted")
	}
}
