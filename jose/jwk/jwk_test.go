//lint:file-ignore SA1019 the tests build keys that are wrong, which the new constructors would refuse

package jwk_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

func generate(t testing.TB, a jwk.Algorithm, kid string) *jwk.Key {
	t.Helper()
	k, err := jwk.Generate(a, kid)
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

func TestZeroKeyID(t *testing.T) {
	if k := generate(t, jwk.ES256, ""); k.KeyID() != k.Thumbprint() {
		t.Error("an empty kid is not the thumbprint")
	}
	// RFC 7638 7: the thumbprint of a secret is a hash of it.
	if k := generate(t, jwk.HS256, ""); k.KeyID() == "" || k.KeyID() == k.Thumbprint() {
		t.Error("the kid of a secret gives its hash away")
	}
}

// secretsOf lists what of a private key must never be printed.
func secretsOf(t *testing.T, k *jwk.Key) []string {
	t.Helper()
	text, err := k.ExportPrivate()
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]string
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	var secrets []string
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
		if v := members[name]; v != "" {
			raw, err := base64.RawURLEncoding.DecodeString(v)
			if err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, v, fmt.Sprintf("%x", raw), fmt.Sprint(raw), new(big.Int).SetBytes(raw).String())
		}
	}
	if len(secrets) == 0 {
		t.Fatal("no secrets")
	}
	return secrets
}

// THREATS: log, metric and error leaks. No way of printing a key shows its private half.
func TestNothingPrintsTheSecret(t *testing.T) {
	for _, a := range []jwk.Algorithm{jwk.HS256, jwk.ES256, jwk.EdDSA, jwk.RS256, jwk.RSAOAEP, jwk.ECDHES, jwk.A128KW, jwk.A256GCM} {
		k := generate(t, a, "kid")
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+" "+verb+"\n", k, struct{ K *jwk.Key }{k})
			fmt.Fprintf(&out, verb+"\n", []*jwk.Key{k})
			fmt.Fprintf(&out, verb+" "+verb+"\n", *k, struct{ K jwk.Key }{*k})
			// Where fmt cannot call Format, and walks into the fields.
			fmt.Fprintf(&out, verb+" "+verb+" "+verb+"\n", struct{ k *jwk.Key }{k}, struct{ k jwk.Key }{*k}, struct{ k []jwk.Key }{[]jwk.Key{*k}})
		}
		for _, v := range []any{*k, struct{ K jwk.Key }{*k}} {
			slog.New(slog.NewTextHandler(&out, nil)).Info("x", "key", v)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "key", v)
		}
		text, _ := k.MarshalText()
		out.Write(text)
		for _, v := range []any{k, []*jwk.Key{k}, map[string]*jwk.Key{"k": k}} {
			text, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			out.Write(text)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "key", k)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "key", k)
		if s, err := jwk.NewSet(k); err == nil {
			text, _ := json.Marshal(s)
			out.Write(text)
		}
		if got := fmt.Sprintf("%+v", *k); got != k.String() {
			t.Errorf("a copy is printed as %s", got)
		}
		for _, secret := range secretsOf(t, k) {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%s: printed %s", a, secret)
			}
		}
	}
}

// A JWK without alg is bound by its curve, or by the one algorithm that fits.
func TestBinding(t *testing.T) {
	rsaNoAlg := strings.Replace(rfc7517A2RSA, `,"alg":"RS256"`, "", 1)
	rsaNoAlg = strings.Replace(rsaNoAlg, `"alg":"RS256",`, "", 1)
	for _, c := range []struct {
		name, text string
		list       []jwk.Algorithm
		want       jwk.Algorithm
		reason     jose.Reason
	}{
		{"curve without list", rfc7520EC, nil, jwk.ES512, ""},
		{"curve beside a list", rfc7520EC, []jwk.Algorithm{jwk.ES256, jwk.RS256}, jwk.ES512, ""},
		{"one fits", rsaNoAlg, []jwk.Algorithm{jwk.ES256, jwk.PS384, jwk.HS256}, jwk.PS384, ""},
		{"two fit", rsaNoAlg, []jwk.Algorithm{jwk.RS256, jwk.PS256}, "", jose.KeyAmbiguous},
		{"none fits", rsaNoAlg, []jwk.Algorithm{jwk.ES256, jwk.HS256}, "", jose.KeyAmbiguous},
		{"alg beats the list", rfc7517A2RSA, []jwk.Algorithm{jwk.PS256}, jwk.RS256, ""},
		{"EdDSA and Ed25519 count as one", rfc8037Public, []jwk.Algorithm{jwk.EdDSA, jwk.Ed25519}, jwk.EdDSA, ""},
	} {
		k, err := jwk.Parse([]byte(c.text), jwk.Options{Algorithms: c.list})
		if jose.ReasonOf(err) != c.reason || err == nil && k.Algorithm() != c.want {
			t.Errorf("%s: %v, %v", c.name, k, err)
		}
	}
}

