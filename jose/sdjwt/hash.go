package sdjwt

import (
	"crypto/sha256"
	"crypto/sha512"
	"fmt"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// A Hash is a name of the Named Information Hash Algorithm registry, as it
// stands in _sd_alg (RFC 9901 4.1.1). The truncated ones of that registry are no
// hashes for this (RFC 9901 9.4), and not here.
type Hash string

// The hashes.
const (
	SHA256 Hash = "sha-256" // also when a token names none
	SHA384 Hash = "sha-384"
	SHA512 Hash = "sha-512"
)

func (h Hash) known() bool { return h == SHA256 || h == SHA384 || h == SHA512 }

// digest returns the digest of text in base64url. h must be known.
func (h Hash) digest(text string) string {
	switch h {
	case SHA384:
		sum := sha512.Sum384([]byte(text))
		return b64.Encode(sum[:])
	case SHA512:
		sum := sha512.Sum512([]byte(text))
		return b64.Encode(sum[:])
	}
	sum := sha256.Sum256([]byte(text))
	return b64.Encode(sum[:])
}

// hashOf reads the _sd_alg of a payload.
func hashOf(d *strictjson.Doc) (Hash, error) {
	v, ok := d.Find("_sd_alg")
	if !ok {
		return SHA256, nil
	}
	if v.Kind != strictjson.String {
		return "", fail(jose.DisclosureInvalid, "_sd_alg is not a string")
	}
	h := Hash(v.Text())
	if !h.known() {
		return "", fail(jose.AlgorithmNotAllowed, fmt.Sprintf("_sd_alg is %.32q", string(h)))
	}
	return h, nil
}

func fail(r jose.Reason, detail string) *jose.Error { return jose.NewError(r, detail, nil) }
