package jwe

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/header"
	"github.com/jotward/jotward/jose/internal/keydata"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
)

// maxRecipients bounds the work that one general serialization can cause.
const maxRecipients = 16

// DecryptJSON opens a flattened or general JSON serialization (RFC 7516 7.2).
// One recipient whose key is at hand is enough; Message names its header and
// key. Every recipient must be well-formed, header names must be disjoint in all
// three places, and zip must be protected. It fails like Decrypt.
//
// What Message.Header holds may have stood in an unprotected header, which anybody can
// change on the way: alg, enc and kid decide nothing beyond which key opened the message,
// but typ and cty are then nobody's word. Header.Protected has what the tag covers.
func DecryptJSON(ctx context.Context, text []byte, keys KeySource, o DecryptOptions) (*Message, error) {
	o, err := o.prepare(len(text), keys)
	if err != nil {
		return nil, err
	}
	var d strictjson.Doc
	if err := d.Scan(string(text)); err != nil {
		return nil, fail(jose.TokenMalformed, err.Error())
	}
	if _, both := d.Find("payload"); both {
		// What tells a signature from an encryption (RFC 7516 9): with it, one text would
		// be two messages.
		return nil, fail(jose.TokenMalformed, "payload in an encrypted message")
	}
	m := &sealed{}
	for _, part := range []struct {
		name string
		into *[]byte
	}{{"iv", &m.iv}, {"ciphertext", &m.ciphertext}, {"tag", &m.tag}} {
		if *part.into, _, err = member(&d, part.name, true); err != nil {
			return nil, err
		}
	}
	protected, shared, err := m.readShared(&d)
	if err != nil {
		return nil, err
	}
	common, err := commonOf(protected, shared)
	if err != nil {
		return nil, err
	}
	common.header.Protected = m.protected
	list, err := readRecipients(&d, common)
	if err != nil {
		return nil, err
	}
	return m.open(ctx, list, keys, o)
}

// member returns the decoded bytes of a base64url member and its spelling.
func member(d *strictjson.Doc, name string, required bool) (b []byte, spelling string, err error) {
	v, ok := d.Find(name)
	if !ok && !required {
		return nil, "", nil
	}
	if !ok || v.Kind != strictjson.String {
		return nil, "", fail(jose.TokenMalformed, name+": missing or not a string")
	}
	if b, err = b64.Bytes(v.Text()); err != nil {
		return nil, "", fail(jose.TokenMalformed, name+": "+err.Error())
	}
	return b, v.Text(), nil
}

// readShared reads the protected and the shared unprotected header, and what the
// tag covers: the protected header, and the aad after a dot (RFC 7516 5.1 step 14).
func (m *sealed) readShared(d *strictjson.Doc) (protected, shared []strictjson.Member, err error) {
	if v, ok := d.Find("protected"); ok {
		if v.Kind != strictjson.String || v.Text() == "" {
			return nil, nil, fail(jose.TokenMalformed, "protected: empty or not a string")
		}
		m.aad = []byte(v.Text())
		var inner strictjson.Doc
		if err := header.Scan(&inner, v.Text()); err != nil {
			return nil, nil, err
		}
		if m.protected, protected = inner.Text(), inner.Members(); len(protected) == 0 {
			return nil, nil, fail(jose.HeaderInvalid, "protected: empty")
		}
	}
	if v, ok := d.Find("aad"); ok {
		var spelling string
		if m.extra, spelling, err = member(d, "aad", true); err != nil {
			return nil, nil, err
		}
		if v.Raw == `""` {
			return nil, nil, fail(jose.TokenMalformed, "aad: empty")
		}
		m.aad = append(append(m.aad, '.'), spelling...)
	}
	shared, err = object(d, "unprotected")
	return protected, shared, err
}

// object lists the members of an object member, nil when it is not there. When
// it is empty, "it MUST be absent" (RFC 7516 7.2.1).
func object(d *strictjson.Doc, name string) ([]strictjson.Member, error) {
	v, ok := d.Find(name)
	if !ok {
		return nil, nil
	}
	var inner strictjson.Doc
	if v.Kind != strictjson.Object || inner.Scan(v.Raw) != nil || inner.Len() == 0 {
		return nil, fail(jose.HeaderInvalid, name+": empty or not an object")
	}
	return inner.Members(), nil
}

// common is what the headers of all recipients share.
type common struct {
	header Header
	names  map[string]bool // looked up and not searched, for a stranger decides how many there are
}

func commonOf(protected, shared []strictjson.Member) (*common, error) {
	c := &common{names: make(map[string]bool, len(protected)+len(shared))}
	for _, m := range protected {
		c.names[m.Name] = true
	}
	for _, m := range protected {
		if err := c.header.read(m); err != nil {
			return nil, err
		}
	}
	var err error
	if c.header, err = c.with(shared); err != nil {
		return nil, err
	}
	for _, m := range shared {
		c.names[m.Name] = true
	}
	return c, nil
}

// with returns the common header with unprotected members beside it.
func (c *common) with(unprotected []strictjson.Member) (Header, error) {
	h := c.header
	for _, m := range unprotected {
		if c.names[m.Name] {
			return Header{}, fail(jose.HeaderInvalid, "a name stands in two places of the header")
		}
		// Both MUST be under the tag (RFC 7516 4.1.3, 4.1.13).
		if m.Name == "zip" || m.Name == "crit" {
			return Header{}, fail(jose.HeaderInvalid, m.Name+" is not protected")
		}
		if err := h.read(m); err != nil {
			return Header{}, err
		}
	}
	return h, nil
}

