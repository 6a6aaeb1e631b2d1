package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// One test for each row of the threat list that is about signed tokens. Each
// fails when its defence is removed.

// CVE-2015-9235; RFC 8725 3.1.
func TestAttackNone(t *testing.T) {
	k := generate(t, jwk.HS256, "k")
	v := verifier(t, k, goodPolicy(jwk.HS256))
	good := sign(t, k, goodClaims)
	accepted(t, v, good)
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "none ", "", "null", "\\u006eone"} {
		for _, sig := range []string{"", strings.Split(good, ".")[2]} {
			refused(t, v, encode(`{"alg":"`+alg+`","typ":"at+jwt"}`)+"."+encode(goodClaims)+"."+sig, jose.AlgorithmNotAllowed, jose.HeaderInvalid)
		}
	}
	// The empty signature under an honest header.
	refused(t, v, good[:strings.LastIndexByte(good, '.')+1], jose.SignatureInvalid)
}

// CVE-2016-5431, CVE-2024-54150, CVE-2026-34950: the public key as HMAC secret.
func TestAttackPublicKeyAsSecret(t *testing.T) {
	rsaKey, ecKey := generate(t, jwk.RS256, "k"), generate(t, jwk.ES256, "k")
	for _, k := range []*jwk.Key{rsaKey, ecKey} {
		pub := public(t, k)
		text, _ := pub.MarshalPEM()
		block, _ := pem.Decode(text)
		document, _ := json.Marshal(pub)
		p := goodPolicy(k.Algorithm(), jwk.HS256) // even a policy that allows HMAC beside
		v := verifier(t, pub, p)
		accepted(t, v, sign(t, k, goodClaims))
		for _, secret := range [][]byte{text, []byte(strings.TrimSpace(string(text))), []byte("\n" + string(text)),
			[]byte(strings.ReplaceAll(string(text), "\n", "\r\n")), block.Bytes, document} {
			// The forger needs a key of our own making, which refuses such a secret.
			if _, err := jwk.New(secret, jwk.HS256, "k"); jose.ReasonOf(err) != jose.KeyMisuse {
				t.Errorf("a public key is taken for a secret: %v", err)
			}
			input := encode(`{"alg":"HS256","typ":"at+jwt","kid":"k"}`) + "." + encode(goodClaims)
			refused(t, v, input+"."+encode(string(hmac256(secret, input))), jose.KeyMisuse)
		}
	}
}

func hmac256(secret []byte, input string) []byte {
	block := make([]byte, 64)
	if len(secret) > 64 {
		sum := sha256.Sum256(secret)
		secret = sum[:]
	}
	copy(block, secret)
	pad := func(b byte) []byte {
		out := slices.Clone(block)
		for i := range out {
			out[i] ^= b
		}
		return out
	}
	inner := sha256.Sum256(append(pad(0x36), input...))
	outer := sha256.Sum256(append(pad(0x5c), inner[:]...))
	return outer[:]
}

// CVE-2026-22817: a JWK without alg must not take the token's.
func TestAttackAlgorithmOfTheToken(t *testing.T) {
	k := generate(t, jwk.RS256, "k")
	text, _ := k.ExportPrivate()
	bare := strings.Replace(string(text), `"alg":"RS256",`, "", 1)
	if _, err := jwk.Parse([]byte(bare), jwk.Options{Algorithms: []jwk.Algorithm{jwk.RS256, jwk.PS256}}); jose.ReasonOf(err) != jose.KeyAmbiguous {
		t.Errorf("bound to two algorithms: %v", err)
	}
	bound, err := jwk.Parse([]byte(bare), jwk.Options{Algorithms: []jwk.Algorithm{jwk.PS256}})
	if err != nil {
		t.Fatal(err)
	}
	v := verifier(t, bound, goodPolicy(jwk.PS256, jwk.RS256))
	refused(t, v, sign(t, k, goodClaims), jose.KeyMisuse)
}

