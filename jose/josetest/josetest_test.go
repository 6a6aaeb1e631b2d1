package josetest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/action"
	"github.com/jotward/jotward/jose/josetest"
	"github.com/jotward/jotward/jose/jwt"
)

type claims struct {
	ClientID string `json:"client_id"`
	Role     string `json:"role"`
}

func verifier(t *testing.T, i *josetest.Issuer) *jwt.Verifier[claims] {
	t.Helper()
	v, err := jwt.NewVerifier[claims](i.Remote(), i.Policy())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wants(t *testing.T, name string, err error, r jose.Reason) {
	t.Helper()
	if !errors.Is(err, r) {
		t.Errorf("%s: got %v, want %s", name, err, r)
	}
}

func TestIssuer(t *testing.T) {
	t.Parallel()
	i := josetest.New(t)
	v := verifier(t, i)
	verify := func(token string) (*jwt.Token[claims], error) { return v.Verify(context.Background(), token) }
	token, err := verify(i.Sign(map[string]any{"role": "clerk"}))
	if err != nil {
		t.Fatal(err)
	}
	if token.Issuer != i.URL() || token.Subject != josetest.Subject || token.Claims != (claims{"test", "clerk"}) || !token.Expiry.Equal(i.Now().Add(josetest.Lifetime)) || token.ID != "t1" {
		t.Errorf("%+v", token)
	}
	for name, c := range map[string]struct {
		claims map[string]any
		reason jose.Reason
	}{
		"no sub":           {map[string]any{"sub": nil}, jose.ClaimMissing},
		"another audience": {map[string]any{"aud": "https://other.test"}, jose.AudienceMismatch},
		"another issuer":   {map[string]any{"iss": "https://evil.test"}, jose.IssuerMismatch},
		"too long":         {map[string]any{"exp": i.Now().Unix() + 7200}, jose.LifetimeExceeded},
	} {
		_, err := verify(i.Sign(c.claims))
		wants(t, name, err, c.reason)
	}
	_, err = verify(i.SignAs("JWT", nil))
	wants(t, "another type", err, jose.TypeMismatch)
	old := i.Sign(nil)
	i.Advance(josetest.Lifetime)
	_, err = verify(old)
	wants(t, "expired", err, jose.TokenExpired)
	i.Advance(-time.Second)
	if _, err := verify(old); err != nil {
		t.Error(err)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	i := josetest.New(t)
	v := verifier(t, i)
	verify := func(token string) error { _, err := v.Verify(context.Background(), token); return err }
	old := i.Sign(nil)
	first := i.Key()
	if err := verify(old); err != nil || i.Fetches() != 1 {
		t.Fatal(err, i.Fetches())
	}
	i.Rotate()
	if i.Key() == first || i.Key().KeyID() == first.KeyID() {
		t.Error("the key is the same")
	}
	if err := errors.Join(verify(i.Sign(nil)), verify(old)); err != nil || i.Fetches() != 2 {
		t.Errorf("%v, %d fetches", err, i.Fetches())
	}
	i.Withdraw()
	i.Advance(time.Minute)
	wants(t, "an unknown key, which makes the Remote ask", verify(forge(t, i)), jose.KeyNotFound)
	wants(t, "withdrawn", verify(old), jose.KeyNotFound)
	if err := verify(i.Sign(nil)); err != nil {
		t.Error(err)
	}
}

// forge signs with the key of another issuer.
func forge(t *testing.T, i *josetest.Issuer) string {
	t.Helper()
	return josetest.New(t).Sign(map[string]any{"iss": i.URL()})
}

func TestFail(t *testing.T) {
	t.Parallel()
	i := josetest.New(t)
	v := verifier(t, i)
	i.Fail(http.StatusServiceUnavailable)
	_, err := v.Verify(context.Background(), i.Sign(nil))
	wants(t, "down", err, jose.KeysUnavailable)
	i.Fail(0)
	i.Advance(time.Second)
	if _, err := v.Verify(context.Background(), i.Sign(nil)); err != nil {
		t.Error(err)
	}
	resp, err := http.Get(i.URL() + "/nothing")
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// Tests are copied into programs, so even here nothing private is published.
func TestNothingPrivateIsPublished(t *testing.T) {
	t.Parallel()
	i := josetest.New(t)
	resp, err := http.Get(i.URL() + "/keys")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(body), `"kty"`) || strings.Contains(string(body), `"d"`) {
		t.Errorf("%s, %v", body, err)
	}
}

// The library's own store passes the suite.
func TestMemoryStorePasses(t *testing.T) {
	t.Parallel()
	josetest.ActionStore(t, func(t *testing.T) action.Store {
		s, err := action.NewMemoryStore(100)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
