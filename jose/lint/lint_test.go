package lint_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/lint"
)

var now = time.Unix(1700000100, 0)

const (
	goodHeader = `{"alg":"ES256","kid":"k","typ":"at+jwt"}`
	goodClaims = `{"iss":"https://issuer.example","sub":"248289761001","aud":"https://api.example","iat":1700000000,"exp":1700000600,"jti":"t1","client_id":"web","scope":"read"}`
)

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// token frames both parts. No signature is needed: nothing is verified.
func token(header, claims string) string { return encode(header) + "." + encode(claims) + ".AAAA" }

func with(old, new string) string {
	if !strings.Contains(goodClaims, old) {
		panic(old)
	}
	return token(goodHeader, strings.Replace(goodClaims, old, new, 1))
}

// claim is the good token with one member more.
func claim(member string) string { return with(`"jti"`, member+`,"jti"`) }

func head(header string) string { return token(header, goodClaims) }

func check(t testing.TB, token string, o lint.Options) []lint.Finding {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = now
	}
	list, err := lint.Check(token, o)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// a mistake is a token with the one finding that it must have.
type mistake struct {
	token string
	code  lint.Code
	where string
	o     lint.Options
}

func mistakes(t *testing.T) []mistake {
	large := with(`"read"`, `"`+strings.Repeat("read ", 900)+`x"`)
	signed := func(secret string) string {
		k, err := jwk.New([]byte(secret), jwk.HS256, "k")
		if err != nil {
			t.Fatal(err)
		}
		s, err := jws.Sign([]byte(strings.Replace(goodClaims, `"https://api.example"`, `"https://issuer.example"`, 1)), k, jws.SignOptions{Type: "at+jwt"})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	key := func(text string) lint.Options { return lint.Options{Key: []byte(text)} }
	good := token(goodHeader, goodClaims)
	return []mistake{
		{"x", lint.NotAToken, "token", lint.Options{}}, {good + "=", lint.NotAToken, "token", lint.Options{}}, {"", lint.NotAToken, "token", lint.Options{}},
		{"a.a.a.a.a", lint.TokenEncrypted, "token", lint.Options{}}, {strings.Repeat("a", lint.MaxSize+1), lint.TokenHuge, "token", lint.Options{}},
		{large, lint.TokenLarge, "token", lint.Options{}}, {large, lint.ClaimLarge, "claims/scope", lint.Options{}},
		{head(`{"alg":"ES256","alg":"none"}`), lint.HeaderUnreadable, "header", lint.Options{}}, {head(`{"typ":"at+jwt"}`), lint.HeaderUnreadable, "header", lint.Options{}},
		{token(goodHeader, `{"a":1,"a":2}`), lint.ClaimsUnreadable, "claims", lint.Options{}}, {token(goodHeader, `[]`), lint.ClaimsUnreadable, "claims", lint.Options{}},
		{head(`{"alg":"none","typ":"at+jwt"}`), lint.AlgorithmNone, "header/alg", lint.Options{}}, {head(`{"alg":"nOnE","typ":"at+jwt"}`), lint.AlgorithmNone, "header/alg", lint.Options{}},
		{head(`{"alg":"XX256","typ":"at+jwt"}`), lint.AlgorithmUnknown, "header/alg", lint.Options{}}, {head(`{"alg":"RSA-OAEP","typ":"at+jwt"}`), lint.AlgorithmUnknown, "header/alg", lint.Options{}},
		{head(`{"alg":"HS256","typ":"at+jwt"}`), lint.AlgorithmSymmetric, "header/alg", lint.Options{}},
		{head(`{"alg":"ES256","kid":"k","typ":"at+jwt","crit":["exp"]}`), lint.HeaderCritical, "header/crit", lint.Options{}},
		{head(`{"alg":"ES256","kid":"k","typ":"at+jwt","b64":true}`), lint.HeaderCritical, "header/b64", lint.Options{}},
		{head(`{"alg":"ES256","kid":"k","typ":"at+jwt","jwk":{"kty":"EC"}}`), lint.HeaderKey, "header/jwk", lint.Options{}},
		{head(`{"alg":"ES256","kid":"k","typ":"at+jwt","x5c":[]}`), lint.HeaderKey, "header/x5c", lint.Options{}},
		{head(`{"alg":"ES256","kid":"k","typ":"at+jwt","jku":"https://a.example"}`), lint.HeaderKeyAddress, "header/jku", lint.Options{}},
		{head(`{"alg":"ES256","kid":"k","typ":"at+jwt","x5u":"https://a.example"}`), lint.HeaderKeyAddress, "header/x5u", lint.Options{}},
		{head(`{"alg":"ES256","typ":"at+jwt"}`), lint.KeyIDMissing, "header/kid", lint.Options{}}, {head(`{"alg":"ES256","kid":"k"}`), lint.TypeMissing, "header/typ", lint.Options{}},
		{good, lint.KeyWeak, "key", key(`{"kty":"oct","alg":"HS256","k":"c2hvcnQ"}`)}, {good, lint.KeyWeak, "key", key(`{"keys":[{"kty":"oct","alg":"HS256","k":"c2hvcnQ"}]}`)},
		{good, lint.KeyUnusable, "key", key(`{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`)}, {good, lint.KeyUnusable, "key", key("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")},
		{good, lint.KeyMismatch, "key", key(`{"kty":"oct","alg":"HS256","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`)}, {good, lint.KeyMismatch, "key", key(`{"keys":[]}`)},
		{signed("a-string-secret-at-least-256-bits-long"), lint.SecretGuessable, "key", lint.Options{}},
		{good, lint.KeyMismatch, "key", key(`{"kty":"RSA","alg":"XX256","n":"AA","e":"AQAB"}`)}, {good, lint.KeyUnusable, "key", key(`{"keys":7}`)},
		{with(`"iss"`, `"x"`), lint.IssuerMissing, "claims/iss", lint.Options{}}, {with(`"sub":"248289761001"`, `"sub":null`), lint.SubjectMissing, "claims/sub", lint.Options{}},
		{with(`"aud":"https://api.example"`, `"aud":[]`), lint.AudienceMissing, "claims/aud", lint.Options{}}, {with(`"exp"`, `"exq"`), lint.ExpiryMissing, "claims/exp", lint.Options{}},
		{with(`"aud":"https://api.example"`, `"aud":["a","*"]`), lint.AudienceAny, "claims/aud", lint.Options{}},
		{with(`"iat"`, `"iau"`), lint.IssuedAtMissing, "claims/iat", lint.Options{}}, {with(`"jti":"t1"`, `"jti":""`), lint.IDMissing, "claims/jti", lint.Options{}},
		{with("1700000600", "1700090000"), lint.LifetimeLong, "claims/exp", lint.Options{}}, {with("1700000600", "1700000161"), lint.LifetimeLong, "claims/exp", lint.Options{MaxLifetime: time.Minute}},
		{with("1700000600", "1700000000"), lint.ExpiryBeforeIssue, "claims/exp", lint.Options{}}, {claim(`"nbf":1700000600`), lint.NotBeforeAfterEnd, "claims/nbf", lint.Options{}},
		{claim(`"nbf":1699999999`), lint.NotBeforeOdd, "claims/nbf", lint.Options{}}, {with(`"iat":1700000000`, `"iat":1700000200`), lint.IssuedInFuture, "claims/iat", lint.Options{}},
		{with("1700000600", `"1700000600"`), lint.DateString, "claims/exp", lint.Options{}}, {with("1700000600", "1700000600000"), lint.DateMilliseconds, "claims/exp", lint.Options{}},
		{with("1700000600", "1700000600.5"), lint.DateFraction, "claims/exp", lint.Options{}}, {with("1700000600", "1.7000006e9"), lint.DateFraction, "claims/exp", lint.Options{}},
		{with("1700000600", "-1"), lint.DateRange, "claims/exp", lint.Options{}}, {with("1700000600", "1e30"), lint.DateRange, "claims/exp", lint.Options{}},
		{with(`"t1"`, "7"), lint.ClaimType, "claims/jti", lint.Options{}}, {with(`"aud":"https://api.example"`, `"aud":{}`), lint.ClaimType, "claims/aud", lint.Options{}},
		{claim(`"nonce":"n"`), lint.IDTokenAsAccess, "claims/nonce", lint.Options{}}, {claim(`"at_hash":"n"`), lint.IDTokenAsAccess, "claims/at_hash", lint.Options{}},
		{claim(`"token_use":"id"`), lint.IDTokenAsAccess, "claims/token_use", lint.Options{}},
		{claim(`"typ":"Refresh"`), lint.RefreshAsAccess, "claims/typ", lint.Options{}}, {head(`{"alg":"ES256","kid":"k","typ":"refresh+jwt"}`), lint.RefreshAsAccess, "header/typ", lint.Options{}},
		{claim(`"mail":"alice"`), lint.PersonalEmail, "claims/mail", lint.Options{}}, {with("248289761001", "alice@issuer.example"), lint.PersonalEmail, "claims/sub", lint.Options{}},
		{claim(`"a":{"b~/c":["x","mailto:alice@issuer.example"]}`), lint.PersonalEmail, "claims/a/b~0~1c/1", lint.Options{}},
		{claim(`"n":"Alice <alice@issuer.example>"`), lint.PersonalEmail, "claims/n", lint.Options{}},
		{claim(`"n":"+49 (30) 901820-0"`), lint.PersonalPhone, "claims/n", lint.Options{}}, {claim(`"phone_number":"x"`), lint.PersonalPhone, "claims/phone_number", lint.Options{}},
		{claim(`"birthdate":"2000-01-01"`), lint.PersonalData, "claims/birthdate", lint.Options{}}, {claim(`"address":{"country":"x"}`), lint.PersonalData, "claims/address", lint.Options{}},
		// The test numbers that the networks publish.
		{claim(`"n":"4111 1111 1111 1111"`), lint.PaymentCard, "claims/n", lint.Options{}}, {claim(`"n":5555555555554444`), lint.PaymentCard, "claims/n", lint.Options{}},
		{claim(`"n":"card 3782-822463-10005."`), lint.PaymentCard, "claims/n", lint.Options{}}, {claim(`"n":["6011111111111117"]`), lint.PaymentCard, "claims/n/0", lint.Options{Kind: lint.ID}},
		{claim(`"n":"2223003122003222"`), lint.PaymentCard, "claims/n", lint.Options{}},
		{claim(`"n":"-----BEGIN EC PRIVATE KEY-----\nAA"`), lint.KeyMaterial, "claims/n", lint.Options{}}, {claim(`"n":{"kty":"oct","k":"AA"}`), lint.KeyMaterial, "claims/n", lint.Options{}},
		{claim(`"n":"{\"kty\":\"EC\",\"d\":\"AA\"}"`), lint.KeyMaterial, "claims/n", lint.Options{}},
		{head(`{"alg":"ES256","kid":"k","typ":"at+jwt","jwk":{"kty":"EC","d":"AA"}}`), lint.KeyMaterial, "header/jwk", lint.Options{}},
		{claim(`"Client-Secret":"x"`), lint.SecretInClaims, "claims/Client-Secret", lint.Options{}}, {claim(`"user":{"password":"x"}`), lint.SecretInClaims, "claims/user/password", lint.Options{}},
		{claim(`"pin":1234`), lint.SecretInClaims, "claims/pin", lint.Options{}}, {claim(`"n":"$2b$12$abcdefghijkl"`), lint.SecretInClaims, "claims/n", lint.Options{}},
		{claim(`"n":"AKIA` + `IOSFODNN7EXAMPLE"`), lint.SecretInClaims, "claims/n", lint.Options{}}, {claim(`"n":"ghp_` + `0123456789"`), lint.SecretInClaims, "claims/n", lint.Options{}},
		{claim(`"n":"` + token(goodHeader, goodClaims) + `"`), lint.TokenInClaims, "claims/n", lint.Options{}},
		{claim(`"n":[` + strings.Repeat(`"a@b.example",`, 99) + `1]`), lint.FindingsLeftOut, "token", lint.Options{}},
	}
}

// Every rule has a token that it finds, and no other rule finds that token's
// mistake in its place.
func TestFindings(t *testing.T) {
	seen := map[lint.Code]bool{}
	for _, m := range mistakes(t) {
		list := check(t, m.token, m.o)
		if !slices.ContainsFunc(list, func(f lint.Finding) bool { return f.Code == m.code && f.Where == m.where }) {
			t.Errorf("%s at %s is not found: %+v in %.400s", m.code, m.where, list, m.token)
		}
		seen[m.code] = true
	}
	for _, r := range lint.Rules() {
		if !seen[r.Code] {
			t.Errorf("no token has %s", r.Code)
		}
	}
}

// A good token has no findings, and neither has what only looks odd.
func TestNoFindings(t *testing.T) {
	for _, c := range []struct {
		name, token string
		o           lint.Options
	}{
		{"access token", token(goodHeader, goodClaims), lint.Options{}},
		{"application/", head(`{"alg":"ES256","kid":"k","typ":"application/at+jwt"}`), lint.Options{}},
		{"ID token", token(`{"alg":"ES256","kid":"k"}`, `{"iss":"https://a.example","sub":"1","aud":"c","iat":1700000000,"exp":1700000600,"nonce":"n","email":"a@b.example","phone_number":"+493012345678","birthdate":"0000-01-01"}`), lint.Options{Kind: lint.ID}},
		{"logout token", token(`{"alg":"ES256","kid":"k","typ":"logout+jwt"}`, `{"iss":"https://a.example","aud":"c","iat":1700000000,"exp":1700000600,"jti":"j","events":{"http://schemas.openid.net/event/backchannel-logout":{}},"sid":"x"}`), lint.Options{}},
		{"one party's secret", token(`{"alg":"HS256","typ":"at+jwt"}`, strings.Replace(goodClaims, "api.example", "issuer.example", 1)), lint.Options{}},
		{"public key", claim(`"cnf":{"jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}`), lint.Options{}},
		{"numbers", claim(`"n":["4111111111111112","1234567890123456","41111111111111111111","4111","2223003122003222001","411111111111111","60111111111111","3111111111111116","30","4111-1111-1111-1111-1111-1111","x4","0111111111111111","0000000000000000",1700000000000]`), lint.Options{}},
		{"no number", claim(`"n":[4111.11111111111,1e300]`), lint.Options{}},
		{"a MAC that is none", token(`{"alg":"HS384","kid":"k","typ":"at+jwt"}`, strings.Replace(goodClaims, "api.example", "issuer.example", 1)), lint.Options{}},
		{"no addresses", claim(`"n":["a@b","@b.example","https://user@host.example/","x@y@z","a @ b.example","@"]`), lint.Options{}},
		{"no telephones", claim(`"n":["+1","+12345678901234567890","2026-01-01","+abc12345678"]`), lint.Options{}},
		{"names", claim(`"password_reset":true,"amr":["pwd","otp"],"password_changed_at":"x","secret":null,"email_verified":true,"email":null,"given_name":""`), lint.Options{}},
	} {
		if list := check(t, c.token, c.o); len(list) > 0 {
			t.Errorf("%s: %+v", c.name, list)
		}
	}
}

// A finding never repeats what it found.
func TestFindingsHoldNoValues(t *testing.T) {
	for _, c := range []struct{ token, value string }{
		{claim(`"n":"alice@issuer.example"`), "alice"}, {claim(`"n":"4111 1111 1111 1111"`), "1111"}, {claim(`"password":"hunter2"`), "hunter2"},
		{claim(`"n":"-----BEGIN PRIVATE KEY-----hunter2"`), "hunter2"}, {with("1700000600", `"hunter2"`), "hunter2"}, {head(`{"alg":"hunter2"}`), "hunter2"},
		{head(`{"alg":"ES256","jku":"https://hunter2.example"}`), "hunter2"}, {"hunter2", "hunter2"}, {token(goodHeader, `{"a":"hunter2"`), "hunter2"},
	} {
		list := check(t, c.token, lint.Options{})
		text, err := json.Marshal(list)
		if err != nil || len(list) == 0 || strings.Contains(string(text), c.value) {
			t.Errorf("%s: %v", text, err)
		}
	}
	// Names come from a stranger: cut, and without what a terminal obeys.
	for _, name := range []string{`\u001b[31m`, `\u202e`, strings.Repeat("n", 5000)} {
		for _, f := range check(t, claim(`"`+name+`":"a@b.example"`), lint.Options{}) {
			if len(f.Where) > 100 || strings.ContainsAny(f.Where, "\x1b\u202e") {
				t.Errorf("%q", f.Where)
			}
		}
	}
}

func TestGravestFirst(t *testing.T) {
	rank := map[lint.Severity]int{lint.Error: 0, lint.Warning: 1, lint.Info: 2}
	list := check(t, token(`{"alg":"none"}`, `{"email":"a@b.example","password":"x"}`), lint.Options{})
	if len(list) < 5 || !slices.IsSortedFunc(list, func(a, b lint.Finding) int { return rank[a.Severity] - rank[b.Severity] }) {
		t.Errorf("%+v", list)
	}
}

func TestOptionsRefuse(t *testing.T) {
	for _, o := range []lint.Options{{}, {Now: now, Kind: "refresh"}, {Now: now, MaxLifetime: -1}} {
		if _, err := lint.Check("a.b.c", o); jose.ReasonOf(err) != jose.PolicyInvalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// A header that fills the list leaves no room for more.
func TestFindingsAreBounded(t *testing.T) {
	list := check(t, token(`{"alg":"ES256","kid":"k","typ":"at+jwt","x":[`+strings.Repeat(`"a@b.example",`, 99)+`1]}`, `{"exp":"1","password":"x"}`), lint.Options{})
	if len(list) != lint.MaxFindings || list[len(list)-1].Code != lint.FindingsLeftOut {
		t.Errorf("%d findings", len(list))
	}
}

// Hostile tokens: deep, wide, and made of what the searches look for. The work is
// bounded by what is visited, so the list is what a test can hold.
func TestHostileTokens(t *testing.T) {
	for _, payload := range []string{
		`{"a":` + strings.Repeat(`[`, 60) + strings.Repeat(`]`, 60) + `}`,
		`{"a":[` + strings.Repeat(`"4111111111111111",`, 2000) + `0]}`,
		`{"a":"` + strings.Repeat("4 ", 10000) + `"}`, `{"a":"` + strings.Repeat("@.", 10000) + `"}`, `{"a":"` + strings.Repeat("eyJ.", 4000) + `"}`,
		`{"a":[` + strings.Repeat(`[],`, 12000) + `0]}`, `{"a":"` + strings.Repeat("{", 15000) + `"}`,
	} {
		if list := check(t, token(goodHeader, payload), lint.Options{}); len(list) > lint.MaxFindings {
			t.Errorf("%d findings", len(list))
		}
	}
}

func TestRulesAreWhole(t *testing.T) {
	seen := map[lint.Code]bool{}
	for _, r := range lint.Rules() {
		if seen[r.Code] || r.Why == "" || r.Fix == "" || !slices.Contains([]lint.Severity{lint.Error, lint.Warning, lint.Info}, r.Severity) {
			t.Errorf("%+v", r)
		}
		seen[r.Code] = true
	}
	source, err := os.ReadFile(filepath.Join("rules.go"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), " Code = \""); n != len(seen) {
		t.Errorf("%d codes, %d rules", n, len(seen))
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(goodHeader, goodClaims)
	f.Add(`{"alg":"HS256","jwk":{"kty":"oct","k":"x"}}`, `{"a":{"b":["a@b.example","4111 1111 1111 1111"]},"exp":"1"}`)
	f.Fuzz(func(t *testing.T, header, claims string) {
		for _, text := range []string{token(header, claims), header, header + "." + claims} {
			for _, finding := range check(t, text, lint.Options{Key: []byte(claims)}) {
				if finding.Why == "" || finding.Where == "" {
					t.Fatalf("%+v", finding)
				}
			}
		}
	})
}

// A token that anybody can read says more than it should.
func Example() {
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","kid":"k","typ":"at+jwt"}`))
	claims := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"https://issuer.example","aud":"https://api.example","sub":"alice@issuer.example",
		"iat":1700000000,"exp":1702592000,"jti":"t1"}`))
	findings, err := lint.Check(header+"."+claims+".AAAA", lint.Options{Now: time.Unix(1700000100, 0)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range findings {
		fmt.Printf("%s %s at %s: %s\n", f.Severity, f.Code, f.Where, f.Fix)
	}
	// Output:
	// warning lifetime_long at claims/exp: issue minutes, and refresh
	// warning personal_email at claims/sub: name people by an opaque identifier; serve the rest from userinfo
}
