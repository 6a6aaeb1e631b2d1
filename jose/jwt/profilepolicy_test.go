package jwt_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwt"
)

// A policy that leaves something unsaid does not build.
func TestProfilePoliciesRefuse(t *testing.T) {
	k := newKit(t)
	list := k.algorithms()
	store := k.store()
	for name, build := range map[string]func() error{
		"access token": func() error {
			_, err := jwt.NewAccessTokenVerifier[claims](k.key, jwt.AccessTokenPolicy{})
			return err
		},
		"access token without audience": func() error {
			_, err := jwt.NewAccessTokenVerifier[claims](k.key, jwt.AccessTokenPolicy{Issuers: []string{party}, Algorithms: list, MaxLifetime: 1, Clock: clock})
			return err
		},
		"ID token": func() error { _, err := jwt.NewIDTokenVerifier[claims](k.key, jwt.IDTokenPolicy{}); return err },
		"ID token without client": func() error {
			_, err := jwt.NewIDTokenVerifier[claims](k.key, jwt.IDTokenPolicy{Issuer: party, Algorithms: list, MaxLifetime: 1, Clock: clock})
			return err
		},
		"ID token that trusts nobody": func() error {
			_, err := jwt.NewIDTokenVerifier[claims](k.key, jwt.IDTokenPolicy{Issuer: party, ClientID: "c", TrustedAudiences: []string{""}, Algorithms: list, MaxLifetime: 1, Clock: clock})
			return err
		},
		"logout token": func() error { _, err := jwt.NewLogoutTokenVerifier(k.key, jwt.LogoutTokenPolicy{}); return err },
		"logout token without store": func() error {
			_, err := jwt.NewLogoutTokenVerifier(k.key, jwt.LogoutTokenPolicy{Issuer: party, ClientID: party, Algorithms: list, MaxLifetime: 1, Clock: clock})
			return err
		},
		"logout token with store and without": func() error {
			_, err := jwt.NewLogoutTokenVerifier(k.key, jwt.LogoutTokenPolicy{Issuer: party, ClientID: party, Algorithms: list, MaxLifetime: 1, Clock: clock, Replay: store, SkipReplay: true})
			return err
		},
		"security event": func() error {
			_, err := jwt.NewSecurityEventVerifier(k.key, jwt.SecurityEventPolicy{})
			return err
		},
		"security event without age": func() error {
			_, err := jwt.NewSecurityEventVerifier(k.key, jwt.SecurityEventPolicy{Issuers: []string{party}, SkipAudience: true, Algorithms: list, Clock: clock})
			return err
		},
		"client assertion": func() error {
			_, err := jwt.NewClientAssertionVerifier(k.key, jwt.ClientAssertionPolicy{})
			return err
		},
		"client assertion without store": func() error {
			_, err := jwt.NewClientAssertionVerifier(k.key, jwt.ClientAssertionPolicy{Issuer: party, ClientID: party, Algorithms: list, MaxLifetime: 1, Clock: clock})
			return err
		},
		"client assertion without client": func() error {
			_, err := jwt.NewClientAssertionVerifier(k.key, jwt.ClientAssertionPolicy{Issuer: party, Algorithms: list, MaxLifetime: 1, Clock: clock, Replay: store})
			return err
		},
		"introspection": func() error {
			_, err := jwt.NewIntrospectionVerifier[claims](k.key, jwt.IntrospectionPolicy{})
			return err
		},
		"introspection without age": func() error {
			_, err := jwt.NewIntrospectionVerifier[claims](k.key, jwt.IntrospectionPolicy{Issuer: party, Audience: party, Algorithms: list, Clock: clock})
			return err
		},
		"logout token without issuer": func() error {
			_, err := jwt.NewLogoutTokenVerifier(k.key, jwt.LogoutTokenPolicy{ClientID: party, Algorithms: list, MaxLifetime: 1, Clock: clock, Replay: store})
			return err
		},
		"security event without issuer": func() error {
			_, err := jwt.NewSecurityEventVerifier(k.key, jwt.SecurityEventPolicy{Audiences: []string{party}, Algorithms: list, MaxAge: 1, Clock: clock})
			return err
		},
		"client assertion without issuer": func() error {
			_, err := jwt.NewClientAssertionVerifier(k.key, jwt.ClientAssertionPolicy{ClientID: party, Algorithms: list, MaxLifetime: 1, Clock: clock, Replay: store})
			return err
		},
		"introspection without audience": func() error {
			_, err := jwt.NewIntrospectionVerifier[claims](k.key, jwt.IntrospectionPolicy{Issuer: party, Algorithms: list, MaxAge: 1, Clock: clock})
			return err
		},
		"introspection into a number": func() error {
			_, err := jwt.NewIntrospectionVerifier[int](k.key, jwt.IntrospectionPolicy{Issuer: party, Audience: party, Algorithms: list, MaxAge: 1, Clock: clock})
			return err
		},
		"replay store without room":  func() error { _, err := jwt.NewMemoryReplay(0, clock); return err },
		"replay store without clock": func() error { _, err := jwt.NewMemoryReplay(1, nil); return err },
	} {
		if err := build(); !errors.Is(err, jose.PolicyInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	v, err := jwt.NewIDTokenVerifier[claims](k.key, jwt.IDTokenPolicy{Issuer: party, ClientID: party, Algorithms: list, MaxLifetime: time.Hour, Clock: clock})
	k.must(err)
	for _, r := range []jwt.IDTokenRequest{{}, {Nonce: "n", NoNonce: true}, {NoNonce: true, MaxAge: -1}, {NoNonce: true, ACR: []string{""}}} {
		_, err := v.Verify(ctx, k.sign("JWT", idClaims), r)
		wants(t, err, jose.PolicyInvalid)
		_, err = v.Explain(ctx, k.sign("JWT", idClaims), r)
		wants(t, err, jose.PolicyInvalid)
	}
}
