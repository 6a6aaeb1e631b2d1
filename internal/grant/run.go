package grant

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwt"
)

// Request is a token request of an authenticated, or public, client.
type Request struct {
	Client                                        client.Client
	GrantType, Scope                              string
	Resources                                     []string // RFC 8707
	Code, RedirectURI, CodeVerifier, RefreshToken string
	// Bound is the key that the request proved (RFC 9449 5) and the certificate that it
	// came with (RFC 8705 3).
	Bound      token.Confirmation
	DeviceCode string
	Exchange   Exchange
	RequestID  string
}

// Response is a token response (RFC 6749 5.1).
type Response struct {
	AccessToken, TokenType, RefreshToken, IDToken, Scope string
	IssuedTokenType                                      string // of an exchange (RFC 8693 2.2.1)
	ExpiresIn                                            int64  // seconds
}

// A Result is what came of a token request.
type Result string

// The results: a closed list, for metrics.
const (
	Issued     Result = "issued"     // by a code or the client's credentials
	Rotated    Result = "rotated"    // a refresh token was spent for its successor
	Retried    Result = "retried"    // a spent one got the same successor again
	Superseded Result = "superseded" // a spent one whose successor is in use
	Reused     Result = "reused"     // theft of a code or refresh token: the grant was revoked
	Expired    Result = "expired"
	Refused    Result = "refused"
)

// Event is one token request. Reason is set unless tokens were issued.
// GrantType is "other" when it does not exist here.
type Event struct {
	GrantType, ClientID string
	Result              Result
	Reason              reason.Code
}

// Run answers a token request; every refusal is a *reason.Error; other errors
// are failures inside.
func (s *Service) Run(ctx context.Context, r Request) (Response, error) {
	out, result, err := s.run(ctx, r)
	if err != nil {
		out = Response{}
	}
	if s.Observe != nil {
		s.Observe(event(r, result, err))
	}
	return out, err
}

func event(r Request, result Result, err error) Event {
	e := Event{GrantType: r.GrantType, ClientID: r.Client.ID, Result: result}
	if err == nil {
		return e
	}
	e.Result, e.Reason = Refused, reason.Internal
	if refusal, ok := errors.AsType[*reason.Error](err); ok {
		e.Reason = refusal.Code
	}
	switch e.Reason {
	case reason.RefreshSuperseded:
		e.Result = Superseded
	case reason.RefreshReused, reason.CodeReused:
		e.Result = Reused
	case reason.GrantExpired:
		e.Result = Expired
	case reason.GrantTypeUnsupported:
		e.GrantType = "other" // a stranger's text never becomes a label
	}
	return e
}

// run holds what every grant type shares, so that none can forget it.
func (s *Service) run(ctx context.Context, r Request) (Response, Result, error) {
	run, ok := map[string]func(context.Context, Request) (Response, Result, error){
		"authorization_code": s.code, "refresh_token": s.refresh, "client_credentials": s.clientCredentials,
		TokenExchange: s.exchange, DeviceCode: s.device,
	}[r.GrantType]
	if !ok {
		return Response{}, "", reason.New(reason.GrantTypeUnsupported, nil)
	}
	if r.Client.ID == "" || r.Client.Disabled {
		return Response{}, "", reason.New(reason.ClientInvalid, nil)
	}
	if !r.Client.Grants(r.GrantType) {
		return Response{}, "", reason.New(reason.ClientUnauthorized, nil)
	}
	if r.Client.DPoP && r.Bound.JKT == "" || r.Client.TLSBound && r.Bound.X5T == "" {
		return Response{}, "", reason.New(reason.SenderProofMissing, nil)
	}
	if !r.Client.TLSBound { // who shows a certificate may want it for nothing but to authenticate
		r.Bound.X5T = ""
	}
	return run(ctx, r)
}

// maxScope bounds the text of a scope parameter.
const maxScope = 2048

