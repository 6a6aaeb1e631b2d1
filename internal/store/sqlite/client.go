package sqlite

import (
	"context"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose/jwk"
)

const clientColumns = `id, name, public, grant_types, redirect_uris, scopes, audiences, roles, permissions, access_token_lifetime, skip_consent, disabled, version, revision, secret_hash, created, previous_secret_hash, previous_secret_expires, jwks, dpop_bound_access_tokens, require_pushed_authorization_requests, post_logout_redirect_uris, token_endpoint_auth_method, tls_client_auth_subject_dn, tls_client_auth_san_dns, tls_client_auth_san_uri, tls_client_auth_san_ip, tls_client_auth_san_email, tls_client_certificate_bound_access_tokens, id_token_signed_response_alg, userinfo_signed_response_alg, access_token_signed_response_alg, backchannel_logout_uri, backchannel_logout_session_required, frontchannel_logout_uri, frontchannel_logout_session_required, access_token_format, access_token_claims, id_token_claims, jwks_uri`

// readClient is for reading: whether the client registered itself stands in a table beside.
const readClient = clientColumns + `, EXISTS (SELECT 1 FROM registrations r WHERE r.client_id = clients.id)`

const (
	revokedVersion = `SELECT COALESCE(MAX(version), 0) FROM revocations WHERE kind = ? AND id = ?`
	insertClient   = `INSERT INTO clients (` + clientColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	clientByID     = `SELECT ` + readClient + ` FROM clients WHERE id = ?`
	listClients    = `SELECT ` + readClient + ` FROM clients WHERE id > ? ORDER BY id LIMIT ?`
	updateClient   = `UPDATE clients SET name = ?, grant_types = ?, redirect_uris = ?, scopes = ?, audiences = ?, roles = ?, permissions = ?, access_token_lifetime = ?, skip_consent = ?, disabled = ?, version = ?, revision = ?, secret_hash = ?, previous_secret_hash = ?, previous_secret_expires = ?, jwks = ?, dpop_bound_access_tokens = ?, require_pushed_authorization_requests = ?, post_logout_redirect_uris = ?, token_endpoint_auth_method = ?, tls_client_auth_subject_dn = ?, tls_client_auth_san_dns = ?, tls_client_auth_san_uri = ?, tls_client_auth_san_ip = ?, tls_client_auth_san_email = ?, tls_client_certificate_bound_access_tokens = ?, id_token_signed_response_alg = ?, userinfo_signed_response_alg = ?, access_token_signed_response_alg = ?, backchannel_logout_uri = ?, backchannel_logout_session_required = ?, frontchannel_logout_uri = ?, frontchannel_logout_session_required = ?, access_token_format = ?, access_token_claims = ?, id_token_claims = ?, jwks_uri = ? WHERE id = ? AND revision = ?`
	askedOf        = `SELECT alg, MIN(id) FROM (SELECT id_token_signed_response_alg AS alg, id FROM clients WHERE id_token_signed_response_alg > '' UNION ALL SELECT userinfo_signed_response_alg, id FROM clients WHERE userinfo_signed_response_alg > '' UNION ALL SELECT access_token_signed_response_alg, id FROM clients WHERE access_token_signed_response_alg > '') GROUP BY alg`
	deleteClient   = `DELETE FROM clients WHERE id = ? AND revision = ?`
)

func scanClient(r scanner) (c client.Client, err error) {
	var lifetime int64
	err = r.Scan(&c.ID, &c.Name, &c.Public, texts(&c.GrantTypes), texts(&c.RedirectURIs), texts(&c.Scopes), texts(&c.Audiences), texts(&c.Roles),
		texts(&c.Permissions), &lifetime, &c.SkipConsent, &c.Disabled, &c.Version, &c.Revision, &c.SecretHash, moment{&c.Created}, &c.PreviousSecretHash, moment{&c.PreviousSecretExpires}, &c.JWKS, &c.DPoP, &c.PAR,
		texts(&c.PostLogoutRedirectURIs), &c.AuthMethod, &c.TLSSubject.DN, &c.TLSSubject.DNS, &c.TLSSubject.URI, &c.TLSSubject.IP, &c.TLSSubject.Mail, &c.TLSBound,
		(*string)(&c.IDTokenAlgorithm), (*string)(&c.UserInfoAlgorithm), (*string)(&c.AccessTokenAlgorithm),
		&c.BackchannelLogoutURI, &c.BackchannelLogoutSession, &c.FrontchannelLogoutURI, &c.FrontchannelLogoutSession, &c.AccessTokenFormat, members(&c.AccessTokenClaims), members(&c.IDTokenClaims), &c.JWKSURI, &c.Registered)
	c.AccessTokenLifetime = time.Duration(lifetime) * time.Millisecond
	return c, err
}

