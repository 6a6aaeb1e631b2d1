package jwe

import (
	"context"
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/keydata"
	"github.com/jotward/jotward/jose/jwk"
)

const (
	// DefaultMaxSize is the bound on a message when DecryptOptions.MaxSize is 0.
	DefaultMaxSize = 1 << 20
	// DefaultMaxInflated is the bound on compressed content when
	// DecryptOptions.MaxInflated is 0.
	DefaultMaxInflated = 256 << 10
	// maxWork bounds the private-key operations that one message can cause, counted
	// by workOf: sixteen usual ones, or fewer dear ones, and always the first.
	maxWork = 64
)

// A KeySource answers with the keys for a kid and an algorithm. jwk.Key and
// jwk.Set are sources. The kid comes from a stranger: a source compares it and
// does nothing else with it. The answer must not depend on ctx, which carries a
// deadline and a trace: give each tenant a source of its own.
type KeySource interface {
	Lookup(ctx context.Context, kid string, alg jwk.Algorithm) ([]*jwk.Key, error)
}

// DecryptOptions say what Decrypt accepts. The zero value accepts nothing.
type DecryptOptions struct {
	Algorithms  []jwk.Algorithm // required: of key management, compared with alg exactly
	Encryptions []jwk.Algorithm // required: of the content, compared with enc exactly
	MaxSize     int             // of the message in bytes; 0 means DefaultMaxSize
	// MaxIterations bounds PBKDF2 for PBES2, in all that one message asks for.
	// 0 means DefaultMaxIterations.
	MaxIterations int
	// Decompress accepts zip DEF. Content that inflates to more than MaxInflated
	// bytes (0 means DefaultMaxInflated) is refused.
	Decompress  bool
	MaxInflated int
}

// A Message is content that was decrypted. That says nothing about who wrote
// it: anybody may encrypt to a public key.
type Message struct {
	Header    Header
	Plaintext []byte
	AAD       []byte   // the aad member of a JSON serialization, authenticated with the content
	Key       *jwk.Key // the key that opened it
}

// Decrypt opens a compact serialization (RFC 7516 5.2, 7.1). It fails with
// PolicyInvalid, TokenOversize, TokenMalformed, HeaderInvalid,
// CriticalUnsupported, AlgorithmNotAllowed, CompressionNotAllowed, WorkExceeded,
// what the key source says, KeyAmbiguous, KeyMisuse, or, for whatever does not
// open under the key, DecryptionFailed. Compressed content that opened fails with
// TokenMalformed when it does not inflate, and with TokenOversize.
func Decrypt(ctx context.Context, token string, keys KeySource, o DecryptOptions) (*Message, error) {
	o, err := o.prepare(len(token), keys)
	if err != nil {
		return nil, err
	}
	segments, err := Split(token)
	if err != nil {
		return nil, err
	}
	h, err := ParseHeader(segments[0])
	if err != nil {
		return nil, err
	}
	m := &sealed{aad: []byte(segments[0])}
	var encrypted []byte
	for i, part := range []*[]byte{&encrypted, &m.iv, &m.ciphertext, &m.tag} {
		if *part, err = b64.Bytes(segments[i+1]); err != nil {
			return nil, fail(jose.TokenMalformed, "segment: "+err.Error())
		}
	}
	return m.open(ctx, []recipient{{header: h, encrypted: encrypted}}, keys, o)
}

// Split finds the five segments of a compact serialization without allocating,
// however many dots there are. It fails with TokenMalformed.
func Split(token string) (segments [5]string, err error) {
	rest := token
	for i := range 4 {
		at := strings.IndexByte(rest, '.')
		if at < 0 {
			if strings.HasPrefix(strings.TrimLeft(token, " \t\r\n"), "{") {
				return segments, fail(jose.TokenMalformed, "JSON serialization where the compact one is expected")
			}
			return segments, fail(jose.TokenMalformed, "not five segments")
		}
		segments[i], rest = rest[:at], rest[at+1:]
	}
	if strings.IndexByte(rest, '.') >= 0 {
		return segments, fail(jose.TokenMalformed, "not five segments")
	}
	segments[4] = rest
	return segments, nil
}

// Check reports with PolicyInvalid what is missing or makes no sense.
func (o DecryptOptions) Check() error {
	if len(o.Algorithms) == 0 || len(o.Encryptions) == 0 {
		return fail(jose.PolicyInvalid, "no algorithms or no encryptions are allowed")
	}
	for _, a := range o.Algorithms {
		if !a.IsKeyManagement() {
			return fail(jose.PolicyInvalid, fmt.Sprintf("%q is no key management", string(a)))
		}
	}
	for _, a := range o.Encryptions {
		if !a.IsContentEncryption() {
			return fail(jose.PolicyInvalid, fmt.Sprintf("%q is no content encryption", string(a)))
		}
	}
	if o.MaxSize < 0 || o.MaxIterations < 0 || o.MaxInflated < 0 {
		return fail(jose.PolicyInvalid, "a bound is negative")
	}
	return nil
}

// prepare fills in the bounds and holds the message to the first of them.
func (o DecryptOptions) prepare(size int, keys KeySource) (DecryptOptions, error) {
	if err := o.Check(); err != nil {
		return o, err
	}
	if keys == nil {
		return o, fail(jose.PolicyInvalid, "no key source")
	}
	orDefault(&o.MaxSize, DefaultMaxSize)
	orDefault(&o.MaxIterations, DefaultMaxIterations)
	orDefault(&o.MaxInflated, DefaultMaxInflated)
	if size > o.MaxSize {
		return o, fail(jose.TokenOversize, fmt.Sprintf("%d bytes, at most %d are accepted", size, o.MaxSize))
	}
	return o, nil
}