// CVE-2018-0114, CVE-2026-34240; RFC 8725 3.10: keys and addresses in a header
// are not used. (That nothing is fetched is a matter of imports: no net below jwks.)
func TestAttackKeyInTheHeader(t *testing.T) {
	k, mine := generate(t, jwk.ES256, "k"), generate(t, jwk.ES256, "k")
	v := verifier(t, public(t, k), goodPolicy(jwk.ES256))
	document, _ := json.Marshal(mine)
	for _, extra := range []string{`"jwk":` + string(document), `"jku":"https://evil.example/keys"`, `"x5u":"https://evil.example/c"`, `"x5c":["AAAA"]`, `"x5t":"AAAAAAAAAAAAAAAAAAAAAAAAAAA"`} {
		refused(t, v, forge(t, mine, `{"alg":"ES256","typ":"at+jwt","kid":"k",`+extra+`}`, goodClaims), jose.SignatureInvalid)
		accepted(t, v, forge(t, k, `{"alg":"ES256","typ":"at+jwt","kid":"k",`+extra+`}`, goodClaims))
	}
}

// RFC 8725 3.10; GHSA-869p-cjfg-cm3x: a kid is an exact string and no path,
// query, or way to an empty secret.
func TestAttackKeyID(t *testing.T) {
	k := generate(t, jwk.HS256, "key-1")
	s, err := jwk.NewSet(k)
	if err != nil {
		t.Fatal(err)
	}
	v := verifier(t, s, goodPolicy(jwk.HS256))
	for _, kid := range []string{"../../../dev/null", "/dev/null", "x' UNION SELECT 'a", "key-1\\u0000", "key-1 ", "KEY-1", "__proto__", "constructor", "key-1|x", "https://evil.example"} {
		refused(t, v, forge(t, k, `{"alg":"HS256","typ":"at+jwt","kid":"`+kid+`"}`, goodClaims), jose.KeyNotFound)
	}
	accepted(t, v, sign(t, k, goodClaims))
}

// RFC 7515 4.1.11; CVE-2025-59420, CVE-2026-35042.
func TestAttackCrit(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	v := verifier(t, k, goodPolicy(jwk.HS256))
	for _, crit := range []string{`["exp"],"exp":1`, `["http://example.com/x"],"http://example.com/x":true`, `[]`, `null`, `"exp"`, `["alg"]`, `{}`, `["b64"],"b64":true`, `["absent"]`, `[1]`} {
		refused(t, v, forge(t, k, `{"alg":"HS256","typ":"at+jwt","crit":`+crit+`}`, goodClaims), jose.CriticalUnsupported)
	}
}

// RFC 7797 6 and 7: no unencoded payloads in a JWT, with crit or without.
func TestAttackB64(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	v := verifier(t, k, goodPolicy(jwk.HS256))
	for _, header := range []string{`{"alg":"HS256","typ":"at+jwt","b64":false}`, `{"alg":"HS256","typ":"at+jwt","b64":false,"crit":["b64"]}`, `{"alg":"HS256","typ":"at+jwt","b64":"x"}`} {
		refused(t, v, forge(t, k, header, goodClaims), jose.CriticalUnsupported)
	}
}