func TestPublicOnly(t *testing.T) {
	for _, text := range []string{rfc7517A2RSA, rfc7520EC, rfc8037Private, `{"kty":"oct","alg":"HS256","k":"AA"}`, `{"kty":"AKP","alg":"ML-DSA-44","priv":"AA"}`} {
		_, err := jwk.Parse([]byte(text), jwk.Options{PublicOnly: true})
		wants(t, err, jose.KeyMisuse)
		// In a set such a key is left out, and takes no other with it.
		s, err := jwk.ParseSet([]byte(`{"keys":[`+text+`,`+rfc8037Public+`]}`), jwk.Options{PublicOnly: true})
		if err != nil || s.Len() != 1 || len(s.Skipped()) != 1 {
			t.Fatalf("%v, %v", s, err)
		}
		wants(t, s.Skipped()[0], jose.KeyMisuse)
		if k := s.Keys()[0]; k.IsPrivate() || k.Algorithm() != jwk.EdDSA {
			t.Errorf("%v is used", k)
		}
	}
}

func TestSetLookup(t *testing.T) {
	ctx := context.Background()
	a, b := generate(t, jwk.ES256, "a"), generate(t, jwk.EdDSA, "b")
	plain, err := jwk.New(ed25519.NewKeyFromSeed(make([]byte, 32)), jwk.Ed25519, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := jwk.NewSet(a, b, plain)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kid    string
		alg    jwk.Algorithm
		want   []*jwk.Key
		reason jose.Reason
	}{
		{"a", jwk.ES256, []*jwk.Key{a}, ""},
		{"b", jwk.Ed25519, []*jwk.Key{b}, ""}, // one algorithm, two names (RFC 9864 2.2)
		{"b", jwk.EdDSA, []*jwk.Key{b}, ""},
		{"", jwk.ES256, []*jwk.Key{a}, ""},
		{"", jwk.EdDSA, []*jwk.Key{b, plain}, ""},
		{"c", jwk.EdDSA, []*jwk.Key{plain}, ""}, // a key without kid claims no name
		{"A", jwk.ES256, nil, jose.KeyNotFound},
		{"a ", jwk.ES256, nil, jose.KeyNotFound},
		{"../a", jwk.ES256, nil, jose.KeyNotFound},
		{"__proto__", jwk.ES256, nil, jose.KeyNotFound},
		{"a", jwk.RS256, nil, jose.KeyMisuse},
		{"a", jwk.HS256, nil, jose.KeyMisuse},
		{"", jwk.HS256, nil, jose.KeyNotFound},
	} {
		got, err := s.Lookup(ctx, c.kid, c.alg)
		if fmt.Sprint(got) != fmt.Sprint(c.want) || jose.ReasonOf(err) != c.reason {
			t.Errorf("%q %s: %v, %v", c.kid, c.alg, got, err)
		}
	}
	_, err = a.Lookup(ctx, "other", jwk.ES256)
	wants(t, err, jose.KeyNotFound)
	_, err = a.Lookup(ctx, "a", jwk.ES384)
	wants(t, err, jose.KeyMisuse)
	_, err = jwk.NewSet(a, a)
	wants(t, err, jose.KeyAmbiguous)
	_, err = jwk.NewSet(nil)
	wants(t, err, jose.KeyInvalid)
}

func TestSetPublishesNoSecrets(t *testing.T) {
	a, h := generate(t, jwk.ES256, "a"), generate(t, jwk.HS256, "h")
	s, err := jwk.NewSet(a, h)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	back, err := jwk.ParseSet(text, jwk.Options{PublicOnly: true})
	if err != nil || back.Len() != 1 || len(back.Skipped()) != 0 || back.Keys()[0].IsPrivate() {
		t.Fatalf("%s: %v", text, err)
	}
}

