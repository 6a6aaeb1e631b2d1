package valkey

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/redis/rueidis"
)

// clocks is how far apart the clocks of edges may be: a key is remembered so much
// longer than it is asked for.
const clocks = time.Minute

// Seen implements jwt.ReplayStore for all edges that share the store. Asking and
// remembering are one command (SET NX). It fails when the store does not answer, has
// no room, or may forget.
//
// Whoever loses the store's memory, or fails over to a replica that had not
// heard of a key yet, accepts a token again that was used in that moment.
func (s *Store) Seen(ctx context.Context, key string, until time.Time) (bool, error) {
	if !s.keeps.Load() {
		if _, err := s.State(); err != nil {
			return false, err
		}
		return false, ErrForgets
	}
	// By how long and not until when: the store's clock is another.
	life := max(until.Sub(s.config.Now()), 0) + clocks
	seen := false
	err := s.ask(ctx, func(ctx context.Context, c rueidis.Client) error {
		return c.Do(ctx, c.B().Set().Key(s.key("used", key)).Value("").Nx().PxMilliseconds(life.Milliseconds()).Build()).Error()
	})
	if rueidis.IsRedisNil(err) { // it was there
		seen, err = true, nil
	}
	return seen, err
}

// key hashes what is asked about: a client's name, an address or a token's jti is
// nobody's business who looks into the store. Of addresses and names there are few
// enough to try all of them, unless a secret is hashed along.
func (s *Store) key(kind, key string) string {
	h := sha256.New()
	if s.config.Secret != "" {
		h = hmac.New(sha256.New, []byte(s.config.Secret))
	}
	h.Write([]byte(kind + "\x00" + key))
	return s.config.Prefix + kind + ":" + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
