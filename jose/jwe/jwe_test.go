package jwe_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
)

// fast keeps the tests of PBES2 short.
const fast = 1000

// everything is what the library can do.
func everything() jwe.DecryptOptions {
	return jwe.DecryptOptions{Algorithms: jwk.KeyManagementAlgorithms(), Encryptions: jwk.ContentEncryptionAlgorithms()}
}

func generate(t testing.TB, a jwk.Algorithm) *jwk.Key {
	t.Helper()
	if strings.HasPrefix(string(a), "PBES2") {
		key, err := jwk.New([]byte("correct horse battery staple"), a, "pw")
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	if a == jwk.RSAOAEP || a == jwk.RSAOAEP256 {
		key, err := jwk.New(rsaKey(), a, "rsa")
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	key, err := jwk.Generate(a, "")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// rsaKey is one key for all tests that do not ask which.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// keysFor returns a key for each way to the content key, and for each content
// encryption used directly.
func keysFor(t testing.TB) (keys []*jwk.Key) {
	t.Helper()
	for _, a := range jwk.KeyManagementAlgorithms() {
		if a != jwk.Direct {
			keys = append(keys, generate(t, a))
		}
	}
	for _, curve := range []ecdh.Curve{ecdh.P384(), ecdh.P521(), ecdh.X25519()} {
		private, err := curve.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []jwk.Algorithm{jwk.ECDHES, jwk.ECDHESA256KW} {
			key, err := jwk.New(private, a, "curve")
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
		}
	}
	for _, enc := range jwk.ContentEncryptionAlgorithms() {
		keys = append(keys, generate(t, enc))
	}
	return keys
}

func public(t testing.TB, key *jwk.Key) *jwk.Key {
	t.Helper()
	if key.IsSymmetric() {
		return key
	}
	pub, err := key.Public()
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

func TestRoundTrip(t *testing.T) {
	lengths := []int{0, 1, 15, 16, 17, 1000}
	for _, key := range keysFor(t) {
		for i, enc := range jwk.ContentEncryptionAlgorithms() {
			if key.Algorithm().IsContentEncryption() && key.Algorithm() != enc {
				continue
			}
			plaintext := bytes.Repeat([]byte{'x'}, lengths[i])
			o := jwe.EncryptOptions{Encryption: enc, Type: "t", ContentType: "c", Iterations: fast, Compress: i%2 == 1}
			accept := everything()
			accept.Decompress = o.Compress
			compact, err := jwe.Encrypt(plaintext, public(t, key), o)
			if err != nil {
				t.Fatalf("%v %s: %v", key, enc, err)
			}
			m, err := jwe.Decrypt(ctx, compact, key, accept)
			if err != nil || !bytes.Equal(m.Plaintext, plaintext) || m.Header.Type != "t" || m.Header.ContentType != "c" {
				t.Fatalf("%v %s: %v", key, enc, err)
			}
			flat, err := jwe.EncryptJSON(plaintext, []byte("aad"), []*jwk.Key{public(t, key)}, o)
			if err != nil {
				t.Fatalf("%v %s: %v", key, enc, err)
			}
			m, err = jwe.DecryptJSON(ctx, flat, key, accept)
			if err != nil || !bytes.Equal(m.Plaintext, plaintext) || string(m.AAD) != "aad" {
				t.Fatalf("%v %s: %v", key, enc, err)
			}
		}
	}
}

func TestSeveralRecipients(t *testing.T) {
	var private, pub []*jwk.Key
	for _, a := range []jwk.Algorithm{jwk.RSAOAEP256, jwk.ECDHESA128KW, jwk.A256GCMKW, jwk.PBES2HS256A128KW, jwk.A192KW} {
		key := generate(t, a)
		private, pub = append(private, key), append(pub, public(t, key))
	}
	text, err := jwe.EncryptJSON([]byte("for all"), nil, pub, jwe.EncryptOptions{Encryption: jwk.A128CBCHS256, Iterations: fast})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range private {
		o := everything()
		o.Algorithms = []jwk.Algorithm{key.Algorithm()}
		m, err := jwe.DecryptJSON(ctx, text, key, o)
		if err != nil || string(m.Plaintext) != "for all" || m.Key != key {
			t.Errorf("%v: %v", key, err)
		}
	}
	set, err := jwk.NewSet(private...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jwe.DecryptJSON(ctx, text, set, everything()); err != nil {
		t.Error(err)
	}
	if _, err := jwe.DecryptJSON(ctx, text, generate(t, jwk.A192KW), everything()); !errors.Is(err, jose.DecryptionFailed) && !errors.Is(err, jose.KeyNotFound) {
		t.Errorf("a stranger's key: %v", err)
	}
	for _, direct := range []jwk.Algorithm{jwk.ECDHES, jwk.A128CBCHS256} {
		if _, err := jwe.EncryptJSON(nil, nil, []*jwk.Key{pub[0], generate(t, direct)}, jwe.EncryptOptions{Encryption: jwk.A128CBCHS256}); !errors.Is(err, jose.PolicyInvalid) {
			t.Errorf("%s beside another recipient: %v", direct, err)
		}
	}
}

// A key that lives elsewhere is asked, and never asked to sign.
func TestKeysElsewhere(t *testing.T) {
	for _, a := range []jwk.Algorithm{jwk.RSAOAEP, jwk.ECDHESA256KW} {
		local := generate(t, a)
		remote, err := jwk.New(elsewhere{local}.as(a, t), a, local.KeyID())
		if err != nil {
			t.Fatal(err)
		}
		token, err := jwe.Encrypt([]byte("x"), public(t, local), jwe.EncryptOptions{Encryption: jwk.A256GCM})
		if err != nil {
			t.Fatal(err)
		}
		if m, err := jwe.Decrypt(ctx, token, remote, everything()); err != nil || string(m.Plaintext) != "x" {
			t.Errorf("%s: %v", a, err)
		}
		if _, err := remote.ExportPrivate(); !errors.Is(err, jose.KeyMisuse) {
			t.Errorf("%s: exported with %v", a, err)
		}
	}
}

// The policy's zero value accepts nothing, and every list must be said.
func TestPolicyMustBeWhole(t *testing.T) {
	key := generate(t, jwk.A128KW)
	token, err := jwe.Encrypt(nil, key, jwe.EncryptOptions{Encryption: jwk.A128GCM})
	if err != nil {
		t.Fatal(err)
	}
	kw, gcm := algorithms("A128KW"), algorithms("A128GCM")
	for name, o := range map[string]jwe.DecryptOptions{
		"zero":                  {},
		"no algorithms":         {Encryptions: gcm},
		"no encryptions":        {Algorithms: kw},
		"unknown":               {Algorithms: algorithms("A128KW", "RSA1_5"), Encryptions: gcm},
		"none":                  {Algorithms: algorithms("none"), Encryptions: gcm},
		"a signature":           {Algorithms: algorithms("HS256"), Encryptions: gcm},
		"content as management": {Algorithms: gcm, Encryptions: gcm},
		"management as content": {Algorithms: kw, Encryptions: kw},
		"negative size":         {Algorithms: kw, Encryptions: gcm, MaxSize: -1},
		"negative work":         {Algorithms: kw, Encryptions: gcm, MaxIterations: -1},
		"negative inflation":    {Algorithms: kw, Encryptions: gcm, MaxInflated: -1},
	} {
		if _, err := jwe.Decrypt(ctx, token, key, o); !errors.Is(err, jose.PolicyInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := jwe.Decrypt(ctx, token, nil, everything()); !errors.Is(err, jose.PolicyInvalid) {
		t.Errorf("no keys: %v", err)
	}
	for name, o := range map[string]jwe.EncryptOptions{
		"no encryption": {}, "a signature": {Encryption: jwk.HS256}, "key management": {Encryption: jwk.A128KW}, "few iterations": {Encryption: jwk.A128GCM, Iterations: 999},
	} {
		if _, err := jwe.Encrypt(nil, key, o); !errors.Is(err, jose.PolicyInvalid) {
			t.Errorf("encrypting with %s: %v", name, err)
		}
	}
	if _, err := jwe.Encrypt(nil, nil, jwe.EncryptOptions{Encryption: jwk.A128GCM}); !errors.Is(err, jose.PolicyInvalid) {
		t.Errorf("encrypting to no key: %v", err)
	}
	if _, err := jwe.EncryptJSON(nil, nil, nil, jwe.EncryptOptions{Encryption: jwk.A128GCM}); !errors.Is(err, jose.PolicyInvalid) {
		t.Errorf("encrypting to no keys: %v", err)
	}
	if _, err := jwe.Encrypt(nil, generate(t, jwk.ES256), jwe.EncryptOptions{Encryption: jwk.A128GCM}); !errors.Is(err, jose.KeyMisuse) {
		t.Errorf("encrypting to a signature key: %v", err)
	}
}

// What is written is read by anybody: names, order and spelling of a header.
func TestHeaderAsWritten(t *testing.T) {
	key := generate(t, jwk.ECDHES)
	token, err := jwe.Encrypt([]byte("x"), key, jwe.EncryptOptions{Encryption: jwk.A256GCM, PartyUInfo: []byte("Alice"), PartyVInfo: []byte("Bob")})
	if err != nil {
		t.Fatal(err)
	}
	var h map[string]any
	segment, _, _ := strings.Cut(token, ".")
	if err := json.Unmarshal(raw(t, segment), &h); err != nil {
		t.Fatal(err)
	}
	if h["alg"] != "ECDH-ES" || h["enc"] != "A256GCM" || h["kid"] != key.KeyID() || h["apu"] != "QWxpY2U" || h["apv"] != "Qm9i" || len(h) != 6 {
		t.Errorf("%v", h)
	}
	epk, ok := h["epk"].(map[string]any)
	if !ok || epk["kty"] != "EC" || epk["crv"] != "P-256" || epk["d"] != nil || len(epk) != 4 {
		t.Errorf("epk %v", epk)
	}
}

// A source that is no key, or gives none, refuses and does not panic.
func TestSourcesWithoutKeys(t *testing.T) {
	key := generate(t, jwk.A128KW)
	token, err := jwe.Encrypt([]byte("x"), key, jwe.EncryptOptions{Encryption: jwk.A128GCM})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		keys jwe.KeySource
		want jose.Reason
	}{
		"no key": {(*jwk.Key)(nil), jose.KeyNotFound}, "no set": {(*jwk.Set)(nil), jose.KeyNotFound},
		"nil in an answer": {list{nil}, jose.KeyMisuse}, "nil before the key": {list{nil, key}, ""},
	} {
		if _, err := jwe.Decrypt(ctx, token, c.keys, everything()); jose.ReasonOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