// CVE-2022-21449 and its kin: r or s of 0 or the order, unreduced, DER, other lengths.
func TestAttackECDSANumbers(t *testing.T) {
	for _, c := range []struct {
		alg   jwk.Algorithm
		curve elliptic.Curve
		size  int
	}{{jwk.ES256, elliptic.P256(), 32}, {jwk.ES384, elliptic.P384(), 48}, {jwk.ES512, elliptic.P521(), 66}} {
		private, err := ecdsa.GenerateKey(c.curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		k, err := jwk.New(private, c.alg, "")
		if err != nil {
			t.Fatal(err)
		}
		v := verifier(t, public(t, k), goodPolicy(c.alg))
		token := sign(t, k, goodClaims)
		accepted(t, v, token)
		dot := strings.LastIndexByte(token, '.')
		sig := decode(t, token[dot+1:])
		r, s := new(big.Int).SetBytes(sig[:c.size]), new(big.Int).SetBytes(sig[c.size:])
		n := c.curve.Params().N
		join := func(r, s *big.Int) string {
			out := make([]byte, 2*c.size)
			r.FillBytes(out[:c.size])
			s.FillBytes(out[c.size:])
			return string(out)
		}
		zero, one := new(big.Int), big.NewInt(1)
		minus := new(big.Int).Sub(n, one)
		var bad []string
		for _, x := range []*big.Int{zero, one, minus, n} {
			for _, y := range []*big.Int{zero, one, minus, n} {
				bad = append(bad, join(x, y))
			}
		}
		if over := new(big.Int).Add(s, n); over.BitLen() <= 8*c.size { // P-521 leaves room for an unreduced s
			bad = append(bad, join(r, over), join(new(big.Int).Add(r, n), s))
		}
		der, _ := asn1.Marshal(struct{ R, S *big.Int }{r, s})
		bad = append(bad, string(der), "", string(sig)+"\x00", "\x00"+string(sig), string(sig[:len(sig)-1]), string(sig)+string(sig),
			string(sig[:c.size]), string(sig[c.size:])+string(sig[:c.size]))
		for _, b := range bad {
			refused(t, v, token[:dot+1]+encode(b), jose.SignatureInvalid)
		}
	}
}

// CVE-2006-4339; RFC 8017: garbage after the hash, another hash, s+n, stripped zeros.
func TestAttackRSAPadding(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	k, err := jwk.New(private, jwk.RS256, "")
	if err != nil {
		t.Fatal(err)
	}
	v := verifier(t, public(t, k), goodPolicy(jwk.RS256))
	token := sign(t, k, goodClaims)
	accepted(t, v, token)
	dot := strings.LastIndexByte(token, '.')
	input := token[:dot]
	sum := sha256.Sum256([]byte(input))
	raw := func(em []byte) []byte { // the bare private operation, as a forger with e=3 would imitate it
		return new(big.Int).Exp(new(big.Int).SetBytes(em), private.D, private.N).FillBytes(make([]byte, 256))
	}
	info := []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}
	noNull := []byte{0x30, 0x2f, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x04, 0x20}
	frame := func(kind byte, padding int, tail ...[]byte) []byte {
		em := append([]byte{0, kind}, slices.Repeat([]byte{0xff}, padding)...)
		em = append(em, 0)
		em = append(em, slices.Concat(tail...)...)
		return append(em, make([]byte, max(0, 256-len(em)))...)
	}
	if got := raw(frame(1, 202, info, sum[:])); input+"."+encode(string(got)) != token {
		t.Fatal("the forger's own framing is wrong")
	}
	good := decode(t, token[dot+1:])
	bad := map[string][]byte{
		"garbage after the hash": raw(frame(1, 8, info, sum[:])),
		"padding of type 2":      raw(frame(2, 202, info, sum[:])),
		"hash without its info":  raw(frame(1, 221, sum[:])),
		"info without NULL":      raw(frame(1, 204, noNull, sum[:])),
		"zero":                   make([]byte, 256),
		"one":                    append(make([]byte, 255), 1),
		"the modulus":            private.N.FillBytes(make([]byte, 256)),
		"trailing byte":          append(slices.Clone(good), 0),
		"leading byte":           append([]byte{0}, good...),
		"cut":                    good[:255],
	}
	if s := new(big.Int).Add(new(big.Int).SetBytes(good), private.N); s.BitLen() <= 2048 {
		bad["s + n"] = s.FillBytes(make([]byte, 256))
	}
	for _, h := range []crypto.Hash{crypto.SHA512, crypto.SHA384} {
		digest := h.New()
		digest.Write([]byte(input))
		sig, err := rsa.SignPKCS1v15(rand.Reader, private, h, digest.Sum(nil))
		if err != nil {
			t.Fatal(err)
		}
		bad["another hash: "+h.String()] = sig
	}
	pss, err := rsa.SignPSS(rand.Reader, private, crypto.SHA256, sum[:], nil)
	if err != nil {
		t.Fatal(err)
	}
	bad["PSS where PKCS is expected"] = pss
	for name, sig := range bad {
		if got, err := v.Verify(ctx, input+"."+encode(string(sig))); got != nil || jose.ReasonOf(err) != jose.SignatureInvalid {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// RFC 7518 3.5: the salt is as long as the hash, and MGF1 uses that hash.
func TestAttackPSSSalt(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for alg, h := range map[jwk.Algorithm]crypto.Hash{jwk.PS256: crypto.SHA256, jwk.PS384: crypto.SHA384, jwk.PS512: crypto.SHA512} {
		k, err := jwk.New(private, alg, "")
		if err != nil {
			t.Fatal(err)
		}
		v := verifier(t, public(t, k), goodPolicy(alg))
		token := sign(t, k, goodClaims)
		accepted(t, v, token)
		input := token[:strings.LastIndexByte(token, '.')]
		with := func(hash crypto.Hash, salt int) string {
			digest := hash.New()
			digest.Write([]byte(input))
			sig, err := rsa.SignPSS(rand.Reader, private, hash, digest.Sum(nil), &rsa.PSSOptions{SaltLength: salt})
			if err != nil {
				t.Fatal(err)
			}
			return input + "." + encode(string(sig))
		}
		accepted(t, v, with(h, h.Size()))
		for _, salt := range []int{1, 20, h.Size() - 1, h.Size() + 1, rsa.PSSSaltLengthAuto} {
			refused(t, v, with(h, salt), jose.SignatureInvalid)
		}
		for _, other := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			if other != h {
				refused(t, v, with(other, other.Size()), jose.SignatureInvalid)
			}
		}
	}
}

// RFC 8032 5.1.7: S must be below the order; keys of small order are refused.
func TestAttackEd25519(t *testing.T) {
	pub, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := jwk.New(private, jwk.EdDSA, "")
	if err != nil {
		t.Fatal(err)
	}
	v := verifier(t, public(t, k), goodPolicy(jwk.EdDSA))
	token := sign(t, k, goodClaims)
	accepted(t, v, token)
	dot := strings.LastIndexByte(token, '.')
	sig := decode(t, token[dot+1:])
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	le := slices.Clone(sig[32:])
	slices.Reverse(le)
	s := new(big.Int).SetBytes(le)
	s.Add(s, order)
	plus := s.FillBytes(make([]byte, 32))
	slices.Reverse(plus)
	for _, bad := range [][]byte{append(slices.Clone(sig[:32]), plus...), make([]byte, 64), append(slices.Clone(pub), make([]byte, 32)...), sig[:63], append(slices.Clone(sig), 0), nil} {
		refused(t, v, token[:dot+1]+encode(string(bad)), jose.SignatureInvalid)
	}
	// Under the neutral point, R = neutral and S = 0 would hold for every message.
	neutral := append([]byte{1}, make([]byte, 31)...)
	if _, err := jwk.New(ed25519.PublicKey(neutral), jwk.EdDSA, ""); jose.ReasonOf(err) != jose.KeyWeak {
		t.Errorf("a key of small order is taken: %v", err)
	}
}

// A key serves its own algorithm only, whatever the policy allows beside it.
func TestAttackKeyForAnotherAlgorithm(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	bind := func(a jwk.Algorithm) *jwk.Key {
		k, err := jwk.New(private, a, "k")
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	all := goodPolicy(jwk.RS256, jwk.RS384, jwk.RS512, jwk.PS256, jwk.PS384, jwk.PS512)
	for _, a := range all.Algorithms {
		for _, b := range all.Algorithms {
			_, err := verifier(t, bind(b), all).Verify(ctx, sign(t, bind(a), goodClaims))
			if (err == nil) != (a == b) || err != nil && jose.ReasonOf(err) != jose.KeyMisuse {
				t.Errorf("a token of %s under a key for %s: %v", a, b, err)
			}
		}
	}
}

// THREATS: kinds of tokens are not each other's (RFC 8725 3.11; RFC 9068 4).
func TestAttackOtherKindOfToken(t *testing.T) {
	k := generate(t, jwk.ES256, "k")
	v := verifier(t, public(t, k), goodPolicy(jwk.ES256))
	accepted(t, v, sign(t, k, goodClaims))
	for _, header := range []string{`{"alg":"ES256"}`, `{"alg":"ES256","typ":"JWT"}`, `{"alg":"ES256","typ":"logout+jwt"}`, `{"alg":"ES256","typ":"dpop+jwt"}`, `{"alg":"ES256","typ":""}`, `{"alg":"ES256","typ":"rt+jwt"}`, `{"alg":"ES256","typ":"application/at+jwx"}`, `{"alg":"ES256","TYP":"at+jwt"}`} {
		refused(t, v, forge(t, k, header, goodClaims), jose.TypeMismatch)
	}
}

// CVE-2022-39227; rfc8725bis: one text that is compact to one reader and JSON to another.
func TestAttackPolyglot(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	v := verifier(t, k, goodPolicy(jwk.HS256))
	parts := strings.Split(sign(t, k, goodClaims), ".")
	flattened := `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`
	for _, token := range []string{
		flattened, " " + flattened, `{"signatures":[],"payload":"` + parts[1] + `"}`,
		`{"` + parts[0] + `.` + encode(`{"sub":"mallory"}`) + `.":"","protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`,
		strings.Join(parts, ".") + "\n", "\ufeff" + strings.Join(parts, "."), "Bearer " + strings.Join(parts, "."), strings.Join(parts, ".") + ".", strings.Join(parts, ".") + ".AA.AA", parts[0] + "." + parts[1],
	} {
		refused(t, v, token, jose.TokenMalformed, jose.HeaderInvalid)
	}
}

// RFC 7515 2; RFC 4648 3.5: a token has one spelling.
func TestAttackSecondSpelling(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	v := verifier(t, k, goodPolicy(jwk.HS256))
	token := sign(t, k, goodClaims)
	accepted(t, v, token)
	parts := strings.Split(token, ".")
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := parts[2][len(parts[2])-1]
	twin := alphabet[strings.IndexByte(alphabet, last)|1]
	for _, sig := range []string{parts[2][:42] + string(twin), parts[2] + "=", parts[2] + "==", parts[2][:20] + "\n" + parts[2][20:], parts[2] + "\r\n", " " + parts[2], parts[2] + " ", strings.NewReplacer("-", "+", "_", "/").Replace("-_" + parts[2])} {
		refused(t, v, parts[0]+"."+parts[1]+"."+sig, jose.TokenMalformed)
	}
	// A payload that is spelled another way is signed by nobody, but also by the
	// issuer it would be refused: the check stands on its own.
	for _, payload := range []string{parts[1] + "=", parts[1][:10] + "\n" + parts[1][10:], encode(goodClaims + " ")[:len(encode(goodClaims+" "))-1] + "!"} {
		input := parts[0] + "." + payload
		refused(t, v, input+"."+encode(string(macOf(t, k, input))), jose.TokenMalformed)
	}
}

func macOf(t *testing.T, k *jwk.Key, input string) []byte {
	text, err := k.ExportPrivate()
	if err != nil {
		t.Fatal(err)
	}
	var m struct{ K string }
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return hmac256(decode(t, m.K), input)
}

// RFC 7515 4, RFC 7519 4: no name stands twice, in no spelling, at no depth.
func TestAttackDuplicateMembers(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	v := verifier(t, k, goodPolicy(jwk.HS256))
	for _, header := range []string{`{"alg":"HS256","typ":"at+jwt","alg":"HS256"}`, `{"alg":"HS256","typ":"JWT","t\u0079p":"at+jwt"}`, `{"alg":"HS256","typ":"at+jwt","x":{"y":1,"y":1}}`} {
		refused(t, v, forge(t, k, header, goodClaims), jose.HeaderInvalid)
	}
	for _, more := range []string{`"sub":"mallory"`, `"s\u0075b":"mallory"`, `"x":[{"a":1,"\u0061":2}]`} {
		refused(t, v, sign(t, k, goodClaims[:len(goodClaims)-1]+","+more+"}"), jose.ClaimsInvalid)
	}
}

// Go's encoding/json folds names, U+212A and U+017F among them; claims are exact.
func TestAttackFoldedNames(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	type folded struct {
		Kind  string `json:"kind"`
		Inner struct {
			Scope string `json:"scope"`
		} `json:"inner"`
		List []struct {
			Sub string `json:"sub"`
		} `json:"list"`
	}
	v, err := jwt.NewVerifier[folded](k, goodPolicy(jwk.HS256))
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Verify(ctx, sign(t, k, goodClaims[:len(goodClaims)-1]+`,"KIND":"x","\u212aind":"x","inner":{"Scope":"x","\u017fcope":"x"},"list":[{"SUB":"x"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got.Claims.Kind != "" || got.Claims.Inner.Scope != "" || got.Claims.List[0].Sub != "" {
		t.Errorf("%+v", got.Claims)
	}
}

// THREATS: wrong numbers, deep nesting, huge headers, many claims: testdata/reject
// holds the claims; here are the headers and the sizes.
func TestAttackResources(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	p := goodPolicy(jwk.HS256)
	p.MaxSize = 1 << 20
	v := verifier(t, k, p)
	deep := strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000)
	refused(t, v, forge(t, k, `{"alg":"HS256","typ":"at+jwt","x":`+deep+`}`, goodClaims), jose.HeaderInvalid)
	refused(t, v, forge(t, k, `{"alg":"HS256","typ":"at+jwt","x":"`+strings.Repeat("x", 20000)+`"}`, goodClaims), jose.HeaderInvalid)
	refused(t, v, sign(t, k, `{"x":`+strings.Repeat("[", 300000)), jose.ClaimsInvalid)
	refused(t, v, strings.Repeat(".", 1<<20), jose.TokenMalformed)
	refused(t, v, strings.Repeat("a", 1<<20+1), jose.TokenOversize)
}

// CVE-2017-15361 and RFC 7518 3.2, 3.3 are kept by package jwk's folder of
// rejects; here, that no way into a verifier goes around it.
func TestAttackWeakKeys(t *testing.T) {
	// Too weak to be made by the library, so it is built by hand: 1024 bits.
	weak := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537}
	der, err := x509.MarshalPKIXPublicKey(weak)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	document := `{"kty":"RSA","alg":"RS256","e":"AQAB","n":"` + encode(string(weak.N.Bytes())) + `"}`
	_, err = jwk.ParsePEM(text, jwk.RS256, "")
	wants(t, err, jose.KeyWeak)
	_, err = jwk.New(weak, jwk.RS256, "")
	wants(t, err, jose.KeyWeak)
	_, err = jwk.Parse([]byte(document), jwk.Options{})
	wants(t, err, jose.KeyWeak)
	s, err := jwk.ParseSet([]byte(`{"keys":[`+document+`]}`), jwk.Options{})
	if err != nil || s.Len() != 0 {
		t.Errorf("a weak key in a set: %v, %v", s, err)
	}
}
