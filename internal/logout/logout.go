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
)

// How long a client is told, how long a token for it holds (Back-Channel Logout 2.4: two
// minutes at most), and how the pauses between attempts grow.
const (
	Life       = 24 * time.Hour
	tokenLife  = 2 * time.Minute
	firstPause = 5 * time.Second
	maxPause   = time.Hour
)

// batch is how many are read at once, and workers how many clients are told at a time.
const batch, workers = 64, 8

// Notice is one session of which one client is still to be told.
type Notice struct {
	Seq                          int64
	ClientID, Subject, SessionID string
	Due, Expires                 time.Time
	Attempts                     int // that have failed
}

// Store is what the service needs. Notices returns those that are due, oldest first.
// PutOff counts an attempt that failed. Settle forgets a notice, with its audit entry; one
// that is not there any more is no error.
type Store interface {
	Client(ctx context.Context, id string) (client.Client, error)
	Notices(ctx context.Context, due time.Time, limit int) ([]Notice, error)
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

// Event is one attempt. Reason is why it failed.
type Event struct {
	ClientID string
	Result   Result
	Reason   reason.Code
}

// Service tells clients. Wake it after a session ended.
type Service struct {
	Store   Store
	Minter  *token.Minter
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

// Run delivers what is due until ctx ends. failed is told of what stops a round: the
// store's failures, not the clients'.
func (s *Service) Run(ctx context.Context, failed func(error)) {
	tick := time.NewTicker(firstPause)
	defer tick.Stop()
	for {
		if err := s.Deliver(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.bell():
		}
	}
}

// Deliver tells every client that is due, once.
func (s *Service) Deliver(ctx context.Context) error {
	for now := s.Now(); ; {
		list, err := s.Store.Notices(ctx, now, batch)
		if err != nil {
			return err
		}
		errs := make([]error, len(list))
		places := make(chan struct{}, workers)
		var all sync.WaitGroup
		for i, n := range list {
			places <- struct{}{}
			all.Go(func() {
				errs[i] = s.tell(ctx, n)
				<-places
			})
		}
		all.Wait()
		if err := errors.Join(append(errs, ctx.Err())...); err != nil || len(list) < batch {
			return err
		}
	}
}

// tell makes one attempt, and keeps what came of it.
func (s *Service) tell(ctx context.Context, n Notice) error {
	c, err := s.Store.Client(ctx, n.ClientID)
	if errors.Is(err, reason.New(reason.NotFound, nil)) {
		return nil // deleted meanwhile, and the notice with it
	}
	if err != nil {
		return err
	}
	why := reason.AddressUnreachable
	status, err := s.send(ctx, c, n)
	if ctx.Err() != nil {
		return nil // we are leaving: the attempt says nothing of the client
	}
	if own, ok := errors.AsType[*reason.Error](err); ok {
		why = own.Code
	} else if err != nil {
		return err
	}
	switch next := s.Now().Add(pause(n.Attempts)); {
	case err == nil && (status == 200 || status == 204): // 2.8
		return s.settle(ctx, n, "logout.deliver", Event{n.ClientID, Delivered, ""}, status)
	case !next.Before(n.Expires):
		return s.settle(ctx, n, "logout.expire", Event{n.ClientID, Expired, why}, status)
	default:
		s.observe(Event{n.ClientID, Failed, why})
		return s.Store.PutOff(ctx, n.Seq, next)
	}
}

// send mints a token of this moment and posts it (2.5).
func (s *Service) send(ctx context.Context, c client.Client, n Notice) (int, error) {
	if c.BackchannelLogoutURI == "" {
		return 0, reason.New(reason.AddressRefused, errors.New("logout: the client has no address any more"))
	}
	now := s.Now()
	text, err := s.Minter.Logout(ctx, token.Logout{Subject: n.Subject, Audience: c.ID, IssuedAt: now.Unix(), Expiry: now.Add(tokenLife).Unix(), ID: secret.ID(""), SessionID: n.SessionID}, c.IDTokenAlgorithm)
	if err != nil {
		return 0, err
	}
	return s.Post(ctx, c.BackchannelLogoutURI, "application/x-www-form-urlencoded", []byte(url.Values{"logout_token": {text}}.Encode()))
}

func (s *Service) settle(ctx context.Context, n Notice, action string, e Event, status int) error {
	s.observe(e)
	return s.Store.Settle(ctx, n.Seq, audit.New(s.Now(), audit.Actor{Kind: "system", ID: "logout"}, action, "client", n.ClientID,
		"session_id", n.SessionID, "subject", n.Subject, "attempts", strconv.Itoa(n.Attempts+1), "status", strconv.Itoa(status), "reason", string(e.Reason)))
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
