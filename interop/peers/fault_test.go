package peers

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/jotward/jotward/jose"
)

// A fault is how a peer writes against an RFC. Its message must be refused, and be
// read once the fault is mended: so nothing else of it was at fault.
type fault struct {
	reasons []jose.Reason                // one of which the refusal names
	mend    func(message map[string]any) // nil when only its maker could
	blind   bool                         // it does not read messages that are right either
}

// signedFault returns what the peer does wrong in signatures of this shape, or nil.
func signedFault(name string, s shape) *fault {
	if name == "go-jose" && s.json && s.unencoded {
		// It writes the payload in base64url where b64 false says that the member is
		// the payload itself (RFC 7797 3), and signs the other.
		// A message's reason is its first signature's, which may be for another key.
		return &fault{[]jose.Reason{jose.SignatureInvalid, jose.AlgorithmNotAllowed}, func(m map[string]any) { m["payload"] = payload }, true}
	}
	return nil
}

// encryptedFault is signedFault for encryption.
func encryptedFault(name string, s shape, enc string, list []box) *fault {
	several := len(list) > 1
	switch {
	case name == "go-jose" && several:
		// "The "recipients" member MUST NOT be present when using this syntax", which is
		// the one with encrypted_key at the top (RFC 7516 7.2.2). It repeats the first
		// recipient's there: a reader of the one syntax sees another message than a
		// reader of the other.
		return &fault{[]jose.Reason{jose.TokenMalformed}, func(m map[string]any) { delete(m, "encrypted_key") }, false}
	case name == "jwx" && s.json && !several:
		// "The Header Parameter names in the three locations MUST be disjoint" (RFC 7516
		// 7.2.1, and again 5.2 step 4). It has everything of header in protected too.
		return &fault{[]jose.Reason{jose.HeaderInvalid}, func(m map[string]any) { delete(m, "header") }, false}
	case name == "jose" && s.zip:
		// "If a "zip" parameter was included, compress the plaintext" (RFC 7516 5.1 step 11).
		// It writes zip and compresses nothing, and makes noise of its own message; what is
		// compressed it reads. Of many recipients the first one's reason counts.
		return &fault{[]jose.Reason{jose.TokenMalformed, jose.AlgorithmNotAllowed, jose.DecryptionFailed}, nil, false}
	case name == "jose" && s.aad != "" && slices.Contains([]string{"A128GCM", "A192GCM", "A256GCM"}, enc):
		// The tag covers protected, a dot and aad (RFC 7516 5.1 step 14). It covers as
		// many characters of aad as protected has, be they fewer or beyond its end.
		// With dir it has the fault that follows as well.
		return &fault{[]jose.Reason{jose.DecryptionFailed, jose.TokenMalformed}, nil, true}
	case name == "jose" && s.json && list[0].alg == "dir":
		// An empty encrypted key "MUST be absent" (RFC 7516 7.2.1). It writes "".
		return &fault{[]jose.Reason{jose.TokenMalformed}, func(m map[string]any) { delete(m, "encrypted_key") }, false}
	}
	return nil
}

// mended checks that theirs is refused for the fault, and returns it without.
// ok is false when it cannot be mended.
func (f *fault) mended(t *testing.T, theirs string, read func(string) error) (text string, ok bool) {
	t.Helper()
	if f == nil {
		return theirs, true
	}
	if err := read(theirs); !slices.Contains(f.reasons, jose.ReasonOf(err)) {
		t.Errorf("want one of %s, have %v: %s", f.reasons, err, theirs)
	}
	if f.mend == nil {
		return "", false
	}
	var m map[string]any
	if err := json.Unmarshal([]byte(theirs), &m); err != nil {
		t.Fatal(err)
	}
	f.mend(m)
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out), true
}
