package jwt_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// Explain accepts exactly what Verify accepts, and its first failure is Verify's
// reason. (refused and accepted hold it to that in every test of an attack; here
// are the claims sets of testdata/reject, and what they have not.)
func TestExplainAgreesWithVerify(t *testing.T) {
	k := generate(t, jwk.HS256, "k")
	p := goodPolicy(jwk.HS256)
	p.MaxSize = 1 << 20
	v := verifier(t, k, p)
	accepted(t, v, sign(t, k, goodClaims))
	for _, payload := range rejectedClaims(t) {
		token := sign(t, k, payload)
		_, err := v.Verify(ctx, token)
		if err == nil {
			t.Errorf("accepted: %s", payload)
		}
		agrees(t, v, token, err)
	}
	good := sign(t, k, goodClaims)
	for i := range len(good) {
		for _, token := range []string{good[:i], good[:i] + good[i+1:], good[:i] + "." + good[i:], good[:i] + "A" + good[min(i+1, len(good)):]} {
			_, err := v.Verify(ctx, token)
			agrees(t, v, token, err)
		}
	}
	for _, change := range []string{`"role":7`, `"level":1000`, `"groups":{}`, `"inner":[]`} {
		refused(t, v, sign(t, k, strings.Replace(goodClaims, `"role":"clerk"`, change, 1)), jose.ClaimsInvalid)
	}
}

// Every profile's checks are explained in the order in which they refuse.
func TestExplainAgreesForProfiles(t *testing.T) {
	kit := newKit(t)
	for _, kind := range kit.kinds() {
		for name, token := range kind.bad {
			if kind.explain == nil {
				continue
			}
			err := kind.verify(token)
			if got := kind.explain(token).Failure(); jose.ReasonOf(got) != jose.ReasonOf(err) && jose.ReasonOf(err) != jose.TokenReplayed {
				t.Errorf("%s, %s: Verify says %v, Explain %v", kind.name, name, err, got)
			}
		}
	}
}

func TestExplainRunsEveryCheck(t *testing.T) {
	k, stranger := generate(t, jwk.ES256, "k"), generate(t, jwk.ES256, "k")
	v := verifier(t, public(t, k), goodPolicy(jwk.ES256))
	states := func(token string) map[string]jwt.CheckState {
		out := map[string]jwt.CheckState{}
		for _, c := range v.Explain(ctx, token).Checks {
			out[c.Name] = c.State
		}
		return out
	}
	all := `{"iss":"https://evil.example","aud":"https://b.example","iat":1700009000,"nbf":1700009000,"exp":1600000000}`
	got := states(forge(t, stranger, `{"alg":"ES256","typ":"JWT","kid":"k"}`, all))
	for _, name := range []string{"type", "signature", "required", "issuer", "audience", "expiry", "not_before", "issued_at"} {
		if got[name] != jwt.CheckFailed {
			t.Errorf("%s is %s", name, got[name])
		}
	}
	for _, name := range []string{"size", "shape", "header", "algorithm", "key", "claims", "claim_types", "lifetime"} {
		if got[name] != jwt.CheckOK {
			t.Errorf("%s is %s", name, got[name])
		}
	}
	// The caller's decoders see nothing that no signature vouches for.
	if got["custom_claims"] != jwt.CheckNotReached {
		t.Errorf("custom_claims is %s", got["custom_claims"])
	}
	// A claim of the wrong type hides only what needs it.
	got = states(sign(t, k, strings.NewReplacer(`1700000600`, `"soon"`, "issuer.example", "evil.example").Replace(goodClaims)))
	if got["claim_types"] != jwt.CheckFailed || got["issuer"] != jwt.CheckFailed || got["expiry"] != jwt.CheckNotReached || got["audience"] != jwt.CheckOK {
		t.Errorf("%v", got)
	}
	// A profile's rules need all of them.
	access := newKit(t).access()
	for _, c := range access.explain(access.bad["claims_invalid: acr"]).Checks {
		if (c.State == jwt.CheckFailed) != (c.Name == "acr") {
			t.Errorf("%+v", c)
		}
	}
	kit := newKit(t)
	for _, c := range kit.access().explain(kit.sign("at+jwt", strings.Replace(accessClaims, `"jti":"a1"`, `"jti":1`, 1))).Checks {
		if c.Name == "scope" && c.State != jwt.CheckNotReached {
			t.Errorf("%+v", c)
		}
	}
	// No key is asked for under an algorithm that is not allowed.
	got = states(forge(t, generate(t, jwk.HS256, "k"), `{"alg":"HS256","typ":"at+jwt","kid":"k"}`, goodClaims))
	if got["algorithm"] != jwt.CheckFailed || got["key"] != jwt.CheckNotReached || got["signature"] != jwt.CheckNotReached || got["issuer"] != jwt.CheckOK {
		t.Errorf("%v", got)
	}
	// The same checks in the same order, whatever is wrong.
	want := names(v.Explain(ctx, sign(t, k, goodClaims)))
	for _, token := range []string{"", "a.b", "a.b.c", strings.Repeat("a", 9000), sign(t, k, "[]"), sign(t, k, goodClaims) + "."} {
		if got := names(v.Explain(ctx, token)); !slices.Equal(got, want) {
			t.Errorf("%.20q: %v", token, got)
		}
	}
}

func names(e *jwt.Explanation) (list []string) {
	for _, c := range e.Checks {
		list = append(list, c.Name)
	}
	return list
}

