package bench

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	golangjwt "github.com/golang-jwt/jwt/v5"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// TestGoals compares, in short turns within one process, the library with the raw
// operation and with golang-jwt, and the hostile shapes with honest text. What it
// measures is a machine, so it runs only when asked and judges nothing.
func TestGoals(t *testing.T) {
	if os.Getenv("JOTWARD_GOALS") == "" {
		t.Skip("set JOTWARD_GOALS=1 to measure")
	}
	for name, f := range map[string]func(*testing.T, *testing.B){"signatures": signatureGoals, "encryption": encryptionGoals, "hostile": hostileGoals, "refused": refusedGoals, "mac": macGoal} {
		t.Run(name, func(t *testing.T) { within(func(b *testing.B) { f(t, b) }) })
	}
}

func signatureGoals(t *testing.T, b *testing.B) {
	for _, alg := range algorithms {
		s := newSubject(b, alg)
		compare(t, "verify "+string(alg), verifyThree(b, s))
		compare(t, "sign "+string(alg), signThree(b, s))
	}
}

// macGoal compares a whole verification with hmac.New and sum over the same bytes.
func macGoal(t *testing.T, b *testing.B) {
	s := newSubject(b, jwk.HS256)
	compare(t, "verify HS256 beside hmac.New and sum alone", append([]func(){func() { rawMAC(b, s) }}, verifyThree(b, s)[1:]...))
}

func encryptionGoals(t *testing.T, b *testing.B) {
	for _, x := range boxes(b) {
		l := libraries(b, x)
		took := turns(quiet(l[0].encrypt), quiet(l[1].encrypt), quiet(l[2].encrypt), quiet(l[0].decrypt), quiet(l[1].decrypt), quiet(l[2].decrypt))
		t.Logf("%s: encrypt jotward %s, go-jose %s, jwx %s; decrypt %s, %s, %s", x.name, took[0], took[1], took[2], took[3], took[4], took[5])
	}
}

func hostileGoals(t *testing.T, b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		_, token := hostile(b, 64<<10, shapes[name])
		v, honest := hostile(b, len(token), text)
		bent := token[:len(token)-8] + "AAAAAAAA"
		took := turns(once(v, honest), once(v, token), once(v, bent))
		t.Logf("%s, %d bytes: text %s, accepted %s (%.2f times), refused %s (%.2f times)", name, len(token), took[0], took[1],
			float64(took[1])/float64(took[0]), took[2], float64(took[2])/float64(took[0]))
	}
	nestedGoal(t, b)
}

// actor is the claims type that holds itself (RFC 8693 4.1).
type actor struct {
	Subject string `json:"sub"`
	Actor   *actor `json:"act"`
}

// nestedGoal compares a token whose actors lie in one another around a shape with one of
// text, both read into such a type.
func nestedGoal(t *testing.T, b *testing.B) {
	key := must(jwk.Generate(jwk.HS256, "k"))
	signer := must(jwt.NewSigner(key, jwt.SignerOptions{Type: "at+jwt"}))
	v := must(jwt.NewVerifier[struct {
		Act *actor `json:"act"`
	}](key, policyFor(jwk.HS256)))
	for _, size := range []int{7 << 10, 64 << 10} {
		around := func(n int) string {
			return "0,\"act\":" + strings.Repeat(`{"sub":"s","act":`, 55) + `{"z":` + shapes["objects"](n-55*20) + "}" + strings.Repeat("}", 55)
		}
		deep, flat := must(signer.Sign([]byte(of(size, around)))), must(signer.Sign([]byte(of(size, text))))
		took := turns(func() { must(v.Verify(t.Context(), flat)) }, func() { must(v.Verify(t.Context(), deep)) })
		t.Logf("actors in actors, %d bytes: text %s, accepted %s (%.2f times)", len(deep), took[0], took[1], float64(took[1])/float64(took[0]))
	}
}

