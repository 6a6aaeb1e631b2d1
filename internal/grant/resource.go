package grant

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/rule"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// A Resource is what the access tokens for an API are like, where more is said of it than
// its name (RFC 8707). It knows who reads its tokens, so it goes before what a client says.
// A token for one is for no other audience: what was meant for one API is not shown to
// another.
type Resource struct {
	Lifetime  time.Duration     // at most; 0 is as long as the client's
	Format    string            // of client's formats; "" is the client's
	Algorithm jwk.Algorithm     // "" is the client's
	Keys      string            // the purpose of the keys that sign for it alone; "": those of all
	Claims    map[string]string // CEL expressions by the name of the claim, beside the client's
	Schema    *rule.Schema      // what the claims must be; nil for anything
	Encrypt   *jwk.Key          // the API's public key; nil: it is signed alone
	Content   jwk.Algorithm     // what the content is encrypted with
}

// terms is what an access token of the client for the audiences will be.
func (s *Service) terms(c client.Client, aud []string) (Resource, error) {
	t := Resource{Lifetime: c.Lifetime(), Format: c.AccessTokenFormat, Algorithm: c.AccessTokenAlgorithm, Claims: c.AccessTokenClaims}
	for _, name := range aud {
		r, ok := s.Resources[name]
		if !ok {
			continue
		}
		if len(aud) > 1 {
			return Resource{}, reason.New(reason.AudienceInvalid, errors.New("grant: "+name+" has tokens of its own: ask for it alone with resource (RFC 8707 2.2)"))
		}
		if r.Lifetime != 0 {
			r.Lifetime = min(r.Lifetime, t.Lifetime)
		}
		claims := maps.Clone(t.Claims)
		if claims == nil {
			claims = map[string]string{}
		}
		maps.Copy(claims, r.Claims)
		return Resource{Lifetime: cmp.Or(r.Lifetime, t.Lifetime), Format: cmp.Or(r.Format, t.Format), Algorithm: cmp.Or(r.Algorithm, t.Algorithm), Keys: r.Keys, Claims: claims,
			Schema: r.Schema, Encrypt: r.Encrypt, Content: r.Content}, nil
	}
	return t, nil
}

// access makes an access token on its terms. One that its client cannot show us again as
// something that we can read is stored before anybody has it.
func (s *Service) access(ctx context.Context, r Request, a token.Access, t Resource) (_ string, err error) {
	a.Issuer = s.Minter.Issuer
	if a.Extra, err = s.mapped(ctx, r, a, token.KindAccess, t.Claims); err != nil {
		return "", err
	}
	if err := t.fits(a); err != nil {
		return "", err
	}
	if t.Format == client.FormatOpaque {
		return s.reference(ctx, a)
	}
	text, kid, err := s.Minter.Access(ctx, a, t.Keys, t.Algorithm)
	if err != nil || t.Encrypt == nil {
		return text, err
	}
	if text, err = jwt.Encrypt(text, t.Encrypt, jwe.EncryptOptions{Encryption: t.Content}); err != nil {
		return "", err
	}
	if len(text) > token.MaxSize {
		return "", token.Oversize()
	}
	return text, s.Store.SaveReference(ctx, Reference{Hash: secret.Hash(text), KeyID: kid, Access: a, Expires: time.Unix(a.Expiry, 0)})
}

// fits refuses claims that the resource would not take.
func (t Resource) fits(a token.Access) error {
	if t.Schema == nil {
		return nil
	}
	text, err := token.Join(a, a.Extra)
	if err != nil {
		return err
	}
	var claims map[string]any
	if err := json.Unmarshal(text, &claims); err != nil {
		return err
	}
	if err := t.Schema.Check(claims); err != nil {
		return reason.New(reason.ClaimUnavailable, err)
	}
	return nil
}