// readRecipients lists the ways to the content key: the message itself when it
// is flattened, the elements of recipients when it is general, never both.
func readRecipients(d *strictjson.Doc, common *common) ([]recipient, error) {
	v, general := d.Find("recipients")
	if !general {
		r, err := readRecipient(d, common)
		return []recipient{r}, err
	}
	for _, name := range []string{"header", "encrypted_key"} {
		if _, both := d.Find(name); both {
			return nil, fail(jose.TokenMalformed, "flattened and general serialization in one")
		}
	}
	if v.Kind != strictjson.Array {
		return nil, fail(jose.TokenMalformed, "recipients: not an array")
	}
	var list []recipient
	var inner strictjson.Doc
	for c := strictjson.Open(v); ; {
		m, more := c.Next()
		if !more {
			break
		}
		if len(list) >= maxRecipients {
			return nil, fail(jose.TokenMalformed, fmt.Sprintf("more than %d recipients", maxRecipients))
		}
		if m.Kind != strictjson.Object || inner.Scan(m.Raw) != nil {
			return nil, fail(jose.TokenMalformed, "recipients: an element is not an object")
		}
		r, err := readRecipient(&inner, common)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, checkRecipients(list)
}

// checkRecipients refuses lists that RFC 7516 7.2.1 and 5.1 exclude: none, two
// encodings of one content, and a direct key beside another recipient.
func checkRecipients(list []recipient) error {
	if len(list) == 0 {
		return fail(jose.TokenMalformed, "recipients: empty")
	}
	for _, r := range list {
		if r.header.Encryption != list[0].header.Encryption {
			return fail(jose.HeaderInvalid, "recipients name different encryptions of one content")
		}
		if row := alg.Lookup(string(r.header.Algorithm)); len(list) > 1 && row != nil && isDirect(row) {
			return fail(jose.HeaderInvalid, row.Name+" has one recipient")
		}
	}
	return nil
}

func readRecipient(d *strictjson.Doc, common *common) (r recipient, err error) {
	if r.encrypted, _, err = member(d, "encrypted_key", false); err != nil {
		return r, err
	}
	if _, there := d.Find("encrypted_key"); there && len(r.encrypted) == 0 {
		return r, fail(jose.TokenMalformed, "encrypted_key: empty")
	}
	own, err := object(d, "header")
	if err != nil {
		return r, err
	}
	if r.header, err = common.with(own); err != nil {
		return r, err
	}
	return r, r.header.whole()
}

// recipientJSON is one element of recipients as it is written.
type recipientJSON struct {
	Header       headerJSON `json:"header"`
	EncryptedKey string     `json:"encrypted_key,omitempty"`
}

// messageJSON is a JSON serialization as it is written.
type messageJSON struct {
	Protected    string          `json:"protected"`
	Recipients   []recipientJSON `json:"recipients,omitempty"`
	EncryptedKey string          `json:"encrypted_key,omitempty"`
	AAD          string          `json:"aad,omitempty"`
	IV           string          `json:"iv"`
	Ciphertext   string          `json:"ciphertext"`
	Tag          string          `json:"tag"`
}

// EncryptJSON returns a JSON serialization of plaintext for one key, flattened,
// or for several, general, each of which opens it (RFC 7516 7.2). aad may be
// empty; it travels in the clear and is authenticated. Everything that can be is
// in the protected header. It fails like Encrypt, and with PolicyInvalid for no
// keys, more than 16, or a key beside others that gives the content key itself
// (dir, ECDH-ES).
func EncryptJSON(plaintext, aad []byte, keys []*jwk.Key, o EncryptOptions) ([]byte, error) {
	if len(keys) == 0 || len(keys) > maxRecipients {
		return nil, fail(jose.PolicyInvalid, fmt.Sprintf("1 to %d keys, not %d", maxRecipients, len(keys)))
	}
	c, err := prepare(plaintext, keys, o)
	if err != nil {
		return nil, err
	}
	cek := random(c.enc.Size)
	var out messageJSON
	var header headerJSON // the protected one
	for _, key := range keys {
		if len(keys) > 1 && isDirect(key.Data(keydata.Inside()).Row) {
			return nil, fail(jose.PolicyInvalid, algOf(key)+" has one recipient")
		}
		w, err := c.share(key, cek)
		if err != nil {
			return nil, err
		}
		w.header.Alg, w.header.Kid = algOf(key), key.KeyID()
		if len(keys) == 1 {
			header, cek, out.EncryptedKey = w.header, w.cek, encode(w.encrypted)
		} else {
			out.Recipients = append(out.Recipients, recipientJSON{w.header, encode(w.encrypted)})
		}
	}
	if out.Protected, err = c.encodeHeader(header); err != nil {
		return nil, err
	}
	covered := []byte(out.Protected)
	if len(aad) > 0 {
		out.AAD = encode(aad)
		covered = append(append(covered, '.'), out.AAD...)
	}
	iv, ciphertext, tag, err := c.seal(cek, covered)
	if err != nil {
		return nil, err
	}
	out.IV, out.Ciphertext, out.Tag = encode(iv), encode(ciphertext), encode(tag)
	return json.Marshal(out)
}
