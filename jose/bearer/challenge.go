package bearer

import (
	"errors"
	"net/http"
	"strings"

	"github.com/jotward/jotward/jose"
)

// refuse answers with the status and challenge of RFC 6750 3.1. The
// description is the reason code: strangers are told no more.
func (o *Options) refuse(w http.ResponseWriter, err error) {
	status, code := Classify(err)
	reason := jose.ReasonOf(err)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "5")
	} else if status < 500 {
		h.Set("WWW-Authenticate", o.Challenge(code, reason))
		if o.DPoP != nil {
			if errors.As(err, new(errProof)) { // it is no bearer's affair
				h.Del("WWW-Authenticate")
			}
			h.Add("WWW-Authenticate", o.DPoP.challenge(code, err))
		}
	}
	body := `{"error":"` + code + `","error_description":"` + string(reason) + `"}`
	if code == "" {
		body = `{"error_description":"` + string(reason) + `"}`
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body + "\n")) // a client that is gone needs no answer
}

// Classify returns the status and the error code of RFC 6750 3.1 for an error
// of this package or of a verifier. How many credentials there are is the
// request's affair (invalid_request, 400: "uses more than one method"); what
// stands in the place of the one token is the token's (invalid_token, 401:
// "expired, revoked, malformed, or invalid for other reasons"), be it no
// b64token or no JWT. The code is empty where the RFC wants none: when the
// request had no credential at all.
func Classify(err error) (status int, code string) {
	if errors.As(err, new(errScope)) {
		return http.StatusForbidden, "insufficient_scope"
	}
	reason := jose.ReasonOf(err)
	if errors.As(err, new(errProof)) && reason != jose.StoreUnavailable && reason != jose.PolicyInvalid { // RFC 9449 7.1, 9
		if reason == jose.NonceMismatch {
			return http.StatusUnauthorized, "use_dpop_nonce"
		}
		return http.StatusUnauthorized, "invalid_dpop_proof"
	}
	switch reason {
	case jose.CredentialMissing:
		return http.StatusUnauthorized, ""
	case jose.CredentialRepeated:
		return http.StatusBadRequest, "invalid_request"
	case jose.KeysUnavailable, jose.KeySetInvalid, jose.StoreUnavailable, jose.TokenUnavailable:
		return http.StatusServiceUnavailable, "temporarily_unavailable"
	case jose.PolicyInvalid, "":
		return http.StatusInternalServerError, "server_error"
	}
	return http.StatusUnauthorized, "invalid_token"
}

// Challenge returns the value of WWW-Authenticate (RFC 6750 3, RFC 9728 5.1).
// Scopes are named when they are what is missing.
func (o *Options) Challenge(code string, reason jose.Reason) string {
	var params []string
	add := func(name, value string) {
		if value != "" {
			params = append(params, name+"="+quoted(value))
		}
	}
	add("realm", o.Realm)
	if code != "" {
		add("error", code)
		add("error_description", string(reason))
	}
	add("scope", strings.Join(o.Scopes, " "))
	add("resource_metadata", o.ResourceMetadata)
	if len(params) == 0 {
		return "Bearer"
	}
	return "Bearer " + strings.Join(params, ", ")
}

// quoted writes a quoted-string (RFC 9110 5.6.4). Options come from the
// program, not from strangers; what a header cannot carry is dropped all the same.
func quoted(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			out.WriteByte('\\')
			out.WriteByte(c)
		case c >= 0x20 && c < 0x7f:
			out.WriteByte(c)
		}
	}
	out.WriteByte('"')
	return out.String()
}
