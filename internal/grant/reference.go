package grant

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwt"
	"github.com/jotward/jotward/jose/lint"
)

// referencePrefix begins an access token that says nothing itself. No JWT begins so: the
// first byte of its header is that of a JSON object, "e" in base64url.
const referencePrefix = "at_"

// A Reference is a stored access token whose text says nothing to us, for it is opaque or
// encrypted for another: the hash of the text, and what it stands for. KeyID is the key
// that signed it inside, "" for an opaque one.
type Reference struct {
	Hash    []byte
	KeyID   string
	Access  token.Access
	Expires time.Time
}

// stored reports whether an access token of ours is one that the store knows by its text:
// opaque, or encrypted (RFC 7516 3.1).
func stored(text string) bool {
	return strings.HasPrefix(text, referencePrefix) || strings.Count(text, ".") == 4
}

// reference makes an opaque access token.
func (s *Service) reference(ctx context.Context, a token.Access) (string, error) {
	if claims, err := token.Join(a, a.Extra); err != nil {
		return "", err
	} else if len(claims) > token.MaxSize {
		return "", token.Oversize()
	}
	text := secret.New(referencePrefix)
	return text, s.Store.SaveReference(ctx, Reference{Hash: secret.Hash(text), Access: a, Expires: time.Unix(a.Expiry, 0)})
}

// verify returns the claims of one of our access tokens, of either format, that has not
// expired. A text that is none is refused with a *reason.Error; what ended a token
// otherwise is for Ended to say.
func (s *Service) verify(ctx context.Context, text string) (token.Access, error) {
	if !stored(text) {
		a, err := s.Minter.Verify(ctx, text)
		if code := jose.ReasonOf(err); code != "" {
			return token.Access{}, reason.New(reason.Code(code), err)
		}
		return a, err
	}
	r, err := s.Store.Reference(ctx, secret.Hash(text))
	if err != nil {
		return token.Access{}, unknown(err, reason.TokenInactive)
	}
	if !s.Now().Before(r.Expires) {
		return token.Access{}, reason.New(reason.TokenExpired, errors.New("grant: the stored token has expired"))
	}
	if ok, err := s.trusted(ctx, text, r); err != nil {
		return token.Access{}, err
	} else if !ok {
		return token.Access{}, reason.New(reason.KeyNotFound, errors.New("grant: the key that signed the encrypted token is not published any more"))
	}
	return r.Access, nil
}

// trusted reports whether the key that signed a stored token inside still holds. No key
// signed an opaque one; of one that was encrypted before the key was noted it cannot be
// told, so it does not hold.
func (s *Service) trusted(ctx context.Context, text string, r Reference) (bool, error) {
	if strings.HasPrefix(text, referencePrefix) {
		return true, nil
	}
	return s.Minter.Trusts(ctx, r.KeyID)
}

// explainReference makes the checks of a stored access token that introspection makes, in
// the words of Explain.
func (s *Service) explainReference(ctx context.Context, text string, q Question) (Explained, error) {
	r, err := s.Store.Reference(ctx, secret.Hash(text))
	known := err == nil
	if err := missing(err); err != nil {
		return Explained{}, err
	}
	trusted, err := s.trusted(ctx, text, r)
	if err != nil {
		return Explained{}, err
	}
	out := Explained{Findings: []lint.Finding{}, Hint: "This is an opaque access token: it says nothing itself, and an API asks this issuer about it at /introspect."}
	if !strings.HasPrefix(text, referencePrefix) {
		out.Hint = "This is an encrypted token (JWE): only the API that it is for can look inside. What is said here is what this issuer noted when it made it."
	}
	check := func(name string, holds bool, no reason.Code, expected, found string) {
		c := jwt.Check{Name: name, State: jwt.CheckOK, Expected: expected, Found: found}
		switch {
		case len(out.Checks) > 1 && !known:
			c.State, c.Found = jwt.CheckNotReached, ""
		case !holds:
			row, _ := reason.Lookup(no)
			c.State, c.Reason, c.Remedy = jwt.CheckFailed, jose.Reason(no), row.Remedy
		}
		out.Checks = append(out.Checks, c)
	}
	check("type", !q.ID(), reason.TypeMismatch, cmp.Or(q.Kind, token.KindAccess), token.KindAccess)
	check("stored", known, reason.TokenInactive, "a token that this issuer gave and has not forgotten", cmp.Or(r.Access.ID, "none"))
	if !strings.HasPrefix(text, referencePrefix) {
		check("key", trusted, reason.KeyNotFound, "a key that was not revoked", cmp.Or(r.KeyID, "none"))
	}
	check("audience", q.AnyAudience || slices.Contains(r.Access.Audience, q.Audience), reason.AudienceMismatch, q.Audience, strings.Join(r.Access.Audience, " "))
	check("expiry", s.Now().Before(r.Expires), reason.TokenExpired, "a moment after "+s.Now().Format(time.RFC3339), r.Expires.UTC().Format(time.RFC3339))
	if !known {
		return out, nil
	}
	err = s.tell(ctx, &out, r.Access)
	return out, err
}