// CreateClient implements client.Store.
func (s *Store) CreateClient(ctx context.Context, c client.Client, act audit.Act) (version int64, err error) {
	err = s.write(ctx, act, func(t *tx) error {
		version, err = t.createClient(c)
		return err
	})
	return version, err
}

func (t *tx) createClient(c client.Client) (version int64, err error) {
	if err := t.row(revokedVersion, []any{string(revoke.KindClient), c.ID}, &version); err != nil {
		return 0, err
	}
	t.clients = true
	version = max(version, c.Version)
	_, err = t.exec(insertClient, c.ID, c.Name, c.Public, array(c.GrantTypes), array(c.RedirectURIs), array(c.Scopes), array(c.Audiences),
		array(c.Roles), array(c.Permissions), c.AccessTokenLifetime.Milliseconds(), c.SkipConsent, c.Disabled, version, c.Revision, c.SecretHash, millis(c.Created),
		c.PreviousSecretHash, millis(c.PreviousSecretExpires), c.JWKS, c.DPoP, c.PAR, array(c.PostLogoutRedirectURIs),
		c.AuthMethod, c.TLSSubject.DN, c.TLSSubject.DNS, c.TLSSubject.URI, c.TLSSubject.IP, c.TLSSubject.Mail, c.TLSBound,
		string(c.IDTokenAlgorithm), string(c.UserInfoAlgorithm), string(c.AccessTokenAlgorithm),
		c.BackchannelLogoutURI, c.BackchannelLogoutSession, c.FrontchannelLogoutURI, c.FrontchannelLogoutSession, c.AccessTokenFormat, object(c.AccessTokenClaims), object(c.IDTokenClaims), c.JWKSURI)
	return version, err
}

// Client implements client.Store.
func (s *Store) Client(ctx context.Context, id string) (client.Client, error) {
	kept, changes, ok := s.clients.find(id)
	if ok {
		return kept, nil
	}
	c, err := get(ctx, s, scanClient, clientByID, id)
	if err == nil {
		s.clients.keep(c, changes)
	}
	return c, err
}

// Clients implements client.Store.
func (s *Store) Clients(ctx context.Context, after string, limit int) ([]client.Client, error) {
	return list(ctx, s, scanClient, listClients, after, limit)
}

// UpdateClient implements client.Store.
func (s *Store) UpdateClient(ctx context.Context, c client.Client, from int64, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error { return t.updateClient(c, from) })
}

func (t *tx) updateClient(c client.Client, from int64) error {
	t.clients = true
	return t.must(conflict, updateClient, c.Name, array(c.GrantTypes), array(c.RedirectURIs), array(c.Scopes), array(c.Audiences),
		array(c.Roles), array(c.Permissions), c.AccessTokenLifetime.Milliseconds(), c.SkipConsent, c.Disabled, c.Version, c.Revision, c.SecretHash,
		c.PreviousSecretHash, millis(c.PreviousSecretExpires), c.JWKS, c.DPoP, c.PAR, array(c.PostLogoutRedirectURIs),
		c.AuthMethod, c.TLSSubject.DN, c.TLSSubject.DNS, c.TLSSubject.URI, c.TLSSubject.IP, c.TLSSubject.Mail, c.TLSBound,
		string(c.IDTokenAlgorithm), string(c.UserInfoAlgorithm), string(c.AccessTokenAlgorithm),
		c.BackchannelLogoutURI, c.BackchannelLogoutSession, c.FrontchannelLogoutURI, c.FrontchannelLogoutSession, c.AccessTokenFormat, object(c.AccessTokenClaims), object(c.IDTokenClaims), c.JWKSURI, c.ID, from)
}

// DeleteClient implements client.Store.
func (s *Store) DeleteClient(ctx context.Context, id string, from int64, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error {
		t.clients = true
		return t.must(conflict, deleteClient, id, from)
	})
}

// AlgorithmsAsked returns the signing algorithms that clients ask for, each with
// one of them.
func (s *Store) AlgorithmsAsked(ctx context.Context) (map[jwk.Algorithm]string, error) {
	rows, err := list(ctx, s, func(r scanner) (row [2]string, err error) { return row, r.Scan(&row[0], &row[1]) }, askedOf)
	out := map[jwk.Algorithm]string{}
	for _, row := range rows {
		out[jwk.Algorithm(row[0])] = row[1]
	}
	return out, err
}
