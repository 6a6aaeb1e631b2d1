// Package clients lets OAuth and OpenID clients that we did not write play the
// main job against the built binary.
package clients

import (
	"context"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/jotward/jotward/interop/play"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

func TestClients(t *testing.T) {
	s := play.Dev(t)
	ctx := t.Context()
	t.Run("x/oauth2 client credentials", func(t *testing.T) { service(t, ctx, s) })
	t.Run("x/oauth2 and go-oidc sign-in", func(t *testing.T) { person(t, ctx, s) })
	t.Run("a native application", func(t *testing.T) { native(t, ctx, s) })
}

func service(t *testing.T, ctx context.Context, s play.Story) {
	conf := clientcredentials.Config{ClientID: s.ClientID, ClientSecret: s.ClientSecret, TokenURL: s.Issuer + "/token", Scopes: []string{s.Scope}}
	resp, err := conf.Client(ctx).Get(s.Resource)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d", resp.StatusCode)
	}
}

func person(t *testing.T, ctx context.Context, s play.Story) {
	provider, err := oidc.NewProvider(ctx, s.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	conf := oauth2.Config{ClientID: s.PublicClientID, RedirectURL: s.RedirectURI, Endpoint: provider.Endpoint(), Scopes: []string{"openid", "profile", "email", s.Scope}}
	verifier := oauth2.GenerateVerifier()
	back := signIn(t, s, conf.AuthCodeURL("some-state", oidc.Nonce("some-nonce"), oauth2.S256ChallengeOption(verifier)))
	tok, err := conf.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := tok.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: s.PublicClientID, SupportedSigningAlgs: []string{"ES256"}}).Verify(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	if id.Nonce != "some-nonce" || id.VerifyAccessToken(tok.AccessToken) != nil {
		t.Errorf("nonce %q, at_hash %v", id.Nonce, id.VerifyAccessToken(tok.AccessToken))
	}
	next, err := conf.TokenSource(ctx, &oauth2.Token{RefreshToken: tok.RefreshToken}).Token()
	if err != nil {
		t.Fatal(err)
	}
	if next.RefreshToken == "" || next.RefreshToken == tok.RefreshToken {
		t.Error("the refresh token did not rotate")
	}
}

// signIn plays the browser through the two pages and returns where it is sent then.
func signIn(t *testing.T, s play.Story, address string) *url.URL {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var last *url.URL
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		last = r.URL
		if r.URL.Path == "/callback" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	read := func(resp *http.Response, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	field := func(page, name string) string {
		t.Helper()
		m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
		if m == nil {
			t.Fatalf("no %s on the page", name)
		}
		return html.UnescapeString(m[1])
	}
	page := read(browser.Get(address))
	page = read(browser.PostForm(s.Issuer+"/signin", url.Values{"request": {field(page, "request")}, "username": {s.Username}, "password": {s.Password}}))
	read(browser.PostForm(s.Issuer+"/consent", url.Values{"request": {field(page, "request")}, "consent_token": {field(page, "consent_token")}, "decision": {"allow"}}))
	if last == nil || last.Query().Get("code") == "" || last.Query().Get("iss") != s.Issuer {
		t.Fatalf("no code came back: %v", last)
	}
	return last
}
