package grant

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/oauth"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/token"
)

// codeLife is how long a code may be redeemed (RFC 6749 4.1.2: at most 10 minutes).
const codeLife = 60 * time.Second

// AuthRequest is an authorization request as it came (RFC 6749 4.1.1).
type AuthRequest struct {
	ResponseType, ClientID, RedirectURI, Scope, State, Nonce string
	CodeChallenge, CodeChallengeMethod, JKT                  string // JKT is dpop_jkt (RFC 9449 10)
	Resources                                                []string
	Claims                                                   string // the claims parameter (OpenID Connect Core 5.5)
	Pushed                                                   []byte // the hash of the pushed request that this is (RFC 9126), nil for none
}

// Authorization is a request that was found valid.
type Authorization struct {
	Client            client.Client
	Request           AuthRequest
	Scopes, Audiences []string
	Claims            oauth.ClaimsRequest
	// What of Claims the client may be told of the person, once they allow it.
	IDTokenClaims, UserInfoClaims []string
}

// Asks is what a person is asked to allow: scopes, and what else a claims parameter
// wants, worded as no scope can be (RFC 6749 3.3 has no blank).
func (a Authorization) Asks() []string {
	out := slices.Clone(a.Scopes)
	for _, name := range token.Beside(slices.Concat(a.IDTokenClaims, a.UserInfoClaims), a.Scopes) {
		if text := ClaimPrefix + name; !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// ClaimPrefix begins what Asks says of a claim.
const ClaimPrefix = "claim "

// readClaims reads the claims parameter. Without openid nobody is told anything: it is
// no request of OpenID Connect (Core 3.1.2.1).
func (a *Authorization) readClaims() (err error) {
	if a.Request.Claims == "" {
		return nil
	}
	if a.Claims, err = oauth.ParseClaims(a.Request.Claims); err != nil {
		return reason.New(reason.RequestInvalid, err)
	}
	if !slices.Contains(a.Scopes, "openid") {
		a.Claims = oauth.ClaimsRequest{}
	}
	a.IDTokenClaims, a.UserInfoClaims = token.Single(a.Claims.IDToken, a.Client.Scopes), token.Single(a.Claims.UserInfo, a.Client.Scopes)
	return nil
}

// Authorize validates a request. redirect says whether an error may be sent to
// the redirect_uri: never before client and redirect_uri hold (RFC 6749 4.1.2.1).
func (s *Service) Authorize(ctx context.Context, r AuthRequest) (a Authorization, redirect bool, err error) {
	c, err := s.Store.Client(ctx, r.ClientID)
	a = Authorization{Client: c, Request: r}
	if errors.Is(err, reason.New(reason.NotFound, nil)) || err == nil && c.Disabled {
		return a, false, &reason.Error{Code: reason.ClientInvalid, Detail: "the application that sent you here is not registered, or was shut"}
	}
	if err != nil {
		return a, false, err
	}
	if !c.AllowsRedirect(r.RedirectURI) {
		return a, false, reason.New(reason.RedirectMismatch, nil)
	}
	if r.ResponseType == "" {
		return a, true, reason.New(reason.RequestInvalid, errors.New("grant: response_type is missing"))
	}
	if r.ResponseType != "code" {
		return a, true, &reason.Error{Code: reason.RequestInvalid, OAuth: "unsupported_response_type"}
	}
	if !slices.Contains(c.GrantTypes, "authorization_code") {
		return a, true, reason.New(reason.ClientUnauthorized, nil)
	}
	// RFC 9700 2.1.1: PKCE for every client, and plain protects nothing.
	if r.CodeChallengeMethod != "S256" || !challengeFits(r.CodeChallenge) {
		return a, true, reason.New(reason.RequestInvalid, errors.New("grant: PKCE with S256 is required"))
	}
	if len(r.State) > 2048 || len(r.Nonce) > 1024 || strings.ContainsFunc(r.State+r.Nonce, unicode.IsControl) {
		return a, true, reason.New(reason.RequestInvalid, errors.New("grant: state or nonce is too long, or has control characters (RFC 6749 A.5)"))
	}
	if c.PAR && r.Pushed == nil {
		return a, true, reason.New(reason.RequestInvalid, errors.New("grant: the client's requests must be pushed (RFC 9126 6)"))
	}
	if r.JKT != "" && !challengeFits(r.JKT) { // a SHA-256 hash as well
		return a, true, reason.New(reason.RequestInvalid, errors.New("grant: dpop_jkt is no thumbprint"))
	}
	if a.Scopes, err = scopes(r.Scope, c.Scopes); err != nil {
		return a, true, err
	}
	if err = a.readClaims(); err != nil {
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
		AMR: ses.AMR, AuthTime: ses.AuthTime, Created: now, Expires: now.Add(or(s.Absolute, DefaultAbsolute)), Ends: now.Add(codeLife),
		IDTokenClaims: a.IDTokenClaims, UserInfoClaims: a.UserInfoClaims}
	c := Code{Hash: secret.Hash(text), GrantID: g.ID, RedirectURI: a.Request.RedirectURI, Challenge: a.Request.CodeChallenge,
		Nonce: a.Request.Nonce, Expires: g.Ends, JKT: a.Request.JKT, Pushed: a.Request.Pushed}
	detail := []string{"client_id", g.ClientID, "scope", strings.Join(g.Scopes, " ")}
	if single := slices.Concat(g.IDTokenClaims, g.UserInfoClaims); len(single) > 0 {
		detail = append(detail, "claims", strings.Join(single, " "))
	}
	return text, s.Store.CreateGrant(ctx, g, c, audit.New(now, who, "grant.create", "grant", g.ID, detail...))
}

// code redeems an authorization code (RFC 6749 4.1.3, RFC 7636 4.6). Another
// client's attempt is refused and costs the rightful one nothing. A code that
// its own client has spent before is theft whatever else the request says: who
// replays a stolen code may well lack the verifier (RFC 6749 4.1.2, 10.5).
func (s *Service) code(ctx context.Context, r Request) (Response, Result, error) {
	if r.Code == "" {
		return Response{}, "", reason.New(reason.RequestInvalid, errors.New("grant: code is missing"))
	}
	c, err := s.Store.Code(ctx, secret.Hash(r.Code))
	if err != nil {
		return Response{}, "", unknown(err, reason.CodeInvalid)
	}
	g, err := s.Store.Grant(ctx, c.GrantID)
	if err != nil {
		return Response{}, "", unknown(err, reason.CodeInvalid)
	}
	if g.ClientID != r.Client.ID {
		return Response{}, "", reason.New(reason.CodeInvalid, nil)
	}
	if c.Spent && g.Revoked { // by the first who replayed it: no second alarm, and no second entry
		return Response{}, "", reason.New(reason.CodeInvalid, fmt.Errorf("grant: spent, and %s was revoked", g.ID))
	}
	if c.Spent {
		return Response{}, "", s.codeReused(ctx, r, g.ID)
	}
	if !s.Now().Before(c.Expires) {
		return Response{}, "", reason.New(reason.CodeInvalid, nil)
	}
	if c.RedirectURI != r.RedirectURI {
		return Response{}, "", &reason.Error{Code: reason.RedirectMismatch, OAuth: "invalid_grant"}
	}
	if !verifierFits(r.CodeVerifier, c.Challenge) {
		return Response{}, "", reason.New(reason.CodeVerifierMismatch, nil)
	}
	if c.JKT != "" && c.JKT != r.Bound.JKT {
		return Response{}, "", otherKey()
	}
	if err := s.check(ctx, g, r.Client, reason.CodeInvalid); err != nil {
		return Response{}, "", err
	}
	return s.redeem(ctx, r, c, g)
}

// otherKey refuses what is bound to a key that the request did not prove.
func otherKey() error { return &reason.Error{Code: reason.SenderMismatch, OAuth: "invalid_grant"} }

// redeem gives the tokens of a code.
func (s *Service) redeem(ctx context.Context, r Request, c Code, g Grant) (Response, Result, error) {
	return s.give(ctx, r, g, c.Nonce, func(ends time.Time, bound token.Confirmation, first *Refresh, act audit.Act) (bool, error) {
		return s.Store.SpendCode(ctx, c.Hash, ends, bound, first, act)
	}, func() error { return s.codeLost(ctx, r, c) })
}

// give signs first and spends then: a failure to sign costs nobody their code. lost
// says why spend was not the first.
func (s *Service) give(ctx context.Context, r Request, g Grant, nonce string, spend func(ends time.Time, bound token.Confirmation, first *Refresh, act audit.Act) (bool, error), lost func() error) (Response, Result, error) {
	r.Scope = "" // it was fixed when it was allowed; a token request has none (RFC 6749 4.1.3)
	scope, aud, err := asked(r, g)
	if err != nil {
		return Response{}, "", err
	}
	a, err := s.Store.Account(ctx, g.Subject)
	if err != nil {
		return Response{}, "", unknown(err, reason.AccountDisabled)
	}
	if err := s.Within(g.Subject); err != nil {
		return Response{}, "", err
	}
	out, err := s.mint(ctx, r, g, a, scope, aud, nonce)
	if err != nil {
		return Response{}, "", err
	}
	var first *Refresh
	var bound token.Confirmation
	ends := s.Now().Add(time.Duration(out.ExpiresIn) * time.Second)
	if slices.Contains(r.Client.GrantTypes, "refresh_token") {
		out.RefreshToken = secret.New("rt_")
		first = s.newRefresh(out.RefreshToken, g)
		ends = first.Expires
		if r.Client.Public { // others prove who they are at each refresh (RFC 9449 5)
			bound = r.Bound
		}
	}
	ok, err := spend(ends, bound, first, audit.New(s.Now(), actor(r), "code.redeem", "grant", g.ID))
	if err != nil {
		return Response{}, "", err
	}
	if !ok {
		return Response{}, "", lost()
	}
	return out, Issued, nil
}

// codeLost says why a code could not be spent: another was first, which is
// reuse, or its grant was revoked meanwhile.
func (s *Service) codeLost(ctx context.Context, r Request, c Code) error {
	c, err := s.Store.Code(ctx, c.Hash)
	if err != nil {
		return unknown(err, reason.CodeInvalid)
	}
	if !c.Spent {
		return reason.New(reason.CodeInvalid, nil)
	}
	return s.codeReused(ctx, r, c.GrantID)
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

// verifierFits compares a verifier of RFC 7636 4.1, which is 43 to 128 unreserved
// characters, with an S256 challenge.
func verifierFits(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	for _, b := range []byte(verifier) {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '-', b == '.', b == '_', b == '~':
		default:
			return false
		}
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

// challengeFits reports whether a text can be an S256 challenge (RFC 7636 4.2):
// 43 characters, for the decoder itself would skip line breaks.
func challengeFits(challenge string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(challenge)
	return err == nil && len(challenge) == 43 && len(raw) == sha256.Size
}
