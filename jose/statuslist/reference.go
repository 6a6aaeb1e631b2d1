package statuslist

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// A Reference is where a token's status stands (section 6.2). As a claim it is
// named status:
//
//	"status": {"status_list": {"idx": 0, "uri": "https://example.com/statuslists/1"}}
type Reference struct {
	Index uint64 // idx
	URI   string // uri, compared exactly with the sub of the list
}

// MarshalJSON returns the value of the claim status. It fails with ClaimsInvalid
// when URI is none.
func (r Reference) MarshalJSON() ([]byte, error) {
	if !isURI(r.URI) {
		return nil, fail(jose.ClaimsInvalid, "status: uri is not a URI")
	}
	type list struct { // has no MarshalJSON
		Index uint64 `json:"idx"`
		URI   string `json:"uri"`
	}
	return json.Marshal(map[string]list{"status_list": list(r)})
}

// UnmarshalJSON reads the value of the claim status, so that a Reference can be
// a field of the caller's claims; a token without the claim leaves it zero, and
// no list answers to that. It fails with StatusUnknown.
func (r *Reference) UnmarshalJSON(text []byte) error {
	got, err := readStatus(string(text))
	if err == nil {
		*r = got
	}
	return err
}

// ReadReference reads the claim status of a token that was verified before; its
// validity comes first (section 8.3). It fails with ClaimMissing when the token
// has no such claim, and with StatusUnknown when it has one that is malformed or
// names other mechanisms only. Only the caller knows whether tokens without
// status are to be accepted: the second is never one of those.
func ReadReference(payload string) (Reference, error) {
	var d strictjson.Doc
	if err := d.Scan(payload); err != nil {
		return Reference{}, fail(jose.ClaimsInvalid, err.Error())
	}
	v, ok := d.Find("status")
	if !ok {
		return Reference{}, fail(jose.ClaimMissing, "the token has no status claim")
	}
	return readStatus(v.Raw)
}

func readStatus(text string) (Reference, error) {
	var status, list strictjson.Doc
	if status.Scan(text) != nil {
		return Reference{}, fail(jose.StatusUnknown, "status is not an object")
	}
	v, ok := status.Find("status_list")
	if !ok {
		return Reference{}, fail(jose.StatusUnknown, "status names no status_list")
	}
	if list.Scan(v.Raw) != nil {
		return Reference{}, fail(jose.StatusUnknown, "status_list is not an object")
	}
	idx, ok := list.Find("idx")
	if !ok || idx.Kind != strictjson.Number {
		return Reference{}, fail(jose.StatusUnknown, "status_list: idx is missing or no number")
	}
	// "A non-negative Integer": ParseUint takes neither a sign, a fraction nor an exponent.
	index, err := strconv.ParseUint(idx.Raw, 10, 64)
	if err != nil {
		return Reference{}, fail(jose.StatusUnknown, "status_list: idx is not a non-negative integer")
	}
	uri, ok := list.Find("uri")
	if !ok || uri.Kind != strictjson.String || !isURI(uri.Text()) {
		return Reference{}, fail(jose.StatusUnknown, "status_list: uri is missing or not a URI")
	}
	return Reference{Index: index, URI: strings.Clone(uri.Text())}, nil
}

// isURI reports whether s has a scheme and parses (RFC 3986 3).
func isURI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.IsAbs()
}
