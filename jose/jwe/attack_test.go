package jwe_test

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/big"
	"runtime"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
)

const (
	kwKey   = `{"kty":"oct","alg":"A128KW","kid":"k","k":"GawgguFyGrWKav7AX4VKUg"}`
	dirKey  = `{"kty":"oct","alg":"A128GCM","kid":"k","k":"GawgguFyGrWKav7AX4VKUg"}`
	ecKey   = `{"kty":"EC","crv":"P-256","alg":"ECDH-ES","kid":"k","x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ","y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck","d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}`
	x25519  = `{"kty":"OKP","crv":"X25519","alg":"ECDH-ES","kid":"k","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08","d":"XasIfmJKikt54X-Lg4AO5m87sSkmGLb9HC-LJ_-I4Os"}`
	pwKey   = `{"kty":"oct","alg":"PBES2-HS256+A128KW","kid":"k","k":"Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ"}`
	gcmkw   = `{"kty":"oct","alg":"A128GCMKW","kid":"k","k":"GawgguFyGrWKav7AX4VKUg"}`
	iv12    = "AAAAAAAAAAAAAAAA"
	tag16   = "AAAAAAAAAAAAAAAAAAAAAA"
	enc24   = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	enc40   = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	content = "AAAA"
)

// compact joins a header and the usual parts.
func compact(header string, parts ...string) string {
	return encode(header) + "." + strings.Join(parts, ".")
}

