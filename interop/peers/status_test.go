package peers

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/statuslist"
)

const listURI = "https://issuer.example/statuslists/1"

// statuses are values that fit into the bits, all of them where there is room,
// in no order that a mistake about bits within bytes would keep.
func statuses(bits int) []int {
	list := make([]int, 1024)
	for i := range list {
		list[i] = (i*7 + i/13) % (1 << bits)
	}
	return list
}

// TestStatusList has npm @sd-jwt/jwt-status-list read our lists and we its.
func TestStatusList(t *testing.T) {
	npm := startNode(t, "sdjwt.mjs", "@sd-jwt/jwt-status-list")
	key := generate(t, jwk.ES256, "status")
	_, private := export(t, key, "ES256")
	for _, bits := range []int{1, 2, 4, 8} {
		want := statuses(bits)

		answer, err := npm.ask(map[string]any{"op": "statuses", "token": signedList(t, key, bits, want)})
		if err != nil {
			t.Fatal(err)
		}
		var theirs struct {
			Bits     int
			Statuses []int
		}
		if err := json.Unmarshal([]byte(answer), &theirs); err != nil || theirs.Bits != bits || !reflect.DeepEqual(theirs.Statuses, want) {
			t.Errorf("%d bits: it reads ours as %.200s: %v", bits, answer, err)
		}

		token, err := npm.ask(map[string]any{"op": "list", "issuer": json.RawMessage(bare(private.jwk)), "bits": bits, "statuses": want,
			"claims": map[string]any{"iss": "https://issuer.example", "sub": listURI, "iat": sdNow.Unix() - 60, "exp": sdNow.Unix() + 3600, "ttl": 300}})
		if err != nil {
			t.Fatal(err)
		}
		readsList(t, key, token, want)
	}
}

func signedList(t *testing.T, key *jwk.Key, bits int, statuses []int) string {
	t.Helper()
	list, err := statuslist.NewList(bits, len(statuses))
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range statuses {
		if err := list.Set(uint64(i), statuslist.Status(s)); err != nil {
			t.Fatal(err)
		}
	}
	signer, err := statuslist.NewSigner(key, statuslist.SignerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign(list, statuslist.Info{URI: listURI, Issuer: "https://issuer.example", IssuedAt: sdNow, Expiry: sdNow.Add(time.Hour), TTL: 5 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// readsList has our verifier find every status in a list.
func readsList(t *testing.T, key *jwk.Key, token string, want []int) {
	t.Helper()
	v, err := statuslist.NewVerifier(key, statuslist.Policy{Issuers: []string{"https://issuer.example"}, Algorithms: []jwk.Algorithm{jwk.ES256},
		MaxAge: time.Hour, Clock: func() time.Time { return sdNow }})
	if err != nil {
		t.Fatal(err)
	}
	list, err := v.Verify(t.Context(), token, listURI)
	if err != nil {
		t.Fatalf("we refuse its list: %v", err)
	}
	for i, s := range want {
		got, err := v.Check(list, statuslist.Reference{Index: uint64(i), URI: listURI})
		if got != statuslist.Status(s) || (err == nil) != (s == 0) {
			t.Fatalf("status %d: %v, %v, want %d", i, got, err, s)
		}
	}
	if _, err := v.Check(list, statuslist.Reference{Index: uint64(len(want)), URI: listURI}); jose.ReasonOf(err) != jose.StatusUnknown {
		t.Errorf("beyond the list: %v", err)
	}
}

// TestStatusReference has both find the reference in a token of the other's form.
func TestStatusReference(t *testing.T) {
	keys := sdKeys{generate(t, jwk.ES256, "issuer"), generate(t, jwk.ES256, "holder")}
	npm := npmSDJWT{keys, startNode(t, "sdjwt.mjs", "@sd-jwt/jwt-status-list")}
	claims := sdClaims()
	claims["status"] = statuslist.Reference{Index: 42, URI: listURI}
	token := ourSDJWT{keys}.issue(t, "", claims)
	jwt, _, _ := strings.Cut(token, "~")
	answer, err := npm.ask(t, "reference", "", map[string]any{"token": jwt})
	if want := map[string]any{"idx": 42.0, "uri": listURI}; err != nil || !reflect.DeepEqual(object(t, answer), want) {
		t.Errorf("it reads %s, %v", answer, err)
	}
	claims["status"] = map[string]any{"status_list": map[string]any{"idx": 42, "uri": listURI}}
	payload, err := ourSDJWT{keys}.verify(t, ourSDJWT{keys}.present(t, "", npm.issue(t, "sha-256", claims), false), "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	if ref, err := statuslist.ReadReference(string(text)); err != nil || ref != (statuslist.Reference{Index: 42, URI: listURI}) {
		t.Errorf("we read %v, %v", ref, err)
	}
}
