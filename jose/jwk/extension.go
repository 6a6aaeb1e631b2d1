package jwk

import (
	"fmt"
	"slices"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/keydata"
)

// An Extension reads and uses keys of algorithms that this module knows by name
// and does not implement, because their code is in no standard library yet.
// Package mldsa, a module of its own, has one.
type Extension struct{ impl keydata.Extension }

// NewExtension is for modules of this repository: everybody else gets an Extension
// that reads nothing.
func NewExtension(a keydata.Access, impl keydata.Extension) Extension {
	if !a.Granted() {
		return Extension{}
	}
	return Extension{impl}
}

// Key builds a key of the extension's algorithm from its public and private
// bytes, as they stand in a JWK; private may be nil. It fails with
// AlgorithmNotAllowed for another algorithm, and with KeyInvalid.
func (e Extension) Key(a Algorithm, public, private []byte, keyID string) (*Key, error) {
	row := alg.Lookup(string(a))
	if row == nil {
		return nil, fail(jose.AlgorithmNotAllowed, "unknown algorithm "+quote(string(a)))
	}
	if err := checkKeyID(keyID); err != nil {
		return nil, err
	}
	k := newKey(row, keyID)
	if err := k.setOutside([]Extension{e}, public, private); err != nil {
		return nil, err
	}
	k.allow(permissions{sign: true, verify: true})
	k.thumb = thumbprint(k.members)
	if keyID == "" {
		k.keyID = k.thumb
	}
	return k, nil
}

// readAKP reads a key of an algorithm key pair (RFC 9964 3).
func (k *Key) readAKP(r *reader, extensions []Extension) error {
	public, hasPublic := r.octets("pub")
	private, hasPrivate := r.octets("priv")
	if r.err != nil {
		return r.err
	}
	if !hasPublic {
		return r.missing("pub")
	}
	if hasPrivate && len(private) == 0 {
		return fail(jose.KeyInvalid, "priv: empty")
	}
	return k.setOutside(extensions, public, private)
}

func (k *Key) setOutside(extensions []Extension, public, private []byte) error {
	row := k.data.Row
	if len(public) != row.Size {
		return fail(jose.KeyInvalid, fmt.Sprintf("%s has public keys of %d bytes, this one has %d", row.Name, row.Size, len(public)))
	}
	i := slices.IndexFunc(extensions, func(e Extension) bool { return e.impl != nil && slices.Contains(e.impl.Names(), row.Name) })
	if i < 0 {
		return fail(jose.AlgorithmNotAllowed, row.Name+" needs its extension, which is a module of its own")
	}
	outside, err := extensions[i].impl.Read(row.Name, public, private)
	if err != nil {
		return fail(jose.KeyInvalid, "pub and priv are no keys of "+row.Name+", or do not belong together")
	}
	k.data.Outside, k.data.OutsideSigns = outside, private != nil
	// RFC 9964 6: alg, kty, pub.
	k.members = []member{{"alg", row.Name}, {"kty", "AKP"}, {"pub", b64.Encode(public)}}
	if private != nil {
		k.private = []member{{"priv", b64.Encode(private)}}
	}
	return nil
}
