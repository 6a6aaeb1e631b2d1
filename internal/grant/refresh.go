package grant

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/secret"
)

func (s *Service) newRefresh(text string, g Grant) *Refresh {
	now := s.Now()
	end := now.Add(or(s.Idle, DefaultIdle))
	if end.After(g.Expires) {
		end = g.Expires
	}
	return &Refresh{Hash: secret.Hash(text), GrantID: g.ID, Created: now, Expires: end}
}

// refresh rotates a refresh token (RFC 6749 6, RFC 9700 4.14.2): sign first,
// then spend, so that a failure to sign costs nobody their token. Whether a
// spent token is theft is decided before anything else the request says.
func (s *Service) refresh(ctx context.Context, r Request) (Response, Result, error) {
	if r.RefreshToken == "" {
		return Response{}, "", reason.New(reason.RequestInvalid, errors.New("grant: refresh_token is missing"))
	}
	v, err := s.renewal(ctx, r)
	if err != nil {
		return Response{}, "", err
	}
	old, g := v.Refresh, v.Grant
	if !old.Spent.IsZero() {
		return s.retry(ctx, r, v)
	}
	if !s.Now().Before(old.Expires) {
		return Response{}, "", reason.New(reason.GrantExpired, nil)
	}
	if err := s.Within(g.Subject); err != nil {
		return Response{}, "", s.soon(err)
	}
	out, err := s.again(ctx, r, v)
	if err != nil {
		return Response{}, "", err
	}
	out.RefreshToken = secret.New("rt_")
	sealed, err := seal(r.RefreshToken, out.RefreshToken)
	if err != nil {
		return Response{}, "", err
	}
	ok, err := s.Store.SpendRefresh(ctx, old.Hash, sealed, *s.newRefresh(out.RefreshToken, g), audit.New(s.Now(), actor(r), "refresh.rotate", "grant", g.ID))
	if err != nil || ok {
		return out, Rotated, err
	}
	if v, err = s.renewal(ctx, r); err != nil { // another was first, or all of it has ended meanwhile
		return Response{}, "", err
	}
	if v.Refresh.Spent.IsZero() {
		return Response{}, "", reason.New(reason.RefreshInvalid, errors.New("grant: its client was disabled"))
	}
	return s.retry(ctx, r, v)
}

// renewal reads a refresh token with what it hangs on, which must hold still.
func (s *Service) renewal(ctx context.Context, r Request) (Renewal, error) {
	v, err := s.Store.Renewal(ctx, secret.Hash(r.RefreshToken))
	if err != nil {
		return v, unknown(err, reason.RefreshInvalid)
	}
	return v, s.usable(v.Grant, v.Session, r.Client, reason.RefreshInvalid)
}

// soon lets a client that was limited come back while the same token, if another request
// of its own has spent it meanwhile, is a retry still and not theft.
func (s *Service) soon(err error) error {
	refusal, ok := errors.AsType[*reason.Error](err)
	if half := or(s.Grace, DefaultGrace) / 2; ok && refusal.RetryAfter > half {
		sooner := *refusal
		sooner.RetryAfter = half
		return &sooner
	}
	return err
}

// again mints what a request asks of its grant, narrowed to what it may have today.
// Refresh tokens that are bound come with the proof of their key (RFC 9449 5) and with
// their certificate (RFC 8705 4).
func (s *Service) again(ctx context.Context, r Request, v Renewal) (Response, error) {
	g := v.Grant
	if g.Bound.JKT != "" && g.Bound.JKT != r.Bound.JKT || g.Bound.X5T != "" && g.Bound.X5T != r.Bound.X5T {
		return Response{}, otherKey()
	}
	scope, aud, err := asked(r, g)
	if err != nil {
		return Response{}, err
	}
	return s.mint(ctx, r, g, v.Account, scope, aud, "")
}

// retry answers a token that was spent: within the grace the same successor,
// for an answer may have been lost on the way; after it, theft. It was counted when the
// token was spent: a limit that waits out the grace would make a thief of an honest client.
func (s *Service) retry(ctx context.Context, r Request, v Renewal) (Response, Result, error) {
	old := v.Refresh
	grace, since := or(s.Grace, DefaultGrace), s.Down.since(old.Spent, s.Now())
	if since <= -grace { // nobody knows how long ago it was, so it is neither a retry nor theft
		return Response{}, "", reason.New(reason.RefreshInvalid, errors.New("grant: spent in the future: the clock was set back"))
	}
	if since >= grace || len(old.Sealed) == 0 {
		if err := s.revoke(ctx, actor(r), v.Grant.ID, reason.RefreshReused); err != nil {
			return Response{}, "", err
		}
		return Response{}, "", reason.New(reason.RefreshReused, nil)
	}
	next, err := s.Store.Refresh(ctx, old.Successor)
	if err != nil {
		return Response{}, "", unknown(err, reason.RefreshInvalid)
	}
	if !next.Spent.IsZero() {
		return Response{}, "", reason.New(reason.RefreshSuperseded, nil)
	}
	out, err := s.again(ctx, r, v)
	if err != nil {
		return Response{}, "", err
	}
	if out.RefreshToken, err = unseal(r.RefreshToken, old.Sealed); err != nil {
		return Response{}, "", err
	}
	// Somebody who has stolen the token looks like this, as long as the grace lasts.
	return out, Retried, s.Store.Record(ctx, audit.New(s.Now(), actor(r), "refresh.retry", "grant", v.Grant.ID))
}

// seal encrypts the successor under the presented token, which is stored only
// as a hash: the database alone yields neither. Only the winner of a race stores
// its ciphertext, one per key, so the nonce may be zero.
func seal(under, text string) ([]byte, error) {
	gcm, err := successorKey(under)
	if err != nil {
		return nil, err
	}
	return gcm.Seal(nil, make([]byte, gcm.NonceSize()), []byte(text), nil), nil
}

func unseal(under string, sealed []byte) (string, error) {
	gcm, err := successorKey(under)
	if err != nil {
		return "", err
	}
	text, err := gcm.Open(nil, make([]byte, gcm.NonceSize()), sealed, nil)
	return string(text), err
}

func successorKey(under string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(under), nil, "jotward refresh successor v1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
