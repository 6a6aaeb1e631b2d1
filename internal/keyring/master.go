package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jotward/jotward/internal/secret"
)

// masters are the master keys: the first seals, the others only open.
type masters struct {
	first string // id
	aead  map[string]cipher.AEAD
}

func newMasters(keys [][]byte) (*masters, error) {
	if len(keys) == 0 {
		return nil, errors.New("keyring: no master key: give one of 32 bytes")
	}
	m := &masters{aead: map[string]cipher.AEAD{}}
	for _, key := range keys {
		if len(key) != 32 {
			return nil, errors.New("keyring: a master key has the wrong length: it must have 32 bytes")
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		gcm, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		id := masterID(key)
		if m.first == "" {
			m.first = id
		}
		m.aead[id] = gcm
	}
	return m, nil
}

// masterID names a master key without saying anything of it: 256 random bits
// cannot be guessed from a hash.
func masterID(key []byte) string {
	return hex.EncodeToString(secret.Hash("jotward master key id\x00" + string(key))[:8])
}

// seal seals a private key under the first master key; the row's own values are
// authenticated with it, so that no row can take another's place.
func (m *masters) seal(k *Key, private []byte) {
	gcm := m.aead[m.first]
	k.MasterID = m.first
	nonce := make([]byte, gcm.NonceSize())
	rand.Read(nonce) // never fails (crypto/rand)
	k.Sealed = gcm.Seal(nonce, nonce, private, binding(k))
}

func (m *masters) open(k *Key) ([]byte, error) {
	gcm, ok := m.aead[k.MasterID]
	if !ok {
		return nil, fmt.Errorf("keyring: key %s is sealed under master key %s, and the first one here is %s: give the old master key beside the new one, in previous_master_keys", k.ID, k.MasterID, m.first)
	}
	n := gcm.NonceSize()
	if len(k.Sealed) < n {
		return nil, fmt.Errorf("keyring: key %s is damaged: restore the database", k.ID)
	}
	private, err := gcm.Open(nil, k.Sealed[:n], k.Sealed[n:], binding(k))
	if err != nil {
		return nil, fmt.Errorf("keyring: key %s was tampered with: restore the database", k.ID)
	}
	return private, nil
}

// binding is the additional data of the seal.
func binding(k *Key) []byte {
	return []byte(k.ID + "\x00" + k.Purpose + "\x00" + string(k.Algorithm) + "\x00" + k.MasterID)
}
