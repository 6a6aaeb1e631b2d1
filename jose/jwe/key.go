package jwe

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/keydata"
)

// wrapped is what key management makes for one recipient.
type wrapped struct {
	cek       []byte
	encrypted []byte // the encrypted key, empty where the cek is agreed or shared
	header    headerJSON
}

// random returns n bytes of crypto/rand, which never fails to give them.
func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// isDirect reports whether the row gives the content key itself, so that there
// is no encrypted key and only one recipient (RFC 7516 5.1).
func isDirect(row *alg.Row) bool {
	return row.Family == alg.Direct || row.Family.EncryptsContent() || row.Family == alg.ECDHES && row.Size == 0
}

// encryptKey gives cek to the holder of d; nil for the direct rows, which give
// their own (RFC 7516 5.1 steps 1 to 6).
func encryptKey(d *keydata.Data, enc *alg.Row, cek []byte, o EncryptOptions) (w wrapped, err error) {
	w.cek = cek
	switch d.Row.Family {
	case alg.RSAOAEP:
		w.encrypted, err = rsa.EncryptOAEP(d.Row.Hash.New(), rand.Reader, d.RSA, cek, nil)
	case alg.AESKW:
		w.encrypted, err = wrapKey(d.Secret, cek)
	case alg.AESGCMKW:
		var iv, tag []byte
		w.encrypted, iv, tag, err = sealKey(d.Secret, cek)
		w.header.IV, w.header.Tag = encode(iv), encode(tag)
	case alg.ECDHES:
		var z []byte
		if z, w.header.EPK, err = agreeSend(d.ECDH); err != nil {
			return w, err
		}
		w.header.APU, w.header.APV = encode(o.PartyUInfo), encode(o.PartyVInfo)
		key := agreed(d.Row, enc, z, o.PartyUInfo, o.PartyVInfo)
		if isDirect(d.Row) {
			w.cek = key
			return w, nil
		}
		w.encrypted, err = wrapKey(key, cek)
	case alg.PBES2:
		salt := random(16)
		w.header.P2S, w.header.P2C = encode(salt), o.Iterations
		var key []byte
		if key, err = passwordKey(d.Row, d.Secret, salt, o.Iterations); err == nil {
			w.encrypted, err = wrapKey(key, cek)
		}
	default: // dir: checkDirect has compared the sizes
		w.cek = d.Secret
	}
	return w, err
}

// checkDirect holds a key that is used directly to the enc of the message: its
// own if it is bound to one, else one of its size (RFC 7518 4.5).
func checkDirect(d *keydata.Data, enc *alg.Row) error {
	switch {
	case d.Row.Family.EncryptsContent() && d.Row != enc:
		return fail(jose.KeyMisuse, "the key is bound to "+d.Row.Name+", the message names "+enc.Name)
	case d.Row.Family == alg.Direct && len(d.Secret) != enc.Size:
		return fail(jose.KeyMisuse, fmt.Sprintf("%s needs a key of %d bytes, this one has %d", enc.Name, enc.Size, len(d.Secret)))
	}
	return nil
}

// checkShape looks at everything that a recipient's part shows to anybody:
// which members are there, and how long they are.
func checkShape(d *keydata.Data, h *Header, enc *alg.Row, encrypted []byte, maxIterations int) error {
	want := -1
	switch d.Row.Family {
	case alg.RSAOAEP:
		want = d.RSA.Size()
	case alg.AESGCMKW:
		want = enc.Size
		if len(h.params.iv) != 12 || len(h.params.tag) != 16 {
			return fail(jose.HeaderInvalid, "iv or tag is missing or has the wrong length")
		}
	case alg.AESKW:
		want = enc.Size + 8
	case alg.PBES2:
		want = enc.Size + 8
		if err := h.params.checkWork(maxIterations); err != nil {
			return err
		}
	case alg.ECDHES:
		if want = enc.Size + 8; isDirect(d.Row) {
			want = 0
		}
	default:
		want = 0 // RFC 7516 5.2 step 10
		if err := checkDirect(d, enc); err != nil {
			return err
		}
	}
	if len(encrypted) != want {
		return fail(jose.TokenMalformed, "the encrypted key has the wrong length")
	}
	return nil
}

// isAway reports whether a key that lives elsewhere says that it cannot be reached (see
// jwk.New). That is its holder's word and not the message's, so it tells a sender
// nothing; every other error does not leave this file.
func isAway(err error) bool { return errors.Is(err, jose.KeysUnavailable) }

// decryptKey returns the content key of a part that checkShape has let through.
// It never says that an encrypted key does not open: it then returns a random
// one, so that the message fails later, in the same way and after the same work
// as for any other fault (RFC 7516 11.5). err is for what anybody could see.
func decryptKey(d *keydata.Data, h *Header, enc *alg.Row, encrypted []byte) ([]byte, error) {
	spare := random(enc.Size)
	var cek []byte
	ok := false
	switch d.Row.Family {
	case alg.RSAOAEP:
		var err error
		cek, err = d.Decrypter.Decrypt(rand.Reader, encrypted, &rsa.OAEPOptions{Hash: d.Row.Hash})
		if isAway(err) {
			return nil, jose.NewError(jose.KeysUnavailable, "the key cannot be reached", err)
		}
		ok = err == nil
	case alg.AESKW:
		cek, ok = unwrapKey(d.Secret, encrypted)
	case alg.AESGCMKW:
		cek, ok = openKey(d.Secret, encrypted, h.params.iv, h.params.tag)
	case alg.ECDHES:
		pub, err := h.params.readEphemeral(d)
		if err != nil {
			return nil, err
		}
		z, err := d.Exchanger.ECDH(pub)
		if isAway(err) {
			return nil, jose.NewError(jose.KeysUnavailable, "the key cannot be reached", err)
		}
		if err != nil {
			return spare, nil
		}
		cek, ok = agreed(d.Row, enc, z, h.params.apu, h.params.apv), true
		if !isDirect(d.Row) {
			cek, ok = unwrapKey(cek, encrypted)
		}
	case alg.PBES2:
		key, err := passwordKey(d.Row, d.Secret, h.params.p2s, h.params.p2c)
		if err != nil {
			return spare, nil
		}
		cek, ok = unwrapKey(key, encrypted)
	default:
		cek, ok = d.Secret, true
	}
	if !ok || len(cek) != enc.Size {
		return spare, nil
	}
	return cek, nil
}
