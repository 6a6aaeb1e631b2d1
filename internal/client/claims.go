package client

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/rule"
	"github.com/jotward/jotward/jose/lint"
)

// maxClaims bounds how many claims a client may have in a token of a kind, maxClaimName
// how long their names are.
const maxClaims, maxClaimName = 16, 128

// reserved are claims that the issuer sets itself, that say how far a token reaches, or
// that an introspection answer has of its own (RFC 7519 4.1, RFC 7662 2.2, RFC 8693 4,
// RFC 9068 2.2, OpenID Connect Core 2 and 5): no expression sets them.
var reserved = strings.Fields(`iss sub aud exp nbf iat jti typ client_id scope scp azp grant_id sid sub_ver client_ver cnf act may_act
	roles permissions groups entitlements authorization_details nonce at_hash c_hash s_hash acr amr auth_time active token_type username
	name preferred_username email email_verified phone_number phone_number_verified sub_jwk sub_id events txn toe vot vtm status vct _sd _sd_alg
	_claim_names _claim_sources`)

// Reserved reports whether a claim is none that an expression may set, in whatever case:
// encoding/json, and other readers, take SUB for sub.
func Reserved(name string) bool { return slices.Contains(reserved, strings.ToLower(name)) }

// claimsFault is a claim that no token of the client can have. What is wrong only with
// some people's values shows when a token is issued.
func (c Client) claimsFault() error {
	if err := ClaimsFault("access_token_claims", c.AccessTokenClaims); err != nil {
		return err
	}
	return ClaimsFault("id_token_claims", c.IDTokenClaims)
}

// ClaimsFault is a claim of a list of expressions that no token can have.
func ClaimsFault(list string, claims map[string]string) error {
	if len(claims) > maxClaims {
		return errors.New(list + " has more than 16")
	}
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		if name == "" || len(name) > maxClaimName || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\\' }) {
			return errors.New(list + ": a name is empty, too long, or not of printable ASCII")
		}
		if Reserved(name) {
			return errors.New(list + ": " + name + " is not for an expression to set")
		}
		if _, err := rule.CompileClaim(claims[name]); err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			return errors.New(list + ": " + name + ": " + first)
		}
	}
	for _, f := range sampled(list, claims) {
		if f.Severity == lint.Error {
			return errors.New(list + ": " + f.Where + ": " + f.Why)
		}
	}
	return nil
}

// sample is somebody whom expressions are tried on when they are saved.
var sample = rule.Facts{"account.id": "usr_sample", "account.username": "ann", "account.email": "ann@mail.example.org", "account.roles": []string{"role"}, "account.permissions": []string{"permission"},
	"client.id": "client", "client.roles": []string{"role"}, "client.audiences": []string{"api"}, "request.scope": []string{"read"}, "request.audience": []string{"api"}, "request.grant_type": "authorization_code", "request.acr": "pwd"}

func sampled(list string, claims map[string]string) []lint.Finding {
	values := map[string]any{}
	for name, text := range claims {
		e, err := rule.CompileClaim(text)
		if err != nil {
			continue
		}
		if values[name], err = e.Value(sample); err != nil || values[name] == nil {
			values[name] = "sample" // for the name alone
		}
	}
	return Findings(values, list == "id_token_claims", time.Unix(1, 0))
}

// Findings are the common mistakes in claims that expressions gave: personal data in an
// access token, secrets in any.
func Findings(values map[string]any, idToken bool, now time.Time) []lint.Finding {
	if len(values) == 0 {
		return nil
	}
	payload, err := json.Marshal(values)
	if err != nil {
		return nil // they were JSON when they were evaluated
	}
	kind, part := lint.Access, base64.RawURLEncoding.EncodeToString
	if idToken {
		kind = lint.ID
	}
	found, _ := lint.Check(part([]byte(`{"alg":"ES256"}`))+"."+part(payload)+"."+part(make([]byte, 64)), lint.Options{Now: now, Kind: kind})
	return slices.DeleteFunc(found, func(f lint.Finding) bool {
		name, _, _ := strings.Cut(strings.TrimPrefix(f.Where, "claims/"), "/")
		_, ours := values[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
		return !ours
	})
}

// ClaimFindings are the mistakes in what the client's tokens are to say, by a sample.
func (c Client) ClaimFindings() []lint.Finding {
	return append(sampled("access_token_claims", c.AccessTokenClaims), sampled("id_token_claims", c.IDTokenClaims)...)
}
