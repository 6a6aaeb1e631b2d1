package jwt

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
)

// DPoPNonces gives out nonces for DPoP proofs (RFC 9449 8, 9) and remembers none of
// them: each follows from the time and from a key that NewDPoPNonces makes, so that a
// proof of before a restart, whose use nobody remembers, is refused after it. It is
// safe for use by many goroutines.
type DPoPNonces struct {
	key    [32]byte
	window time.Duration
}

// NewDPoPNonces makes a source of nonces. Each is given out for a window and accepted
// as long again. It fails with PolicyInvalid for a window under a second.
func NewDPoPNonces(window time.Duration) (*DPoPNonces, error) {
	if window < time.Second {
		return nil, fail(jose.PolicyInvalid, "a window of at least a second is needed")
	}
	n := &DPoPNonces{window: window}
	_, _ = rand.Read(n.key[:]) // never fails (crypto/rand)
	return n, nil
}

// Current is the nonce to give out now: 22 characters of base64url, the value of the
// DPoP-Nonce header field (RFC 9449 8.1).
func (n *DPoPNonces) Current(now time.Time) string { return n.of(n.number(now)) }

// Accepted are the nonces for DPoPRequest.Nonces: the present one and the one before.
func (n *DPoPNonces) Accepted(now time.Time) []string {
	number := n.number(now)
	return []string{n.of(number), n.of(number - 1)}
}

func (n *DPoPNonces) number(now time.Time) int64 { return now.UnixNano() / int64(n.window) }

func (n *DPoPNonces) of(number int64) string {
	m := hmac.New(sha256.New, n.key[:])
	_ = binary.Write(m, binary.BigEndian, number) // a hash takes everything
	return b64.Encode(m.Sum(nil)[:16])
}