func TestPEMRoundTrip(t *testing.T) {
	for _, a := range []jwk.Algorithm{jwk.ES256, jwk.ES512, jwk.EdDSA, jwk.PS256} {
		k := generate(t, a, "kid")
		private, err := k.ExportPrivatePEM()
		if err != nil {
			t.Fatal(err)
		}
		public, err := k.MarshalPEM()
		if err != nil {
			t.Fatal(err)
		}
		for text, isPrivate := range map[string]bool{string(private): true, string(public): false, "\n" + string(public) + "\n\n": false} {
			back, err := jwk.ParsePEM([]byte(text), a, "kid")
			if err != nil || back.Thumbprint() != k.Thumbprint() || back.IsPrivate() != isPrivate {
				t.Errorf("%s: %v, %v", a, back, err)
			}
		}
		pub, err := k.Public()
		if err != nil || pub.IsPrivate() || pub.CanSign() {
			t.Errorf("%s: %v, %v", a, pub, err)
		}
		_, err = pub.ExportPrivatePEM()
		wants(t, err, jose.KeyMisuse)
		_, err = pub.ExportPrivate()
		wants(t, err, jose.KeyMisuse)
	}
	h := generate(t, jwk.HS256, "")
	_, err := h.MarshalPEM()
	wants(t, err, jose.KeyMisuse)
	_, err = h.Public()
	wants(t, err, jose.KeyMisuse)
}

// New holds material of the standard library to the same checks as Parse.
func TestNewChecksMaterial(t *testing.T) {
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	other, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	crossed := append(append([]byte{}, ed[:32]...), make([]byte, 32)...)
	crossed[32] = 9
	for name, c := range map[string]struct {
		material any
		alg      jwk.Algorithm
		reason   jose.Reason
	}{
		"RSA of 1024 bits":         {weakRSA(), jwk.RS256, jose.KeyWeak},
		"another curve":            {p256, jwk.ES384, jose.KeyMisuse},
		"EC for RSA":               {p256, jwk.RS256, jose.KeyMisuse},
		"EC for HMAC":              {&p256.PublicKey, jwk.HS256, jose.KeyMisuse},
		"secret for RSA":           {make([]byte, 32), jwk.RS256, jose.KeyMisuse},
		"public key off the curve": {&ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}, jwk.ES256, jose.KeyInvalid},
		"two halves of two keys":   {&ecdsa.PrivateKey{PublicKey: other.PublicKey, D: p256.D}, jwk.ES256, jose.KeyInvalid},
		"crossed Ed25519":          {ed25519.PrivateKey(crossed), jwk.EdDSA, jose.KeyInvalid},
		"small order":              {ed25519.PublicKey(append([]byte{1}, make([]byte, 31)...)), jwk.EdDSA, jose.KeyWeak},
		"short Ed25519":            {ed25519.PublicKey{1}, jwk.EdDSA, jose.KeyInvalid},
		"nil RSA":                  {(*rsa.PrivateKey)(nil), jwk.RS256, jose.KeyInvalid},
		"nil EC":                   {(*ecdsa.PublicKey)(nil), jwk.ES256, jose.KeyInvalid},
		"a string":                 {"secret", jwk.HS256, jose.KeyMisuse},
		"nothing":                  {nil, jwk.HS256, jose.KeyMisuse},
		"none":                     {make([]byte, 32), "none", jose.AlgorithmNotAllowed},
		"short secret":             {make([]byte, 31), jwk.HS256, jose.KeyWeak},
	} {
		k, err := jwk.New(c.material, c.alg, "")
		if jose.ReasonOf(err) != c.reason || k != nil {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
}

func weakRSA() *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), 1023)
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}
}

// The material is the caller's to change; the key is not.
func TestKeysAreCopies(t *testing.T) {
	secret := bytes.Repeat([]byte{1}, 32)
	k, err := jwk.New(secret, jwk.HS256, "")
	if err != nil {
		t.Fatal(err)
	}
	before := k.Thumbprint()
	secret[0] = 2
	text, _ := k.ExportPrivate()
	if back, err := jwk.Parse(text, jwk.Options{}); err != nil || back.Thumbprint() != before {
		t.Error("the key changed with the caller's slice")
	}
	r := generate(t, jwk.RS256, "")
	r.PublicKey().(*rsa.PublicKey).N.SetInt64(1)
	e := generate(t, jwk.ES256, "")
	e.PublicKey().(*ecdsa.PublicKey).X.SetInt64(1)
	for _, k := range []*jwk.Key{r, e} {
		if _, err := k.MarshalPEM(); err != nil {
			t.Error("the key changed with what PublicKey returned:", err)
		}
	}
}

