package jws

import (
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
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
	out := make([]byte, 2*d.Row.Size)
	r, s, ok := splitDER(der)
	if !ok || !fill(out[:d.Row.Size], r) || !fill(out[d.Row.Size:], s) {
		return nil, errSigner
	}
	return out, nil
}

// splitDER takes a SEQUENCE of two INTEGERs apart (RFC 3279 2.2.3). It reads DER
// and nothing wider, for a signer that lives elsewhere may return anything.
func splitDER(der []byte) (r, s []byte, ok bool) {
	body, rest, ok := element(der, 0x30)
	if !ok || len(rest) > 0 {
		return nil, nil, false
	}
	if r, rest, ok = element(body, 0x02); !ok {
		return nil, nil, false
	}
	s, rest, ok = element(rest, 0x02)
	return r, s, ok && len(rest) == 0
}

// element reads one element of that tag, whose length has its one spelling in at
// most two bytes: no ECDSA signature of the table needs more.
func element(in []byte, tag byte) (body, rest []byte, ok bool) {
	if len(in) < 2 || in[0] != tag {
		return nil, nil, false
	}
	n, at := int(in[1]), 2
	if in[1] == 0x81 && len(in) > 2 && in[2] > 127 {
		n, at = int(in[2]), 3
	} else if in[1] > 127 {
		return nil, nil, false
	}
	if len(in)-at < n {
		return nil, nil, false
	}
	return in[at : at+n], in[at+n:], true
}

// fill writes a positive INTEGER of DER into out, with zeros before it (RFC 7518
// 3.4), and reports whether it is one and has room there.
func fill(out, integer []byte) bool {
	if len(integer) == 0 || integer[0] > 127 || len(integer) > 1 && integer[0] == 0 && integer[1] < 128 {
		return false // empty, negative, or with a zero too many
	}
	number := minimal(integer)
	if len(number) > len(out) || number[0] == 0 {
		return false
	}
	copy(out[len(out)-len(number):], number)
	return true
}
