package peers

import (
	"crypto/ecdh"
	"crypto/rand"
	"slices"
	"testing"

	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
)

// unencrypted is unsigned for encryption.
var unencrypted = map[string][]string{
	"go-jose": {"RSA-OAEP-384", "RSA-OAEP-512", "X25519"},
	"jose":    {"X25519", "RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512"},
}

// box is a key and the name under which a peer may lack it.
type box struct {
	key  *jwk.Key
	alg  string
	name string
}

// curves returns keys for an agreement on each curve.
func curves(t *testing.T, a jwk.Algorithm) (list []box) {
	t.Helper()
	for name, curve := range map[string]ecdh.Curve{string(a): ecdh.P256(), string(a) + " P-384": ecdh.P384(), string(a) + " P-521": ecdh.P521(), "X25519": ecdh.X25519()} {
		private, err := curve.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		k, err := jwk.New(private, a, "k")
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, box{k, string(a), name})
	}
	return list
}

func boxes(t *testing.T) (list []box) {
	t.Helper()
	for _, a := range jwk.KeyManagementAlgorithms() {
		switch a {
		case jwk.Direct:
			continue
		case jwk.PBES2HS256A128KW, jwk.PBES2HS384A192KW, jwk.PBES2HS512A256KW:
			k, err := jwk.New([]byte("correct horse battery staple"), a, "k")
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, box{k, string(a), string(a)})
		case jwk.ECDHES, jwk.ECDHESA256KW:
			list = append(list, curves(t, a)...)
		default:
			list = append(list, box{generate(t, a, "k"), string(a), string(a)})
		}
	}
	for _, enc := range jwk.ContentEncryptionAlgorithms() {
		list = append(list, box{generate(t, enc, "k"), "dir", string(enc)})
	}
	return list
}

// direct says that the key gives the content key itself, and so to one recipient.
func (b box) direct() bool { return b.alg == "dir" || b.alg == "ECDH-ES" }

// encs lists each encryption with a wrapped and with an agreed key, and one with
// every other.
func (b box) encs(i int) []jwk.Algorithm {
	all := jwk.ContentEncryptionAlgorithms()
	switch {
	case b.alg == "dir":
		return []jwk.Algorithm{b.key.Algorithm()}
	case b.name != "A256KW" && b.name != "ECDH-ES":
		return all[i%len(all):][:1]
	}
	return all
}

func TestEncryption(t *testing.T) {
	all := boxes(t)
	second := box{generate(t, jwk.A256KW, "second"), "A256KW", "A256KW"}
	eachPeer(t, func(t *testing.T, name string, p peer) {
		for i, b := range all {
			lacks := slices.Contains(unencrypted[name], b.name)
			for _, enc := range b.encs(i) {
				for _, s := range []shape{{}, {zip: true}, {json: true}, {json: true, zip: true}, {json: true, aad: "the room"}} {
					at := b.name + " " + string(enc) + " " + s.String()
					t.Run(at, func(t *testing.T) { encryption(t, name, p, s, enc, lacks, b) })
					if s.json && !b.direct() {
						t.Run(at+" general", func(t *testing.T) {
							encryption(t, name, p, s, enc, lacks, b, second)
							encryption(t, name, p, s, enc, lacks, second, b)
						})
					}
				}
			}
		}
	})
}

// encryption has the two read each other's message for each of its keys.
func encryption(t *testing.T, name string, p peer, s shape, enc jwk.Algorithm, lacks bool, list ...box) {
	var public, private []holder
	var keys []*jwk.Key
	for _, b := range list {
		pub, priv := export(t, b.key, b.alg)
		public, private, keys = append(public, pub), append(private, priv), append(keys, b.key)
	}
	theirs, err := p.encrypt(s, string(enc), public...)
	if (err != nil) != lacks {
		t.Fatalf("encrypts: %v, lacks it: %v", err, lacks)
	}
	if lacks {
		return
	}
	ours, err := encrypt(s, keys, enc)
	if err != nil {
		t.Fatal(err)
	}
	f := encryptedFault(name, s, string(enc), list)
	for i, b := range list {
		got, err := p.decrypt(s, string(enc), private[i], ours)
		if right := err == nil && got == payload; right == (f != nil && f.blind) {
			t.Errorf("reads ours for %s: %q, %v: %s", b.alg, got, err, ours)
		}
		theirs, ok := f.mended(t, theirs, func(text string) error { _, err := decrypt(t, s, b, enc, text); return err })
		if !ok {
			continue
		}
		m, err := decrypt(t, s, b, enc, theirs)
		if err != nil || string(m.Plaintext) != payload || string(m.AAD) != s.aad || m.Header.Compressed != s.zip {
			t.Errorf("we do not read theirs for %s: %v: %s", b.alg, err, theirs)
		}
	}
}

func encrypt(s shape, keys []*jwk.Key, enc jwk.Algorithm) (string, error) {
	o := jwe.EncryptOptions{Encryption: enc, Iterations: 2000, PartyUInfo: []byte("u"), PartyVInfo: []byte("v"), Compress: s.zip}
	if s.json {
		text, err := jwe.EncryptJSON([]byte(payload), []byte(s.aad), keys, o)
		return string(text), err
	}
	return jwe.Encrypt([]byte(payload), keys[0], o)
}

func decrypt(t *testing.T, s shape, b box, enc jwk.Algorithm, token string) (*jwe.Message, error) {
	o := jwe.DecryptOptions{Algorithms: []jwk.Algorithm{jwk.Algorithm(b.alg)}, Encryptions: []jwk.Algorithm{enc}, MaxIterations: 1_000_000, Decompress: s.zip}
	if s.json {
		return jwe.DecryptJSON(t.Context(), []byte(token), b.key, o)
	}
	return jwe.Decrypt(t.Context(), token, b.key, o)
}
