package bearer

import (
	"net/http"
	"strings"

	"github.com/jotward/jotward/jose"
)

// FromRequest returns the one bearer credential of a request, from its
// Authorization header; the scheme's case does not matter (RFC 9110 11.1).
//
// It fails with CredentialMissing when there is no Authorization header or it
// is of another scheme; with CredentialRepeated for two headers, two credentials
// in one, or another credential in the query or in a form that has been parsed
// (RFC 6750 2: "MUST NOT use more than one method"); with CredentialMalformed
// for what is no b64token (RFC 6750 2.1).
func FromRequest(r *http.Request) (string, error) { return fromRequest(r, "Bearer") }

// FromRequestDPoP is FromRequest for the scheme DPoP (RFC 9449 7.1): the token is then
// worth what the proof in the DPoP header is, which jwt.DPoPVerifier checks. It fails
// like FromRequest.
func FromRequestDPoP(r *http.Request) (string, error) { return fromRequest(r, "DPoP") }

func fromRequest(r *http.Request, scheme string) (string, error) {
	token, err := fromValues(r.Header["Authorization"], scheme)
	if err == nil && elsewhere(r) {
		return "", fail(jose.CredentialRepeated, "another credential in the query or the form")
	}
	return token, err
}

// FromValues is FromRequest for the values of an authorization header, or of the
// metadata that stands in for it in gRPC. It fails like FromRequest.
func FromValues(values []string) (string, error) { return fromValues(values, "Bearer") }

func fromValues(values []string, want string) (string, error) {
	switch {
	case len(values) == 0:
		return "", fail(jose.CredentialMissing, "no Authorization header")
	case len(values) > 1:
		return "", fail(jose.CredentialRepeated, "more than one Authorization header")
	}
	scheme, token, found := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, want) || len(scheme) != len(want) {
		if strings.Contains(values[0], ",") && strings.Contains(strings.ToLower(values[0]), strings.ToLower(want)+" ") {
			return "", fail(jose.CredentialRepeated, "two credentials in one Authorization header")
		}
		return "", fail(jose.CredentialMissing, "the Authorization header is of another scheme")
	}
	if !found {
		return "", fail(jose.CredentialMalformed, "no token after the scheme")
	}
	token = strings.TrimLeft(token, " ") // 1*SP
	if strings.Contains(token, ",") {
		return "", fail(jose.CredentialRepeated, "two credentials in one Authorization header")
	}
	if !isToken(token) {
		return "", fail(jose.CredentialMalformed, "the credential is no b64token")
	}
	return token, nil
}

// elsewhere looks for a second credential where RFC 6750 2.2 and 2.3 put it. A
// body is not read for it: only a form that somebody has parsed already.
func elsewhere(r *http.Request) bool {
	// Most queries are told from one that could hold the name, also with escapes,
	// without being parsed.
	if r.URL != nil && strings.ContainsAny(r.URL.RawQuery, "_%") && r.URL.Query().Has("access_token") {
		return true
	}
	return r.PostForm.Has("access_token") || r.Form.Has("access_token")
}

// isToken follows b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=".
func isToken(s string) bool {
	body := strings.TrimRight(s, "=")
	for i := range len(body) {
		if !tokenBytes[body[i]] {
			return false
		}
	}
	return body != ""
}

// tokenBytes are the bytes of a b64token.
var tokenBytes = func() (is [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/") {
		is[c] = true
	}
	return is
}()

func fail(r jose.Reason, detail string) *jose.Error { return jose.NewError(r, detail, nil) }
