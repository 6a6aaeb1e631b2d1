package edge

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// compileDecryption lets an issuer's tokens be encrypted: the signed token inside
// is held to the same policy (RFC 7519 5.2, 7.2).
func (i *issuer) compileDecryption(c *config.EdgeDecryption) error {
	if c == nil {
		return nil
	}
	keys, err := decryptionKeys(c)
	if err != nil {
		return err
	}
	options := jwe.DecryptOptions{}
	for _, a := range c.Algorithms {
		if strings.HasPrefix(a, "PBES2") { // each message would say how long we work (RFC 7518 8.8)
			return fmt.Errorf("decryption.algorithms: %s is for passwords", a)
		}
		options.Algorithms = append(options.Algorithms, jwk.Algorithm(a))
	}
	for _, a := range c.Encryptions {
		options.Encryptions = append(options.Encryptions, jwk.Algorithm(a))
	}
	if i.nested, err = jwt.NewNestedVerifier(keys, options, i.verifier); err != nil {
		return fmt.Errorf("decryption: %w", err)
	}
	i.encryptedOnly = c.Required
	return nil
}

// decryptionKeys reads what the configuration refers to. A key that cannot be used
// is a mistake, for its tokens would be refused.
func decryptionKeys(c *config.EdgeDecryption) (*jwk.Set, error) {
	var all []*jwk.Key
	for n, secret := range c.Keys {
		for _, document := range keyDocuments(secret) {
			key, err := jwk.Parse(document, jwk.Options{})
			if err != nil {
				return nil, fmt.Errorf("decryption.keys[%d]: %w", n, err)
			}
			name := string(key.Algorithm()) // of a shared key it is what it encrypts content with
			listed := slices.Contains(c.Algorithms, name) || slices.Contains(c.Algorithms, "dir") && slices.Contains(c.Encryptions, name)
			if !key.CanDecrypt() || !listed {
				return nil, fmt.Errorf("decryption.keys[%d]: a key for %s decrypts nothing that is listed: give a private key, and its algorithm under algorithms", n, name)
			}
			all = append(all, key)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("decryption.keys: name at least one")
	}
	set, err := jwk.NewSet(all...)
	if err != nil {
		return nil, fmt.Errorf("decryption.keys: %w", err)
	}
	return set, nil
}

// keyDocuments are a JWK, or those of a set, as they stand.
func keyDocuments(secret config.Secret) []json.RawMessage {
	text := []byte(secret.Reveal())
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(text, &set) == nil && set.Keys != nil {
		return set.Keys
	}
	return []json.RawMessage{text}
}

// A choice is the issuer that a token is held to, before anything of it is
// verified.
type choice struct {
	issuer *issuer
	route  *route // the only one for which the choice was made; nil: it is the token's
}

// segments counts what a token has between dots; five are encrypted (RFC 7516 3.1).
func segments(token string) int { return strings.Count(token, ".") + 1 }

// issuerOfEncrypted chooses for a token whose claims cannot be read yet: by the
// iss that may stand in its header for this (RFC 7519 5.3), else the one issuer
// whose tokens are encrypted, on the route or at all.
func (s *state) issuerOfEncrypted(token string, rt *route) (choice, *refusal) {
	if len(token) > 2*jwt.DefaultMaxSize {
		return choice{}, &refusal{code: reason.TokenOversize}
	}
	segment, _, _ := strings.Cut(token, ".")
	data, err := base64.RawURLEncoding.DecodeString(segment)
	var header map[string]json.RawMessage
	if err != nil || json.Unmarshal(data, &header) != nil {
		return choice{}, &refusal{code: reason.TokenMalformed}
	}
	raw, replicated := header["iss"]
	if !replicated {
		return s.oneOf(rt, func(i *issuer) bool { return i.nested != nil }, "no issuer here has encrypted tokens")
	}
	var iss string
	if json.Unmarshal(raw, &iss) != nil {
		return choice{}, &refusal{code: reason.HeaderInvalid, detail: "iss is no string"}
	}
	if i := s.issuers[iss]; i != nil && i.nested != nil {
		return choice{issuer: i}, nil
	}
	return choice{}, &refusal{code: reason.IssuerMismatch, detail: "no configured issuer of encrypted tokens"}
}

// oneOf returns the issuer that fits, if just one of all does, or just one of the
// route's.
func (s *state) oneOf(rt *route, fits func(*issuer) bool, none string) (choice, *refusal) {
	var all, here []*issuer
	for name, i := range s.issuers {
		if !fits(i) {
			continue
		}
		all = append(all, i)
		if len(rt.Issuers) == 0 || slices.Contains(rt.Issuers, name) {
			here = append(here, i)
		}
	}
	switch {
	case len(all) == 0:
		return choice{}, &refusal{code: reason.TokenMalformed, detail: none}
	case len(all) == 1:
		return choice{issuer: all[0]}, nil
	case len(here) == 1:
		return choice{here[0], rt}, nil
	case len(here) == 0:
		return choice{}, &refusal{code: reason.IssuerMismatch, detail: "the route takes no such tokens"}
	}
	return choice{}, &refusal{code: reason.IssuerAmbiguous}
}