// Whatever can be seen without the key has its own reason, before the key is used.
func TestRejectMessages(t *testing.T) {
	kw := func(members string) string {
		return compact(`{"alg":"A128KW","enc":"A128GCM"`+members+`}`, enc24, iv12, content, tag16)
	}
	direct := func(encrypted, iv, tag string) string {
		return compact(`{"alg":"dir","enc":"A128GCM"}`, encrypted, iv, content, tag)
	}
	es := func(epk string) string {
		return compact(`{"alg":"ECDH-ES","enc":"A128GCM","epk":`+epk+`}`, "", iv12, content, tag16)
	}
	pb := func(members string) string {
		return compact(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM"`+members+`}`, enc24, iv12, content, tag16)
	}
	for _, c := range []struct {
		name, key, message string
		want               jose.Reason
	}{
		{"no segments", kwKey, "x", jose.TokenMalformed},
		{"four segments", kwKey, "a.b.c.d", jose.TokenMalformed},
		{"six segments", kwKey, kw("") + ".", jose.TokenMalformed},
		{"a signature", kwKey, "eyJhbGciOiJIUzI1NiJ9.e30.AAAA", jose.TokenMalformed},
		{"a million dots", kwKey, strings.Repeat(".", 1<<20), jose.TokenMalformed},
		{"too long", kwKey, strings.Repeat("A", 1<<20+1), jose.TokenOversize},
		{"padding in a segment", kwKey, kw("") + "==", jose.TokenMalformed},
		{"header too large", kwKey, kw(`,"x":"` + strings.Repeat("a", 16<<10) + `"`), jose.HeaderInvalid},
		{"header is an array", kwKey, compact(`[]`, enc24, iv12, content, tag16), jose.HeaderInvalid},
		{"alg twice", kwKey, kw(`,"alg":"A128KW"`), jose.HeaderInvalid},
		{"alg twice, escaped", kwKey, kw(`,"\u0061lg":"A128KW"`), jose.HeaderInvalid},
		{"no alg", kwKey, compact(`{"enc":"A128GCM"}`, enc24, iv12, content, tag16), jose.HeaderInvalid},
		{"no enc", kwKey, compact(`{"alg":"A128KW"}`, enc24, iv12, content, tag16), jose.HeaderInvalid},
		{"alg is a number", kwKey, compact(`{"alg":1,"enc":"A128GCM"}`, enc24, iv12, content, tag16), jose.HeaderInvalid},
		{"RSA1_5", kwKey, compact(`{"alg":"RSA1_5","enc":"A128GCM"}`, enc24, iv12, content, tag16), jose.AlgorithmNotAllowed},
		{"alg none", kwKey, compact(`{"alg":"none","enc":"A128GCM"}`, enc24, iv12, content, tag16), jose.AlgorithmNotAllowed},
		{"alg in another case", kwKey, compact(`{"alg":"a128kw","enc":"A128GCM"}`, enc24, iv12, content, tag16), jose.AlgorithmNotAllowed},
		{"enc is a key wrap", kwKey, compact(`{"alg":"A128KW","enc":"A128KW"}`, enc24, iv12, content, tag16), jose.AlgorithmNotAllowed},
		{"another algorithm than the key's", kwKey, compact(`{"alg":"A256KW","enc":"A128GCM"}`, enc24, iv12, content, tag16), jose.KeyMisuse},
		{"GCM key wrap under a KW key", kwKey, compact(`{"alg":"A128GCMKW","enc":"A128GCM","iv":"`+iv12+`","tag":"`+tag16+`"}`, "AAAAAAAAAAAAAAAAAAAAAA", iv12, content, tag16), jose.KeyMisuse},
		{"another kid", kwKey, kw(`,"kid":"other"`), jose.KeyNotFound},
		{"crit", kwKey, kw(`,"crit":["exp"],"exp":1`), jose.CriticalUnsupported},
		{"crit empty", kwKey, kw(`,"crit":[]`), jose.CriticalUnsupported},
		{"b64", kwKey, kw(`,"b64":false`), jose.HeaderInvalid},
		{"zip unasked", kwKey, kw(`,"zip":"DEF"`), jose.CompressionNotAllowed},
		{"zip of another name", kwKey, kw(`,"zip":"GZIP"`), jose.HeaderInvalid},
		{"tag short by a byte", dirKey, direct("", iv12, "AAAAAAAAAAAAAAAAAAAA"), jose.TokenMalformed},
		{"tag empty", dirKey, direct("", iv12, ""), jose.TokenMalformed},
		{"tag long by a byte", dirKey, direct("", iv12, "AAAAAAAAAAAAAAAAAAAAAAA"), jose.TokenMalformed},
		{"iv empty", dirKey, direct("", "", tag16), jose.TokenMalformed},
		{"iv of a block", dirKey, direct("", tag16, tag16), jose.TokenMalformed},
		{"encrypted key with dir", dirKey, direct("AAAA", iv12, tag16), jose.TokenMalformed},
		{"encrypted key empty", kwKey, compact(`{"alg":"A128KW","enc":"A128GCM"}`, "", iv12, content, tag16), jose.TokenMalformed},
		{"encrypted key of one block", kwKey, compact(`{"alg":"A128KW","enc":"A128GCM"}`, tag16, iv12, content, tag16), jose.TokenMalformed},
		{"dir under another enc than the key's", dirKey, compact(`{"alg":"dir","enc":"A256GCM"}`, "", iv12, content, tag16), jose.KeyMisuse},
		{"CBC without content", kwKey, compact(`{"alg":"A128KW","enc":"A128CBC-HS256"}`, enc40, tag16, "", tag16), jose.TokenMalformed},
		{"CBC of half a block", kwKey, compact(`{"alg":"A128KW","enc":"A128CBC-HS256"}`, enc40, tag16, content, tag16), jose.TokenMalformed},
		{"GCM key wrap without iv", gcmkw, compact(`{"alg":"A128GCMKW","enc":"A128GCM","tag":"`+tag16+`"}`, tag16, iv12, content, tag16), jose.HeaderInvalid},
		{"GCM key wrap with a short tag", gcmkw, compact(`{"alg":"A128GCMKW","enc":"A128GCM","iv":"`+iv12+`","tag":"AAAAAAAAAAAAAAAA"}`, tag16, iv12, content, tag16), jose.HeaderInvalid},
		{"no epk", ecKey, compact(`{"alg":"ECDH-ES","enc":"A128GCM"}`, "", iv12, content, tag16), jose.HeaderInvalid},
		{"epk is a string", ecKey, es(`"x"`), jose.HeaderInvalid},
		{"epk off the curve", ecKey, es(`{"kty":"EC","crv":"P-256","x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0","y":"AAAAxSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}`), jose.HeaderInvalid},
		{"epk at the origin", ecKey, es(`{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}`), jose.HeaderInvalid},
		{"epk of order 2 on another curve", ecKey, es(`{"kty":"EC","crv":"P-256","x":"gklt3x0nAAhqC4Hj9LyhMEjnHOhSuDUDdDyIAF1Pz0k","y":"` + strings.Repeat("A", 43) + `"}`), jose.HeaderInvalid},
		{"epk on another curve", ecKey, es(`{"kty":"OKP","crv":"X25519","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}`), jose.HeaderInvalid},
		{"epk with a private half", ecKey, es(strings.Replace(ecKey, `"alg":"ECDH-ES","kid":"k",`, "", 1)), jose.HeaderInvalid},
		{"epk of small order", x25519, es(`{"kty":"OKP","crv":"X25519","x":"` + strings.Repeat("A", 43) + `"}`), jose.HeaderInvalid},
		{"p2c of a billion", pwKey, pb(`,"p2s":"c2FsdCBzYWx0","p2c":999999999`), jose.WorkExceeded},
		{"p2c of ten digits", pwKey, pb(`,"p2s":"c2FsdCBzYWx0","p2c":9999999999`), jose.HeaderInvalid},
		{"p2c just above", pwKey, pb(`,"p2s":"c2FsdCBzYWx0","p2c":100001`), jose.WorkExceeded},
		{"p2c below", pwKey, pb(`,"p2s":"c2FsdCBzYWx0","p2c":999`), jose.HeaderInvalid},
		{"p2c zero", pwKey, pb(`,"p2s":"c2FsdCBzYWx0","p2c":0`), jose.HeaderInvalid},
		{"p2c negative", pwKey, pb(`,"p2s":"c2FsdCBzYWx0","p2c":-5000`), jose.HeaderInvalid},
		{"p2c with a fraction", pwKey, pb(`,"p2s":"c2FsdCBzYWx0","p2c":4096.5`), jose.HeaderInvalid},
		{"p2c with an exponent", pwKey, pb(`,"p2s":"c2FsdCBzYWx0","p2c":4e3`), jose.HeaderInvalid},
		{"p2c missing", pwKey, pb(`,"p2s":"c2FsdCBzYWx0"`), jose.HeaderInvalid},
		{"p2s short", pwKey, pb(`,"p2s":"c2FsdA","p2c":4096`), jose.HeaderInvalid},
	} {
		key := mustParse(t, c.key)
		m, err := decrypt(c.message, key, everything())
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v, want %s", c.name, m, err, c.want)
		}
	}
}

