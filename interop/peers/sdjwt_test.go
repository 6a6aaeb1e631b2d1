package peers

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
	"github.com/jotward/jotward/jose/sdjwt"
)

const (
	sdNonce    = "n-0S6_WzA2Mj"
	sdAudience = "https://verifier.example"
)

var sdNow = time.Unix(1_800_000_000, 0)

// sdClaims are what an issuer signs; cnf is added.
func sdClaims() map[string]any {
	return map[string]any{
		"iss": "https://issuer.example", "iat": float64(sdNow.Unix() - 60), "exp": float64(sdNow.Unix() + 600), "sub": "alice", "vct": "https://issuer.example/id",
		"given_name": "Åsa", "family_name": "Öberg",
		"address":       map[string]any{"country": "SE", "region": "Skåne"},
		"nationalities": []any{"SE", "DE"},
	}
}

// What is hidden, and of that what is shown, in both libraries' words. The
// region is hidden inside of the address (RFC 9901 4.2.6). The array has no
// decoys: the package's holder chooses elements by their place among them.
var (
	sdPlan = sdjwt.Plan{Hide: []string{"/given_name", "/family_name", "/address", "/address/region", "/nationalities/0", "/nationalities/1"},
		Decoys: map[string]int{"": 2, "/address": 1}}
	sdFrame = map[string]any{
		"_sd": []string{"given_name", "family_name", "address"}, "_sd_decoy": 2,
		"address": map[string]any{"_sd": []string{"region"}, "_sd_decoy": 1}, "nationalities": map[string]any{"_sd": []int{0, 1}},
	}
	sdPlaces = []string{"/given_name", "/address", "/address/region", "/nationalities/1"}
	sdShown  = map[string]any{"given_name": true, "address": map[string]any{"region": true}, "nationalities": map[string]any{"1": true}}
)

// party is one implementation in the three parts of RFC 9901.
type party interface {
	issue(t *testing.T, hash sdjwt.Hash, claims map[string]any) string
	present(t *testing.T, hash sdjwt.Hash, token string, bound bool) string
	verify(t *testing.T, presentation, nonce string) (payload map[string]any, err error)
}

// sdKeys are the keys of issuer and holder, as everybody has them.
type sdKeys struct{ issuer, holder *jwk.Key }

type ourSDJWT struct{ sdKeys }

