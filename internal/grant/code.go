package grant

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/session"
)

const codeLife = 60 * time.Second

// AuthRequest is an authorization request as it came (RFC 6749 4.1.1).
type AuthRequest struct {
	ResponseType, ClientID, RedirectURI, Scope, State, Nonce string
	CodeChallenge, CodeChallengeMethod                       string
	Resources                                                []string
}

// Authorization is a request that was found valid.
type Authorization struct {
	Client            client.Client
	Request           AuthRequest
	Scopes, Audiences []string
}

// Authorize validates a request. redirect says whether an error may be sent to
// the redirect_uri: never before client and redirect_uri hold (RFC 6749 4.1.2.1).
func (s *Service) Authorize(ctx context.Context, r AuthRequest) (a Authorization, redirect bool, err error) {
	c, err := s.Store.Client(ctx, r.ClientID)
	if err != nil {
		return a, false, unknown(err, reason.ClientInvalid)
	}
	if c.Disabled {
		return a, false, reason.New(reason.ClientInvalid, nil)
	}
	if !c.AllowsRedirect(r.RedirectURI) {
		return a, false, reason.New(reason.RedirectMismatch, nil)
	}
	a = Authorization{Client: c, Request: r}
	if r.ResponseType != "code" {
		return a, true, &reason.Error{Code: reason.RequestInvalid, OAuth: "unsupported_response_type"}
	}
	if !slices.Contains(c.GrantTypes, "authorization_code") {
		return a, true, reason.New(reason.ClientUnauthorized, nil)
	}
	// RFC 9700 2.1.1: PKCE for every client, and plain protects nothing.
	raw, derr := base64.RawURLEncoding.Strict().DecodeString(r.CodeChallenge)
	if r.CodeChallengeMethod != "S256" || derr != nil || len(raw) != sha256.Size || len(r.State) > 2048 || len(r.Nonce) > 1024 {
		return a, true, reason.New(reason.RequestInvalid, derr)
	}
	if a.Scopes, err = scopes(r.Scope, c.Scopes); err != nil {
		return a, true, err
	}
	a.Audiences, err = audiences(r.Resources, c.Audiences)
	return a, true, err
}

// IssueCode stores a grant of the session's person and returns its code.
func (s *Service) IssueCode(ctx context.Context, who audit.Actor, a Authorization, ses session.Session) (string, error) {
	now := s.Now()
	text := secret.New("")
	g := Grant{ID: secret.ID("gr_"), Subject: ses.Subject, ClientID: a.Client.ID, SessionID: ses.ID, Scopes: a.Scopes, Audiences: a.Audiences,
		AMR: ses.AMR, AuthTime: ses.AuthTime, Created: now, Expires: now.Add(or(s.Absolute, 90*24*time.Hour))}
	c := Code{Hash: secret.Hash(text), GrantID: g.ID, RedirectURI: a.Request.RedirectURI, Challenge: a.Request.CodeChallenge,
		Nonce: a.Request.Nonce, Expires: now.Add(codeLife)}
	return text, s.Store.CreateGrant(ctx, g, c, audit.New(now, who, "grant.create", "grant", g.ID, "client", g.ClientID))
}

// code redeems an authorization code (RFC 6749 4.1.3, RFC 7636 4.6).
func (s *Service) code(ctx context.Context, r Request) (Response, error) {
	hash := secret.Hash(r.Code)
	c, err := s.Store.Code(ctx, hash)
	if err != nil {
		return Response{}, unknown(err, reason.CodeInvalid)
	}
	g, err := s.Store.Grant(ctx, c.GrantID)
	if err != nil {
		return Response{}, unknown(err, reason.CodeInvalid)
	}
	if g.ClientID != r.Client.ID {
		return Response{}, reason.New(reason.CodeInvalid, nil)
	}
	if c.Spent {
		return Response{}, s.codeReused(ctx, r, g.ID)
	}
	if g.Revoked || !s.Now().Before(c.Expires) {
		return Response{}, reason.New(reason.CodeInvalid, nil)
	}
	if c.RedirectURI != r.RedirectURI {
		return Response{}, &reason.Error{Code: reason.RedirectMismatch, OAuth: "invalid_grant"}
	}
	if !verifierFits(r.CodeVerifier, c.Challenge) {
		return Response{}, reason.New(reason.CodeVerifierMismatch, nil)
	}
	out, err := s.mint(ctx, r.Client, g, g.Scopes, g.Audiences, c.Nonce)
	if err != nil {
		return Response{}, err
	}
	var first *Refresh
	if slices.Contains(r.Client.GrantTypes, "refresh_token") {
		out.RefreshToken = secret.New("rt_")
		first = s.newRefresh(out.RefreshToken, g)
	}
	ok, err := s.Store.SpendCode(ctx, hash, first, audit.New(s.Now(), actor(r), "code.redeem", "grant", g.ID))
	if err != nil {
		return Response{}, err
	}
	if !ok {
		return Response{}, s.codeReused(ctx, r, g.ID)
	}
	return out, nil
}

// codeReused revokes what the first use got (RFC 6749 4.1.2).
// A revocation that could not be written is the operator's affair, not a
// refusal: the caller may ask again.
func (s *Service) codeReused(ctx context.Context, r Request, id string) error {
	if err := s.revoke(ctx, actor(r), id, reason.CodeReused); err != nil {
		return err
	}
	return reason.New(reason.CodeReused, nil)
}

func verifierFits(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 || strings.ContainsAny(verifier, " \t\r\n") {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}
