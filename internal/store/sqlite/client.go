package sqlite

import (
	"context"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/revoke"
)

const clientColumns = `id, name, public, grant_types, redirect_uris, scopes, audiences, roles, permissions, access_token_lifetime, skip_consent, disabled, version, revision, secret_hash, created, previous_secret_hash, previous_secret_expires, jwks, dpop_bound_access_tokens, require_pushed_authorization_requests, post_logout_redirect_uris, backchannel_logout_uri, backchannel_logout_session_required, frontchannel_logout_uri, frontchannel_logout_session_required`

const (
	revokedVersion = `SELECT COALESCE(MAX(version), 0) FROM revocations WHERE kind = ? AND id = ?`
	insertClient   = `INSERT INTO clients (` + clientColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	clientByID     = `SELECT ` + clientColumns + ` FROM clients WHERE id = ?`
	listClients    = `SELECT ` + clientColumns + ` FROM clients WHERE id > ? ORDER BY id LIMIT ?`
	updateClient   = `UPDATE clients SET name = ?, grant_types = ?, redirect_uris = ?, scopes = ?, audiences = ?, roles = ?, permissions = ?, access_token_lifetime = ?, skip_consent = ?, disabled = ?, version = ?, revision = ?, secret_hash = ?, previous_secret_hash = ?, previous_secret_expires = ?, jwks = ?, dpop_bound_access_tokens = ?, require_pushed_authorization_requests = ?, post_logout_redirect_uris = ?, backchannel_logout_uri = ?, backchannel_logout_session_required = ?, frontchannel_logout_uri = ?, frontchannel_logout_session_required = ? WHERE id = ? AND revision = ?`
	deleteClient   = `DELETE FROM clients WHERE id = ? AND revision = ?`
)

func scanClient(r scanner) (c client.Client, err error) {
	var lifetime int64
	err = r.Scan(&c.ID, &c.Name, &c.Public, texts(&c.GrantTypes), texts(&c.RedirectURIs), texts(&c.Scopes), texts(&c.Audiences), texts(&c.Roles),
		texts(&c.Permissions), &lifetime, &c.SkipConsent, &c.Disabled, &c.Version, &c.Revision, &c.SecretHash, moment{&c.Created}, &c.PreviousSecretHash, moment{&c.PreviousSecretExpires}, &c.JWKS, &c.DPoP, &c.PAR,
		texts(&c.PostLogoutRedirectURIs), &c.BackchannelLogoutURI, &c.BackchannelLogoutSession, &c.FrontchannelLogoutURI, &c.FrontchannelLogoutSession)
	c.AccessTokenLifetime = time.Duration(lifetime) * time.Millisecond
	return c, err
}

// CreateClient implements client.Store.
func (s *Store) CreateClient(ctx context.Context, c client.Client, act audit.Act) (version int64, err error) {
	err = s.write(ctx, act, func(t *tx) error {
		if err := t.row(revokedVersion, []any{string(revoke.KindClient), c.ID}, &version); err != nil {
			return err
		}
		version = max(version, c.Version)
		_, err := t.exec(insertClient, c.ID, c.Name, c.Public, array(c.GrantTypes), array(c.RedirectURIs), array(c.Scopes), array(c.Audiences),
			array(c.Roles), array(c.Permissions), c.AccessTokenLifetime.Milliseconds(), c.SkipConsent, c.Disabled, version, c.Revision, c.SecretHash, millis(c.Created),
			c.PreviousSecretHash, millis(c.PreviousSecretExpires), c.JWKS, c.DPoP, c.PAR, array(c.PostLogoutRedirectURIs),
			c.BackchannelLogoutURI, c.BackchannelLogoutSession, c.FrontchannelLogoutURI, c.FrontchannelLogoutSession)
		return err
	})
	return version, err
}

// Client implements client.Store.
func (s *Store) Client(ctx context.Context, id string) (client.Client, error) {
	return get(ctx, s, scanClient, clientByID, id)
}

// Clients implements client.Store.
func (s *Store) Clients(ctx context.Context, after string, limit int) ([]client.Client, error) {
	return list(ctx, s, scanClient, listClients, after, limit)
}

// UpdateClient implements client.Store.
func (s *Store) UpdateClient(ctx context.Context, c client.Client, from int64, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error {
		return t.must(conflict, updateClient, c.Name, array(c.GrantTypes), array(c.RedirectURIs), array(c.Scopes), array(c.Audiences),
			array(c.Roles), array(c.Permissions), c.AccessTokenLifetime.Milliseconds(), c.SkipConsent, c.Disabled, c.Version, c.Revision, c.SecretHash,
			c.PreviousSecretHash, millis(c.PreviousSecretExpires), c.JWKS, c.DPoP, c.PAR, array(c.PostLogoutRedirectURIs),
			c.BackchannelLogoutURI, c.BackchannelLogoutSession, c.FrontchannelLogoutURI, c.FrontchannelLogoutSession, c.ID, from)
	})
}

// DeleteClient implements client.Store.
func (s *Store) DeleteClient(ctx context.Context, id string, from int64, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error { return t.must(conflict, deleteClient, id, from) })
}