// elsewhere is a signer that lives in an HSM.
type elsewhere struct{ inner crypto.Signer }

func (e elsewhere) Public() crypto.PublicKey { return e.inner.Public() }
func (e elsewhere) Sign(r io.Reader, d []byte, o crypto.SignerOpts) ([]byte, error) {
	return e.inner.Sign(r, d, o)
}

func TestForeignSigner(t *testing.T) {
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k, err := jwk.New(elsewhere{p256}, jwk.ES256, "hsm")
	if err != nil || !k.IsPrivate() || !k.CanSign() {
		t.Fatal(k, err)
	}
	_, err = k.ExportPrivate()
	wants(t, err, jose.KeyMisuse)
	_, err = jwk.New(elsewhere{p256}, jwk.ES384, "hsm")
	wants(t, err, jose.KeyMisuse)
}

// RFC 7517 4.7 and 4.9: a key's certificate holds the same key, and its
// thumbprint is the certificate's.
func TestCertificateMustMatch(t *testing.T) {
	mine, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	other, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der := func(k *ecdsa.PrivateKey) string {
		cert, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(cert)
	}
	k, err := jwk.New(&mine.PublicKey, jwk.ES256, "")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(k)
	with := func(extra string) []byte { return []byte(strings.Replace(string(text), "{", "{"+extra+",", 1)) }
	if _, err := jwk.Parse(with(`"x5c":["`+der(mine)+`"]`), jwk.Options{}); err != nil {
		t.Error(err)
	}
	_, err = jwk.Parse(with(`"x5c":["`+der(other)+`"]`), jwk.Options{})
	wants(t, err, jose.KeyInvalid)
	for _, rest := range []string{`,7`, `,null`, `,["` + der(mine) + `"]`} {
		_, err = jwk.Parse(with(`"x5c":["`+der(mine)+`"`+rest+`]`), jwk.Options{})
		wants(t, err, jose.KeyInvalid)
	}
	// One spelling: encoding/base64 would skip line breaks.
	lines, padded := der(mine), der(mine)
	lines = lines[:64] + `\r\n` + lines[64:]
	for _, text := range []string{lines, padded + `\n`, base64.RawURLEncoding.EncodeToString([]byte("none")), padded[:len(padded)-4]} {
		_, err = jwk.Parse(with(`"x5c":["`+text+`"]`), jwk.Options{})
		wants(t, err, jose.KeyInvalid)
	}
	_, err = jwk.Parse(with(`"x5c":["`+der(mine)+`"],"x5t#S256":"`+strings.Repeat("A", 43)+`"`), jwk.Options{})
	wants(t, err, jose.KeyInvalid)
}

// RFC 7517 4.8: x5t is a SHA-1 digest. Auth0 and WSO2 wrote its digits in base64url;
// such a key is a key, and the digest is held to the certificate as every other.
func TestX5tOfDigits(t *testing.T) {
	mine, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &mine.PublicKey, mine)
	if err != nil {
		t.Fatal(err)
	}
	k, err := jwk.New(&mine.PublicKey, jwk.ES256, "")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(k)
	sum := sha1.Sum(der)
	b64 := base64.RawURLEncoding.EncodeToString
	sum256 := sha256.Sum256(der)
	wso2 := b64([]byte(hex.EncodeToString(sum256[:]))) // of SHA-256, under the older name
	digits, other := b64([]byte(hex.EncodeToString(sum[:]))), b64([]byte(strings.Repeat("0a", 20)))
	chain := `"x5c":["` + base64.StdEncoding.EncodeToString(der) + `"],`
	for extra, good := range map[string]bool{
		`"x5t":"` + digits + `",`: true, `"x5t":"` + b64(sum[:]) + `",`: true, chain + `"x5t":"` + digits + `",`: true,
		`"x5t":"` + wso2 + `",`: true, chain + `"x5t":"` + wso2 + `",`: true, chain + `"x5t#S256":"` + wso2 + `",`: true, chain + `"x5t":"` + b64([]byte(strings.Repeat("0a", 32))) + `",`: false,
		`"x5t":"` + b64([]byte(strings.Repeat("0a", 20)+"zz"+strings.Repeat("!", 22))) + `",`: false,
		`"x5t":"` + other + `",`: true, chain + `"x5t":"` + other + `",`: false,
		`"x5t":"` + b64([]byte(strings.Repeat("xy", 20))) + `",`: false, `"x5t":"AAAA",`: false, `"x5t":"",`: false,
	} {
		_, err := jwk.Parse([]byte(strings.Replace(string(text), "{", "{"+extra, 1)), jwk.Options{})
		if good != (err == nil) {
			t.Errorf("%s: %v", extra, err)
		}
		if !good {
			wants(t, err, jose.KeyInvalid)
		}
	}
}