// One answer for all that needs the key to be seen: no oracle (RFC 7516 11.5).
func TestOneAnswerForEveryFailure(t *testing.T) {
	for _, a := range []jwk.Algorithm{jwk.RSAOAEP, jwk.RSAOAEP256, jwk.A256KW, jwk.A256GCMKW, jwk.ECDHES, jwk.ECDHESA256KW, jwk.PBES2HS256A128KW, jwk.A128CBCHS256} {
		key := generate(t, a)
		enc := jwk.A128CBCHS256
		good, err := jwe.Encrypt([]byte("attack at dawn"), public(t, key), jwe.EncryptOptions{Encryption: enc, Iterations: fast})
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]bool{}
		parts := strings.Split(good, ".")
		for i := 1; i < 5; i++ {
			for at := range raw(t, parts[i]) {
				b := raw(t, parts[i])
				b[at] ^= 0x80
				bent := append([]string{}, parts...)
				bent[i] = encode(string(b))
				_, err := jwe.Decrypt(ctx, strings.Join(bent, "."), key, everything())
				if !errors.Is(err, jose.DecryptionFailed) {
					t.Fatalf("%s: part %d, byte %d: %v", a, i, at, err)
				}
				texts[err.Error()] = true
				if i == 1 && at > 8 && a == jwk.RSAOAEP {
					break // each costs an RSA operation
				}
			}
		}
		// The right size and another key inside; halves swapped.
		b := raw(t, parts[4])
		swapped := encode(string(append(append([]byte{}, b[8:]...), b[:8]...)))
		_, err = jwe.Decrypt(ctx, strings.Join([]string{parts[0], parts[1], parts[2], parts[3], swapped}, "."), key, everything())
		if !errors.Is(err, jose.DecryptionFailed) {
			t.Fatalf("%s: %v", a, err)
		}
		texts[err.Error()] = true
		// A header that was changed is no longer what the tag covers.
		header := strings.Replace(string(raw(t, parts[0])), `{"alg"`, `{"x":1,"alg"`, 1)
		_, err = jwe.Decrypt(ctx, compact(header, parts[1:]...), key, everything())
		if !errors.Is(err, jose.DecryptionFailed) {
			t.Fatalf("%s: %v", a, err)
		}
		texts[err.Error()] = true
		if len(texts) != 1 {
			t.Errorf("%s: answers differ: %v", a, texts)
		}
	}
}

