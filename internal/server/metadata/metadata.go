// Package metadata serves what the issuer says of itself: RFC 8414 and OpenID
// Connect Discovery, and the key sets.
package metadata

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose/jwk"
)

// Keys publishes the public halves of one purpose.
type Keys func(ctx context.Context, purpose string) (set []byte, fresh time.Duration, err error)

// Algorithms returns what tokens are signed with now.
type Algorithms func(ctx context.Context) ([]jwk.Algorithm, error)

// Endpoints serve the documents.
type Endpoints struct {
	Issuer     string
	Keys       Keys
	Algorithms Algorithms
	// AuthMethods are those of clients that are not public.
	AuthMethods []string
	// Certificates says that clients may show theirs, and Alias where they call then;
	// "" for the issuer itself (RFC 8705 5).
	Certificates bool
	Alias        string
	// Registration says that clients may register themselves.
	Registration bool
}

// Document answers both well-known addresses with the same truth.
func (e *Endpoints) Document(w http.ResponseWriter, r *http.Request) error {
	signs, err := e.Algorithms(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	everyone := append(slices.Clone(e.AuthMethods), client.AuthNone)
	assertions := client.AssertionAlgorithms()
	document := map[string]any{
		"issuer":                                                   e.Issuer,
		"authorization_endpoint":                                   e.Issuer + "/authorize",
		"token_endpoint":                                           e.Issuer + "/token",
		"jwks_uri":                                                 e.Issuer + "/jwks",
		"introspection_endpoint":                                   e.Issuer + "/introspect",
		"revocation_endpoint":                                      e.Issuer + "/revoke",
		"pushed_authorization_request_endpoint":                    e.Issuer + "/par",
		"end_session_endpoint":                                     e.Issuer + "/logout",
		"backchannel_logout_supported":                             true,
		"backchannel_logout_session_supported":                     true,
		"frontchannel_logout_supported":                            true,
		"frontchannel_logout_session_supported":                    true,
		"userinfo_endpoint":                                        e.Issuer + "/userinfo",
		"device_authorization_endpoint":                            e.Issuer + "/device_authorization",
		"response_types_supported":                                 []string{"code"},
		"response_modes_supported":                                 []string{"query", "form_post"},
		"grant_types_supported":                                    []string{"authorization_code", "client_credentials", "refresh_token", grant.TokenExchange, grant.DeviceCode},
		"prompt_values_supported":                                  []string{"none", "login", "consent", "select_account"},
		"code_challenge_methods_supported":                         []string{"S256"},
		"token_endpoint_auth_methods_supported":                    everyone,
		"revocation_endpoint_auth_methods_supported":               everyone,
		"introspection_endpoint_auth_methods_supported":            e.AuthMethods,
		"token_endpoint_auth_signing_alg_values_supported":         assertions,
		"revocation_endpoint_auth_signing_alg_values_supported":    assertions,
		"introspection_endpoint_auth_signing_alg_values_supported": assertions,
		"dpop_signing_alg_values_supported":                        web.ProofAlgorithms(),
		"require_pushed_authorization_requests":                    false,
		"subject_types_supported":                                  []string{"public"},
		"id_token_signing_alg_values_supported":                    signs,
		"userinfo_signing_alg_values_supported":                    signs,
		"id_token_encryption_alg_values_supported":                 client.EncryptionAlgorithms(),
		"id_token_encryption_enc_values_supported":                 jwk.ContentEncryptionAlgorithms(),
		"scopes_supported":                                         []string{"openid", "profile", "email"},
		"claim_types_supported":                                    []string{"normal"},
		"claims_supported": []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "acr", "amr",
			"name", "preferred_username", "email", "email_verified"},
		"ui_locales_supported":       []string{"en"},
		"claims_parameter_supported": true,
		"acr_values_supported":       []string{session.ACRPassword},
		// Said aloud: the last of these is true where it is absent (OpenID Connect Discovery 3).
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
		"authorization_response_iss_parameter_supported": true,
	}
	if e.Registration {
		document["registration_endpoint"] = e.Issuer + "/register"
	}
	if e.Certificates {
		document["tls_client_certificate_bound_access_tokens"] = true
	}
	if e.Alias != "" {
		aliases := map[string]string{}
		for _, name := range aliased {
			aliases[name] = e.Alias + strings.TrimPrefix(document[name].(string), e.Issuer)
		}
		document["mtls_endpoint_aliases"] = aliases
	}
	return web.JSON(w, http.StatusOK, document)
}

// aliased are the endpoints that clients call themselves, with a certificate if they
// have one (RFC 8705 5).
var aliased = []string{"token_endpoint", "introspection_endpoint", "revocation_endpoint", "pushed_authorization_request_endpoint",
	"device_authorization_endpoint", "userinfo_endpoint"}

// JWKS answers with the public keys of one purpose.
func (e *Endpoints) JWKS(purpose string) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error { return e.keySet(w, r, purpose) }
}

// ResourceJWKS serves the keys that sign for one resource alone.
func (e *Endpoints) ResourceJWKS(w http.ResponseWriter, r *http.Request) error {
	return e.keySet(w, r, keyring.OwnPurpose(r.PathValue("name")))
}

func (e *Endpoints) keySet(w http.ResponseWriter, r *http.Request, purpose string) error {
	set, fresh, err := e.Keys(r.Context(), purpose)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(fresh.Seconds())))
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_, err = w.Write(set)
	return err
}
