package sqlite

import (
	"context"
	"strings"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose/jwk"
)

// clientRow is the one list of what is kept of a client: all statements are made of it.
func clientRow(c *client.Client) []column {
	return []column{
		{"id", &c.ID, c.ID},
		{"public", &c.Public, c.Public},
		{"created", moment{&c.Created}, millis(c.Created)},
		{"name", &c.Name, c.Name},
		{"grant_types", texts(&c.GrantTypes), array(c.GrantTypes)},
		{"redirect_uris", texts(&c.RedirectURIs), array(c.RedirectURIs)},
		{"post_logout_redirect_uris", texts(&c.PostLogoutRedirectURIs), array(c.PostLogoutRedirectURIs)},
		{"scopes", texts(&c.Scopes), array(c.Scopes)},
		{"audiences", texts(&c.Audiences), array(c.Audiences)},
		{"roles", texts(&c.Roles), array(c.Roles)},
		{"permissions", texts(&c.Permissions), array(c.Permissions)},
		{"skip_consent", &c.SkipConsent, c.SkipConsent},
		{"disabled", &c.Disabled, c.Disabled},
		{"narrowed", &c.Narrowed, c.Narrowed},
		{"version", &c.Version, c.Version},
		{"revision", &c.Revision, c.Revision},

		{"token_endpoint_auth_method", &c.AuthMethod, c.AuthMethod},
		{"secret_hash", &c.SecretHash, c.SecretHash},
		{"previous_secret_hash", &c.PreviousSecretHash, c.PreviousSecretHash},
		{"previous_secret_expires", moment{&c.PreviousSecretExpires}, millis(c.PreviousSecretExpires)},
		{"jwks", &c.JWKS, c.JWKS},
		{"jwks_uri", &c.JWKSURI, c.JWKSURI},
		{"tls_client_auth_subject_dn", &c.TLSSubject.DN, c.TLSSubject.DN},
		{"tls_client_auth_san_dns", &c.TLSSubject.DNS, c.TLSSubject.DNS},
		{"tls_client_auth_san_uri", &c.TLSSubject.URI, c.TLSSubject.URI},
		{"tls_client_auth_san_ip", &c.TLSSubject.IP, c.TLSSubject.IP},
		{"tls_client_auth_san_email", &c.TLSSubject.Mail, c.TLSSubject.Mail},
		{"tls_client_certificate_bound_access_tokens", &c.TLSBound, c.TLSBound},
		{"dpop_bound_access_tokens", &c.DPoP, c.DPoP},
		{"require_pushed_authorization_requests", &c.PAR, c.PAR},

		{"access_token_lifetime", span{&c.AccessTokenLifetime}, c.AccessTokenLifetime.Milliseconds()},
		{"access_token_format", &c.AccessTokenFormat, c.AccessTokenFormat},
		{"access_token_signed_response_alg", (*string)(&c.AccessTokenAlgorithm), string(c.AccessTokenAlgorithm)},
		{"id_token_signed_response_alg", (*string)(&c.IDTokenAlgorithm), string(c.IDTokenAlgorithm)},
		{"id_token_encrypted_response_alg", (*string)(&c.IDTokenEncryption), string(c.IDTokenEncryption)},
		{"id_token_encrypted_response_enc", (*string)(&c.IDTokenContent), string(c.IDTokenContent)},
		{"userinfo_signed_response_alg", (*string)(&c.UserInfoAlgorithm), string(c.UserInfoAlgorithm)},
		{"access_token_claims", members(&c.AccessTokenClaims), object(c.AccessTokenClaims)},
		{"id_token_claims", members(&c.IDTokenClaims), object(c.IDTokenClaims)},

		{"backchannel_logout_uri", &c.BackchannelLogoutURI, c.BackchannelLogoutURI},
		{"backchannel_logout_session_required", &c.BackchannelLogoutSession, c.BackchannelLogoutSession},
		{"frontchannel_logout_uri", &c.FrontchannelLogoutURI, c.FrontchannelLogoutURI},
		{"frontchannel_logout_session_required", &c.FrontchannelLogoutSession, c.FrontchannelLogoutSession},
	}
}

// writtenOnce are the columns at the head of clientRow that no change of a client touches.
const writtenOnce = 3

var clientNames = names(clientRow(new(client.Client)))

// Whether a client registered itself stands in a table beside.
var selectClient = `SELECT ` + strings.Join(clientNames, ", ") + `, EXISTS (SELECT 1 FROM registrations r WHERE r.client_id = clients.id) FROM clients WHERE `

var (
	insertClient = `INSERT INTO clients (` + strings.Join(clientNames, ", ") + `) VALUES (?` + strings.Repeat(", ?", len(clientNames)-1) + `)`
	updateClient = `UPDATE clients SET ` + strings.Join(clientNames[writtenOnce:], " = ?, ") + ` = ? WHERE id = ? AND revision = ?`
	clientByID   = selectClient + `id = ?`
	listClients  = selectClient + `id > ? ORDER BY id LIMIT ?`
)

const (
	revokedVersion = `SELECT COALESCE(MAX(version), 0) FROM revocations WHERE kind = ? AND id = ?`
	askedOf        = `SELECT alg, MIN(id) FROM (SELECT id_token_signed_response_alg AS alg, id FROM clients WHERE id_token_signed_response_alg > '' UNION ALL SELECT userinfo_signed_response_alg, id FROM clients WHERE userinfo_signed_response_alg > '' UNION ALL SELECT access_token_signed_response_alg, id FROM clients WHERE access_token_signed_response_alg > '') GROUP BY alg`
	deleteClient   = `DELETE FROM clients WHERE id = ? AND revision = ?`
)

func scanClient(r scanner) (c client.Client, err error) {
	var to []any
	for _, column := range clientRow(&c) {
		to = append(to, column.to)
	}
	err = r.Scan(append(to, &c.Registered)...)
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
	c.Version = version
	_, err = t.exec(insertClient, values(clientRow(&c))...)
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

// Forget drops what is kept of clients in memory. It is there to be called each second:
// should an operator write to the file by hand, then no client stays what it was.
func (s *Store) Forget() { s.clients.forget() }

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
	return t.must(conflict, updateClient, append(values(clientRow(&c)[writtenOnce:]), c.ID, from)...)
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
