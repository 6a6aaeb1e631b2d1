package sdjwt

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/claimset"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// IssuerOptions say what an Issuer writes beside the claims.
type IssuerOptions struct {
	// Type is the typ of the header, such as "dc+sd-jwt". Required: a token should
	// say of which kind it is (RFC 9901 9.11).
	Type string
	// Hash is the hash of the digests. Empty means SHA256; a signature of 256 bits
	// of strength, such as ES512's, goes with SHA512 (RFC 9901 9.4).
	Hash Hash
	// Parameters are further members of the header, such as x5c: jws.SignOptions.Parameters.
	Parameters map[string]any
}

// An Issuer signs tokens whose claims their holder discloses or not. It is safe
// for use by many goroutines.
type Issuer struct {
	signer *jwt.Signer
	hash   Hash
}

// NewIssuer builds an Issuer. It fails with PolicyInvalid without a Type, for an
// unknown Hash and for a shared secret; and like jwt.NewSigner.
func NewIssuer(key *jwk.Key, o IssuerOptions) (*Issuer, error) {
	if o.Hash == "" {
		o.Hash = SHA256
	}
	switch {
	case o.Type == "":
		return nil, fail(jose.PolicyInvalid, "no type is named")
	case !o.Hash.known():
		return nil, fail(jose.PolicyInvalid, fmt.Sprintf("unknown hash %q", string(o.Hash)))
	case key != nil && key.IsSymmetric():
		return nil, fail(jose.PolicyInvalid, "a shared secret: every verifier could issue")
	}
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: o.Type, Parameters: o.Parameters})
	if err != nil {
		return nil, err
	}
	return &Issuer{signer, o.Hash}, nil
}

// A Plan says what the holder of a token may disclose or not. Places are JSON
// Pointers (RFC 6901) into the claims: "/given_name", "/address/region",
// "/nationalities/0".
type Plan struct {
	// Hide lists the claims and the elements of arrays that are hidden. When both
	// "/address" and "/address/region" are listed, the second is hidden inside the
	// first (recursive disclosures, RFC 9901 4.2.6).
	Hide []string
	// Decoys says how many digests of nothing are put into an object or an array,
	// "" being the claims set itself: they conceal how much there is to disclose
	// (RFC 9901 4.2.5).
	Decoys map[string]int
}

// maxDecoys bounds the decoys of one place.
const maxDecoys = 1024

// Issue signs claims, which are as for jwt.Signer.Sign, and returns the SD-JWT
// with all its disclosures, for the holder alone. Each salt has 128 random bits.
// The holder's key stands in the claims: "cnf": {"jwk": key}.
//
// It fails with ClaimsInvalid for claims that are no strict JSON object or use a
// name of RFC 9901; with PolicyInvalid when the plan names a place that is not
// there, for a claim that was to be hidden would be published, when it names one
// twice, or a claim that decides about validity (RFC 9901 9.7); and like
// jwt.Signer.Sign.
func (i *Issuer) Issue(claims any, plan Plan) (string, error) {
	text, err := claimset.Bytes(claims)
	if err != nil {
		return "", err
	}
	root, err := plan.tree()
	if err != nil {
		return "", err
	}
	b := &builder{hash: i.hash}
	v := strictjson.Value{Kind: strictjson.Object, Raw: strings.Trim(string(text), " \t\r\n")}
	payload, err := b.object(nil, v, root, i.hash)
	if err != nil {
		return "", err
	}
	if place := root.unused(""); place != nil {
		return "", fail(jose.PolicyInvalid, fmt.Sprintf("the plan names %q, and nothing is there", *place))
	}
	jwt, err := i.signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return parts{jwt: jwt, disclosures: b.disclosures}.join(), nil
}

// A place is one step of the plan's pointers.
type place struct {
	hide, used bool
	decoys     int
	inner      map[string]*place
}

// tree sorts the plan's pointers by what they have in common.
func (p Plan) tree() (*place, error) {
	root := &place{}
	for _, pointer := range p.Hide {
		at, err := root.walk(pointer)
		switch {
		case err != nil:
			return nil, err
		case pointer == "":
			return nil, fail(jose.PolicyInvalid, "the claims set itself cannot be hidden")
		case mustBeOpen(pointer):
			return nil, fail(jose.PolicyInvalid, pointer+" decides about validity and cannot be hidden (RFC 9901 9.7)")
		case at.hide:
			return nil, fail(jose.PolicyInvalid, fmt.Sprintf("the plan names %q twice", pointer))
		}
		at.hide = true
	}
	for pointer, n := range p.Decoys {
		at, err := root.walk(pointer)
		if err != nil {
			return nil, err
		}
		if n < 0 || n > maxDecoys {
			return nil, fail(jose.PolicyInvalid, fmt.Sprintf("%d decoys", n))
		}
		at.decoys = n
	}
	return root, nil
}

