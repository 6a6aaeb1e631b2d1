// Package logout tells clients that a session has ended (OpenID Connect Back-Channel
// Logout 1.0). What is to be told is written in the transaction of the act that ends the
// session, so that no crash loses it; it is sent until the client has taken it, or for
// Life. Where the client is, and what may be dialled there, is left to Post.
package logout

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/jose/jwk"
)

// How long a client is told, how long a token for it holds (Back-Channel Logout 2.4: two
// minutes at most), and how the pauses between attempts grow.
const (
	Life       = 24 * time.Hour
	tokenLife  = 2 * time.Minute
	firstPause = 5 * time.Second
	maxPause   = time.Hour
)

// Notice is one session of which one client is still to be told.
type Notice struct {
	Seq                          int64
	ClientID, Subject, SessionID string
	Due, Expires                 time.Time
	Attempts                     int // that have failed
}

// Store is what the service needs. Waiting returns the ids of the clients that something is
// due for, and Notices what is due for one of them, oldest first.
// PutOff counts an attempt that failed. Settle forgets a notice, with its audit entry; one
// that is not there any more is no error.
type Store interface {
	Client(ctx context.Context, id string) (client.Client, error)
	Waiting(ctx context.Context, due time.Time) ([]string, error)
	Notices(ctx context.Context, clientID string, due time.Time, limit int) ([]Notice, error)
	PutOff(ctx context.Context, seq int64, due time.Time) error
	Settle(ctx context.Context, seq int64, act audit.Act) error
}

// A Result is what came of one attempt.
type Result string

// The results: a closed list, for metrics.
const (
	Delivered Result = "delivered"
	Failed    Result = "failed"  // it is tried again
	Expired   Result = "expired" // the client was never told
)

// Event is one attempt, or the end of a notice whose turn did not come in time. Reason is
// why an attempt failed.
type Event struct {
	ClientID string
	Result   Result
	Reason   reason.Code
}

// Service tells clients. Wake it after a session ended.
type Service struct {
	Store   Store
	Sign    func(ctx context.Context, c token.Logout, alg jwk.Algorithm) (string, error)
	Post    func(ctx context.Context, address, mediaType string, body []byte) (status int, err error)
	Now     func() time.Time
	Observe func(Event) // may be nil

	once sync.Once
	wake chan struct{}
}

func (s *Service) bell() chan struct{} {
	s.once.Do(func() { s.wake = make(chan struct{}, 1) })
	return s.wake
}

// Wake has Run look at once.
func (s *Service) Wake() {
	select {
	case s.bell() <- struct{}{}:
	default:
	}
}

// Run delivers what is due until ctx ends, and returns when no attempt is under way any
// more. failed is told of what is not the clients' fault: failures of the store, and of
// signing.
func (s *Service) Run(ctx context.Context, failed func(error)) {
	tick := time.NewTicker(firstPause)
	defer tick.Stop()
	report := func(err error) {
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
	}
	r := newRound()
	for ctx.Err() == nil {
		report(s.begin(ctx, r))
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-s.bell():
		case l := <-r.ended:
			report(r.end(l, s.Now()))
		}
	}
	for r.open > 0 {
		report(r.end(<-r.ended, s.Now()))
	}
}

// Deliver tells every client what is due, or until it does not answer, and waits for them.
func (s *Service) Deliver(ctx context.Context) error {
	r := newRound()
	for err := s.begin(ctx, r); ; err = errors.Join(err, s.begin(ctx, r)) {
		if r.open == 0 {
			return errors.Join(err, ctx.Err())
		}
		err = errors.Join(err, r.end(<-r.ended, s.Now()))
	}
}

// tell makes one attempt, keeps what came of it, and reports whether the client answered,
// whatever it said.
func (s *Service) tell(ctx context.Context, c client.Client, n Notice) (answered bool, err error) {
	if !s.Now().Before(n.Expires) { // others before it, or we were down
		return true, s.settle(ctx, n, "logout.expire", Event{n.ClientID, Expired, ""}, 0)
	}
	status, err := s.send(ctx, c, n)
	if ctx.Err() != nil {
		return false, nil // we are leaving: the attempt says nothing of the client
	}
	why, fault := reason.AddressUnreachable, error(nil)
	if own, ok := errors.AsType[*reason.Error](err); ok {
		why = own.Code
	} else if err != nil {
		why, fault = reason.Internal, err // ours: put off all the same, so that it is not in the way of the next
	}
	next := s.Now().Add(pause(n.Attempts))
	n.Attempts++
	switch {
	case err == nil && (status == 200 || status == 204): // 2.8
		return true, s.settle(ctx, n, "logout.deliver", Event{n.ClientID, Delivered, ""}, status)
	case !next.Before(n.Expires):
		return err == nil, errors.Join(fault, s.settle(ctx, n, "logout.expire", Event{n.ClientID, Expired, why}, status))
	default:
		s.observe(Event{n.ClientID, Failed, why})
		return err == nil, errors.Join(fault, s.Store.PutOff(ctx, n.Seq, next))
	}
}

// send signs a token of this moment and posts it (2.5).
func (s *Service) send(ctx context.Context, c client.Client, n Notice) (int, error) {
	if c.BackchannelLogoutURI == "" {
		return 0, reason.New(reason.AddressRefused, errors.New("logout: the client has no address any more"))
	}
	now := s.Now()
	text, err := s.Sign(ctx, token.Logout{Subject: n.Subject, Audience: c.ID, IssuedAt: now.Unix(), Expiry: now.Add(tokenLife).Unix(), ID: secret.ID(""), SessionID: n.SessionID}, c.IDTokenAlgorithm)
	if err != nil {
		return 0, err
	}
	return s.Post(ctx, c.BackchannelLogoutURI, "application/x-www-form-urlencoded", []byte(url.Values{"logout_token": {text}}.Encode()))
}

func (s *Service) settle(ctx context.Context, n Notice, action string, e Event, status int) error {
	s.observe(e)
	return s.Store.Settle(ctx, n.Seq, audit.New(s.Now(), audit.Actor{Kind: "system", ID: "logout"}, action, "client", n.ClientID,
		"session_id", n.SessionID, "subject", n.Subject, "attempts", strconv.Itoa(n.Attempts), "status", strconv.Itoa(status), "reason", string(e.Reason)))
}

func (s *Service) observe(e Event) {
	if s.Observe != nil {
		s.Observe(e)
	}
}

// pause doubles twice with every attempt: 5 s, 20 s, 80 s, up to an hour.
func pause(attempts int) time.Duration {
	p := firstPause
	for range min(attempts, 8) {
		p *= 4
	}
	return min(p, maxPause)
}
