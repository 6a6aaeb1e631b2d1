package jws

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/asn1"
	"encoding/hex"
	"io"
	"math/big"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

// foreign is a signer elsewhere that answers with what it is told to.
type foreign struct {
	crypto.PublicKey
	answer []byte
}

func (f foreign) Public() crypto.PublicKey { return f.PublicKey }

func (f foreign) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return f.answer, nil }

// A signer elsewhere that returns anything but DER of two positive numbers of
// the curve's size has not signed (RFC 3279 2.2.3, RFC 7518 3.4).
func TestForeignSignatureMustBeDER(t *testing.T) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(answer string) ([]byte, error) {
		der, err := hex.DecodeString(answer)
		if err != nil {
			t.Fatal(err)
		}
		key, err := jwk.New(foreign{&k.PublicKey, der}, jwk.ES256, "")
		if err != nil {
			t.Fatal(err)
		}
		return SignInput(key, []byte("x"))
	}
	long := "0200" + hex.EncodeToString(bytes.Repeat([]byte{1}, 33))
	long = "0221" + long[4:]
	for name, answer := range map[string]string{
		"empty": "", "one byte": "30", "another tag": "3106020101020101", "cut": "3006020101020100"[:14],
		"trailing": "300602010102010100", "trailing inside": "3007020101020101ff", "one number": "3003020101",
		"zero r": "3006020100020101", "zero s": "3006020101020100", "negative r": "3006020181020101", "negative s": "3006020101020181",
		"empty integer": "30050200020101", "a zero too many": "300702020001020101", "no integer": "3006040101020101",
		"long form where short would do": "308106020101020101", "two bytes of length": "30820006020101020101", "indefinite": "30800201010201010000",
		"number too long": "3026" + long + "020101",
	} {
		if sig, err := sign(answer); jose.ReasonOf(err) != jose.KeyInvalid || sig != nil {
			t.Errorf("%s: %x, %v", name, sig, err)
		}
	}
	sig, err := sign("30070201010202" + "00ff")
	if err != nil || len(sig) != 64 || sig[31] != 1 || sig[63] != 0xff || bytes.Count(sig, []byte{0}) != 62 {
		t.Errorf("%x, %v", sig, err)
	}
}

// FuzzSplitDER holds the reader of signatures to encoding/asn1.
func FuzzSplitDER(f *testing.F) {
	for _, s := range []string{"3006020101020101", "30070201010202" + "00ff", "308106020101020101", "3006020100020101", ""} {
		der, _ := hex.DecodeString(s)
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		const size = 66
		var got, want [2 * size]byte
		r, s, ok := splitDER(der)
		ok = ok && fill(got[:size], r) && fill(got[size:], s)
		var n struct{ R, S *big.Int }
		rest, err := asn1.Unmarshal(der, &n)
		good := err == nil && len(rest) == 0 && n.R.Sign() > 0 && n.S.Sign() > 0 && n.R.BitLen() <= 8*size && n.S.BitLen() <= 8*size
		if good {
			n.R.FillBytes(want[:size])
			n.S.FillBytes(want[size:])
			// encoding/asn1 ignores what is left inside the sequence; DER has nothing there.
			again, _ := asn1.Marshal(n)
			good = bytes.Equal(again, der)
		}
		if ok != good || ok && got != want {
			t.Fatalf("%x: %v, encoding/asn1 says %v", der, ok, good)
		}
	})
}
