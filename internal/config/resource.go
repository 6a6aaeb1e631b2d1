package config

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/rule"
	"github.com/jotward/jotward/jose/jwk"
)

// Resource is what the access tokens for one API are like. Its tokens are for no other audience, and what is said here goes before what a client says.
type Resource struct {
	// The aud of its tokens, as clients name it with resource (RFC 8707).
	Audience string `yaml:"audience"`
	// How long its tokens live at most, 5m to 60m. Default: as long as the client's.
	AccessTokenLifetime time.Duration `yaml:"access_token_lifetime"`
	// jwt, or opaque for tokens that it asks this issuer about. Default: the client's.
	AccessTokenFormat string `yaml:"access_token_format"`
	// One of signing.algorithms. Default: the client's.
	AccessTokenAlgorithm string `yaml:"access_token_signed_response_alg"`
	// A name of lower-case letters, digits and dashes: its tokens are signed by keys of its own, of access_token_signed_response_alg or the first of signing.algorithms, managed as the purpose token-NAME, and published under /jwks/NAME as well as with all others. Default: the issuer's keys sign.
	KeyName string `yaml:"key_name"`
	// What its tokens say beside, each claim a CEL expression over account, client and request.
	AccessTokenClaims map[string]string `yaml:"access_token_claims"`
	// The JSON Schema that the claims of its tokens fit, or they are not issued. Write the same into the route of the edge.
	ClaimsSchema map[string]any `yaml:"claims_schema"`
	// Encrypt its tokens for it alone: a signed token inside (RFC 7519 5.2). Default: they are signed.
	Encryption *ResourceEncryption `yaml:"encryption"`
}

// ResourceEncryption is how tokens are encrypted for an API.
type ResourceEncryption struct {
	// Its public key, a JWK with the alg of its key management, such as ECDH-ES+A256KW or RSA-OAEP-256.
	JWK map[string]any `yaml:"jwk"`
	// What the content is encrypted with. Default A256GCM.
	Encryption string `yaml:"encryption"`
}

func (i *Issuer) checkResources(p *problems) {
	for n, r := range i.Resources {
		at := index("issuer.resources", n)
		same := func(o Resource) bool { return o.Audience == r.Audience }
		switch {
		case r.Audience == "" || len(r.Audience) > 1024 || strings.HasPrefix(r.Audience, "jotward:"):
			p.add(at+".audience", "is missing, too long, or one of Jotward's own: give the aud of its tokens")
		case slices.ContainsFunc(i.Resources[:n], same):
			p.add(at+".audience", "is there twice")
		}
		if l := r.AccessTokenLifetime; l != 0 && (l < client.MinLifetime || l > client.MaxLifetime) {
			p.add(at+".access_token_lifetime", "is outside 5m to 60m")
		}
		if f := r.AccessTokenFormat; f != "" && f != client.FormatJWT && f != client.FormatOpaque {
			p.add(at+".access_token_format", "is neither jwt nor opaque")
		}
		if a := r.AccessTokenAlgorithm; a != "" && !slices.Contains(i.Signing.Algorithms, a) {
			p.add(at+".access_token_signed_response_alg", "is not among issuer.signing.algorithms")
		}
		twice := func(o Resource) bool { return o.KeyName == r.KeyName }
		if k := r.KeyName; k != "" && (len(k) > 32 || strings.Trim(k, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || k[0] == '-' || slices.ContainsFunc(i.Resources[:n], twice)) {
			p.add(at+".key_name", "is there twice, too long, or has other characters than lower-case letters, digits and dashes")
		}
		if r.KeyName != "" && r.AccessTokenFormat == client.FormatOpaque {
			p.add(at+".key_name", "is for tokens that are signed: access_token_format is opaque")
		}
		if err := client.ClaimsFault("the list", r.AccessTokenClaims); err != nil {
			p.add(at+".access_token_claims", err.Error())
		}
		if _, err := r.schema(); err != nil {
			p.add(at+".claims_schema", err.Error())
		}
		if e := r.Encryption; e != nil {
			if _, err := e.key(); err != nil {
				p.add(at+".encryption.jwk", err.Error())
			}
			if !slices.Contains(jwk.ContentEncryptionAlgorithms(), e.content()) {
				p.add(at+".encryption.encryption", "encrypts no content: write A256GCM or another that RFC 7518 5.1 lists")
			}
			if r.AccessTokenFormat == client.FormatOpaque {
				p.add(at+".encryption", "is for tokens that say something: access_token_format is opaque")
			}
		}
	}
}

func (r Resource) schema() (*rule.Schema, error) {
	if r.ClaimsSchema == nil {
		return nil, nil
	}
	return rule.CompileSchema(r.ClaimsSchema)
}

func (e ResourceEncryption) content() jwk.Algorithm {
	if e.Encryption == "" {
		return jwk.A256GCM
	}
	return jwk.Algorithm(e.Encryption)
}

// key reads the API's public key. A private one would be everybody's who reads the file.
func (e ResourceEncryption) key() (*jwk.Key, error) {
	text, err := json.Marshal(e.JWK)
	if err != nil {
		return nil, err
	}
	key, err := jwk.Parse(text, jwk.Options{PublicOnly: true})
	if err != nil {
		return nil, err
	}
	if !key.CanEncrypt() {
		return nil, errors.New("is no public key to encrypt with: its alg names the key management, such as ECDH-ES+A256KW")
	}
	return key, nil
}

// OwnKeys are the resources with keys of their own, each with its algorithm, by name.
func (i *Issuer) OwnKeys() map[string]jwk.Algorithm {
	out := map[string]jwk.Algorithm{}
	for _, r := range i.Resources {
		if r.KeyName != "" {
			out[r.KeyName] = jwk.Algorithm(cmp.Or(r.AccessTokenAlgorithm, i.Signing.Algorithms[0]))
		}
	}
	return out
}

// ResourceTerms are the issuer's resources by their audience. The configuration was checked.
func (i *Issuer) ResourceTerms() (map[string]grant.Resource, error) {
	out := map[string]grant.Resource{}
	for _, r := range i.Resources {
		t := grant.Resource{Lifetime: r.AccessTokenLifetime, Format: r.AccessTokenFormat, Algorithm: jwk.Algorithm(r.AccessTokenAlgorithm), Claims: r.AccessTokenClaims}
		if r.KeyName != "" {
			t.Keys = keyring.OwnPurpose(r.KeyName)
		}
		var err error
		if t.Schema, err = r.schema(); err != nil {
			return nil, err
		}
		if r.Encryption != nil {
			if t.Encrypt, err = r.Encryption.key(); err != nil {
				return nil, err
			}
			t.Content = r.Encryption.content()
			t.Format = client.FormatJWT // what nobody else can read must not be opaque to its API as well
		}
		out[r.Audience] = t
	}
	return out, nil
}