// scopes reads a scope parameter (RFC 6749 3.3): names with one space between
// them, each in allowed. It returns them sorted, each once.
func scopes(text string, allowed []string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxScope {
		return nil, reason.New(reason.ScopeInvalid, nil)
	}
	list := strings.Split(text, " ")
	for _, v := range list {
		if v == "" || !slices.Contains(allowed, v) {
			return nil, reason.New(reason.ScopeInvalid, nil)
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// audiences reads resource parameters (RFC 8707 2): each in allowed; none means all.
func audiences(want, allowed []string) ([]string, error) {
	if len(want) == 0 {
		want = allowed
	}
	var list []string
	for _, v := range want {
		if !slices.Contains(allowed, v) {
			return nil, reason.New(reason.AudienceInvalid, nil)
		}
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	if len(list) == 0 {
		return nil, reason.New(reason.AudienceInvalid, errors.New("grant: the client has no audience"))
	}
	return list, nil
}

// asked is what a request gets of a grant: never more than the person allowed,
// and never more than the client may have today. A grant of which nothing is
// left is refused.
func asked(r Request, g Grant) (scope, aud []string, err error) {
	scope, aud = both(g.Scopes, r.Client.Scopes), both(g.Audiences, r.Client.Audiences)
	if len(scope) == 0 && len(g.Scopes) > 0 {
		return nil, nil, &reason.Error{Code: reason.ScopeInvalid, OAuth: "invalid_grant", Cause: errors.New("grant: the client has lost every scope of it")}
	}
	if len(aud) == 0 {
		return nil, nil, &reason.Error{Code: reason.AudienceInvalid, OAuth: "invalid_grant", Cause: errors.New("grant: the client has lost every audience of it")}
	}
	if r.Scope != "" {
		if scope, err = scopes(r.Scope, scope); err != nil {
			return nil, nil, err
		}
	}
	aud, err = audiences(r.Resources, aud)
	return scope, aud, err
}

func both(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(v string) bool { return !slices.Contains(b, v) })
}

// mint signs the tokens of a person's grant, from the account as it is now.
func (s *Service) mint(ctx context.Context, r Request, g Grant, a account.Account, scope, aud []string, nonce string) (Response, error) {
	c := r.Client
	if a.Disabled {
		return Response{}, reason.New(reason.AccountDisabled, nil)
	}
	t, err := s.terms(c, aud)
	if err != nil {
		return Response{}, err
	}
	now := s.Now()
	exp := min(now.Add(t.Lifetime).Unix(), g.Expires.Unix()) // no token outlives what it hangs on
	if exp <= now.Unix() {
		return Response{}, reason.New(reason.GrantExpired, nil)
	}
	claims := token.Access{Subject: g.Subject, Audience: aud, ClientID: c.ID, Expiry: exp, IssuedAt: now.Unix(), ID: secret.ID(""),
		Scope: strings.Join(scope, " "), GrantID: g.ID, SessionID: g.SessionID, AuthTime: g.AuthTime.Unix(), ACR: session.ACR(g.AMR), AMR: g.AMR,
		SubjectVersion: a.Version, ClientVersion: c.Version, Roles: a.Roles, Permissions: a.Permissions, Confirmation: r.Bound.Claim()}
	access, err := s.access(ctx, r, claims, t)
	if err != nil {
		return Response{}, err
	}
	out := Response{AccessToken: access, TokenType: claims.Type(), Scope: claims.Scope, ExpiresIn: exp - now.Unix()}
	if slices.Contains(scope, "openid") {
		// A refresh gives no nonce; iss, sub, aud and auth_time stay (OpenID Connect Core 12.2).
		p := token.Tell(a, scope, token.Single(g.IDTokenClaims, c.Scopes))
		out.IDToken, err = s.idToken(ctx, r, claims, access, token.ID{Subject: g.Subject, Audience: c.ID, Expiry: exp, IssuedAt: now.Unix(), AuthTime: claims.AuthTime, Nonce: nonce,
			SessionID: g.SessionID, ACR: claims.ACR, AMR: claims.AMR, Name: p.Name, Username: p.Username, Email: p.Email, Verified: p.Verified})
	}
	return out, err
}

// idToken signs an ID token beside an access token, and encrypts it where the client wants
// that (OpenID Connect Core 2, 10.2).
func (s *Service) idToken(ctx context.Context, r Request, of token.Access, access string, id token.ID) (text string, err error) {
	c := r.Client
	if id.Extra, err = s.mapped(ctx, r, of, token.KindID, c.IDTokenClaims); err != nil {
		return "", err
	}
	if text, err = s.Minter.ID(ctx, id, access, c.IDTokenAlgorithm); err != nil || c.IDTokenEncryption == "" {
		return text, err
	}
	if s.EncryptionKey == nil {
		return "", reason.New(reason.EncryptionKeyUnavailable, errors.New("grant: nobody knows the clients' keys"))
	}
	key, err := s.EncryptionKey(ctx, c)
	if err != nil {
		return "", err
	}
	return jwt.Encrypt(text, key, jwe.EncryptOptions{Encryption: c.ContentEncryption()})
}

func actor(r Request) audit.Actor {
	return audit.Actor{Kind: "client", ID: r.Client.ID, Request: r.RequestID}
}