func orDefault(bound *int, value int) {
	if *bound == 0 {
		*bound = value
	}
}

// sealed is the part of a message that all recipients share.
type sealed struct {
	aad, extra          []byte // what the tag covers beside the content; extra is the aad member in it
	iv, ciphertext, tag []byte
	protected           string // the protected header as it stands
}

// recipient is one way to the content key.
type recipient struct {
	header    Header
	encrypted []byte
}

// open tries the recipients in order until one opens the content.
func (m *sealed) open(ctx context.Context, list []recipient, keys KeySource, o DecryptOptions) (*Message, error) {
	t := attempt{sealed: m, options: o, left: maxWork}
	var first error
	for i := range list {
		out, err := t.recipient(ctx, &list[i], keys)
		if err == nil {
			return out, nil
		}
		// That a key of ours was tried and failed is the graver news, and the same
		// whichever recipient it was; that one could not be reached is graver still, for
		// then nobody knows whether the message opens.
		if first == nil || isAway(err) || jose.ReasonOf(err) == jose.DecryptionFailed && !isAway(first) {
			first = err
		}
	}
	return nil, first
}

// attempt bounds the work of one message over all its recipients.
type attempt struct {
	*sealed
	options DecryptOptions
	left    int
}

func (t *attempt) recipient(ctx context.Context, r *recipient, keys KeySource) (*Message, error) {
	enc, err := t.check(&r.header)
	if err != nil {
		return nil, err
	}
	candidates, err := keys.Lookup(ctx, r.header.KeyID, r.header.Algorithm)
	if err != nil {
		return nil, jose.Reasoned(err, jose.KeysUnavailable, "the key source failed")
	}
	if len(candidates) == 0 {
		return nil, fail(jose.KeyNotFound, "no key answers")
	}
	for _, key := range candidates {
		plaintext, failed := t.key(key, r, enc)
		if failed == nil {
			return t.message(key, r, plaintext)
		}
		if !isAway(err) { // else it stays the news, as in open
			err = failed
		}
	}
	return nil, err
}

// spend takes work from what is left for the message. The first attempt is
// always granted: a message to one key costs what that key costs.
func (t *attempt) spend(work int) error {
	if t.left < work && t.left < maxWork {
		return fail(jose.KeyAmbiguous, "more keys and recipients to try than one message is worth")
	}
	t.left -= work
	return nil
}

// workOf is what one attempt with a key costs: 4 for usual keys, with RSA of 2048
// bits among them at about 2 ms. RSA grows with the cube of its length, and is
// dearer without the primes.
func workOf(d *keydata.Data) int {
	const usual = 4
	if d.Row.Family != alg.RSAOAEP {
		return usual
	}
	n := d.RSA.N.BitLen() / 2048
	work := n * n * n
	if key, ok := d.Decrypter.(*rsa.PrivateKey); ok && len(key.Primes) == 0 {
		work *= 8
	}
	return max(work, usual)
}

// check looks at everything that the header decides.
func (t *attempt) check(h *Header) (*alg.Row, error) {
	for _, c := range []struct {
		given jwk.Algorithm
		list  []jwk.Algorithm
		what  string
	}{{h.Algorithm, t.options.Algorithms, "alg"}, {h.Encryption, t.options.Encryptions, "enc"}} {
		if !slices.Contains(c.list, c.given) {
			return nil, fail(jose.AlgorithmNotAllowed, fmt.Sprintf("%s %.32q is not on the list", c.what, string(c.given)))
		}
	}
	if h.Compressed && !t.options.Decompress {
		return nil, fail(jose.CompressionNotAllowed, "zip is in the header")
	}
	enc := alg.Lookup(string(h.Encryption))
	// Sizes of iv and tag are fixed by enc: a shorter tag is no tag (RFC 7518 5.2.2.2, 5.3).
	if len(t.iv) != ivSize(enc) || len(t.tag) != tagSize(enc) || !fitsContent(enc, len(t.ciphertext)) {
		return nil, fail(jose.TokenMalformed, "iv, tag or ciphertext has a length that "+enc.Name+" does not give")
	}
	return enc, nil
}

// key tries one key.
func (t *attempt) key(key *jwk.Key, r *recipient, enc *alg.Row) ([]byte, error) {
	if !key.Accepts(r.header.Algorithm) {
		return nil, fail(jose.KeyMisuse, "the key is bound to another algorithm")
	}
	d := key.Data(keydata.Inside())
	if !d.CanDecrypt {
		return nil, fail(jose.KeyMisuse, "the key is public or its key_ops do not allow decrypting")
	}
	if err := checkShape(d, &r.header, enc, r.encrypted, t.options.MaxIterations); err != nil {
		return nil, err
	}
	if err := t.spend(workOf(d)); err != nil {
		return nil, err
	}
	if d.Row.Family == alg.PBES2 {
		t.options.MaxIterations -= r.header.params.p2c
	}
	cek, err := decryptKey(d, &r.header, enc, r.encrypted)
	if err != nil {
		return nil, err
	}
	plaintext, ok := open(enc, cek, t.iv, t.ciphertext, t.tag, t.aad)
	if !ok {
		return nil, fail(jose.DecryptionFailed, "the message does not open under the key")
	}
	return plaintext, nil
}

func (t *attempt) message(key *jwk.Key, r *recipient, plaintext []byte) (*Message, error) {
	if r.header.Compressed {
		var err error
		if plaintext, err = inflate(plaintext, t.options.MaxInflated); err != nil {
			return nil, err
		}
	}
	return &Message{Header: r.header, Plaintext: plaintext, AAD: t.extra, Key: key}, nil
}
