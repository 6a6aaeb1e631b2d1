package jwe

import (
	"encoding/json"
	"fmt"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/header"
	"github.com/jotward/jotward/jose/internal/keydata"
	"github.com/jotward/jotward/jose/jwk"
)

// EncryptOptions name what the key does not decide.
type EncryptOptions struct {
	// Encryption is the enc of the content. It may be left out when the key is
	// bound to a content encryption itself.
	Encryption jwk.Algorithm
	// Type is typ, ContentType is cty; left out when empty (RFC 7516 4.1.11, 4.1.12).
	Type, ContentType string
	// Parameters are further members of the protected header, written by encoding/json,
	// such as the claims that RFC 7519 5.3 repeats there. Names that the keys or these
	// options decide, those of signatures, and values that a reader would refuse are
	// HeaderInvalid.
	Parameters map[string]any
	// Compress deflates the content first. What the length of a ciphertext tells
	// of secrets beside an attacker's words is the caller's to judge (RFC 8725 3.6).
	Compress bool
	// Iterations of PBKDF2 for PBES2. 0 means DefaultIterations.
	Iterations int
	// PartyUInfo and PartyVInfo are apu and apv for ECDH-ES (RFC 7518 4.6.1.2).
	PartyUInfo, PartyVInfo []byte
}

// headerJSON is a header as it is written, in the order in which it is read best.
type headerJSON struct {
	Alg string
	Enc string
	Kid string
	Typ string
	Cty string
	Zip string
	EPK string
	APU string
	APV string
	IV  string
	Tag string
	P2S string
	P2C int
}

// MarshalJSON writes the members that are set.
func (h headerJSON) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Alg string          `json:"alg,omitempty"`
		Enc string          `json:"enc,omitempty"`
		Kid string          `json:"kid,omitempty"`
		Typ string          `json:"typ,omitempty"`
		Cty string          `json:"cty,omitempty"`
		Zip string          `json:"zip,omitempty"`
		EPK json.RawMessage `json:"epk,omitempty"`
		APU string          `json:"apu,omitempty"`
		APV string          `json:"apv,omitempty"`
		IV  string          `json:"iv,omitempty"`
		Tag string          `json:"tag,omitempty"`
		P2S string          `json:"p2s,omitempty"`
		P2C int             `json:"p2c,omitempty"`
	}{h.Alg, h.Enc, h.Kid, h.Typ, h.Cty, h.Zip, json.RawMessage(h.EPK), h.APU, h.APV, h.IV, h.Tag, h.P2S, h.P2C})
}

func encode(b []byte) string { return b64.Encode(b) }

// content is a message to encrypt, before there is a key for it.
type content struct {
	enc       *alg.Row
	plaintext []byte
	options   EncryptOptions
}

// Encrypt returns the compact serialization of plaintext for one key
// (RFC 7516 5.1, 7.1). It fails with PolicyInvalid for a nil key or an
// Encryption that is none, with HeaderInvalid for a header that cannot be written, with KeyMisuse when the key does not encrypt or is
// bound to another Encryption, and with KeyInvalid when the operation fails.
func Encrypt(plaintext []byte, key *jwk.Key, o EncryptOptions) (string, error) {
	c, err := prepare(plaintext, []*jwk.Key{key}, o)
	if err != nil {
		return "", err
	}
	w, err := c.share(key, random(c.enc.Size))
	if err != nil {
		return "", err
	}
	h := w.header
	h.Alg, h.Kid = algOf(key), key.KeyID()
	protected, err := c.encodeHeader(h)
	if err != nil {
		return "", err
	}
	iv, ciphertext, tag, err := c.seal(w.cek, []byte(protected))
	if err != nil {
		return "", err
	}
	out := make([]byte, 0, len(protected)+(len(w.encrypted)+len(ciphertext)+len(iv)+len(tag))*4/3+16)
	out = append(out, protected...)
	for _, part := range [][]byte{w.encrypted, iv, ciphertext, tag} {
		out = b64.AppendEncode(append(out, '.'), part)
	}
	return string(out), nil
}

// algOf returns the alg that a message to the key names.
func algOf(key *jwk.Key) string {
	if key.Algorithm().IsContentEncryption() {
		return string(jwk.Direct)
	}
	return string(key.Algorithm())
}

// prepare checks options and keys and compresses.
func prepare(plaintext []byte, keys []*jwk.Key, o EncryptOptions) (*content, error) {
	for _, key := range keys {
		if key.Algorithm() == "" { // nil or zero
			return nil, fail(jose.PolicyInvalid, "no key")
		}
		if !key.CanEncrypt() {
			return nil, fail(jose.KeyMisuse, "the key's algorithm, use or key_ops do not allow encrypting")
		}
		if o.Encryption == "" && key.Algorithm().IsContentEncryption() {
			o.Encryption = key.Algorithm()
		}
	}
	if !o.Encryption.IsContentEncryption() {
		return nil, fail(jose.PolicyInvalid, fmt.Sprintf("%q is no content encryption", string(o.Encryption)))
	}
	if o.Iterations == 0 {
		o.Iterations = DefaultIterations
	}
	if o.Iterations < minIterations {
		return nil, fail(jose.PolicyInvalid, fmt.Sprintf("at least %d iterations", minIterations))
	}
	c := &content{enc: alg.Lookup(string(o.Encryption)), plaintext: plaintext, options: o}
	if o.Compress {
		var err error
		if c.plaintext, err = deflate(plaintext); err != nil {
			return nil, broken(err)
		}
	}
	return c, nil
}

// share encrypts cek to key.
func (c *content) share(key *jwk.Key, cek []byte) (wrapped, error) {
	d := key.Data(keydata.Inside())
	if err := checkDirect(d, c.enc); err != nil {
		return wrapped{}, err
	}
	w, err := encryptKey(d, c.enc, cek, c.options)
	if err != nil {
		return w, broken(err)
	}
	return w, nil
}

// encodeHeader adds what belongs to the content and encodes the whole.
func (c *content) encodeHeader(h headerJSON) (string, error) {
	h.Enc, h.Typ, h.Cty = c.enc.Name, c.options.Type, c.options.ContentType
	if c.options.Compress {
		h.Zip = "DEF"
	}
	return header.Write(h, h.Typ, h.Cty, c.options.Parameters)
}

// seal encrypts the content under cek with a fresh iv.
func (c *content) seal(cek, aad []byte) (iv, ciphertext, tag []byte, err error) {
	iv = random(ivSize(c.enc))
	if ciphertext, tag, err = seal(c.enc, cek, iv, c.plaintext, aad); err != nil {
		return nil, nil, nil, broken(err)
	}
	return iv, ciphertext, tag, nil
}

func broken(cause error) *jose.Error {
	return jose.NewError(jose.KeyInvalid, "encrypting failed", cause)
}
