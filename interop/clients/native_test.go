package clients

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/jotward/jotward/interop/play"
	"golang.org/x/oauth2"
)

// native is an application on somebody's machine (RFC 8252): it listens at whatever port of
// loopback is free, has the browser opened, and takes what comes back there, once.
func native(t *testing.T, ctx context.Context, s play.Story) {
	provider, err := oidc.NewProvider(ctx, s.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conf := oauth2.Config{ClientID: s.PublicClientID, RedirectURL: fmt.Sprintf("http://%s/callback", listener.Addr()), Endpoint: provider.Endpoint(), Scopes: []string{"openid", s.Scope}}
	state, verifier := rand.Text(), oauth2.GenerateVerifier()
	type outcome struct {
		token *oauth2.Token
		err   error
	}
	came := make(chan outcome, 1)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("state") != state || q.Get("iss") != s.Issuer { // another's answer, or a mix-up (RFC 9207)
			http.Error(w, "this is no answer to what was asked", http.StatusBadRequest)
			came <- outcome{err: errors.New("another's answer")}
			return
		}
		token, err := conf.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(verifier))
		fmt.Fprintln(w, "You can close this window.")
		came <- outcome{token, err}
	})}
	defer server.Close()
	go func() { _ = server.Serve(listener) }()

	back := signIn(t, s, conf.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)))
	if back.Host != listener.Addr().String() {
		t.Fatalf("sent to %s", back.Host)
	}
	answer, err := http.Get(back.String()) // as the browser goes there
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	got := <-came
	if got.err != nil {
		t.Fatal(got.err)
	}
	called, err := conf.Client(ctx, got.token).Get(s.Resource)
	if err != nil {
		t.Fatal(err)
	}
	_ = called.Body.Close()
	if called.StatusCode != http.StatusOK || got.token.RefreshToken == "" {
		t.Errorf("status %d, refresh token %t", called.StatusCode, got.token.RefreshToken != "")
	}
}
