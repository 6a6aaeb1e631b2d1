package jwk_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

// utf16Text is a text as some editors save it.
func utf16Text(s string, big bool) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + s)) {
		if big {
			out = append(out, byte(u>>8), byte(u))
		} else {
			out = append(out, byte(u), byte(u>>8))
		}
	}
	return out
}

// THREATS, Tokens: HMAC keyed with a public key, however that is written down.
func TestThreatPublicTextAsSecret(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	spki, _ := x509.MarshalPKIXPublicKey(&private.PublicKey)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ecSPKI, _ := x509.MarshalPKIXPublicKey(&ec.PublicKey)
	ed, _, _ := ed25519.GenerateKey(rand.Reader)
	edSPKI, _ := x509.MarshalPKIXPublicKey(ed)
	ofUnknown := bytes.Replace(edSPKI, []byte{0x2b, 0x65, 0x70}, []byte{0x2b, 0x65, 0x71}, 1) // Ed448's name, which x509 does not know
	sshBlob := append([]byte("\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"), ed...)
	k, err := jwk.New(&private.PublicKey, jwk.RS256, "k")
	if err != nil {
		t.Fatal(err)
	}
	asJWK, _ := k.MarshalJSON()

	forms := map[string][]byte{
		"spki": spki, "pkcs1": x509.MarshalPKCS1PublicKey(&private.PublicKey), "certificate": certificate,
		"ec spki": ecSPKI, "ed25519 spki": edSPKI, "spki of an unknown algorithm": ofUnknown,
		"pem":  pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}),
		"jwk":  asJWK,
		"keys": []byte("[" + string(asJWK) + "]"),
		"ssh":  []byte("ssh-ed25519 " + base64.StdEncoding.EncodeToString(sshBlob) + " me@example"),
		"sk":   []byte("sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t"),
		"ssh2": []byte("---- BEGIN SSH2 PUBLIC KEY ----\nAAAAC3NzaC1lZDI1NTE5AAAA\n---- END SSH2 PUBLIC KEY ----\n"),
		"wire": sshBlob,
	}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, _ := ecdsa.GenerateKey(curve, rand.Reader)
		point, err := key.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		forms["point of "+curve.Params().Name] = point
	}
	secret := func(name string, b []byte) {
		t.Helper()
		if _, err := jwk.New(b, jwk.HS256, ""); jose.ReasonOf(err) != jose.KeyMisuse {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, b := range forms {
		secret(name, b)
		secret(name+", with an editor's line break", append(bytes.Clone(b), "\r\n"...))
		secret(name+", after blanks", append([]byte(" \n\t"), b...))
		std := base64.StdEncoding.EncodeToString(b)
		secret(name+" in base64", []byte(std))
		secret(name+" in base64, unpadded, with a line break", []byte(strings.TrimRight(std, "=")+"\n"))
		secret(name+" in base64url", []byte(base64.URLEncoding.EncodeToString(b)))
		secret(name+" in base64url, unpadded", []byte(base64.RawURLEncoding.EncodeToString(b)))
		lines := std
		for i := 64; i < len(lines); i += 66 {
			lines = lines[:i] + "\r\n" + lines[i:]
		}
		secret(name+" in base64 of several lines", []byte(lines))
		secret(name+" in base64, UTF-16", utf16Text(std, false))
		secret(name+" in hex", []byte(hex.EncodeToString(b)))
		secret(name+" in hex with colons", fmt.Appendf(nil, "%s\n", strings.ReplaceAll(fmt.Sprintf("% X", b), " ", ":")))
	}
	for _, name := range []string{"pem", "jwk", "ssh"} {
		secret(name+", UTF-16", utf16Text(string(forms[name]), false))
		secret(name+", UTF-16 big end first", utf16Text(string(forms[name]), true))
		secret(name+", UTF-16 without a mark", utf16Text(string(forms[name]), true)[2:])
	}
}

// The other side: no honest secret is refused, whatever its length, and however its
// random bytes are written down.
func TestRandomSecretsAreTaken(t *testing.T) {
	source := mathrand.NewChaCha8([32]byte{1: 7})
	for size := 32; size <= 512; size++ {
		for _, first := range []int{-1, 0, 2, 3, 4, 0x30, '{'} {
			b := make([]byte, size)
			_, _ = source.Read(b)
			if first >= 0 {
				b[0] = byte(first)
			}
			for _, text := range [][]byte{
				b, []byte(base64.StdEncoding.EncodeToString(b)), []byte(base64.RawURLEncoding.EncodeToString(b) + "\n"), []byte(hex.EncodeToString(b)),
			} {
				if _, err := jwk.New(text, jwk.HS256, ""); err != nil {
					t.Fatalf("%d bytes, %q: %v", size, text, err)
				}
			}
		}
	}
}
