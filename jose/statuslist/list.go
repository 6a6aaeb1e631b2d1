package statuslist

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// DefaultMaxBytes bounds an inflated list when nobody says otherwise: eight
// million statuses of one bit.
const DefaultMaxBytes = 1 << 20

// maxSize keeps the arithmetic of NewList inside an int of 32 bits.
const maxSize = 1 << 27

// A List is the statuses of many tokens (section 4). It is not safe for use by
// many goroutines while one of them calls Set.
type List struct {
	bits    int
	entries []byte
}

// NewList makes a list of size statuses, all of them VALID, each of 1, 2, 4 or
// 8 bits. A large list hides better which of its tokens somebody asks for
// (section 12.1). It fails with PolicyInvalid.
func NewList(bits, size int) (*List, error) {
	if !goodBits(bits) {
		return nil, fail(jose.PolicyInvalid, fmt.Sprintf("%d bits: a status has 1, 2, 4 or 8", bits))
	}
	if size < 1 || size > maxSize {
		return nil, fail(jose.PolicyInvalid, fmt.Sprintf("a list of %d statuses", size))
	}
	return &List{bits: bits, entries: make([]byte, (size*bits+7)/8)}, nil
}

// goodBits: so that no status lies across two bytes (section 4.1).
func goodBits(bits int) bool { return bits == 1 || bits == 2 || bits == 4 || bits == 8 }

// Len returns how many statuses the list holds: what it was made for, rounded
// up to a whole byte.
func (l *List) Len() int {
	if l.bits == 0 { // the zero List
		return 0
	}
	return len(l.entries) * 8 / l.bits
}

// place returns a status's byte and how far it is shifted there: statuses fill
// a byte from its least significant bit (section 4.1).
func (l *List) place(index uint64) (at int, shift uint, err error) {
	if index >= uint64(l.Len()) {
		return 0, 0, fail(jose.StatusUnknown, fmt.Sprintf("index %d in a list of %d", index, l.Len()))
	}
	perByte := uint64(8 / l.bits)
	return int(index / perByte), uint(index%perByte) * uint(l.bits), nil
}

// mask is the value whose bits are all set.
func (l *List) mask() byte { return byte(1<<l.bits - 1) }

// Status returns the status at index. It fails with StatusUnknown outside the list.
func (l *List) Status(index uint64) (Status, error) {
	at, shift, err := l.place(index)
	if err != nil {
		return 0, err
	}
	return Status(l.entries[at] >> shift & l.mask()), nil
}

// Set writes the status at index. It fails with StatusUnknown outside the list,
// and with PolicyInvalid for a status that the list's bits cannot hold.
func (l *List) Set(index uint64, s Status) error {
	at, shift, err := l.place(index)
	if err != nil {
		return err
	}
	if byte(s) > l.mask() {
		return fail(jose.PolicyInvalid, fmt.Sprintf("status %s does not fit into %d bits", s, l.bits))
	}
	l.entries[at] = l.entries[at]&^(l.mask()<<shift) | byte(s)<<shift
	return nil
}

// MarshalJSON returns the list as it stands in a token's status_list, without
// an aggregation_uri (section 4.2).
func (l *List) MarshalJSON() ([]byte, error) {
	lst, err := l.compress()
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `{"bits":%d,"lst":"%s"}`, l.bits, lst), nil
}

// compress returns lst, at the highest level as section 4.1 recommends.
func (l *List) compress() (string, error) {
	var out bytes.Buffer
	w, err := zlib.NewWriterLevel(&out, zlib.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(l.entries); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return b64.Encode(out.Bytes()), nil
}

// ParseList reads what MarshalJSON writes, so that an issuer can go on with a
// list, of at most maxBytes when inflated; 0 means DefaultMaxBytes. It vouches
// for nothing: a list from elsewhere comes through a Verifier. It fails with
// StatusUnknown.
func ParseList(text []byte, maxBytes int) (*List, error) {
	l, _, err := parseList(string(text), maxBytes)
	return l, err
}

// parseList reads a status_list, and its aggregation_uri.
func parseList(text string, maxBytes int) (l *List, aggregation string, err error) {
	var d strictjson.Doc
	if err := d.Scan(text); err != nil {
		return nil, "", fail(jose.StatusUnknown, "status_list: "+err.Error())
	}
	bits, ok := d.Find("bits")
	if !ok || bits.Kind != strictjson.Number || len(bits.Raw) != 1 || !goodBits(int(bits.Raw[0]-'0')) {
		return nil, "", fail(jose.StatusUnknown, "status_list: bits is not 1, 2, 4 or 8")
	}
	lst, ok := d.Find("lst")
	if !ok || lst.Kind != strictjson.String {
		return nil, "", fail(jose.StatusUnknown, "status_list: lst is missing or not a string")
	}
	if v, ok := d.Find("aggregation_uri"); ok {
		if v.Kind != strictjson.String || !isURI(v.Text()) {
			return nil, "", fail(jose.StatusUnknown, "status_list: aggregation_uri is not a URI")
		}
		aggregation = v.Text()
	}
	compressed, err := b64.Bytes(lst.Text())
	if err != nil {
		return nil, "", fail(jose.StatusUnknown, "status_list: lst: "+err.Error())
	}
	l = &List{bits: int(bits.Raw[0] - '0')}
	if l.entries, err = inflate(compressed, maxBytes); err != nil {
		return nil, "", err
	}
	return l, aggregation, nil
}

// inflate is bounded by what the caller can bear, not by what the list says: a
// kilobyte of zlib can stand for a megabyte, and the bound is met while inflating.
// It reads to the checksum, and refuses what stands behind it.
func inflate(compressed []byte, limit int) ([]byte, error) {
	if limit == 0 {
		limit = DefaultMaxBytes
	}
	in := bytes.NewReader(compressed)
	r, err := zlib.NewReader(in)
	if err != nil {
		return nil, fail(jose.StatusUnknown, "status_list: lst is not zlib data")
	}
	out, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	switch {
	case err != nil:
		return nil, fail(jose.StatusUnknown, "status_list: lst is not whole zlib data")
	case len(out) > limit:
		return nil, fail(jose.StatusUnknown, fmt.Sprintf("status_list: lst inflates to more than %d bytes", limit))
	case in.Len() > 0:
		return nil, fail(jose.StatusUnknown, "status_list: data after the compressed list")
	}
	return out, nil
}

func fail(r jose.Reason, detail string) *jose.Error { return jose.NewError(r, detail, nil) }