// What is shown is cut and quoted, and holds neither keys nor whole tokens.
func TestExplainShowsNoSecrets(t *testing.T) {
	k := generate(t, jwk.HS256, "k")
	v := verifier(t, k, goodPolicy(jwk.HS256))
	long := strings.Repeat("x", 500)
	for _, payload := range []string{
		goodClaims,
		`{` + manyClaims(100) + `"iss":"x"}`,
		`{"iss":"` + long + `","sub":"\u001b[31m\u202e","password":"hunter2","` + long + `":1}`,
	} {
		token := sign(t, k, payload)
		text, err := json.Marshal(v.Explain(ctx, token))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{token, strings.Split(token, ".")[2], strings.Split(token, ".")[1], "hunter2", long, "\x1b", "\\u001b[", "\u202e"} {
			if strings.Contains(string(text), secret) {
				t.Errorf("shown: %.40q", secret)
			}
		}
	}
}

func manyClaims(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"claim%d":"hunter2",`, i)
	}
	return b.String()
}

// A nonce, and hashes of what came with a token, are compared and not shown.
func TestExplainHidesWhatItCompares(t *testing.T) {
	kind := newKit(t).id()
	text, err := json.Marshal(kind.explain(kind.good))
	if err != nil {
		t.Fatal(err)
	}
	for _, hidden := range []string{"n-0S6_WzA2Mj", "77QmUPtjPfzWtF2AnpK9RQ", "LDktKdoQak3Pk0cnXxCltA", accessInToken, codeInToken} {
		if strings.Contains(string(text), hidden) {
			t.Errorf("shown: %s", hidden)
		}
	}
}

// A source that cannot answer is not the token's fault, and said so.
func TestExplainWithoutKeys(t *testing.T) {
	k := generate(t, jwk.HS256, "k")
	v, err := jwt.NewVerifier[claims](brokenSource{}, goodPolicy(jwk.HS256))
	if err != nil {
		t.Fatal(err)
	}
	if got := v.Explain(ctx, sign(t, k, goodClaims)).Failure(); jose.ReasonOf(got) != jose.KeysUnavailable {
		t.Errorf("%v", got)
	}
}

type brokenSource struct{}

func (brokenSource) Lookup(context.Context, string, jwk.Algorithm) ([]*jwk.Key, error) {
	return nil, errors.New("the pigeon is lost")
}
func (brokenSource) Generation() uint64 { return 0 }

// Keys without kid that rotate are asked for once more, as by Verify.
func TestExplainAsksAnew(t *testing.T) {
	old, young := generate(t, jwk.HS256, "k"), generate(t, jwk.HS256, "k")
	nameless := func(k *jwk.Key) *jwk.Key {
		text, err := k.ExportPrivate()
		if err != nil {
			t.Fatal(err)
		}
		bare, err := jwk.Parse([]byte(strings.Replace(string(text), `"kid":"k",`, "", 1)), jwk.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return bare
	}
	source := &turning{keys: []*jwk.Key{nameless(old), nameless(young)}}
	v, err := jwt.NewVerifier[struct{}](source, goodPolicy(jwk.HS256))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Explain(ctx, sign(t, nameless(young), goodClaims)).Failure(); err != nil {
		t.Error(err)
	}
}

// A source that has newer keys is no reason to believe a stranger: the second try is a
// check as well, and so is that it changed anything.
func TestAttackForgedWhileKeysChange(t *testing.T) {
	nameless := func() *jwk.Key {
		k, err := jwk.New(generate(t, jwk.ES256, "").PublicKey(), jwk.ES256, "")
		if err != nil || k.KeyID() != "" {
			t.Fatal(k, err)
		}
		return k
	}
	old, young, stranger := nameless(), nameless(), generate(t, jwk.ES256, "")
	for name, keys := range map[string][]*jwk.Key{"the keys change": {old, young}, "they stay": {old, old}} {
		source := &turning{keys: keys}
		v, err := jwt.NewVerifier[struct{}](source, goodPolicy(jwk.ES256))
		if err != nil {
			t.Fatal(err)
		}
		forged := sign(t, stranger, goodClaims)
		if _, err := v.Verify(t.Context(), forged); jose.ReasonOf(err) != jose.SignatureInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// turning is a source whose key changes when it is refreshed.
type turning struct {
	keys       []*jwk.Key
	generation uint64
}

func (s *turning) Lookup(context.Context, string, jwk.Algorithm) ([]*jwk.Key, error) {
	return s.keys[:1], nil
}
func (s *turning) Generation() uint64 { return s.generation }
func (s *turning) Refresh(context.Context) error {
	s.keys, s.generation = s.keys[1:], s.generation+1
	return nil
}

// Explain says of every check what was expected, what was found and what to do.
func ExampleVerifier_Explain() {
	moment := time.Unix(1700000000, 0)
	key, err := jwk.Generate(jwk.ES256, "2026")
	if err != nil {
		fmt.Println(err)
		return
	}
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: "JWT"})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := signer.Sign(map[string]any{
		"iss": "https://issuer.example", "aud": "https://other.example", "sub": "alice", "iat": moment.Unix(), "exp": moment.Unix() + 600,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := jwt.NewVerifier[struct{}](key, jwt.Policy{
		Issuers: []string{"https://issuer.example"}, Audiences: []string{"https://api.example"}, Algorithms: []jwk.Algorithm{jwk.ES256},
		Type: "at+jwt", MaxLifetime: time.Hour, Clock: func() time.Time { return moment },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, check := range verifier.Explain(context.Background(), text).Checks {
		if check.State == jwt.CheckFailed {
			fmt.Printf("%s: expected %s, found %s: %s\n", check.Name, check.Expected, check.Found, check.Remedy)
		}
	}
	// Output:
	// type: expected "at+jwt", found "JWT": send the kind of token that is expected, or name this one in Type
	// audience: expected one of "https://api.example", found "https://other.example": ask for a token for this audience, or add its audience to Audiences
}
