package jwt_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

var outer = jwe.DecryptOptions{Algorithms: []jwk.Algorithm{jwk.ECDHESA256KW}, Encryptions: []jwk.Algorithm{jwk.A256GCM}}

// seal encrypts any text, under any cty.
func seal(t testing.TB, key *jwk.Key, text, typ, cty string) string {
	t.Helper()
	token, err := jwe.Encrypt([]byte(text), key, jwe.EncryptOptions{Encryption: jwk.A256GCM, Type: typ, ContentType: cty})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestNested(t *testing.T) {
	signing, box := generate(t, jwk.ES256, "s"), generate(t, jwk.ECDHESA256KW, "e")
	v, err := jwt.NewNestedVerifier(box, outer, verifier(t, public(t, signing), goodPolicy(jwk.ES256)))
	if err != nil {
		t.Fatal(err)
	}
	signed := sign(t, signing, goodClaims)
	token, err := jwt.Encrypt(signed, public(t, box), jwe.EncryptOptions{Encryption: jwk.A256GCM})
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Verify(ctx, token)
	if err != nil || got.Subject != "alice" || got.Claims.Role != "clerk" {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := v.Verify(ctx, seal(t, box, signed, "", "application/jwt")); err != nil {
		t.Errorf("cty as a whole media type: %v", err)
	}
	unsigned := encode(`{"alg":"none"}`) + "." + encode(goodClaims) + "."
	stranger := generate(t, jwk.ES256, "s")
	for _, c := range []struct {
		name, token string
		want        jose.Reason
	}{
		{"signed and not encrypted", signed, jose.TokenMalformed},
		{"no cty", seal(t, box, signed, "", ""), jose.TypeMismatch},
		{"another cty", seal(t, box, signed, "", "json"), jose.TypeMismatch},
		{"claims that nobody signed", seal(t, box, goodClaims, "at+jwt", "JWT"), jose.TokenMalformed},
		{"alg none inside (CVE-2026-29000)", seal(t, box, unsigned, "", "JWT"), jose.AlgorithmNotAllowed},
		{"a stranger's signature inside", seal(t, box, sign(t, stranger, goodClaims), "", "JWT"), jose.SignatureInvalid},
		{"another kind inside", seal(t, box, forge(t, signing, `{"alg":"ES256","typ":"JWT"}`, goodClaims), "", "JWT"), jose.TypeMismatch},
		{"expired inside", seal(t, box, sign(t, signing, strings.Replace(goodClaims, `"exp":1700000600`, `"exp":1700000100`, 1)), "", "JWT"), jose.TokenExpired},
		{"encrypted twice", seal(t, box, token, "", "JWT"), jose.TokenMalformed},
		{"encrypted to another key", seal(t, generate(t, jwk.ECDHESA256KW, "e"), signed, "", "JWT"), jose.DecryptionFailed},
		{"too long", seal(t, box, strings.Repeat("x", 2*jwt.DefaultMaxSize), "", "JWT"), jose.TokenOversize},
	} {
		if _, err := v.Verify(ctx, c.token); jose.ReasonOf(err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	for name, text := range map[string]string{"claims": goodClaims, "a nested token": token} {
		if _, err := jwt.Encrypt(text, box, jwe.EncryptOptions{Encryption: jwk.A256GCM}); jose.ReasonOf(err) != jose.TokenMalformed {
			t.Errorf("%s can be nested: %v", name, err)
		}
	}
}

func TestNestedMustBeWhole(t *testing.T) {
	key := generate(t, jwk.ECDHESA256KW, "")
	inner := verifier(t, generate(t, jwk.HS256, ""), goodPolicy(jwk.HS256))
	for name, build := range map[string]func() (*jwt.NestedVerifier[claims], error){
		"no keys":     func() (*jwt.NestedVerifier[claims], error) { return jwt.NewNestedVerifier(nil, outer, inner) },
		"no verifier": func() (*jwt.NestedVerifier[claims], error) { return jwt.NewNestedVerifier[claims](key, outer, nil) },
		"no lists": func() (*jwt.NestedVerifier[claims], error) {
			return jwt.NewNestedVerifier(key, jwe.DecryptOptions{}, inner)
		},
	} {
		if _, err := build(); jose.ReasonOf(err) != jose.PolicyInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An encrypted-only token is read, judged, and never a Token.
func TestEncryptedOnly(t *testing.T) {
	box := generate(t, jwk.ECDHESA256KW, "")
	d, err := jwt.NewDecrypter[claims](box, outer, goodPolicy())
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Decrypt(ctx, seal(t, box, goodClaims, "at+jwt", ""))
	if err != nil || got.Subject != "alice" || got.Claims.Role != "clerk" || got.Payload != goodClaims {
		t.Fatalf("%+v, %v", got, err)
	}
	if isToken := any(got); fmt.Sprintf("%T", isToken) == fmt.Sprintf("%T", &jwt.Token[claims]{}) {
		t.Error("what nobody signed is a Token")
	}
	signed := sign(t, generate(t, jwk.ES256, ""), goodClaims)
	for _, c := range []struct {
		name, token string
		want        jose.Reason
	}{
		{"a nested token", seal(t, box, signed, "at+jwt", "JWT"), jose.TypeMismatch},
		{"a signed token without cty", seal(t, box, signed, "at+jwt", ""), jose.ClaimsInvalid},
		{"another typ", seal(t, box, goodClaims, "JWT", ""), jose.TypeMismatch},
		{"another audience", seal(t, box, strings.Replace(goodClaims, audience, "https://other.example", 1), "at+jwt", ""), jose.AudienceMismatch},
		{"a claim twice", seal(t, box, strings.Replace(goodClaims, "{", `{"sub":"bob",`, 1), "at+jwt", ""), jose.ClaimsInvalid},
		{"expired", seal(t, box, strings.Replace(goodClaims, `"exp":1700000600`, `"exp":1700000100`, 1), "at+jwt", ""), jose.TokenExpired},
		{"signed only", signed, jose.TokenMalformed},
		{"too long", seal(t, box, strings.Repeat("x", jwt.DefaultMaxSize), "at+jwt", ""), jose.TokenOversize},
	} {
		if _, err := d.Decrypt(ctx, c.token); jose.ReasonOf(err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	bounded := outer
	bounded.MaxSize = 100
	for name, build := range map[string]func() (*jwt.Decrypter[claims], error){
		"no keys": func() (*jwt.Decrypter[claims], error) { return jwt.NewDecrypter[claims](nil, outer, goodPolicy()) },
		"signature algorithms": func() (*jwt.Decrypter[claims], error) {
			return jwt.NewDecrypter[claims](box, outer, goodPolicy(jwk.ES256))
		},
		"two bounds": func() (*jwt.Decrypter[claims], error) { return jwt.NewDecrypter[claims](box, bounded, goodPolicy()) },
		"no lists": func() (*jwt.Decrypter[claims], error) {
			return jwt.NewDecrypter[claims](box, jwe.DecryptOptions{}, goodPolicy())
		},
		"no issuer": func() (*jwt.Decrypter[claims], error) { return jwt.NewDecrypter[claims](box, outer, jwt.Policy{}) },
	} {
		if _, err := build(); jose.ReasonOf(err) != jose.PolicyInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
