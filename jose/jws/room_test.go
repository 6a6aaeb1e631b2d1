package jws_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"testing"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// hoarder is a signer elsewhere that keeps what it was given.
type hoarder struct {
	ed25519.PrivateKey
	kept [][]byte
}

func (h *hoarder) Sign(r io.Reader, message []byte, o crypto.SignerOpts) ([]byte, error) {
	h.kept = append(h.kept, message)
	return h.PrivateKey.Sign(r, message, o)
}

// A signer that keeps a token's bytes never reads the next token there.
func TestSignersKeepTheirOwn(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h := &hoarder{PrivateKey: private}
	key, err := jwk.New(h, jwk.EdDSA, "")
	if err != nil {
		t.Fatal(err)
	}
	var were [][]byte
	for i := range 20 {
		if _, err := jws.Sign(bytes.Repeat([]byte{byte('a' + i)}, 300), key, jws.SignOptions{}); err != nil {
			t.Fatal(err)
		}
		were = append(were, bytes.Clone(h.kept[i]))
	}
	for i := range were {
		if !bytes.Equal(were[i], h.kept[i]) {
			t.Errorf("what was kept of token %d is another's", i)
		}
	}
}
