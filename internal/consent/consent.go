// Package consent remembers which scopes a person allowed a client.
package consent

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
)

// Store is what the service needs. AddConsent adds scopes to those allowed
// before, in one transaction, so that two pages at once lose nothing.
// DeleteConsent also revokes the client's grants of the person, each with an
// entry made from revocation. Consent returns nil without an error for none.
type Store interface {
	Consent(ctx context.Context, subject, clientID string) (scopes []string, err error)
	AddConsent(ctx context.Context, subject, clientID string, scopes []string, act audit.Act) error
	DeleteConsent(ctx context.Context, subject, clientID string, revocation revoke.Entry, act audit.Act) error
}

// Service manages consents. TokenLife is how long a revocation is remembered.
type Service struct {
	Store     Store
	Now       func() time.Time
	TokenLife time.Duration
}

// Granted reports whether every scope was allowed before.
func (s *Service) Granted(ctx context.Context, subject, clientID string, scopes []string) (bool, error) {
	have, err := s.Store.Consent(ctx, subject, clientID)
	if err != nil || have == nil {
		return false, err
	}
	return !slices.ContainsFunc(scopes, func(v string) bool { return !slices.Contains(have, v) }), nil
}

// Grant adds scopes to what the person allowed.
func (s *Service) Grant(ctx context.Context, actor audit.Actor, subject, clientID string, scopes []string) error {
	return s.Store.AddConsent(ctx, subject, clientID, scopes, audit.New(s.Now(), actor, "consent.grant", "account", subject,
		"client_id", clientID, "scope", strings.Join(scopes, " ")))
}

// Withdraw forgets the consent and revokes what it allowed.
func (s *Service) Withdraw(ctx context.Context, actor audit.Actor, subject, clientID string) error {
	now := s.Now()
	return s.Store.DeleteConsent(ctx, subject, clientID,
		revoke.Entry{Kind: revoke.KindGrant, At: now, Expires: now.Add(s.TokenLife), Reason: reason.Requested},
		audit.New(now, actor, "consent.withdraw", "account", subject, "client_id", clientID))
}
