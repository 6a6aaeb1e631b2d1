// Package keyring holds the signing keys; only here are private halves open.
// They are stored sealed with AES-256-GCM under the master key.
package keyring

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/jose/jwk"
)

// The purposes of keys.
const (
	PurposeToken = "token"
	PurposeFeed  = "feed"
)

// Key is a stored key. Its state follows from its times: pending before
// Activates, active until Retires (zero: no end), retired until Gone.
type Key struct {
	ID, Purpose, MasterID             string
	Public, Sealed                    []byte
	Created, Activates, Retires, Gone time.Time
}

// State names the key's state at a moment.
func (k Key) State(now time.Time) string {
	switch {
	case !k.Gone.IsZero() && !now.Before(k.Gone):
		return "gone"
	case !k.Retires.IsZero() && !now.Before(k.Retires):
		return "retired"
	case now.Before(k.Activates):
		return "pending"
	}
	return "active"
}

// Store is what the ring needs. AddKey also gives the purpose's other keys
// without an end the ends retires and gone.
type Store interface {
	Keys(ctx context.Context, purpose string) ([]Key, error)
	AddKey(ctx context.Context, k Key, retires, gone time.Time, act audit.Act) error
	RetireKey(ctx context.Context, kid string, at time.Time, act audit.Act) error
}

// Ring signs and publishes. Ahead is how long a key is published before use,
// TokenLife the longest life of what it signs.
type Ring struct {
	Store            Store
	Now              func() time.Time
	Ahead, TokenLife time.Duration
	master           cipher.AEAD
	masterID         string
}

// New opens a ring under a master key of 32 bytes.
func New(s Store, master []byte, now func() time.Time, ahead, tokenLife time.Duration) (*Ring, error) {
	if len(master) != 32 {
		return nil, errors.New("keyring: the master key must have 32 bytes")
	}
	block, err := aes.NewCipher(master)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	id := hex.EncodeToString(secret.Hash("jotward master key id\x00" + string(master))[:8])
	return &Ring{Store: s, Now: now, Ahead: ahead, TokenLife: tokenLife, master: gcm, masterID: id}, nil
}

// Active returns the key to sign with. The first key of a purpose is made by
// Rotate, which the server calls at its start when List is empty.
func (r *Ring) Active(ctx context.Context, purpose string) (*jwk.Key, error) {
	keys, err := r.Store.Keys(ctx, purpose)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if k.State(r.Now()) == "active" {
			return r.open(k)
		}
	}
	return nil, reason.New(reason.Internal, errors.New("keyring: no active key for "+purpose))
}

// Set returns the public keys that tokens may still be signed with.
func (r *Ring) Set(ctx context.Context, purpose string) (*jwk.Set, error) {
	keys, err := r.Store.Keys(ctx, purpose)
	if err != nil {
		return nil, err
	}
	var out []*jwk.Key
	for _, k := range keys {
		if k.State(r.Now()) == "gone" {
			continue
		}
		pub, err := jwk.Parse(k.Public, jwk.Options{PublicOnly: true})
		if err != nil {
			return nil, err
		}
		out = append(out, pub)
	}
	return jwk.NewSet(out...)
}

// PublicSet returns the JWK Set to publish and how long it may be cached:
// half of Ahead, so that a key is known everywhere before it signs.
func (r *Ring) PublicSet(ctx context.Context, purpose string) ([]byte, time.Duration, error) {
	set, err := r.Set(ctx, purpose)
	if err != nil {
		return nil, 0, err
	}
	text, err := set.MarshalJSON()
	return text, r.Ahead / 2, err
}

// List returns all keys of a purpose, newest first; private halves stay sealed.
func (r *Ring) List(ctx context.Context, purpose string) ([]Key, error) {
	return r.Store.Keys(ctx, purpose)
}

// Rotate makes the next key. It signs after Ahead, at once when none does.
func (r *Ring) Rotate(ctx context.Context, actor audit.Actor, purpose string) (Key, error) {
	if purpose != PurposeToken && purpose != PurposeFeed {
		return Key{}, reason.New(reason.RequestInvalid, errors.New("keyring: unknown purpose"))
	}
	keys, err := r.Store.Keys(ctx, purpose)
	if err != nil {
		return Key{}, err
	}
	now := r.Now()
	from := now
	for _, k := range keys {
		if k.State(now) == "active" {
			from = now.Add(r.Ahead)
		}
	}
	k, err := jwk.Generate(jwk.ES256, "")
	if err != nil {
		return Key{}, err
	}
	private, err := k.ExportPrivate()
	if err != nil {
		return Key{}, err
	}
	public, err := k.MarshalJSON()
	if err != nil {
		return Key{}, err
	}
	row := Key{ID: k.KeyID(), Purpose: purpose, MasterID: r.masterID, Public: public, Created: now, Activates: from}
	nonce := make([]byte, r.master.NonceSize())
	rand.Read(nonce)
	row.Sealed = r.master.Seal(nonce, nonce, private, aad(row))
	return row, r.Store.AddKey(ctx, row, from, from.Add(r.TokenLife), audit.New(now, actor, "key.rotate", "key", row.ID, "purpose", purpose))
}

// Retire revokes a key at once and replaces it when it was the one in use.
func (r *Ring) Retire(ctx context.Context, actor audit.Actor, purpose, kid string) error {
	now := r.Now()
	act := audit.New(now, actor, "key.retire", "key", kid).Revoking(revoke.Entry{
		Kind: revoke.KindKey, ID: kid, Expires: now.Add(r.TokenLife), Reason: reason.Administrator})
	if err := r.Store.RetireKey(ctx, kid, now, act); err != nil {
		return err
	}
	if _, err := r.Active(ctx, purpose); err == nil {
		return nil
	}
	_, err := r.Rotate(ctx, actor, purpose)
	return err
}

func (r *Ring) open(k Key) (*jwk.Key, error) {
	n := r.master.NonceSize()
	if k.MasterID != r.masterID || len(k.Sealed) < n {
		return nil, errors.New("keyring: key " + k.ID + " is sealed under another master key: " + k.MasterID)
	}
	private, err := r.master.Open(nil, k.Sealed[:n], k.Sealed[n:], aad(k))
	if err != nil {
		return nil, err
	}
	return jwk.Parse(private, jwk.Options{})
}

func aad(k Key) []byte { return []byte(k.ID + "\x00" + k.Purpose + "\x00" + k.MasterID) }