// refusedGoals compares the typical token with the same one made wrong in one
// place, for every check that a stranger or an issuer can fail.
func refusedGoals(t *testing.T, b *testing.B) {
	s := newSubject(b, jwk.HS256)
	v, signer := ourVerifier(b, s), ourSigner(b, s)
	sign := func(change ...string) string {
		token, err := signer.Sign([]byte(strings.NewReplacer(change...).Replace(payload)))
		if err != nil {
			b.Fatal(err)
		}
		return token
	}
	header, rest, _ := strings.Cut(s.token, ".")
	for _, c := range []struct{ name, token string }{
		{"bent signature", s.token[:len(s.token)-8] + "AAAAAAAA"},
		{"unknown kid", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","kid":"2026-12","typ":"at+jwt"}`)) + "." + rest},
		{"another typ", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","kid":"2026-11","typ":"logout+jwt"}`)) + "." + rest},
		{"alg none", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"2026-11","typ":"at+jwt"}`)) + "." + rest},
		{"two segments", header + "." + strings.ReplaceAll(rest, ".", "")},
		{"payload not base64", header + ".=" + rest[1:]},
		{"expired", sign("1700000600", "1700000050")},
		{"not yet valid", sign(`"nbf":1700000000`, `"nbf":1700000200`)},
		{"from the future", sign(`"iat":1700000000`, `"iat":1700000200`)},
		{"long life", sign("1700000600", "1700009999")},
		{"another issuer", sign("issuer.example", "issuer.exampla")},
		{"another audience", sign("api.example", "api.exampla")},
		{"no subject", sign(`"sub":`, `"sab":`)},
		{"exp is a string", sign(`1700000600`, `"170000060"`)},
		{"auth_time is a string", sign(`"auth_time":1699999000`, `"auth_time":"69999900"`)},
	} {
		took := turns(once(v, s.token), once(v, c.token))
		t.Logf("%s: accepted %s, refused %s (%.2f times)", c.name, took[0], took[1], float64(took[1])/float64(took[0]))
	}
}

// within runs f once with a *testing.B, which the helpers of the benchmarks take.
func within(f func(b *testing.B)) {
	testing.Benchmark(func(b *testing.B) {
		if b.N == 1 {
			f(b)
		}
	})
}

func quiet(f func() error) func() {
	return func() { must(0, f()) }
}

func once(v *jwt.Verifier[claims], token string) func() {
	return func() { _, _ = v.Verify(context.Background(), token) }
}

func compare(t *testing.T, what string, three []func()) {
	took := turns(three...)
	raw, ours, theirs := took[0], took[1], took[2]
	t.Logf("%s: raw %s, jotward %s (%.2f times, %s more), golang-jwt %s (%.2f times jotward's)", what, raw, ours,
		float64(ours)/float64(raw), ours-raw, theirs, float64(theirs)/float64(ours))
}

// turns runs the functions in turns of about a fifth of a millisecond, shorter
// than a time slice, so that on a machine that others use most turns are
// undisturbed. It returns, for each function, what one call took in the turn that
// only one in ten was faster than: with the collector's work, and without others'.
func turns(fs ...func()) []time.Duration {
	const turn, rounds = 200 * time.Microsecond, 2000
	calls, took := make([]int, len(fs)), make([][]float64, len(fs))
	measure := func(f func(), n int) time.Duration {
		start := time.Now()
		for range n {
			f()
		}
		return time.Since(start)
	}
	for i, f := range fs {
		for calls[i] = 1; measure(f, calls[i]) < turn; {
			calls[i] *= 2
		}
	}
	for start := time.Now(); len(took[0]) < rounds && time.Since(start) < 3*time.Second; {
		for i, f := range fs {
			took[i] = append(took[i], float64(measure(f, calls[i]))/float64(calls[i]))
		}
	}
	out := make([]time.Duration, len(fs))
	for i := range took {
		slices.Sort(took[i])
		out[i] = time.Duration(took[i][len(took[i])/10])
	}
	return out
}

func verifyThree(b *testing.B, s *subject) []func() {
	check, v, p := rawCheck(b, s), ourVerifier(b, s), golangParser(s)
	return []func(){
		func() { rawOnce(b, s, check) },
		func() { must(v.Verify(context.Background(), s.token)) },
		func() {
			var c golangClaims
			must(p.ParseWithClaims(s.token, &c, func(*golangjwt.Token) (any, error) { return s.public, nil }))
		},
	}
}

func signThree(b *testing.B, s *subject) []func() {
	sign, signer, method, c := rawSigner(b, s), ourSigner(b, s), golangjwt.GetSigningMethod(string(s.alg)), golangFilled(b)
	return []func(){
		func() { must(rawSignOnce(sign)) },
		func() { must(signer.Sign([]byte(payload))) },
		func() { must(golangSignOnce(method, c, s)) },
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprint(err))
	}
	return v
}

// hostile returns a token of about size bytes whose filler has that shape, and a verifier for it.
func hostile(b *testing.B, size int, shape func(int) string) (*jwt.Verifier[claims], string) {
	key, err := jwk.New(make([]byte, 32), jwk.HS256, "k")
	if err != nil {
		b.Fatal(err)
	}
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		b.Fatal(err)
	}
	v, err := jwt.NewVerifier[claims](key, policyFor(jwk.HS256))
	if err != nil {
		b.Fatal(err)
	}
	token, err := signer.Sign([]byte(of(size, shape)))
	if err != nil {
		b.Fatal(err)
	}
	return v, token
}
