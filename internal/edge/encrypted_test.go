package edge

import (
	"crypto/aes"
	"crypto/cipher"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

func decryptionKey(t testing.TB, kid string, a jwk.Algorithm) *jwk.Key {
	t.Helper()
	k, err := jwk.Generate(a, kid)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// decrypts is a configuration for keys, of ECDH-ES+A256KW, or shared.
func decrypts(t testing.TB, required bool, keys ...*jwk.Key) *config.EdgeDecryption {
	t.Helper()
	c := &config.EdgeDecryption{Algorithms: []string{"ECDH-ES+A256KW", "dir"}, Encryptions: []string{"A256GCM"}, Required: required}
	for _, k := range keys {
		text, err := k.ExportPrivate()
		if err != nil {
			t.Fatal(err)
		}
		c.Keys = append(c.Keys, config.Literal(string(text)))
	}
	return c
}

func nest(t testing.TB, signed string, key *jwk.Key) string {
	t.Helper()
	token, err := jwt.Encrypt(signed, key, jwe.EncryptOptions{Encryption: jwk.A256GCM})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// shared is a secret of issuer and edge, and what encrypts with it under any header.
func shared32(t testing.TB, fill string) (*jwk.Key, func(members, text string) string) {
	t.Helper()
	secret := []byte(strings.Repeat(fill, 32))
	key, err := jwk.New(secret, jwk.A256GCM, "")
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return key, func(members, text string) string {
		segment, iv := encode(`{"alg":"dir","enc":"A256GCM","cty":"JWT"`+members+`}`), make([]byte, aead.NonceSize())
		out := string(aead.Seal(nil, iv, []byte(text), []byte(segment)))
		return segment + ".." + encode(string(iv)) + "." + encode(out[:len(text)]) + "." + encode(out[len(text):])
	}
}

func auth(token string) string { return "Authorization: Bearer " + token + "\r\n" }

// An encrypted token is worth what the signed one inside is (RFC 7519 7.2), which
// is held to the whole policy; the cache decides no differently.
func TestEncryptedTokens(t *testing.T) {
	t.Parallel()
	key, other := decryptionKey(t, "d1", jwk.ECDHESA256KW), decryptionKey(t, "d2", jwk.ECDHESA256KW)
	common, seal := shared32(t, "k")
	w := build(t, func(_ *world, c *config.Edge) { c.Issuers[0].Decryption = decrypts(t, false, key, other, common) })
	unsigned, err := jwe.Encrypt([]byte(`{"iss":"https://a.test","aud":"api","sub":"usr_1","scope":"read","iat":1800000000,"exp":1800000060}`), key, jwe.EncryptOptions{Encryption: jwk.A256GCM})
	if err != nil {
		t.Fatal(err)
	}
	stranger := decryptionKey(t, "d1", jwk.ECDHESA256KW)
	good := nest(t, w.a.token(nil), key)
	cut := strings.LastIndexByte(good, '.')
	w.known(w.a.token(nil)) // the keys are there
	for _, c := range []struct{ name, token, code string }{
		{"plain", w.a.token(nil), ""}, {"nested", good, ""}, {"the other key", nest(t, w.a.token(nil), other), ""}, {"the issuer beside", seal(`,"iss":"https://a.test"`, w.a.token(nil)), ""},
		{"nobody signed it", unsigned, "type_mismatch"}, {"expired inside", nest(t, w.a.token(map[string]any{"exp": w.now().Unix()}), key), "token_expired"},
		{"another's signature inside", nest(t, w.a.tokenBy(newKey(t, "k1"), "at+jwt", nil), key), "signature_invalid"}, {"another audience inside", nest(t, w.a.token(map[string]any{"aud": "x"}), key), "audience_mismatch"},
		{"another type inside", nest(t, w.a.tokenBy(w.a.key, "JWT", nil), key), "type_mismatch"}, {"bound inside", nest(t, w.a.token(map[string]any{"cnf": nil}), key), "sender_proof_unchecked"},
		{"another issuer beside", seal(`,"iss":"https://b.test"`, w.a.token(nil)), "claim_mismatch"}, {"another key", nest(t, w.a.token(nil), stranger), "decryption_failed"},
		{"an unknown kid", nest(t, w.a.token(nil), decryptionKey(t, "d9", jwk.ECDHESA256KW)), "key_not_found"}, {"another algorithm", nest(t, w.a.token(nil), decryptionKey(t, "d1", jwk.ECDHESA128KW)), "algorithm_not_allowed"},
		{"another tag", good[:cut+1] + strings.Repeat("A", len(good)-cut-1), "decryption_failed"}, {"six segments", good + ".x", "token_malformed"}, {"large", nest(t, w.a.token(map[string]any{"x": strings.Repeat("x", 20000)}), key), "token_oversize"},
	} {
		for _, hit := range []bool{false, true} {
			if a := w.get("/api/x", auth(c.token)); a.code() != c.code || (a.status == 200) != (c.code == "") || c.code == "" && a.event.CacheHit != hit {
				t.Errorf("%s: %s %s", c.name, a, a.event.Detail)
			}
		}
	}
	if got := w.origin.last.Load().Header; got.Get("X-User") != "usr_1" || len(strings.Split(got.Get("Authorization"), ".")) != 5 {
		t.Error("not forwarded as it came:", got)
	}
	w.revoke(revoke.Entry{Kind: revoke.KindToken, ID: "j"})
	if a := w.get("/api/x", auth(good)); a.code() != "token_revoked" {
		t.Error("from the cache after it was revoked:", a)
	}
	if log := w.log.String(); strings.Contains(log, good) || strings.Contains(log, "usr_1") {
		t.Error("the log has it")
	}
}

func TestEncryptionRequired(t *testing.T) {
	t.Parallel()
	key := decryptionKey(t, "d1", jwk.ECDHESA256KW)
	w := build(t, withB, func(_ *world, c *config.Edge) { c.Issuers[0].Decryption = decrypts(t, true, key) })
	for range 2 {
		if a := w.get("/api/x", auth(w.a.token(nil))); a.code() != "encryption_required" || a.status != 401 {
			t.Error(a)
		}
		if a := w.get("/api/x", auth(nest(t, w.a.token(nil), key))); a.status != 200 {
			t.Error(a)
		}
		if a := w.get("/api/x", auth(w.b.token(nil))); a.status != 200 {
			t.Error("another issuer:", a)
		}
		if a := w.get("/api/x", auth(nest(t, w.b.token(nil), key))); a.code() != "signature_invalid" {
			t.Error("another issuer's, encrypted to this one's key:", a)
		}
	}
}

// Whose an encrypted token is, is told by its header or by the route, or it is
// refused; what was decided on one route says nothing on another.
func TestIssuerOfEncrypted(t *testing.T) {
	t.Parallel()
	a, sealA := shared32(t, "a")
	b, sealB := shared32(t, "b")
	w := build(t, withB, with(config.Route{Name: "a", Path: "/a", Issuers: []string{"https://a.test"}}), with(config.Route{Name: "b", Path: "/b", Issuers: []string{"https://b.test"}}),
		func(_ *world, c *config.Edge) {
			c.Issuers[0].Decryption, c.Issuers[1].Decryption = decrypts(t, false, a), decrypts(t, false, b)
			c.Issuers = append(c.Issuers, config.EdgeIssuer{Issuer: "https://c.test", JWKSURI: "https://c.test/jwks", Audience: "api", Algorithms: []string{"ES256"}, MaxLifetime: time.Hour})
			c.Routes = append(c.Routes, config.Route{Name: "c", Path: "/c", Issuers: []string{"https://c.test"}, Upstream: c.Routes[0].Upstream})
		})
	iss := func(name string) string { return `,"iss":"` + name + `"` }
	said, unsaid := sealB(iss("https://b.test"), w.b.token(nil)), sealB("", w.b.token(nil))
	for _, c := range []struct{ path, token, code string }{
		{"/a", unsaid, "decryption_failed"}, {"/b", unsaid, ""}, {"/api/x", unsaid, "issuer_ambiguous"}, {"/c", unsaid, "issuer_mismatch"},
		{"/a", said, "issuer_mismatch"}, {"/b", said, ""}, {"/api/x", said, ""},
		{"/api/x", sealA(iss("https://a.test"), w.b.token(nil)), "signature_invalid"}, {"/api/x", sealA(iss("https://b.test"), w.a.token(nil)), "decryption_failed"},
		{"/api/x", sealA(iss("https://c.test"), w.a.token(nil)), "issuer_mismatch"}, {"/api/x", sealA(iss("https://d.test"), w.a.token(nil)), "issuer_mismatch"}, {"/api/x", sealA(`,"iss":["https://a.test"]`, w.a.token(nil)), "header_invalid"},
		{"/api/x", "a.b.c.d.e", "token_malformed"}, {"/api/x", strings.Repeat("x", 17000) + "....", "token_oversize"},
	} {
		for range 2 {
			if got := w.get(c.path, auth(c.token)); got.code() != c.code || c.code == "" && got.status != 200 {
				t.Errorf("%s: %s, want %s", c.path, got, c.code)
			}
		}
	}
}

func TestDecryptionIsRefused(t *testing.T) {
	t.Parallel()
	w := build(t)
	key := decryptionKey(t, "d1", jwk.ECDHESA256KW)
	public, err := key.Public()
	if err != nil {
		t.Fatal(err)
	}
	text, err := public.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*config.EdgeDecryption)) *config.EdgeDecryption {
		c := decrypts(t, false, key)
		change(c)
		return c
	}
	for name, c := range map[string]*config.EdgeDecryption{
		"nothing": {}, "no key": with(func(c *config.EdgeDecryption) { c.Keys = nil }), "no algorithm": with(func(c *config.EdgeDecryption) { c.Algorithms = nil }), "no encryption": with(func(c *config.EdgeDecryption) { c.Encryptions = nil }),
		"a signature": with(func(c *config.EdgeDecryption) { c.Algorithms = append(c.Algorithms, "ES256") }), "a password": with(func(c *config.EdgeDecryption) { c.Algorithms = append(c.Algorithms, "PBES2-HS256+A128KW") }),
		"an unknown encryption": with(func(c *config.EdgeDecryption) { c.Encryptions = []string{"none"} }), "a public key": with(func(c *config.EdgeDecryption) { c.Keys = []config.Secret{config.Literal(string(text))} }),
		"an empty set": with(func(c *config.EdgeDecryption) { c.Keys = []config.Secret{config.Literal(`{"keys":[]}`)} }), "no JSON": with(func(c *config.EdgeDecryption) { c.Keys = []config.Secret{config.Literal("secret-text")} }),
		"the same kid twice": with(func(c *config.EdgeDecryption) { c.Keys = append(c.Keys, c.Keys[0]) }),
	} {
		next := w.config
		next.Issuers = []config.EdgeIssuer{w.a.config()}
		next.Issuers[0].Decryption = c
		if err := w.edge.Reload(next); err == nil || !strings.Contains(err.Error(), "decryption") || strings.Contains(err.Error(), "secret-text") {
			t.Errorf("%s: %v", name, err)
		}
	}
	set := `{"keys":[` + decrypts(t, false, key).Keys[0].Reveal() + `]}`
	next := w.config
	next.Issuers = []config.EdgeIssuer{w.a.config()}
	next.Issuers[0].Decryption = with(func(c *config.EdgeDecryption) { c.Keys = []config.Secret{config.Literal(set)} })
	if err := w.edge.Reload(next); err != nil {
		t.Fatal(err)
	}
	if a := w.get("/api/x", auth(nest(t, w.a.token(nil), key))); a.status != 200 {
		t.Error("a set:", a)
	}
}
