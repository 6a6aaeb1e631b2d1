package main

import (
	"bytes"
	"crypto/ecdh"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

// agreement reads 531 agreements on X25519, their keys as JWKs.
func agreement(t *testing.T, dir string) map[string]int {
	var file struct {
		TestGroups []struct {
			Tests []struct {
				TcID            int
				Flags           []string
				Public, Private json.RawMessage
				Shared, Result  string
			}
		}
	}
	readJSON(t, filepath.Join(dir, "wycheproof", "x25519_jwk_test.json"), &file)
	got := map[string]int{}
	o := jwk.Options{Algorithms: []jwk.Algorithm{jwk.ECDHES}}
	for _, group := range file.TestGroups {
		for _, c := range group.Tests {
			private, err := jwk.Parse(c.Private, o)
			if err != nil {
				t.Errorf("x25519/%d: the private key: %v", c.TcID, err)
				continue
			}
			public, err := jwk.Parse(c.Public, o)
			if err == nil && c.Result == "invalid" && onX25519(public) {
				t.Errorf("x25519/%d: an invalid key is read", c.TcID)
			}
			if err != nil || !onX25519(public) {
				got["reject"]++
				// A point of small order gives nothing to agree on (RFC 7748 6.1).
				if c.Result != "invalid" && (jose.ReasonOf(err) != jose.KeyWeak || !slices.Contains(c.Flags, "LowOrderPublic")) {
					t.Errorf("x25519/%d: %v", c.TcID, err)
				}
				continue
			}
			got["accept"]++
			if shared := agree(t, private, public); hex.EncodeToString(shared) != c.Shared {
				t.Errorf("x25519/%d: agreed on %x", c.TcID, shared)
			}
		}
	}
	return got
}

func onX25519(k *jwk.Key) bool {
	pub, ok := k.PublicKey().(*ecdh.PublicKey)
	return ok && pub.Curve() == ecdh.X25519()
}

func agree(t *testing.T, private, public *jwk.Key) []byte {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(must(private.ExportPrivateDER()))
	if err != nil {
		t.Fatal(err)
	}
	shared, err := key.(*ecdh.PrivateKey).ECDH(public.PublicKey().(*ecdh.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return shared
}

// keyFiles reads every published key and set that stands in a file of its own:
// RFC 7517 appendices A and B, RFC 7520 3, RFC 7638 3.1 and the keys of figures.
func keyFiles(t *testing.T, dir string) map[string]int {
	got := map[string]int{}
	all := append(jwk.SignatureAlgorithms(), jwk.KeyManagementAlgorithms()...)
	for _, pattern := range []string{"rfc7520/jwk/*.json", "rfc75xx-latchset/*.jwk", "rfc75xx-latchset/*.jwkset"} {
		files, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
		if err != nil || len(files) == 0 {
			t.Fatal("no keys", pattern, err)
		}
		for _, file := range files {
			text := must(os.ReadFile(followed(t, file)))
			read := 0
			for _, a := range all { // a key without alg is bound to what the caller names
				o := jwk.Options{Algorithms: []jwk.Algorithm{a}}
				if bytes.Contains(text, []byte(`"keys"`)) {
					if set, err := jwk.ParseSet(text, o); err == nil {
						read = max(read, set.Len())
					}
				} else if _, err := jwk.Parse(text, o); err == nil {
					read = max(read, 1)
				}
			}
			if read == 0 {
				t.Errorf("%s: not read", filepath.Base(file))
				continue
			}
			got["accept"]++
		}
	}
	k, err := jwk.Parse(must(os.ReadFile(filepath.Join(dir, "rfc75xx-latchset", "rfc7638_3.1.jwk"))), jwk.Options{})
	thumb := strings.TrimSpace(string(must(os.ReadFile(filepath.Join(dir, "rfc75xx-latchset", "rfc7638_3.1.thp")))))
	if err != nil || k.Thumbprint() != thumb {
		t.Errorf("RFC 7638 3.1: %v, %v", k, err)
	}
	return got
}
