// Package session keeps sign-ins; the cookie's secret is stored hashed.
package session

import (
	"context"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/secret"
)

// Session is one sign-in of one person.
type Session struct {
	ID, Subject       string
	AMR               []string
	AuthTime, Expires time.Time
	Ended             bool
}

// Store is what the service needs. EndSession also revokes the session's
// grants, and does nothing to a session that has ended.
type Store interface {
	CreateSession(ctx context.Context, s Session, cookieHash []byte, act audit.Act) error
	Session(ctx context.Context, id string) (Session, error)
	SessionByCookie(ctx context.Context, hash []byte) (Session, error)
	EndSession(ctx context.Context, id string, act audit.Act) error
}

// Service manages sessions, which live for Life.
type Service struct {
	Store           Store
	Now             func() time.Time
	Life, TokenLife time.Duration
}

// Start opens a session and returns the cookie's secret, once.
func (s *Service) Start(ctx context.Context, subject string, amr []string) (Session, string, error) {
	now := s.Now()
	v := Session{ID: secret.ID("ses_"), Subject: subject, AMR: amr, AuthTime: now, Expires: now.Add(s.Life)}
	cookie := secret.New("")
	act := audit.New(now, audit.Actor{Kind: "user", ID: subject}, "session.start", "session", v.ID)
	if err := s.Store.CreateSession(ctx, v, secret.Hash(cookie), act); err != nil {
		return Session{}, "", err
	}
	return v, cookie, nil
}

// ByCookie returns the live session of a cookie, or NotFound.
func (s *Service) ByCookie(ctx context.Context, cookie string) (Session, error) {
	v, err := s.Store.SessionByCookie(ctx, secret.Hash(cookie))
	if err == nil && (v.Ended || !s.Now().Before(v.Expires)) {
		return Session{}, reason.New(reason.NotFound, nil)
	}
	return v, err
}

// End ends a session and revokes its tokens and grants.
func (s *Service) End(ctx context.Context, actor audit.Actor, id string) error {
	now := s.Now()
	return s.Store.EndSession(ctx, id, audit.New(now, actor, "session.end", "session", id).Revoking(revoke.Entry{
		Kind: revoke.KindSession, ID: id, Expires: now.Add(s.TokenLife), Reason: reason.SignedOut}))
}
