// Package session keeps sign-ins; the cookie's secret is stored hashed.
package session

import (
	"context"
	"errors"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/secret"
)

// Session is one sign-in of one person.
//
// Expires bounds how long the browser is not asked again. Ended says that the
// person, or an administrator, ended it. Only the latter ends what the session
// allowed: a grant has an end of its own, so that an application stays signed
// in when a browser's session runs out (OpenID Connect Core 11 knows such
// access under the name of offline access).
type Session struct {
	ID, Subject       string
	AMR               []string
	AuthTime, Expires time.Time
	Ended             bool
	From              From // at the last sign-in
}

// From is what is kept of where a person signed in: enough to know one's own again.
type From struct {
	Network string // not the address
	Browser string // family and system; "" when unknown
}

// Verified is who signed in, as the account was then, and how.
type Verified struct {
	Subject string
	Version int64
	AMR     []string
	From    From
}

// Open is a session that goes on: its browser is not asked, or a client still may act by it.
type Open struct {
	Session
	Used    time.Time // the last sign-in, or when a client got tokens last
	Clients []string  // the names of those that may still act
}

// ACRPassword is the class of a sign-in by password alone, and the only one that there
// is (OpenID Connect Core 2, acr): as RFC 8176 calls the method.
const ACRPassword = "pwd"

// ACR returns the class of a sign-in of these methods, "" for one that is of none.
func ACR(amr []string) string {
	if len(amr) == 1 && amr[0] == "pwd" {
		return ACRPassword
	}
	return ""
}

// Store is what the service needs. CreateSession answers Conflict unless the
// account is enabled and still has subjectVersion: a password that was changed
// between its verification and this moment opens nothing. ContinueSession gives a session
// another cookie, time and end, and answers Conflict in the same cases and unless it goes on
// and has the cookie old. EndSession also
// revokes the session's grants and keeps a notice for each of its clients that wants
// one (package logout), and does nothing to a session that has ended. SessionClients are
// those that got an ID token in it. OpenSessions are a person's that go on, the newest first.
type Store interface {
	CreateSession(ctx context.Context, s Session, cookieHash []byte, subjectVersion int64, act audit.Act) error
	ContinueSession(ctx context.Context, s Session, old, cookieHash []byte, subjectVersion int64, act audit.Act) error
	Session(ctx context.Context, id string) (Session, error)
	SessionByCookie(ctx context.Context, cookieHash []byte) (Session, error)
	Sessions(ctx context.Context, subject, after string, limit int) ([]Session, error)
	EndSession(ctx context.Context, id string, act audit.Act) error
	SessionClients(ctx context.Context, id string) ([]string, error)
	OpenSessions(ctx context.Context, subject string, now time.Time, limit int) ([]Open, error)
}

// Service manages sessions, which live for Life.
type Service struct {
	Store           Store
	Now             func() time.Time
	Life, TokenLife time.Duration
}

// Start opens a session for the account as it was when it signed in, and
// returns the cookie's secret, once. SignInFailed means that the account has
// changed meanwhile.
func (s *Service) Start(ctx context.Context, actor audit.Actor, who Verified) (Session, string, error) {
	now := s.Now()
	v := Session{ID: secret.ID("ses_"), Subject: who.Subject, AMR: who.AMR, AuthTime: now, Expires: now.Add(s.Life), From: who.From}
	cookie := secret.New("")
	err := s.Store.CreateSession(ctx, v, secret.Hash(cookie), who.Version, audit.New(now, actor, "session.start", "session", v.ID))
	if errors.Is(err, reason.New(reason.Conflict, nil)) {
		return Session{}, "", reason.New(reason.SignInFailed, errors.New("session: the account changed during sign-in"))
	}
	if err != nil {
		return Session{}, "", err
	}
	return v, cookie, nil
}

// SignIn is Start for a browser that may bring the cookie of a session. One of the same
// person goes on under its id: whoever signs out then signs out of all that was opened
// before the second sign-in too. Its cookie changes, so that one which was planted or seen
// beforehand opens nothing.
func (s *Service) SignIn(ctx context.Context, actor audit.Actor, cookie string, who Verified) (Session, string, error) {
	v, err := s.ByCookie(ctx, cookie)
	if err != nil && !errors.Is(err, reason.New(reason.NotFound, nil)) {
		return Session{}, "", err
	}
	if err == nil && v.Subject == who.Subject {
		now, next := s.Now(), secret.New("")
		v.AMR, v.AuthTime, v.Expires, v.From = who.AMR, now, now.Add(s.Life), who.From
		err = s.Store.ContinueSession(ctx, v, secret.Hash(cookie), secret.Hash(next), who.Version, audit.New(now, actor, "session.continue", "session", v.ID))
		if !errors.Is(err, reason.New(reason.Conflict, nil)) {
			return v, next, err
		}
	}
	return s.Start(ctx, actor, who)
}

// ByCookie returns the live session of a cookie, or NotFound.
func (s *Service) ByCookie(ctx context.Context, cookie string) (Session, error) {
	v, err := s.Store.SessionByCookie(ctx, secret.Hash(cookie))
	if err == nil && (v.Ended || !s.Now().Before(v.Expires)) {
		return Session{}, reason.New(reason.NotFound, nil)
	}
	return v, err
}

// List returns a person's sessions in order of id after the cursor.
func (s *Service) List(ctx context.Context, subject, after string, limit int) ([]Session, error) {
	return s.Store.Sessions(ctx, subject, after, limit)
}

// Clients returns the ids of the clients that got an ID token in a session.
func (s *Service) Clients(ctx context.Context, id string) ([]string, error) {
	return s.Store.SessionClients(ctx, id)
}

// openAtOnce is how many sessions Open returns at most.
const openAtOnce = 100

// Open returns the newest of a person's sessions that go on.
func (s *Service) Open(ctx context.Context, subject string) ([]Open, error) {
	return s.Store.OpenSessions(ctx, subject, s.Now(), openAtOnce)
}

// EndOwn is End for a session of that person; NotFound for anybody else's.
func (s *Service) EndOwn(ctx context.Context, actor audit.Actor, subject, id string) error {
	v, err := s.Store.Session(ctx, id)
	if err == nil && v.Subject != subject {
		err = reason.New(reason.NotFound, nil)
	}
	if err != nil {
		return err
	}
	return s.End(ctx, actor, id)
}

// End ends a session and revokes its tokens and grants: by the person (SignedOut).
func (s *Service) End(ctx context.Context, actor audit.Actor, id string) error {
	return s.end(ctx, actor, id, reason.SignedOut)
}

// Revoke is End by an administrator; NotFound when there is no such session.
func (s *Service) Revoke(ctx context.Context, actor audit.Actor, id string) error {
	if _, err := s.Store.Session(ctx, id); err != nil {
		return err
	}
	return s.end(ctx, actor, id, reason.Administrator)
}

func (s *Service) end(ctx context.Context, actor audit.Actor, id string, why reason.Code) error {
	now := s.Now()
	return s.Store.EndSession(ctx, id, audit.New(now, actor, "session.end", "session", id, "reason", string(why)).Revoking(revoke.Entry{
		Kind: revoke.KindSession, ID: id, Expires: now.Add(s.TokenLife), Reason: why}))
}
