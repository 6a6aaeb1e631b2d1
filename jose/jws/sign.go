package jws

import (
	"bytes"
	"sync"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/header"
	"github.com/jotward/jotward/jose/internal/keydata"
	"github.com/jotward/jotward/jose/jwk"
)

// SignOptions name the header members that the key does not decide.
type SignOptions struct {
	Type        string // typ, left out when empty (RFC 7515 4.1.9)
	ContentType string // cty, left out when empty (RFC 7515 4.1.10)
	// Parameters are further members of the protected header, written by encoding/json:
	// x5c, url and nonce of ACME (RFC 8555 6.2), those of a profile. A *jwk.Key under jwk is
	// its public half; beside it the kid is often not wanted, see jwk.Key.WithKeyID. Names that the key or these options decide (alg, kid, typ, cty, crit,
	// b64), those of encryptions, and values that a reader would refuse are HeaderInvalid.
	Parameters map[string]any
	// Unencoded signs the payload as it is and says so with b64 and crit
	// (RFC 7797). Not for JWTs, whose readers refuse it (RFC 7797 7).
	Unencoded bool
}

// Sign returns the compact serialization of payload, signed with the key's one
// algorithm (RFC 7515 5.1). The header holds alg, the key's kid, and what o names.
// It fails like SignInput, with PolicyInvalid for a nil key, with HeaderInvalid
// when the header cannot be written or would be larger than MaxHeaderSize, and with TokenMalformed for an unencoded payload that has
// other characters than RFC 7797 5.2 lets stand there.
func Sign(payload []byte, key *jwk.Key, o SignOptions) (string, error) {
	segment, err := EncodeHeader(key, o)
	if err != nil {
		return "", err
	}
	if !o.Unencoded {
		return SignEncoded(segment, payload, key)
	}
	if _, err := plainPayload(string(payload)); err != nil || bytes.IndexByte(payload, '.') >= 0 {
		return "", fail(jose.TokenMalformed, "an unencoded payload with a dot or a character that is not printable ASCII: detach it")
	}
	sig, err := SignInput(key, inputOf(segment, payload, o))
	if err != nil {
		return "", err
	}
	return segment + "." + string(payload) + "." + b64.Encode(sig), nil
}

// inputOf returns the signing input (RFC 7515 5.1 step 8, RFC 7797 3).
func inputOf(header string, payload []byte, o SignOptions) []byte {
	input := append([]byte(header), '.')
	if o.Unencoded {
		return append(input, payload...)
	}
	return b64.AppendEncode(input, payload)
}

// SignDetached is Sign with the payload left out of the result, whose middle
// segment is empty (RFC 7515 appendix F). It fails like Sign.
func SignDetached(payload []byte, key *jwk.Key, o SignOptions) (string, error) {
	segment, err := EncodeHeader(key, o)
	if err != nil {
		return "", err
	}
	sig, err := SignInput(key, inputOf(segment, payload, o))
	if err != nil {
		return "", err
	}
	return segment + ".." + b64.Encode(sig), nil
}

// EncodeHeader returns the encoded header that Sign would write, so that it can
// be made once and used for many tokens. It fails with HeaderInvalid when that cannot be
// written or would be larger than MaxHeaderSize, and with PolicyInvalid for a nil key.
func EncodeHeader(key *jwk.Key, o SignOptions) (string, error) {
	if key.Algorithm() == "" { // nil or zero
		return "", fail(jose.PolicyInvalid, "no key")
	}
	h := struct {
		Alg  jwk.Algorithm `json:"alg"`
		Kid  string        `json:"kid,omitempty"`
		Typ  string        `json:"typ,omitempty"`
		Cty  string        `json:"cty,omitempty"`
		B64  *bool         `json:"b64,omitempty"`
		Crit []string      `json:"crit,omitempty"`
	}{Alg: key.Algorithm(), Kid: key.KeyID(), Typ: o.Type, Cty: o.ContentType}
	if o.Unencoded {
		h.B64, h.Crit = new(bool), []string{"b64"} // "MUST be listed" (RFC 7797 6)
	}
	return header.Write(h, o.Type, o.ContentType, o.Parameters)
}

// SignEncoded signs payload under a header that EncodeHeader made for the same
// key, without Unencoded. It fails like SignInput.
func SignEncoded(header string, payload []byte, key *jwk.Key) (string, error) {
	room := rooms.Get().(*[]byte)
	buf := append(append((*room)[:0], header...), '.')
	buf = b64.AppendEncode(buf, payload)
	sig, err := SignInput(key, buf)
	if err != nil {
		return "", err
	}
	buf = b64.AppendEncode(append(buf, '.'), sig)
	token := string(buf)
	if *room = buf; cap(buf) <= maxRoom && !signsWhole(key) {
		rooms.Put(room)
	}
	return token, nil
}

// signsWhole reports whether a key is given the token itself to sign and not its hash. Such
// a signer may be elsewhere and may keep what it was given.
func signsWhole(key *jwk.Key) bool {
	family := key.Data(keydata.Inside()).Row.Family
	return family == alg.Ed25519 || family == alg.MLDSA
}

// rooms are where tokens are put together. One that a huge payload made huge is not kept,
// nor one whose signing failed: a signer elsewhere that gave up may still be reading it.
var rooms = sync.Pool{New: func() any { return new([]byte) }}

const maxRoom = 16 << 10