// An encrypted key that opens to a key of another size is a failure like any
// other, also where the content would open under it.
func TestContentKeyOfAnotherSize(t *testing.T) {
	key := generate(t, jwk.RSAOAEP256)
	cek := make([]byte, 24)
	encrypted, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &rsaKey().PublicKey, cek, nil)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(sealDirect(t, cek, `{"alg":"RSA-OAEP-256","enc":"A128GCM"}`, nil), ".")
	parts[1] = encode(string(encrypted))
	if _, err := jwe.Decrypt(ctx, strings.Join(parts, "."), key, everything()); !errors.Is(err, jose.DecryptionFailed) {
		t.Error(err)
	}
}

func TestZipBomb(t *testing.T) {
	key := generate(t, jwk.A128KW)
	bomb := bytes.Repeat([]byte{0}, 32<<20)
	token, err := jwe.Encrypt(bomb, key, jwe.EncryptOptions{Encryption: jwk.A128GCM, Compress: true})
	if err != nil {
		t.Fatal(err)
	}
	o := everything()
	o.Decompress = true
	// Refusing it takes memory of the bound's order, not of the bomb's.
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := jwe.Decrypt(ctx, token, key, o); !errors.Is(err, jose.TokenOversize) {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
		t.Errorf("%d bytes to refuse a bomb of %d", used, len(bomb))
	}
	exact, err := jwe.Encrypt(bomb[:jwe.DefaultMaxInflated], key, jwe.EncryptOptions{Encryption: jwk.A128GCM, Compress: true})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := jwe.Decrypt(ctx, exact, key, o); err != nil || len(m.Plaintext) != jwe.DefaultMaxInflated {
		t.Errorf("at the bound: %v", err)
	}
	o.MaxInflated = jwe.DefaultMaxInflated - 1
	if _, err := jwe.Decrypt(ctx, exact, key, o); !errors.Is(err, jose.TokenOversize) {
		t.Errorf("one above the bound: %v", err)
	}
}

