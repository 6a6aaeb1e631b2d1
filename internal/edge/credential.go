package edge

import (
	"mime"
	"net/http"
	"strings"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/bearer"
)

// parameter is the name under which RFC 6750 2.2 and 2.3 put a token into a
// form or a query. The edge never reads one there (RFC 9700 4.3.2), and lets none
// pass beside its own: the origin might read the other (RFC 6750 2).
const parameter = "access_token"

// credential returns the request's one token, or says that there is none and
// that this is allowed.
//
// A request that cannot be read as exactly one bearer credential is malformed:
// 400, invalid_request. A credential that was read but does not hold is 401,
// invalid_token. No credential, or one of another scheme, is 401 without an
// error code (RFC 6750 3.1).
// dpop says that the credential came under the scheme DPoP (RFC 9449 7.1), which is
// one only where proofs are accepted.
func (r *route) credential(in *http.Request, accepted *proofs) (token string, dpop, anonymous bool, no *refusal) {
	inQuery := false
	for pair := range strings.FieldsFuncSeq(in.URL.RawQuery, func(c rune) bool { return c == '&' || c == ';' }) {
		name, _, _ := strings.Cut(pair, "=")
		inQuery = inQuery || namesToken(name)
	}
	token, err := bearer.FromRequest(in)
	if accepted != nil && jose.ReasonOf(err) == jose.CredentialMissing && len(in.Header["Authorization"]) > 0 {
		token, err = bearer.FromRequestDPoP(in)
		dpop = true
	}
	switch {
	case err == nil && inQuery:
		return "", dpop, false, &refusal{code: reason.CredentialRepeated, detail: "another credential in the query"}
	case err == nil:
		return token, dpop, false, nil
	case r.auth == authOptional && jose.ReasonOf(err) == jose.CredentialMissing && len(in.Header["Authorization"]) == 0:
		// Nothing at all may be anonymous; what cannot be read may not.
		if inQuery {
			return "", dpop, false, &refusal{code: reason.CredentialMalformed, detail: "a credential in the query is never read"}
		}
		return "", dpop, true, nil
	}
	return "", dpop, false, refused(err)
}

// namesToken says whether some server would take a parameter's raw name for
// access_token: after decoding, in any case, with what PHP turns into an
// underscore, and cut at a bracket or a zero byte. Escapes that are none are
// taken as they are, for a lenient server reads on.
func namesToken(raw string) bool {
	name := make([]byte, 0, len(parameter)+1)
	for i := 0; i < len(raw) && len(name) <= len(parameter); i++ {
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
		if c == '.' || c == ' ' || c == '+' || c == '-' {
			c = '_'
		}
		name = append(name, lowerByte(c))
	}
	rest, ok := strings.CutPrefix(string(name), parameter)
	return ok && (rest == "" || !wordByte(rest[0]))
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
