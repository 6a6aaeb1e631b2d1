package client

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwk"
)

// EncryptionAlgorithms are those by which an ID token may be encrypted for its client: with
// a public key of its own. What is shared with a client is kept as a hash, and encrypts nothing.
func EncryptionAlgorithms() []jwk.Algorithm {
	return slices.DeleteFunc(jwk.KeyManagementAlgorithms(), jwk.Algorithm.IsSymmetric)
}

// ContentEncryption is what the content of the client's ID tokens is encrypted with
// (OpenID Connect Dynamic Client Registration 2 has the default).
func (c Client) ContentEncryption() jwk.Algorithm { return cmp.Or(c.IDTokenContent, jwk.A128CBCHS256) }

// EncryptionKey is the public key that the client's ID tokens are encrypted for: the first
// of its keys for that algorithm. It fails with EncryptionKeyUnavailable.
func (s *Service) EncryptionKey(ctx context.Context, c Client) (*jwk.Key, error) {
	source, err := s.keys(c)
	if err == nil {
		var keys []*jwk.Key
		if keys, err = source.Lookup(ctx, "", c.IDTokenEncryption); err == nil && len(keys) > 0 && keys[0].CanEncrypt() {
			return keys[0], nil
		}
	}
	return nil, reason.New(reason.EncryptionKeyUnavailable, errors.Join(errors.New("client "+c.ID+" has no key for "+string(c.IDTokenEncryption)), err))
}

// encryptionFault is an encryption that the issuer could not make for the client.
func (c Client) encryptionFault() error {
	switch {
	case c.IDTokenEncryption == "" && c.IDTokenContent == "":
		return nil
	case c.IDTokenEncryption == "":
		return errors.New("id_token_encrypted_response_enc is set without id_token_encrypted_response_alg")
	case !slices.Contains(EncryptionAlgorithms(), c.IDTokenEncryption):
		return errors.New("id_token_encrypted_response_alg is none that encrypts for a public key, such as ECDH-ES+A256KW or RSA-OAEP-256")
	case !c.ContentEncryption().IsContentEncryption():
		return errors.New("id_token_encrypted_response_enc encrypts no content: use A128CBC-HS256, A256GCM or another of RFC 7518 5.1")
	case c.JWKS == "" && c.JWKSURI == "":
		return errors.New("id_token_encrypted_response_alg needs jwks or jwks_uri with a key for it")
	case c.JWKSURI != "":
		return nil // what is there is looked at when it is needed
	}
	set, err := parseKeys(c.JWKS)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(set.Keys(), func(k *jwk.Key) bool { return k.Algorithm() == c.IDTokenEncryption && k.CanEncrypt() }) {
		return errors.New("jwks has no key whose alg is that of id_token_encrypted_response_alg")
	}
	return nil
}

// verifies reports whether one of the client's keys can verify what it signs.
func verifies(set *jwk.Set) bool { return slices.ContainsFunc(set.Keys(), (*jwk.Key).CanVerify) }
