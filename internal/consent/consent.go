// Package consent remembers which scopes a person allowed a client.
package consent

import (
	"context"
	"slices"
	"time"

	"github.com/jotward/jotward/internal/audit"
)

// Store is what the service needs.
type Store interface {
	Consent(ctx context.Context, subject, clientID string) ([]string, error)
	SaveConsent(ctx context.Context, subject, clientID string, scopes []string, act audit.Act) error
}

// Service manages consents.
type Service struct {
	Store Store
	Now   func() time.Time
}

// Granted reports whether every scope was allowed before.
func (s *Service) Granted(ctx context.Context, subject, clientID string, scopes []string) (bool, error) {
	have, err := s.Store.Consent(ctx, subject, clientID)
	if err != nil || have == nil {
		return false, err
	}
	for _, v := range scopes {
		if !slices.Contains(have, v) {
			return false, nil
		}
	}
	return true, nil
}

// Grant adds scopes to what the person allowed.
func (s *Service) Grant(ctx context.Context, actor audit.Actor, subject, clientID string, scopes []string) error {
	have, err := s.Store.Consent(ctx, subject, clientID)
	if err != nil {
		return err
	}
	all := append(append([]string{}, have...), scopes...)
	slices.Sort(all)
	return s.Store.SaveConsent(ctx, subject, clientID, slices.Compact(all), audit.New(s.Now(), actor, "consent.grant", "account", subject, "client", clientID))
}

// Withdraw forgets the consent; nil scopes delete it.
func (s *Service) Withdraw(ctx context.Context, actor audit.Actor, subject, clientID string) error {
	return s.Store.SaveConsent(ctx, subject, clientID, nil, audit.New(s.Now(), actor, "consent.withdraw", "account", subject, "client", clientID))
}
