package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/authn"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/token"
)

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestRefreshLine(t *testing.T) {
	ctx := context.Background()
	s := must[*Store](t)(Open(ctx, filepath.Join(t.TempDir(), "db")))
	t.Cleanup(func() { s.Close() })
	now := time.Unix(1_800_000_000, 0)
	clock := func() time.Time { return now }
	who := audit.Actor{Kind: "admin"}
	ring := must[*keyring.Ring](t)(keyring.New(s, make([]byte, 32), clock, 0, time.Hour))
	must[keyring.Key](t)(ring.Rotate(ctx, who, keyring.PurposeToken))
	accounts := &account.Service{Store: s, Hasher: authn.NewPasswords(s, 2), Now: clock, TokenLife: time.Hour}
	a := must[account.Account](t)(accounts.Create(ctx, who, account.New{Username: "ann", Password: "correct horse"}))
	clients := &client.Service{Store: s, Now: clock, TokenLife: time.Hour}
	c, _, err := clients.Create(ctx, who, client.Client{ID: "web", Public: true, GrantTypes: []string{"authorization_code", "refresh_token"},
		RedirectURIs: []string{"http://127.0.0.1/cb"}, Scopes: []string{"openid"}, Audiences: []string{"https://api"}})
	if err != nil {
		t.Fatal(err)
	}
	ses, _, err := (&session.Service{Store: s, Now: clock, Life: time.Hour, TokenLife: time.Hour}).Start(ctx, a.ID, []string{"pwd"})
	if err != nil {
		t.Fatal(err)
	}
	svc := &grant.Service{Store: s, Minter: &token.Minter{Issuer: "https://issuer", Ring: ring, Now: clock}, Now: clock}
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	auth, _, err := svc.Authorize(ctx, grant.AuthRequest{ResponseType: "code", ClientID: "web", RedirectURI: "http://127.0.0.1:9/cb", Scope: "openid",
		CodeChallenge: base64.RawURLEncoding.EncodeToString(sum[:]), CodeChallengeMethod: "S256"})
	if err != nil {
		t.Fatal(err)
	}
	code := must[string](t)(svc.IssueCode(ctx, who, auth, ses))
	req := grant.Request{Client: c, GrantType: "authorization_code", Code: code, RedirectURI: "http://127.0.0.1:9/cb", CodeVerifier: strings.Repeat("x", 43)}
	if _, err := svc.Run(ctx, req); !errors.Is(err, reason.New(reason.CodeVerifierMismatch, nil)) {
		t.Fatalf("a wrong verifier: %v", err)
	}
	req.CodeVerifier = verifier
	first := must[grant.Response](t)(svc.Run(ctx, req))
	if in := must[grant.Introspection](t)(svc.Introspect(ctx, c, first.AccessToken)); !in.Active {
		t.Fatal("a new token is not active")
	}
	req = grant.Request{Client: c, GrantType: "refresh_token", RefreshToken: first.RefreshToken}
	var wg sync.WaitGroup
	got := make([]string, 50)
	for i := range got {
		wg.Go(func() {
			out, err := svc.Run(ctx, req)
			if err != nil {
				t.Error(err)
			}
			got[i] = out.RefreshToken
		})
	}
	wg.Wait()
	for _, v := range got {
		if v != got[0] || v == "" {
			t.Fatal("racers got different successors")
		}
	}
	now = now.Add(11 * time.Second)
	if _, err := svc.Run(ctx, req); !errors.Is(err, reason.New(reason.RefreshReused, nil)) {
		t.Fatalf("after the grace: %v", err)
	}
	log, err := s.RevocationsAfter(ctx, 0, 10)
	if err != nil || len(log) != 1 || log[0].Seq != 1 || log[0].Reason != reason.RefreshReused {
		t.Fatalf("log: %v %v", log, err)
	}
	if in := must[grant.Introspection](t)(svc.Introspect(ctx, c, first.AccessToken)); in.Active {
		t.Fatal("a token of a revoked grant is active")
	}
	if err := accounts.SetPassword(ctx, who, a.ID, "another horse"); err != nil {
		t.Fatal(err)
	}
	after := must[account.Account](t)(accounts.Get(ctx, a.ID))
	log, err = s.RevocationsAfter(ctx, 1, 10)
	if err != nil || len(log) != 1 || log[0].ID != a.ID || log[0].Version != after.Version || after.Version != 2 {
		t.Fatalf("password change: %v %v", log, err)
	}
	if old := must[session.Session](t)(s.Session(ctx, ses.ID)); !old.Ended {
		t.Fatal("a password change left the session open")
	}
	_, e1 := clients.Authenticate(ctx, "web", "wrong")
	_, e2 := clients.Authenticate(ctx, "nobody", "wrong")
	if e1 == nil || e2 == nil || e1.Error() != e2.Error() {
		t.Fatalf("wrong and unknown differ: %v, %v", e1, e2)
	}
}
