package edge

import (
	"cmp"
	"mime"
	"net/http"
	"strings"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/bearer"
)

// parameter is the name under which RFC 6750 2.2 and 2.3 put a token into a
// form or a query. The edge reads one there only where a route says so (RFC 9700
// 4.3.2), and lets none pass beside its own: the origin might read the other (RFC 6750 2).
const parameter = "access_token"

// A credential is the one that a request brought.
type credential struct {
	token     string
	from      place
	dpop      bool // under the scheme DPoP (RFC 9449 7.1), which is one only where proofs are accepted
	anonymous bool // there is none, and that is allowed
}

// credential returns the request's one token, or says that there is none and
// that this is allowed.
//
// A request that cannot be read as exactly one credential is malformed: 400,
// invalid_request. A credential that was read but does not hold is 401,
// invalid_token. No credential, or one of another scheme, is 401 without an
// error code (RFC 6750 3.1).
func (r *route) credential(in *http.Request, accepted *proofs) (c credential, no *refusal) {
	s := r.places.search(in)
	authorized := len(in.Header["Authorization"]) > 0
	var err error
	if s.count == 0 {
		c.from = inHeader
		if c.token, err = bearer.FromRequest(in); accepted != nil && authorized && jose.ReasonOf(err) == jose.CredentialMissing {
			c.token, err = bearer.FromRequestDPoP(in)
			c.dpop = true
		}
		if authorized && r.places.noHeader {
			err = jose.NewError(jose.CredentialMissing, "the Authorization header is not read here", nil)
		}
	}
	switch {
	case s.count > 1, s.count == 1 && (authorized || s.stray != ""), s.count == 0 && err == nil && s.stray != "":
		return c, &refusal{code: reason.CredentialRepeated, detail: "another credential: " + cmp.Or(s.stray, "beside the header, or in two places")}
	case s.count == 1 && !b64token(s.token):
		return c, &refusal{code: reason.CredentialMalformed, detail: "the credential outside the header is no b64token in its one spelling"}
	case s.count == 1:
		return credential{token: s.token, from: s.from}, nil
	case err == nil:
		return c, nil
	case jose.ReasonOf(err) == jose.CredentialMissing && !authorized && s.stray != "" && (r.auth == authOptional || r.places.elsewhere()):
		return c, &refusal{code: reason.CredentialMalformed, detail: "a credential that is not read: " + s.stray}
	case r.auth == authOptional && jose.ReasonOf(err) == jose.CredentialMissing && !authorized:
		// Nothing at all may be anonymous; what cannot be read may not.
		return credential{anonymous: true}, nil
	}
	return c, refused(err)
}

// b64token says whether a text is one (RFC 6750 2.1).
func b64token(s string) bool {
	_, err := bearer.FromValues([]string{"Bearer " + s})
	return err == nil && s[0] != ' ' // which may be repeated before a token there
}

// namesToken says whether some server would take a parameter's raw name for
// access_token.
func namesToken(raw string) bool { return names(raw, parameter) }

// names says whether some server would take a raw name for want, which is as
// underscored writes it: after decoding, in any case, with what PHP turns into an
// underscore, and cut at a bracket or a zero byte. Escapes that are none are
// taken as they are, for a lenient server reads on.
func names(raw, want string) bool {
	name := make([]byte, 0, 64)
	for i := 0; i < len(raw) && len(name) <= len(want); i++ {
		c := raw[i]
		if c == '%' && i+2 < len(raw) {
			h, ok1 := hexDigit(raw[i+1])
			l, ok2 := hexDigit(raw[i+2])
			if ok1 && ok2 {
				c, i = h<<4|l, i+2
			}
		}
		if len(name) == 0 && (c <= ' ' || c == '+') {
			continue // some trim
		}
		name = append(name, underscore(c))
	}
	rest, ok := strings.CutPrefix(string(name), want)
	return ok && (rest == "" || !wordByte(rest[0]))
}

// underscore writes a byte of a name as the most lenient server would.
func underscore(c byte) byte {
	if c == '.' || c == ' ' || c == '+' || c == '-' {
		return '_'
	}
	return lowerByte(c)
}

func underscored(name string) string {
	out := []byte(name)
	for i, c := range out {
		out[i] = underscore(c)
	}
	return string(out)
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c - 'A' + 'a'
	}
	return c
}

func wordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_'
}

// isForm says whether any Content-Type of the request is a form's: an origin
// may take the first or the last. One that cannot be parsed may be taken for one.
func isForm(h http.Header) bool {
	for _, v := range h["Content-Type"] {
		for part := range strings.SplitSeq(v, ",") {
			t, _, _ := mime.ParseMediaType(part)
			if t == "application/x-www-form-urlencoded" || t == "" && strings.Contains(strings.ToLower(part), "urlencoded") {
				return true
			}
		}
	}
	return false
}