// A key may go by another name, and by none; all else of it stays.
func TestWithKeyID(t *testing.T) {
	for _, a := range []jwk.Algorithm{jwk.ES256, jwk.HS256, jwk.ECDHES} {
		k := generate(t, a, "one")
		for _, kid := range []string{"two", "", "https://acme.example/acct/1"} {
			named, err := k.WithKeyID(kid)
			if err != nil || named.KeyID() != kid || k.KeyID() != "one" || named.Thumbprint() != k.Thumbprint() || named.Algorithm() != a {
				t.Errorf("%s: %v, %v", kid, named, err)
			}
		}
		for _, bad := range []string{"\xff", strings.Repeat("x", 1025)} {
			_, err := k.WithKeyID(bad)
			wants(t, err, jose.KeyInvalid)
		}
	}
	for _, none := range []*jwk.Key{nil, {}} {
		_, err := none.WithKeyID("x")
		wants(t, err, jose.KeyInvalid)
		_, err = none.WithCertificates(&x509.Certificate{})
		wants(t, err, jose.KeyInvalid)
	}
}

// RFC 7518 6.3.2 lets a private key be n, e and d alone.
func TestRSAWithoutPrimes(t *testing.T) {
	var m map[string]any
	if err := json.Unmarshal([]byte(rfc7517A2RSA), &m); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"p", "q", "dp", "dq", "qi"} {
		delete(m, name)
	}
	text, _ := json.Marshal(m)
	k, err := jwk.Parse(text, jwk.Options{})
	if err != nil || !k.CanSign() {
		t.Fatal(k, err)
	}
}

// Without its primes a key is checked by an operation with d, which an attacker's
// n makes slow: a sound key of 7 470 bits (of two Mersenne primes) is refused, and
// so is its check.
func TestHugeRSAWithoutPrimes(t *testing.T) {
	one := big.NewInt(1)
	mersenne := func(bits uint) *big.Int { p := new(big.Int).Lsh(one, bits); return p.Sub(p, one) }
	p, q := mersenne(4253), mersenne(3217)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	d := new(big.Int).ModInverse(big.NewInt(65537), phi)
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537}, D: d}
	if _, err := jwk.New(&key.PublicKey, jwk.RS256, ""); err != nil {
		t.Error("the public half:", err)
	}
	_, err := jwk.New(key, jwk.RS256, "")
	wants(t, err, jose.KeyInvalid)
}

// A kid must come back from a header as it went in, and be no load to carry.
func TestKeyIDs(t *testing.T) {
	secret := bytes.Repeat([]byte("s"), 32)
	for kid, ok := range map[string]bool{"": true, "é\x00\"": true, strings.Repeat("k", 1024): true, strings.Repeat("k", 1025): false, "\xff": false, "a\xed\xa0\x80": false} {
		if _, err := jwk.New(secret, jwk.HS256, kid); (err == nil) != ok || err != nil && jose.ReasonOf(err) != jose.KeyInvalid {
			t.Errorf("%.20q: %v", kid, err)
		}
	}
}

func TestReadingKeyOps(t *testing.T) {
	for ops, want := range map[string][2]bool{ // sign, verify
		`["sign"]`: {true, false}, `["verify"]`: {false, true}, `["sign","verify"]`: {true, true}, `["verify","encrypt"]`: {false, true},
	} {
		k, err := jwk.Parse([]byte(strings.Replace(rfc8037Private, "{", `{"key_ops":`+ops+",", 1)), jwk.Options{})
		if err != nil || k.CanSign() != want[0] || k.CanVerify() != want[1] {
			t.Errorf("%s: %v, %v", ops, k, err)
		}
	}
}

func TestEveryAlgorithmGenerates(t *testing.T) {
	for _, a := range jwk.SignatureAlgorithms() {
		k := generate(t, a, "k")
		if k.Algorithm() != a || !k.Accepts(a) || !a.Known() || a.IsSymmetric() != k.IsSymmetric() {
			t.Errorf("%s: %v", a, k)
		}
	}
	_, err := jwk.Generate("none", "")
	wants(t, err, jose.AlgorithmNotAllowed)
}
