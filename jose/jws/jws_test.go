package jws_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

var ctx = context.Background()

func generate(t testing.TB, a jwk.Algorithm, kid string) *jwk.Key {
	t.Helper()
	k, err := jwk.Generate(a, kid)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func parse(t testing.TB, text string, list ...jwk.Algorithm) *jwk.Key {
	t.Helper()
	k, err := jwk.Parse([]byte(text), jwk.Options{Algorithms: list})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func wants(t *testing.T, err error, r jose.Reason) {
	t.Helper()
	if !errors.Is(err, r) {
		t.Errorf("got %v, want %s", err, r)
	}
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func allow(list ...jwk.Algorithm) jws.Options { return jws.Options{Algorithms: list} }

// rejects gives every file of a folder to verify, which must fail with the
// reason that the file's name begins with.
func rejects(t *testing.T, folder string, atLeast int, verify func(string) error) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*"))
	if err != nil || len(files) < atLeast {
		t.Fatalf("%s: %d files, %v", folder, len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		reason, _, _ := strings.Cut(filepath.Base(file), "--")
		if err := verify(string(text)); !errors.Is(err, jose.Reason(reason)) {
			t.Errorf("%s: got %v", filepath.Base(file), err)
		}
	}
}

const secretA1 = `{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`

func TestRejectCompact(t *testing.T) {
	key := parse(t, secretA1, jwk.HS256)
	rejects(t, "reject", 70, func(token string) error {
		_, err := jws.Verify(ctx, token, key, allow(jwk.HS256, jwk.ES256))
		return err
	})
}

func TestRejectJSON(t *testing.T) {
	key := parse(t, secretA1, jwk.HS256)
	rejects(t, "reject-json", 25, func(text string) error {
		_, err := jws.VerifyJSON(ctx, []byte(text), key, allow(jwk.HS256))
		return err
	})
}

// Every algorithm signs what it verifies, in every form, and nothing else.
func TestRoundTrip(t *testing.T) {
	payload := []byte("It’s a dangerous business, Frodo")
	for _, a := range jwk.SignatureAlgorithms() {
		k := generate(t, a, "kid")
		verifier := k
		if !k.IsSymmetric() {
			pub, err := k.Public()
			if err != nil {
				t.Fatal(err)
			}
			verifier = pub
			_, err = jws.Sign(payload, pub, jws.SignOptions{})
			wants(t, err, jose.KeyMisuse)
		}
		token, err := jws.Sign(payload, k, jws.SignOptions{Type: "x", ContentType: "text/plain"})
		if err != nil {
			t.Fatal(a, err)
		}
		m, err := jws.Verify(ctx, token, verifier, allow(a))
		if err != nil || !bytes.Equal(m.Payload, payload) || m.Header != (jws.Header{Algorithm: a, KeyID: "kid", Type: "x", ContentType: "text/plain",
			Protected: `{"alg":"` + string(a) + `","kid":"kid","typ":"x","cty":"text/plain"}`}) || m.Key != verifier {
			t.Errorf("%s: %+v, %v", a, m, err)
		}
		for i := range len(token) { // every single character counts
			if i%37 != 0 && i < len(token)-90 {
				continue
			}
			twin := []byte(token)
			if twin[i] == '.' {
				continue
			}
			twin[i] ^= 1
			if _, err := jws.Verify(ctx, string(twin), verifier, allow(a)); err == nil {
				t.Fatalf("%s: a changed character at %d is accepted", a, i)
			}
		}
		detached, err := jws.SignDetached(payload, k, jws.SignOptions{})
		if err != nil || strings.Count(detached, "..") != 1 {
			t.Fatal(a, detached, err)
		}
		if m, err := jws.VerifyDetached(ctx, detached, payload, verifier, allow(a)); err != nil || !bytes.Equal(m.Payload, payload) {
			t.Errorf("%s: %v", a, err)
		}
		_, err = jws.VerifyDetached(ctx, detached, append(payload, '.'), verifier, allow(a))
		wants(t, err, jose.SignatureInvalid)
		_, err = jws.VerifyDetached(ctx, token, payload, verifier, allow(a))
		wants(t, err, jose.TokenMalformed)
	}
}

// An empty list allows nothing, and a list decides alone.
func TestOptionsRefuse(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	token, err := jws.Sign([]byte("x"), k, jws.SignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = jws.Verify(ctx, token, k, jws.Options{})
	wants(t, err, jose.PolicyInvalid)
	_, err = jws.Verify(ctx, token, k, allow("none"))
	wants(t, err, jose.PolicyInvalid)
	_, err = jws.Verify(ctx, token, nil, allow(jwk.HS256))
	wants(t, err, jose.PolicyInvalid)
	_, err = jws.Verify(ctx, token, k, allow(jwk.HS384, jwk.ES256))
	wants(t, err, jose.AlgorithmNotAllowed)
	_, err = jws.Verify(ctx, token, k, jws.Options{Algorithms: []jwk.Algorithm{jwk.HS256}, MaxSize: -1})
	wants(t, err, jose.PolicyInvalid)
	_, err = jws.Verify(ctx, token, k, jws.Options{Algorithms: []jwk.Algorithm{jwk.HS256}, MaxSize: len(token) - 1})
	wants(t, err, jose.TokenOversize)
	_, err = jws.Verify(ctx, token, k, jws.Options{Algorithms: []jwk.Algorithm{jwk.HS256}, MaxSize: len(token)})
	if err != nil {
		t.Error(err)
	}
}

// A key bound to one name of Ed25519 serves both, where the list has them.
func TestTwoNamesOfEd25519(t *testing.T) {
	k := generate(t, jwk.EdDSA, "")
	token, err := jws.Sign([]byte("x"), k, jws.SignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pem, _ := k.MarshalPEM()
	other, err := jwk.ParsePEM(pem, jwk.Ed25519, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jws.Verify(ctx, token, other, allow(jwk.EdDSA)); err != nil {
		t.Error(err)
	}
	_, err = jws.Verify(ctx, token, other, allow(jwk.Ed25519))
	wants(t, err, jose.AlgorithmNotAllowed)
}

// A message without kid is tried with a few keys, and with no more than that.
func TestCandidatesAreBounded(t *testing.T) {
	var keys []*jwk.Key
	for i := range jws.MaxCandidates + 1 {
		keys = append(keys, generate(t, jwk.HS256, fmt.Sprint("k", i)))
	}
	last := keys[jws.MaxCandidates-1]
	secret, _ := last.ExportPrivate()
	nameless := parse(t, strings.Replace(string(secret), `"kid":"`+last.KeyID()+`",`, "", 1))
	token, err := jws.Sign([]byte("x"), nameless, jws.SignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	most, _ := jwk.NewSet(keys[:jws.MaxCandidates]...)
	if m, err := jws.Verify(ctx, token, most, allow(jwk.HS256)); err != nil || m.Key != last {
		t.Errorf("the last key that may be tried: %v", err)
	}
	all, _ := jwk.NewSet(keys...)
	_, err = jws.Verify(ctx, token, all, allow(jwk.HS256))
	wants(t, err, jose.KeyAmbiguous)
	others, _ := jwk.NewSet(keys[:jws.MaxCandidates-1]...)
	_, err = jws.Verify(ctx, token, others, allow(jwk.HS256))
	wants(t, err, jose.SignatureInvalid)

	// Many signatures without kid do not multiply the work: only the first four are
	// tried with all keys.
	segment := strings.Split(token, ".")
	good := fmt.Sprintf(`{"protected":%q,"signature":%q}`, segment[0], segment[2])
	bad := fmt.Sprintf(`{"protected":%q,"signature":%q}`, segment[0], "A"+segment[2][1:])
	if segment[2][0] == 'A' {
		bad = fmt.Sprintf(`{"protected":%q,"signature":%q}`, segment[0], "B"+segment[2][1:])
	}
	message := func(before int) []byte {
		return fmt.Appendf(nil, `{"payload":%q,"signatures":[%s%s]}`, segment[1], strings.Repeat(bad+",", before), good)
	}
	if _, err = jws.VerifyJSON(ctx, message(3), most, allow(jwk.HS256)); err != nil {
		t.Errorf("the fourth signature: %v", err)
	}
	_, err = jws.VerifyJSON(ctx, message(4), most, allow(jwk.HS256))
	wants(t, err, jose.SignatureInvalid) // the first one's reason
}

func TestKeyOpsAreKept(t *testing.T) {
	k := generate(t, jwk.EdDSA, "")
	text, _ := k.ExportPrivate()
	signs := parse(t, strings.Replace(string(text), `"use":"sig"`, `"key_ops":["sign"]`, 1))
	verifies := parse(t, strings.Replace(string(text), `"use":"sig"`, `"key_ops":["verify"]`, 1))
	token, err := jws.Sign([]byte("x"), signs, jws.SignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = jws.Verify(ctx, token, signs, allow(jwk.EdDSA))
	wants(t, err, jose.KeyMisuse)
	if _, err := jws.Verify(ctx, token, verifies, allow(jwk.EdDSA)); err != nil {
		t.Error(err)
	}
	_, err = jws.Sign([]byte("x"), verifies, jws.SignOptions{})
	wants(t, err, jose.KeyMisuse)
}

// One signature of several is enough (RFC 7515 5.2), and its header is told.
func TestGeneralWantsOneGoodSignature(t *testing.T) {
	good, bad := generate(t, jwk.HS256, "good"), generate(t, jwk.HS256, "bad")
	part := func(k *jwk.Key) (header, payload, sig string) {
		token, err := jws.Sign([]byte("x"), k, jws.SignOptions{})
		if err != nil {
			t.Fatal(err)
		}
		header, payload, sig, err = jws.Split(token)
		if err != nil {
			t.Fatal(err)
		}
		return header, payload, sig
	}
	h1, p, s1 := part(bad)
	h2, _, s2 := part(good)
	crit := encode(`{"alg":"HS256","crit":["x"],"x":1}`)
	entry := func(h, s string) string { return `{"protected":"` + h + `","signature":"` + s + `"}` }
	text := func(parts ...string) []byte {
		return []byte(`{"payload":"` + p + `","signatures":[` + strings.Join(parts, ",") + `]}`)
	}
	for _, message := range [][]byte{text(entry(h1, s1), entry(h2, s2)), text(entry(crit, s2), entry(h2, s2))} {
		m, err := jws.VerifyJSON(ctx, message, good, allow(jwk.HS256))
		if err != nil || m.Header.KeyID != "good" || string(m.Payload) != "x" {
			t.Errorf("%s: %+v, %v", message, m, err)
		}
	}
	_, err := jws.VerifyJSON(ctx, text(entry(h1, s1)), good, allow(jwk.HS256))
	wants(t, err, jose.KeyNotFound)
	_, err = jws.VerifyJSON(ctx, text(entry(h2, s1)), good, allow(jwk.HS256))
	wants(t, err, jose.SignatureInvalid)
	_, err = jws.VerifyJSON(ctx, text(entry(crit, s2)), good, allow(jwk.HS256))
	wants(t, err, jose.CriticalUnsupported)
}

// THREATS: split on dots. However many dots there are, splitting allocates
// nothing but the error.
func TestSplitAllocatesNothing(t *testing.T) {
	token := "aaaa.bbbb.cccc"
	if n := testing.AllocsPerRun(100, func() { _, _, _, _ = jws.Split(token) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	dots := strings.Repeat(".", 1<<20)
	if n := testing.AllocsPerRun(10, func() { _, _, _, _ = jws.Split(dots) }); n > 1 {
		t.Errorf("%v allocations for a megabyte of dots", n)
	}
}
