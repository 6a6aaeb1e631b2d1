package bench

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"
	gojosejwt "github.com/go-jose/go-jose/v4/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

var strictSecret = bytes.Repeat([]byte("k"), 32)

// written signs a header and claims exactly as they are written.
func written(header, claims string) string {
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, strictSecret)
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// strictCases are tokens that a verifier for short-lived access tokens of one
// issuer should not take, although their signature holds.
func strictCases(now time.Time) map[string]string {
	const header = `{"alg":"HS256","typ":"at+jwt"}`
	claims := func(change ...string) string {
		all := fmt.Sprintf(`{"iss":"i","aud":"a","sub":"s","iat":%d,"exp":%d}`, now.Unix(), now.Unix()+600)
		return strings.NewReplacer(change...).Replace(all)
	}
	exp := fmt.Sprintf(`"exp":%d`, now.Unix()+600)
	good := written(header, claims())
	last := good[:len(good)-1] + string(good[len(good)-1]+1) // other trailing bits, the same 32 bytes
	return map[string]string{
		"no exp":                      written(header, claims(","+exp, "")),
		"another typ":                 written(`{"alg":"HS256","typ":"logout+jwt"}`, claims()),
		"ten years of life":           written(header, claims(exp, fmt.Sprintf(`"exp":%d`, now.Unix()+315360000))),
		"1 MiB":                       written(header, claims(`"sub":"s"`, `"sub":"`+strings.Repeat("s", 1<<20)+`"`)),
		"base64 with other last bits": last,
		"a line break in base64":      good[:len(good)-4] + "\n" + good[len(good)-4:],
		"unknown crit":                written(`{"alg":"HS256","typ":"at+jwt","crit":["x"],"x":1}`, claims()),
		"alg twice in the header":     written(`{"alg":"none","alg":"HS256","typ":"at+jwt"}`, claims()),
		"sub twice in the claims":     written(header, claims(`"sub":"s"`, `"sub":"t","sub":"s"`)),
		"nbf of 1e30":                 written(header, claims(exp, exp+`,"nbf":1e30`)),
		"issued tomorrow":             written(header, claims(fmt.Sprintf(`"iat":%d`, now.Unix()), fmt.Sprintf(`"iat":%d`, now.Unix()+86400), exp, fmt.Sprintf(`"exp":%d`, now.Unix()+87000))),
		"members in another case":     written(header, claims(`"aud"`, `"AUD"`)),
		"data after the claims":       written(header, claims()+"{}"),
		"invalid UTF-8":               written(header, claims(`"sub":"s"`, "\"sub\":\"\xff\"")),
	}
}

// TestStrictness prints which library takes which of them, each called with a
// key, an allow-list, issuer, audience and every strict option that it has for
// them. Ours must take none.
func TestStrictness(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	clock := func() time.Time { return now }
	key, err := jwk.New(strictSecret, jwk.HS256, "")
	if err != nil {
		t.Fatal(err)
	}
	ours, err := jwt.NewVerifier[struct{}](key, jwt.Policy{Issuers: []string{"i"}, Audiences: []string{"a"}, Algorithms: []jwk.Algorithm{jwk.HS256},
		Type: "at+jwt", MaxLifetime: time.Hour, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	parser := golangjwt.NewParser(golangjwt.WithValidMethods([]string{"HS256"}), golangjwt.WithIssuer("i"), golangjwt.WithAudience("a"),
		golangjwt.WithTimeFunc(clock), golangjwt.WithStrictDecoding(), golangjwt.WithExpirationRequired(), golangjwt.WithIssuedAt())
	libraries := map[string]func(string) error{
		"jotward": func(s string) error { _, err := ours.Verify(context.Background(), s); return err },
		"golang-jwt": func(s string) error {
			_, err := parser.Parse(s, func(*golangjwt.Token) (any, error) { return strictSecret, nil })
			return err
		},
		"go-jose": func(s string) error {
			tok, err := gojosejwt.ParseSigned(s, []gojose.SignatureAlgorithm{gojose.HS256})
			if err != nil {
				return err
			}
			var c gojosejwt.Claims
			if err := tok.Claims(strictSecret, &c); err != nil {
				return err
			}
			return c.ValidateWithLeeway(gojosejwt.Expected{Issuer: "i", AnyAudience: gojosejwt.Audience{"a"}, Time: now}, 0)
		},
		"jwx": func(s string) error {
			_, err := jwxjwt.ParseString(s, jwxjwt.WithKey(jwa.HS256(), strictSecret), jwxjwt.WithIssuer("i"), jwxjwt.WithAudience("a"), jwxjwt.WithRequiredClaim("exp"), jwxjwt.WithClock(jwxjwt.ClockFunc(clock)))
			return err
		},
	}
	good := written(`{"alg":"HS256","typ":"at+jwt"}`, fmt.Sprintf(`{"iss":"i","aud":"a","sub":"s","iat":%d,"exp":%d}`, now.Unix(), now.Unix()+600))
	cases := strictCases(now)
	for name, verify := range libraries {
		if err := verify(good); err != nil {
			t.Fatalf("%s refuses the good token: %v", name, err)
		}
		var taken []string
		for what, token := range cases {
			if verify(token) == nil {
				taken = append(taken, what)
			}
		}
		slices.Sort(taken)
		t.Logf("%s takes %d of %d: %s", name, len(taken), len(cases), strings.Join(taken, ", "))
		if name == "jotward" && len(taken) > 0 {
			t.Error("ours takes some")
		}
	}
}