func (p ourSDJWT) issue(t *testing.T, hash sdjwt.Hash, claims map[string]any) string {
	i, err := sdjwt.NewIssuer(p.issuer, sdjwt.IssuerOptions{Type: "dc+sd-jwt", Hash: hash})
	if err != nil {
		t.Fatal(err)
	}
	token, err := i.Issue(claims, sdPlan)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (p ourSDJWT) present(t *testing.T, _ sdjwt.Hash, token string, bound bool) string {
	c, err := sdjwt.Open(token)
	if err != nil {
		t.Fatal(err)
	}
	var out string
	if bound {
		out, err = c.PresentBound(sdjwt.Binding{Key: p.holder, Audience: sdAudience, Nonce: sdNonce, IssuedAt: sdNow}, sdPlaces...)
	} else {
		out, err = c.Present(sdPlaces...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (p ourSDJWT) verify(t *testing.T, presentation, nonce string) (map[string]any, error) {
	policy := sdjwt.Policy{
		Token: jwt.Policy{Issuers: []string{"https://issuer.example"}, SkipAudience: true, Algorithms: []jwk.Algorithm{jwk.ES256}, Type: "dc+sd-jwt",
			Required: []string{"iss", "iat", "exp", "sub", "given_name"}, MaxLifetime: time.Hour, Clock: func() time.Time { return sdNow }},
		SkipKeyBinding: nonce == "",
	}
	if nonce != "" {
		policy.KeyBinding = sdjwt.KeyBinding{Audience: sdAudience, Algorithms: []jwk.Algorithm{jwk.ES256}, MaxAge: time.Minute}
	}
	v, err := sdjwt.NewVerifier[struct{}](p.issuer, policy)
	if err != nil {
		t.Fatal(err)
	}
	token, err := v.Verify(t.Context(), presentation, nonce)
	if err != nil {
		return nil, err
	}
	return object(t, token.Payload), nil
}

func object(t *testing.T, text string) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// npmSDJWT is npm @sd-jwt/core.
type npmSDJWT struct {
	sdKeys
	node *node
}

func (p npmSDJWT) ask(t *testing.T, op string, hash sdjwt.Hash, more map[string]any) (string, error) {
	_, issuer := export(t, p.issuer, "ES256")
	_, holder := export(t, p.holder, "ES256")
	q := map[string]any{"op": op, "hash": hash, "issuer": json.RawMessage(bare(issuer.jwk)), "holder": json.RawMessage(bare(holder.jwk))}
	maps.Copy(q, more)
	return p.node.ask(q)
}

func (p npmSDJWT) issue(t *testing.T, hash sdjwt.Hash, claims map[string]any) string {
	token, err := p.ask(t, "issue", hash, map[string]any{"claims": claims, "frame": sdFrame, "typ": "dc+sd-jwt"})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (p npmSDJWT) present(t *testing.T, hash sdjwt.Hash, token string, bound bool) string {
	q := map[string]any{"token": token, "frame": sdShown}
	if bound {
		q["kb"] = map[string]any{"aud": sdAudience, "nonce": sdNonce, "iat": sdNow.Unix()}
	}
	out, err := p.ask(t, "present", hash, q)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (p npmSDJWT) verify(t *testing.T, presentation, nonce string) (map[string]any, error) {
	text, err := p.ask(t, "verify", "", map[string]any{"token": presentation, "nonce": nonce, "now": sdNow.Unix()})
	if err != nil {
		return nil, err
	}
	answer := object(t, text)
	if nonce != "" && answer["audience"] != sdAudience { // which it leaves to its caller
		t.Errorf("audience %v", answer["audience"])
	}
	return answer["payload"].(map[string]any), nil
}

// TestSDJWT has each of two implementations issue, present and verify what the
// other made, with and without key binding, under every hash.
func TestSDJWT(t *testing.T) {
	keys := sdKeys{generate(t, jwk.ES256, "issuer"), generate(t, jwk.ES256, "holder")}
	parties := map[string]party{"ours": ourSDJWT{keys}, "npm": npmSDJWT{keys, startNode(t, "sdjwt.mjs", "@sd-jwt/core")}}
	claims := sdClaims()
	claims["cnf"] = map[string]any{"jwk": holderJWK(t, keys.holder)}
	want := maps.Clone(claims)
	delete(want, "family_name")
	want["nationalities"] = []any{"DE"}
	for _, hash := range []sdjwt.Hash{sdjwt.SHA256, sdjwt.SHA384, sdjwt.SHA512} {
		for issuer, i := range parties {
			for holder, h := range parties {
				for _, bound := range []bool{false, true} {
					nonce := ""
					if bound {
						nonce = sdNonce
					}
					token := h.present(t, hash, i.issue(t, hash, claims), bound)
					for verifier, v := range parties {
						at := strings.Join([]string{string(hash), issuer, holder, verifier, nonce}, " ")
						got, err := v.verify(t, token, nonce)
						if err != nil || !reflect.DeepEqual(got, want) {
							t.Errorf("%s: %v: %v", at, err, got)
						}
						refuses(t, at, v, token, nonce)
					}
				}
			}
		}
	}
}

// refuses shows that the verifier looks: at the nonce, and at what is disclosed.
func refuses(t *testing.T, at string, v party, token, nonce string) {
	t.Helper()
	if nonce != "" {
		if _, err := v.verify(t, token, nonce+"x"); err == nil {
			t.Errorf("%s: takes another nonce", at)
		}
	}
	parts := strings.Split(token, "~")
	parts = slices.Insert(parts, 1, "WyJzYWx0c2FsdHNhbHRzYWx0c2EiLCJyb2xlIiwiYWRtaW4iXQ") // ["saltsaltsaltsaltsa","role","admin"]
	got, err := v.verify(t, strings.Join(parts, "~"), nonce)
	if err == nil && got["role"] != nil {
		t.Errorf("%s: takes a claim that nobody signed", at)
	}
	if _, ours := v.(ourSDJWT); ours && err == nil {
		t.Errorf("%s: takes a disclosure without a digest (RFC 9901 7.1 step 5)", at)
	}
}

func holderJWK(t *testing.T, k *jwk.Key) map[string]any {
	t.Helper()
	public, _ := export(t, k, "ES256")
	return object(t, bare(public.jwk))
}

// TestSDJWTFlattened has both read the other's flattened JSON (RFC 9901 8.2).
func TestSDJWTFlattened(t *testing.T) {
	keys := sdKeys{generate(t, jwk.ES256, "issuer"), generate(t, jwk.ES256, "holder")}
	ours, npm := ourSDJWT{keys}, npmSDJWT{keys, startNode(t, "sdjwt.mjs", "@sd-jwt/core")}
	claims := sdClaims()
	claims["cnf"] = map[string]any{"jwk": holderJWK(t, keys.holder)}
	for _, bound := range []bool{false, true} {
		token := ours.present(t, sdjwt.SHA256, ours.issue(t, sdjwt.SHA256, claims), bound)
		text, err := sdjwt.FlattenedJSON(token)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := npm.ask(t, "unflatten", "", map[string]any{"token": string(text)}); err != nil || got != token {
			t.Errorf("it reads %s as %s, %v", text, got, err)
		}
		theirs, err := npm.ask(t, "flatten", "", map[string]any{"token": token})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := sdjwt.Compact([]byte(theirs)); err != nil || got != token {
			t.Errorf("we read %s as %s, %v", theirs, got, err)
		}
	}
	if _, err := sdjwt.Compact([]byte(`{}`)); jose.ReasonOf(err) != jose.TokenMalformed {
		t.Error(err)
	}
}