// walk makes the steps of a pointer.
func (p *place) walk(pointer string) (*place, error) {
	if pointer == "" {
		return p, nil
	}
	if pointer[0] != '/' {
		return nil, fail(jose.PolicyInvalid, fmt.Sprintf("%q is no JSON Pointer: it begins with a slash", pointer))
	}
	for step := range strings.SplitSeq(pointer[1:], "/") {
		step = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		if p.inner == nil {
			p.inner = map[string]*place{}
		}
		if p.inner[step] == nil {
			p.inner[step] = &place{}
		}
		p = p.inner[step]
	}
	return p, nil
}

// step returns a place inside p and marks it as found.
func (p *place) step(name string) *place {
	if p == nil || p.inner[name] == nil {
		return nil
	}
	p.inner[name].used = true
	return p.inner[name]
}

// unused returns a place that no claim answers to, nil when there is none.
func (p *place) unused(at string) *string {
	for name, inner := range p.inner {
		here := at + "/" + escapePointer(name)
		if !inner.used {
			return &here
		}
		if found := inner.unused(here); found != nil {
			return found
		}
	}
	return nil
}

// builder writes a payload and collects its disclosures.
type builder struct {
	hash        Hash
	disclosures []string
}

func (b *builder) value(out []byte, v strictjson.Value, p *place) ([]byte, error) {
	switch v.Kind {
	case strictjson.Object:
		return b.object(out, v, p, "")
	case strictjson.Array:
		return b.array(out, v, p)
	}
	if p != nil && p.decoys > 0 {
		return nil, fail(jose.PolicyInvalid, "decoys belong into objects and arrays")
	}
	return append(out, v.Raw...), nil
}

// object writes an object; the claims set also says its hash.
func (b *builder) object(out []byte, v strictjson.Value, p *place, hash Hash) ([]byte, error) {
	out = append(out, '{')
	var digests []string
	for c := strictjson.Open(v); ; {
		m, more := c.Next()
		if !more {
			break
		}
		if m.Name == digestsName || m.Name == elementName || m.Name == hashName {
			return nil, fail(jose.ClaimsInvalid, m.Name+" is a name of RFC 9901 and none for a claim")
		}
		inner := p.step(m.Name)
		if inner != nil && inner.hide {
			value, err := b.value(nil, m.Value, inner)
			if err != nil {
				return nil, err
			}
			digests = append(digests, b.disclose(append(append(quote(nil, m.Name), ','), value...)))
			continue
		}
		var err error
		out = append(quote(comma(out, '{'), m.Name), ':')
		if out, err = b.value(out, m.Value, inner); err != nil {
			return nil, err
		}
	}
	if p != nil {
		for range p.decoys {
			digests = append(digests, b.decoy())
		}
	}
	if len(digests) > 0 {
		slices.Sort(digests) // "MUST hide the original order" (RFC 9901 4.2.4.1)
		out = append(comma(out, '{'), `"_sd":["`+strings.Join(digests, `","`)+`"]`...)
	}
	if hash != "" {
		out = append(comma(out, '{'), `"_sd_alg":"`+string(hash)+`"`...)
	}
	return append(out, '}'), nil
}

func (b *builder) array(out []byte, v strictjson.Value, p *place) ([]byte, error) {
	var elements [][]byte
	for c := strictjson.Open(v); ; {
		m, more := c.Next()
		if !more {
			break
		}
		inner := p.step(strconv.Itoa(len(elements)))
		text, err := b.value(nil, m.Value, inner)
		if err != nil {
			return nil, err
		}
		if inner != nil && inner.hide {
			text = []byte(`{"...":"` + b.disclose(text) + `"}`)
		}
		elements = append(elements, text)
	}
	if p != nil {
		for range p.decoys {
			at, err := rand.Int(rand.Reader, big.NewInt(int64(len(elements)+1)))
			if err != nil {
				return nil, err
			}
			elements = slices.Insert(elements, int(at.Int64()), []byte(`{"...":"`+b.decoy()+`"}`))
		}
	}
	out = append(out, '[')
	for i, text := range elements {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, text...)
	}
	return append(out, ']'), nil
}

// comma appends one unless out ends with the opening character.
func comma(out []byte, opening byte) []byte {
	if out[len(out)-1] == opening {
		return out
	}
	return append(out, ',')
}

// disclose adds a disclosure of what stands behind the salt, and returns its digest.
func (b *builder) disclose(text []byte) string {
	var salt [16]byte // "the RECOMMENDED minimum length is 128 bits" (RFC 9901 9.3)
	_, _ = rand.Read(salt[:])
	plain := append([]byte(`["`+b64.Encode(salt[:])+`",`), text...)
	d := b64.Encode(append(plain, ']'))
	b.disclosures = append(b.disclosures, d)
	return b.hash.digest(d)
}

// decoy returns the digest of something that nobody knows.
func (b *builder) decoy() string {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails since go 1.24
	return b.hash.digest(b64.Encode(secret[:]))
}