// Content that says it is compressed and is not, or not alone.
func TestZipMustBeWhole(t *testing.T) {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, 9)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("content")); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	key := mustParse(t, dirKey)
	for name, plaintext := range map[string][]byte{
		"not compressed": []byte("\xffplain text"), "cut": packed.Bytes()[:packed.Len()-2], "trailing": append(bytes.Clone(packed.Bytes()), 0),
	} {
		token := sealDirect(t, raw(t, "GawgguFyGrWKav7AX4VKUg"), `{"alg":"dir","enc":"A128GCM","zip":"DEF"}`, plaintext)
		o := everything()
		o.Decompress = true
		if _, err := jwe.Decrypt(ctx, token, key, o); !errors.Is(err, jose.TokenMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Work is bounded over all recipients of a message, not for each.
func TestWorkOfAllRecipients(t *testing.T) {
	ours := generate(t, jwk.PBES2HS256A128KW)
	other, err := jwk.New([]byte("another password"), jwk.PBES2HS256A128KW, "other")
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwe.EncryptJSON([]byte("x"), nil, []*jwk.Key{other, ours}, jwe.EncryptOptions{Encryption: jwk.A128GCM, Iterations: 1500})
	if err != nil {
		t.Fatal(err)
	}
	o := everything()
	for limit, want := range map[int]jose.Reason{3000: "", 2999: jose.DecryptionFailed, 1499: jose.WorkExceeded} {
		o.MaxIterations = limit
		if _, err := jwe.DecryptJSON(ctx, text, list{ours}, o); jose.ReasonOf(err) != want {
			t.Errorf("%d iterations: %v", limit, err)
		}
	}
}

// No message makes us try more than a few keys.
func TestAttemptsAreBounded(t *testing.T) {
	var keys []*jwk.Key
	for range 40 {
		key, err := jwk.New(raw(t, "GawgguFyGrWKav7AX4VKUg"), jwk.A128KW, "")
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	set, err := jwk.NewSet(keys...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = jwe.Decrypt(ctx, compact(`{"alg":"A128KW","enc":"A128GCM"}`, enc24, iv12, content, tag16), set, everything())
	if !errors.Is(err, jose.KeyAmbiguous) {
		t.Error(err)
	}
}

// counted is an RSA key that counts what it is asked.
type counted struct {
	pub   rsa.PublicKey
	asked int
}

func (e *counted) Public() crypto.PublicKey { return &e.pub }

func (e *counted) Decrypt(io.Reader, []byte, crypto.DecrypterOpts) ([]byte, error) {
	e.asked++
	return nil, errors.New("no")
}

// What a message may cost counts more than how often something is tried: RSA
// grows with the cube of its length, and one message names one key sixteen times.
func TestDearKeysAreTriedLess(t *testing.T) {
	for bits, want := range map[int]int{2048: 16, 3072: 16, 4096: 8, 8192: 1} {
		n := new(big.Int).SetBit(big.NewInt(15), bits-1, 1) // odd is all that is asked of it
		far := &counted{pub: rsa.PublicKey{N: n, E: 65537}}
		key, err := jwk.New(far, jwk.RSAOAEP256, "")
		if err != nil {
			t.Fatal(err)
		}
		one := `{"encrypted_key":"` + encode(strings.Repeat("x", bits/8)) + `"}`
		text := `{"protected":"` + encode(`{"alg":"RSA-OAEP-256","enc":"A128GCM"}`) + `","recipients":[` + strings.Repeat(one+",", 15) + one +
			`],"iv":"` + iv12 + `","ciphertext":"AAAA","tag":"` + tag16 + `"}`
		if _, err := jwe.DecryptJSON(ctx, []byte(text), key, everything()); !errors.Is(err, jose.DecryptionFailed) {
			t.Errorf("%d bits: %v", bits, err)
		}
		if far.asked != want {
			t.Errorf("%d bits: asked %d times, want %d", bits, far.asked, want)
		}
	}
}

func TestKeysWithoutPrimesAreTriedLess(t *testing.T) {
	made, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	var keys list
	for range 9 {
		key, err := jwk.New(&rsa.PrivateKey{PublicKey: made.PublicKey, D: made.D}, jwk.RSAOAEP, "")
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	token := compact(`{"alg":"RSA-OAEP","enc":"A128GCM"}`, encode("\x00"+strings.Repeat("x", 255)), iv12, content, tag16)
	if _, err := jwe.Decrypt(ctx, token, keys[:8], everything()); !errors.Is(err, jose.DecryptionFailed) {
		t.Error(err)
	}
	if _, err := jwe.Decrypt(ctx, token, keys, everything()); !errors.Is(err, jose.KeyAmbiguous) {
		t.Error(err)
	}
}

// Sixteen recipients with thousands of header members each: what is done for each
// name does not grow with how many there are, or this test takes many seconds.
func TestManyHeaderMembers(t *testing.T) {
	members := func(prefix string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"%s%04d":1,`, prefix, i)
		}
		return b.String()
	}
	one := `{"header":{` + members("b", 4000) + `"alg":"A128KW"},"encrypted_key":"` + enc24 + `"}`
	text := `{"protected":"` + encode(`{`+members("a", 1000)+`"enc":"A128GCM"}`) + `","unprotected":{` + members("c", 4000) + `"x":1},"recipients":[` +
		strings.Repeat(one+",", 15) + one + `],"iv":"` + iv12 + `","ciphertext":"AAAA","tag":"` + tag16 + `"}`
	if _, err := jwe.DecryptJSON(ctx, []byte(text), mustParse(t, kwKey), everything()); !errors.Is(err, jose.DecryptionFailed) {
		t.Error(err)
	}
	if _, err := jwe.DecryptJSON(ctx, []byte(strings.Replace(text, `"c3999"`, `"b3999"`, 1)), mustParse(t, kwKey), everything()); !errors.Is(err, jose.HeaderInvalid) {
		t.Error(err)
	}
}

// A key source that answers with anything is not believed.
func TestSourceIsNotBelieved(t *testing.T) {
	token := compact(`{"alg":"A128KW","enc":"A128GCM"}`, enc24, iv12, content, tag16)
	for name, c := range map[string]struct {
		keys []*jwk.Key
		want jose.Reason
	}{
		"no keys":                   {nil, jose.KeyNotFound},
		"a key bound elsewhere":     {[]*jwk.Key{mustParse(t, gcmkw)}, jose.KeyMisuse},
		"a key for signatures":      {[]*jwk.Key{generate(t, jwk.HS256)}, jose.KeyMisuse},
		"a key for encrypting only": {[]*jwk.Key{mustParse(t, strings.Replace(kwKey, `"kid"`, `"key_ops":["wrapKey"],"kid"`, 1))}, jose.KeyMisuse},
	} {
		if _, err := jwe.Decrypt(ctx, token, list(c.keys), everything()); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	pub := public(t, generate(t, jwk.RSAOAEP))
	token, err := jwe.Encrypt(nil, pub, jwe.EncryptOptions{Encryption: jwk.A128GCM})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jwe.Decrypt(ctx, token, pub, everything()); !errors.Is(err, jose.KeyMisuse) {
		t.Errorf("a public key: %v", err)
	}
	refused := errors.New("the source is away")
	if _, err := jwe.Decrypt(ctx, token, failing{refused}, everything()); !errors.Is(err, refused) {
		t.Errorf("a source that fails: %v", err)
	}
}

type list []*jwk.Key

func (l list) Lookup(context.Context, string, jwk.Algorithm) ([]*jwk.Key, error) { return l, nil }

type failing struct{ err error }

func (f failing) Lookup(context.Context, string, jwk.Algorithm) ([]*jwk.Key, error) {
	return nil, f.err
}

func TestRejectJSON(t *testing.T) {
	header := `"protected":"` + encode(`{"alg":"A128KW","enc":"A128GCM"}`) + `"`
	encOnly := `"protected":"` + encode(`{"enc":"A128GCM"}`) + `"`
	rest := `"iv":"` + iv12 + `","ciphertext":"AAAA","tag":"` + tag16 + `"`
	key := `"encrypted_key":"` + enc24 + `"`
	one := `{"header":{"alg":"A128KW"},` + key + `}`
	for _, c := range []struct {
		name, text string
		want       jose.Reason
	}{
		{"whole, and not ours", `{` + header + `,` + key + `,` + rest + `}`, jose.DecryptionFailed},
		{"general, and not ours", `{` + encOnly + `,"recipients":[` + one + `,` + one + `],` + rest + `}`, jose.DecryptionFailed},
		{"a compact one", kwKey, jose.TokenMalformed},
		{"trailing", `{` + header + `,` + key + `,` + rest + `} x`, jose.TokenMalformed},
		{"twice", `{` + header + `,` + key + `,` + key + `,` + rest + `}`, jose.TokenMalformed},
		{"no ciphertext", `{` + header + `,` + key + `,"iv":"` + iv12 + `","tag":"` + tag16 + `"}`, jose.TokenMalformed},
		{"iv is a number", `{` + header + `,` + key + `,"iv":1,"ciphertext":"","tag":""}`, jose.TokenMalformed},
		{"protected empty", `{"protected":"","header":{"alg":"A128KW","enc":"A128GCM"},` + key + `,` + rest + `}`, jose.TokenMalformed},
		{"protected is an object", `{"protected":{"alg":"A128KW"},` + key + `,` + rest + `}`, jose.TokenMalformed},
		{"aad empty", `{` + header + `,` + key + `,"aad":"",` + rest + `}`, jose.TokenMalformed},
		{"aad is no base64url", `{` + header + `,` + key + `,"aad":"!",` + rest + `}`, jose.TokenMalformed},
		{"alg in two places", `{` + header + `,"header":{"alg":"A128KW"},` + key + `,` + rest + `}`, jose.HeaderInvalid},
		{"a name in shared and own", `{` + encOnly + `,"unprotected":{"kid":"k"},"header":{"alg":"A128KW","kid":"k"},` + key + `,` + rest + `}`, jose.HeaderInvalid},
		{"zip unprotected", `{` + header + `,"unprotected":{"zip":"DEF"},` + key + `,` + rest + `}`, jose.HeaderInvalid},
		{"crit unprotected", `{` + header + `,"header":{"crit":["x"]},` + key + `,` + rest + `}`, jose.HeaderInvalid},
		{"crit shared", `{` + header + `,"unprotected":{"crit":["x"]},` + key + `,` + rest + `}`, jose.HeaderInvalid},
		{"crit protected", `{"protected":"` + encode(`{"alg":"A128KW","enc":"A128GCM","crit":["x"],"x":1}`) + `",` + key + `,` + rest + `}`, jose.CriticalUnsupported},
		{"crit beside ours", `{` + encOnly + `,"recipients":[{"header":{"alg":"A128KW","crit":["x"]},` + key + `},` + one + `],` + rest + `}`, jose.HeaderInvalid},
		{"protected is {}", `{"protected":"e30","header":{"alg":"A128KW","enc":"A128GCM"},` + key + `,` + rest + `}`, jose.HeaderInvalid},
		{"header is {}", `{` + header + `,"header":{},` + key + `,` + rest + `}`, jose.HeaderInvalid},
		{"unprotected is {}", `{` + header + `,"unprotected":{},` + key + `,` + rest + `}`, jose.HeaderInvalid},
		{"encrypted_key is empty", `{` + header + `,"encrypted_key":"",` + rest + `}`, jose.TokenMalformed},
		{"header is a string", `{` + header + `,"header":"x",` + key + `,` + rest + `}`, jose.HeaderInvalid},
		{"unprotected is an array", `{` + header + `,"unprotected":[],` + key + `,` + rest + `}`, jose.HeaderInvalid},
		{"flattened and general", `{` + encOnly + `,` + key + `,"recipients":[` + one + `],` + rest + `}`, jose.TokenMalformed},
		{"a signature as well", `{` + header + `,` + key + `,` + rest + `,"payload":"AAAA","signature":"AAAA"}`, jose.TokenMalformed},
		{"no recipients", `{` + header + `,"recipients":[],` + rest + `}`, jose.TokenMalformed},
		{"recipients is an object", `{` + header + `,"recipients":{},` + rest + `}`, jose.TokenMalformed},
		{"a recipient is a string", `{` + header + `,"recipients":["x"],` + rest + `}`, jose.TokenMalformed},
		{"seventeen recipients", `{` + encOnly + `,"recipients":[` + strings.Repeat(one+",", 16) + one + `],` + rest + `}`, jose.TokenMalformed},
		{"two encryptions", `{"recipients":[{"header":{"alg":"A128KW","enc":"A128GCM"},` + key + `},{"header":{"alg":"A128KW","enc":"A256GCM"},` + key + `}],` + rest + `}`, jose.HeaderInvalid},
		{"dir beside another", `{` + encOnly + `,"recipients":[` + one + `,{"header":{"alg":"dir"}}],` + rest + `}`, jose.HeaderInvalid},
		{"direct agreement beside another", `{` + encOnly + `,"recipients":[{"header":{"alg":"ECDH-ES"}},` + one + `],` + rest + `}`, jose.HeaderInvalid},
	} {
		if m, err := jwe.DecryptJSON(ctx, []byte(c.text), mustParse(t, kwKey), everything()); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v, want %s", c.name, m, err, c.want)
		}
	}
	// An encrypted key that is not there must not be there at all (RFC 7516 7.2.1).
	shared := mustParse(t, dirKey)
	good, err := jwe.EncryptJSON([]byte("x"), nil, []*jwk.Key{shared}, jwe.EncryptOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jwe.DecryptJSON(ctx, good, shared, everything()); err != nil {
		t.Error(err)
	}
	text := strings.Replace(string(good), `{`, `{"encrypted_key":"",`, 1)
	if _, err := jwe.DecryptJSON(ctx, []byte(text), shared, everything()); !errors.Is(err, jose.TokenMalformed) {
		t.Errorf("an empty encrypted_key: %v", err)
	}
}

// No error says what was in the message.
func TestErrorsShowNoContent(t *testing.T) {
	key := generate(t, jwk.A128KW)
	for _, f := range figures {
		if _, err := decrypt(f.message, key, everything()); err != nil {
			for i := 0; i+12 < len(f.message); i += 12 {
				if strings.Contains(fmt.Sprintf("%v %+v", err, err), f.message[i:i+12]) {
					t.Errorf("%s: %v", f.name, err)
				}
			}
		}
	}
}
