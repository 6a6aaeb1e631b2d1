// Package server is the issuer over HTTP: one mount list for the public
// listener and one for the admin listener, and a package per family of
// endpoints behind them.
package server

import (
	"net/http"

	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/server/admin"
	"github.com/jotward/jotward/internal/server/authorize"
	"github.com/jotward/jotward/internal/server/feed"
	"github.com/jotward/jotward/internal/server/metadata"
	"github.com/jotward/jotward/internal/server/token"
	"github.com/jotward/jotward/internal/web"
)

// Issuer holds the families of endpoints.
type Issuer struct {
	Web       *web.Server
	Metadata  *metadata.Endpoints
	Token     *token.Endpoints
	Authorize *authorize.Endpoints
	Feed      *feed.Feed
	Admin     *admin.Endpoints
}

type route struct {
	pattern string
	style   web.Style
	handler web.HandlerFunc
}

func (s *Issuer) mount(routes []route) http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.Handle(r.pattern, s.Web.Handle(r.pattern, r.style, r.handler))
	}
	return mux
}

// Public is the mount list of the public listener. Forms that a browser posts
// are refused from other origins (RFC 9700 4.16).
func (s *Issuer) Public() http.Handler {
	handler := s.mount([]route{
		{"GET /.well-known/oauth-authorization-server", web.Problem, s.Metadata.Document},
		{"GET /.well-known/openid-configuration", web.Problem, s.Metadata.Document},
		{"GET /jwks", web.Problem, s.Metadata.JWKS(keyring.PurposeToken)},
		{"GET /authorize", authorize.Refusal, s.Authorize.Authorize},
		{"POST /signin", authorize.Refusal, s.Authorize.SignIn},
		{"POST /consent", authorize.Refusal, s.Authorize.Consent},
		{"GET /style.css", web.Problem, authorize.Style},
		{"POST /token", web.OAuth, s.Token.Token},
		{"POST /introspect", web.OAuth, s.Token.Introspect},
		{"POST /revoke", web.OAuth, s.Token.Revoke},
		{"GET /feed", web.OAuth, s.Feed.Stream},
		{"POST /feed/position", web.OAuth, s.Feed.Report},
		{"GET /feed/jwks", web.Problem, s.Metadata.JWKS(keyring.PurposeFeed)},
		{"GET /healthz", web.Problem, healthy},
	})
	return http.NewCrossOriginProtection().Handler(handler)
}

// Private is the mount list of the admin listener.
func (s *Issuer) Private() http.Handler {
	a := s.Admin
	return s.mount([]route{
		{"GET /healthz", web.Problem, healthy},
		{"GET /admin/v1/clients", web.Problem, a.Guard(a.ListClients)},
		{"POST /admin/v1/clients", web.Problem, a.Guard(a.CreateClient)},
		{"DELETE /admin/v1/clients/{id}", web.Problem, a.Guard(a.DeleteClient)},
		{"POST /admin/v1/clients/{id}/secret", web.Problem, a.Guard(a.RotateSecret)},
		{"POST /admin/v1/clients/{id}/disable", web.Problem, a.Guard(a.DisableClient)},
		{"GET /admin/v1/users", web.Problem, a.Guard(a.Users)},
		{"POST /admin/v1/users", web.Problem, a.Guard(a.CreateUser)},
		{"DELETE /admin/v1/users/{id}", web.Problem, a.Guard(a.DeleteUser)},
		{"PUT /admin/v1/users/{id}/password", web.Problem, a.Guard(a.SetPassword)},
		{"PUT /admin/v1/users/{id}/roles", web.Problem, a.Guard(a.SetRoles)},
		{"POST /admin/v1/users/{id}/disable", web.Problem, a.Guard(a.DisableUser)},
		{"POST /admin/v1/revocations", web.Problem, a.Guard(a.Revoke)},
		{"GET /admin/v1/edges", web.Problem, a.Guard(a.Edges)},
		{"GET /admin/v1/keys/{purpose}", web.Problem, a.Guard(a.Keys)},
		{"POST /admin/v1/keys/{purpose}/rotate", web.Problem, a.Guard(a.Rotate)},
	})
}

func healthy(w http.ResponseWriter, _ *http.Request) error {
	return web.JSON(w, http.StatusOK, map[string]string{"status": "ok"})
}
