// Package metadata serves what the issuer says of itself: RFC 8414 and OpenID
// Connect Discovery, and the key sets.
package metadata

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/jotward/jotward/internal/web"
)

// Keys publishes the public halves of one purpose.
type Keys func(ctx context.Context, purpose string) (set []byte, fresh time.Duration, err error)

// Endpoints serve the documents.
type Endpoints struct {
	Issuer string
	Keys   Keys
}

// Document answers both well-known addresses with the same truth.
func (e *Endpoints) Document(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", "public, max-age=300")
	return web.JSON(w, http.StatusOK, map[string]any{
		"issuer":                                         e.Issuer,
		"authorization_endpoint":                         e.Issuer + "/authorize",
		"token_endpoint":                                 e.Issuer + "/token",
		"jwks_uri":                                       e.Issuer + "/jwks",
		"introspection_endpoint":                         e.Issuer + "/introspect",
		"revocation_endpoint":                            e.Issuer + "/revoke",
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code", "client_credentials", "refresh_token"},
		"code_challenge_methods_supported":               []string{"S256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "none"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"ES256"},
		"scopes_supported":                               []string{"openid", "profile", "email"},
		"claims_supported":                               []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "amr", "name", "preferred_username", "email", "email_verified"},
		"authorization_response_iss_parameter_supported": true,
	})
}

// JWKS answers with the public keys of one purpose.
func (e *Endpoints) JWKS(purpose string) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		set, fresh, err := e.Keys(r.Context(), purpose)
		if err != nil {
			return err
		}
		w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(fresh.Seconds())))
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, err = w.Write(set)
		return err
	}
}
