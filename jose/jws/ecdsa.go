package jws

import (
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/asn1"
	"errors"
	"math/big"
	"sync"

	"github.com/jotward/jotward/jose/internal/keydata"
)

// verifyECDSA checks a signature in JOSE's form: r and s, each as long as the
// curve's order, one after the other (RFC 7518 3.4). DER and every other length
// are refused before any arithmetic; r and s that are zero or not below the
// order are refused by the standard library (CVE-2022-21449).
func verifyECDSA(d *keydata.Data, input, signature []byte) bool {
	size := d.Row.Size
	if len(signature) != 2*size {
		return false
	}
	var room [64]byte
	sum := digest(d.Row.Hash, input, &room)
	der := ders.Get().(*[2*(2+67) + 3]byte)
	ok := ecdsa.VerifyASN1(d.ECDSA, sum, appendDER(der[:0], signature[:size], signature[size:]))
	ders.Put(der)
	return ok
}

// ders is room for one framed signature each, which VerifyASN1 would have allocated.
var ders = sync.Pool{New: func() any { return new([2*(2+67) + 3]byte) }}

// appendDER frames r and s as the SEQUENCE of two INTEGERs that the standard
// library takes; the numbers themselves it leaves to be judged there.
func appendDER(out, r, s []byte) []byte {
	r, s = minimal(r), minimal(s)
	length := integerLen(r) + integerLen(s)
	out = append(out, 0x30)
	if length > 127 {
		out = append(out, 0x81)
	}
	out = append(out, byte(length))
	return appendInteger(appendInteger(out, r), s)
}

func minimal(b []byte) []byte {
	for len(b) > 1 && b[0] == 0 {
		b = b[1:]
	}
	return b
}

func integerLen(b []byte) int { return 2 + int(b[0]>>7) + len(b) }

func appendInteger(out, b []byte) []byte {
	out = append(out, 0x02, byte(integerLen(b)-2))
	if b[0]&0x80 != 0 {
		out = append(out, 0)
	}
	return append(out, b...)
}

var errSigner = errors.New("jws: the signer returned something that is no ECDSA signature")

func signECDSA(d *keydata.Data, input []byte) ([]byte, error) {
	var room [64]byte
	sum := digest(d.Row.Hash, input, &room)
	der, err := d.Signer.Sign(rand.Reader, sum, d.Row.Hash)
	if err != nil {
		return nil, err
	}
	var rs struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &rs); err != nil || len(rest) > 0 {
		return nil, errSigner
	}
	size := d.Row.Size
	if rs.R.Sign() <= 0 || rs.S.Sign() <= 0 || rs.R.BitLen() > 8*size || rs.S.BitLen() > 8*size {
		return nil, errSigner
	}
	out := make([]byte, 2*size)
	rs.R.FillBytes(out[:size])
	rs.S.FillBytes(out[size:])
	return out, nil
}
