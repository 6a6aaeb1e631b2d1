package jwe_test

import (
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// remote is a key in a service that fails.
type remote struct {
	public crypto.PublicKey
	err    error
}

func (r remote) Public() crypto.PublicKey                                        { return r.public }
func (r remote) Decrypt(io.Reader, []byte, crypto.DecrypterOpts) ([]byte, error) { return nil, r.err }
func (r remote) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error)       { return nil, r.err }

type remoteECDH struct {
	*ecdh.PrivateKey
	err error
}

func (r remoteECDH) ECDH(*ecdh.PublicKey) ([]byte, error) { return nil, r.err }

// Only a key that says that it cannot be reached is told from a message that does
// not open; what else it says stays here.
func TestKeysThatAreAway(t *testing.T) {
	down := fmt.Errorf("kms: timeout: %w", jose.KeysUnavailable)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecdhKey, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		err    error
		reason jose.Reason
	}{{down, jose.KeysUnavailable}, {errors.New("bad padding at byte 7"), jose.DecryptionFailed}, {rsa.ErrDecryption, jose.DecryptionFailed}} {
		for a, material := range map[jwk.Algorithm]any{jwk.RSAOAEP256: remote{&rsaKey.PublicKey, c.err}, jwk.ECDHES: remoteECDH{ecdhKey, c.err}, jwk.ECDHESA256KW: remoteECDH{ecdhKey, c.err}} {
			key, err := jwk.New(material, a, "k")
			if err != nil {
				t.Fatal(a, err)
			}
			text, err := jwe.Encrypt([]byte("x"), key, jwe.EncryptOptions{Encryption: jwk.A256GCM})
			if err != nil {
				t.Fatal(a, err)
			}
			_, err = jwe.Decrypt(t.Context(), text, key, jwe.DecryptOptions{Algorithms: []jwk.Algorithm{a}, Encryptions: []jwk.Algorithm{jwk.A256GCM}})
			if jose.ReasonOf(err) != c.reason || c.reason == jose.DecryptionFailed && errors.Unwrap(err) != nil {
				t.Errorf("%s, %v: %v", a, c.err, err)
			}
		}
		key, err := jwk.New(remote{&ecdsaKey.PublicKey, c.err}, jwk.ES256, "k")
		if err != nil {
			t.Fatal(err)
		}
		want := jose.KeyInvalid
		if c.reason == jose.KeysUnavailable {
			want = jose.KeysUnavailable
		}
		if _, err := jws.SignInput(key, []byte("x")); jose.ReasonOf(err) != want || !errors.Is(err, c.err) {
			t.Errorf("sign, %v: %v", c.err, err)
		}
	}
}

// An outage is not hidden by another key, or another recipient, that fails after it or
// before it; and it is no news when one of them opens the message.
func TestKeysThatAreAwayAmongOthers(t *testing.T) {
	ecdhKey, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	down, err := jwk.New(remoteECDH{ecdhKey, jose.KeysUnavailable}, jwk.ECDHESA256KW, "")
	if err != nil {
		t.Fatal(err)
	}
	generate := func() *jwk.Key {
		k, err := jwk.Generate(jwk.ECDHESA256KW, "")
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	reader, stranger := generate(), generate()
	options := jwe.DecryptOptions{Algorithms: []jwk.Algorithm{jwk.ECDHESA256KW}, Encryptions: []jwk.Algorithm{jwk.A256GCM}}
	for _, c := range []struct {
		name string
		keys keyList
		to   *jwk.Key
		want jose.Reason
	}{
		{"away, then a key that fails", keyList{down, reader}, stranger, jose.KeysUnavailable},
		{"a key that fails, then away", keyList{reader, down}, stranger, jose.KeysUnavailable},
		{"away, then the key", keyList{down, reader}, reader, ""},
		{"no key away", keyList{stranger, stranger}, reader, jose.DecryptionFailed},
	} {
		one, err := jwe.Encrypt([]byte("x"), c.to, jwe.EncryptOptions{Encryption: jwk.A256GCM})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jwe.Decrypt(t.Context(), one, c.keys, options); jose.ReasonOf(err) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// Encrypted to two strangers who call themselves as our keys are called.
	stranger1, stranger2 := generate(), generate()
	for _, order := range [][2]string{{"down", "local"}, {"local", "down"}} {
		var to []*jwk.Key
		for i, k := range []*jwk.Key{stranger1, stranger2} {
			named, err := jwk.New(k.PublicKey(), jwk.ECDHESA256KW, order[i])
			if err != nil {
				t.Fatal(err)
			}
			to = append(to, named)
		}
		text, err := jwe.EncryptJSON([]byte("x"), nil, to, jwe.EncryptOptions{Encryption: jwk.A256GCM})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jwe.DecryptJSON(t.Context(), text, keyNames{"down": down, "local": reader}, options); jose.ReasonOf(err) != jose.KeysUnavailable {
			t.Errorf("%v: %v", order, err)
		}
	}
}

// keyNames is a source of one key for each kid.
type keyNames map[string]*jwk.Key

func (n keyNames) Lookup(_ context.Context, kid string, _ jwk.Algorithm) ([]*jwk.Key, error) {
	return []*jwk.Key{n[kid]}, nil
}

// keyList is a source that has all its keys tried.
type keyList []*jwk.Key

func (l keyList) Lookup(context.Context, string, jwk.Algorithm) ([]*jwk.Key, error) { return l, nil }
