package jwe

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/binary"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/keydata"
	"github.com/jotward/jotward/jose/jwk"
)

// concatKDF is the single-step derivation of NIST SP 800-56A 5.8.1 with SHA-256
// and the fields that RFC 7518 4.6.2 gives it. id is the enc for direct
// agreement and the alg where a key is wrapped.
func concatKDF(row *alg.Row, z []byte, id string, apu, apv []byte, size int) []byte {
	var info []byte
	for _, field := range [][]byte{[]byte(id), apu, apv} {
		info = binary.BigEndian.AppendUint32(info, uint32(len(field)))
		info = append(info, field...)
	}
	info = binary.BigEndian.AppendUint32(info, uint32(size*8)) // SuppPubInfo
	var key []byte
	for round := uint32(1); len(key) < size; round++ {
		h := row.Hash.New()
		h.Write(binary.BigEndian.AppendUint32(nil, round))
		h.Write(z)
		h.Write(info)
		key = h.Sum(key)
	}
	return key[:size]
}

// agreed returns the key that row and enc ask for.
func agreed(row, enc *alg.Row, z, apu, apv []byte) []byte {
	if row.Size == 0 {
		return concatKDF(row, z, enc.Name, apu, apv, enc.Size)
	}
	return concatKDF(row, z, row.Name, apu, apv, row.Size)
}

// agreeSend makes an ephemeral key for pub and returns the shared secret with
// the epk member.
func agreeSend(pub *ecdh.PublicKey) (z []byte, epk string, err error) {
	ephemeral, err := pub.Curve().GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", err
	}
	if z, err = ephemeral.ECDH(pub); err != nil {
		return nil, "", err
	}
	curve := alg.CurveOf(pub.Curve())
	point := ephemeral.PublicKey().Bytes()
	if curve.KeyType == "OKP" {
		return z, `{"kty":"OKP","crv":"` + curve.Name + `","x":"` + b64.Encode(point) + `"}`, nil
	}
	x, y := point[1:1+curve.Size], point[1+curve.Size:]
	return z, `{"kty":"EC","crv":"` + curve.Name + `","x":"` + b64.Encode(x) + `","y":"` + b64.Encode(y) + `"}`, nil
}

// readEphemeral reads the sender's key, which must lie on the curve of ours:
// a point elsewhere would give the private key away piece by piece
// (CVE-2017-16007). It looks at nothing secret.
func (p *params) readEphemeral(d *keydata.Data) (*ecdh.PublicKey, error) {
	if p.epk == "" {
		return nil, fail(jose.HeaderInvalid, "epk is missing")
	}
	key, err := jwk.Parse([]byte(p.epk), jwk.Options{Algorithms: []jwk.Algorithm{jwk.Algorithm(d.Row.Name)}, PublicOnly: true})
	if err != nil {
		return nil, fail(jose.HeaderInvalid, "epk is no public key for the algorithm")
	}
	pub := key.Data(keydata.Inside()).ECDH
	if pub == nil || pub.Curve() != d.ECDH.Curve() {
		return nil, fail(jose.HeaderInvalid, "epk is on another curve than the key")
	}
	return pub, nil
}
