package server_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
)

// encrypting makes a client whose ID tokens are encrypted for a key.
func (v *world) encrypting(id string, keys json.RawMessage, settings ...any) answer {
	v.Helper()
	in := map[string]any{"client_id": id, "grant_types": []string{"authorization_code", "refresh_token"}, "redirect_uris": []string{redirect}, "scopes": []string{"openid", "profile", "email", "read"}, "audiences": []string{"api"},
		"jwks": keys, "id_token_encrypted_response_alg": "ECDH-ES+A128KW"}
	for i := 0; i+1 < len(settings); i += 2 {
		if in[settings[i].(string)] = settings[i+1]; settings[i+1] == nil {
			delete(in, settings[i].(string))
		}
	}
	a := v.admin("POST", "/admin/v1/clients", in)
	v.secrets[id] = a.text("client_secret")
	return a
}

// OpenID Connect Core 10.2: signed, and then encrypted for the client's own key; what it is
// issued beside stays as it was.
func TestEncryptedIDTokens(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	key, err := jwk.Generate("ECDH-ES+A128KW", "enc-1")
	v.ok(err)
	signing := v.signing("sig-1")
	both, err := jwk.NewSet(signing, key)
	v.ok(err)
	keys, err := both.MarshalJSON()
	v.ok(err)
	v.want(v.encrypting("sealed", v.jwks(key)), 201, "")
	v.want(v.encrypting("of-both", keys, "token_endpoint_auth_method", "client_secret_basic", "id_token_encrypted_response_enc", "A256GCM"), 201, "")
	v.want(v.encrypting("app-sealed", v.jwks(key), "public", true), 201, "")
	for id, enc := range map[string]jwk.Algorithm{"sealed": "A128CBC-HS256", "of-both": "A256GCM"} {
		got := v.want(v.token(with(redemption("", v.code(id)), "client_id", ""), v.as(id)), 200, "")
		for range 2 { // and so at a refresh
			m, err := jwe.Decrypt(t.Context(), got.text("id_token"), key, jwe.DecryptOptions{Algorithms: []jwk.Algorithm{"ECDH-ES+A128KW"}, Encryptions: []jwk.Algorithm{enc}})
			v.ok(err)
			if c := v.claims(string(m.Plaintext)); m.Header.ContentType != "JWT" || m.Header.KeyID != "enc-1" || c["sub"] != v.ann.ID || c["aud"] != id || c["at_hash"] == nil {
				t.Errorf("%s: %+v %v", id, m.Header, c)
			}
			if c := v.claims(got.text("access_token")); c["sub"] != v.ann.ID {
				t.Errorf("%v", c)
			}
			got = v.want(v.token(refresh("", got.text("refresh_token")), v.as(id)), 200, "")
		}
	}
	shown := v.want(v.admin("GET", "/admin/v1/clients/of-both", nil), 200, "")
	if shown.text("id_token_encrypted_response_alg") != "ECDH-ES+A128KW" || shown.text("id_token_encrypted_response_enc") != "A256GCM" {
		t.Errorf("%s", shown.body)
	}
	// Who has a secret does not authenticate by a key that lies beside the one for encryption.
	now := v.now().Unix()
	v.want(v.token(asserted(v.assertion(signing, "", map[string]any{"iss": "of-both", "sub": "of-both", "aud": issuerURL, "jti": "a-1", "iat": now, "exp": now + 60}))), 401, "client_invalid")
}

// What could not be encrypted, or only for somebody else, is refused when it is saved.
func TestThreatEncryptionForNobody(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	key, err := jwk.Generate("ECDH-ES+A128KW", "enc-1")
	v.ok(err)
	private, err := key.ExportPrivate()
	v.ok(err)
	for name, c := range map[string]struct {
		keys     json.RawMessage
		settings []any
		want     string
	}{
		"no keys":            {nil, []any{"jwks", nil}, "needs jwks"},
		"a signing key":      {v.jwks(v.signing("s")), nil, "no key whose alg"},
		"another algorithm":  {v.jwks(key), []any{"id_token_encrypted_response_alg", "RSA-OAEP-256"}, "no key whose alg"},
		"a private key":      {json.RawMessage(`{"keys":[` + string(private) + `]}`), nil, "jwks"},
		"a shared secret":    {v.jwks(key), []any{"id_token_encrypted_response_alg", "dir"}, "public key"},
		"RSA1_5":             {v.jwks(key), []any{"id_token_encrypted_response_alg", "RSA1_5"}, "public key"},
		"no encryption":      {v.jwks(key), []any{"id_token_encrypted_response_enc", "none"}, "encrypts no content"},
		"content alone":      {nil, []any{"jwks", nil, "id_token_encrypted_response_alg", nil, "id_token_encrypted_response_enc", "A256GCM"}, "without id_token_encrypted_response_alg"},
		"nothing that signs": {v.jwks(key), []any{"token_endpoint_auth_method", "private_key_jwt"}, "verifies a signature"},
		"no certificate":     {v.jwks(key), []any{"token_endpoint_auth_method", "self_signed_tls_client_auth"}, "jwks"},
		"keys for nothing":   {v.jwks(key), []any{"id_token_encrypted_response_alg", nil, "token_endpoint_auth_method", "client_secret_basic"}, "are for"},
	} {
		if a := v.encrypting("c", c.keys, c.settings...); a.status != 400 || !strings.Contains(a.body, c.want) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	// A key that is gone from where it is published refuses the token, and spends nothing.
	place := "https://keys.example/jwks"
	v.want(v.encrypting("elsewhere", nil, "jwks", nil, "jwks_uri", place), 201, "")
	code := with(redemption("", v.code("elsewhere")), "client_id", "")
	v.want(v.token(code, v.as("elsewhere")), 503, "encryption_key_unavailable")
	v.want(v.admin("PUT", "/admin/v1/clients/elsewhere", map[string]any{"grant_types": []string{"authorization_code"}, "redirect_uris": []string{redirect}, "scopes": []string{"openid", "profile", "email", "read"}, "audiences": []string{"api"},
		"token_endpoint_auth_method": "client_secret_basic", "jwks": v.jwks(key), "id_token_encrypted_response_alg": "ECDH-ES+A128KW"}), 200, "")
	if got := v.want(v.token(code, v.as("elsewhere")), 200, ""); strings.Count(got.text("id_token"), ".") != 4 {
		t.Errorf("%s", got.body)
	}
}
