// Package feed serves the revocation log to edges: each message one signed
// security event token (RFC 8417), sent as server-sent events. An edge resumes
// from its number; what cannot be resumed begins with a snapshot.
package feed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/web"
)

// Scope is what a client needs to follow the feed.
const Scope = "jotward:feed"

// batchEntries bounds one message.
const batchEntries = 1000

// Log is the revocation log as the store keeps it.
type Log interface {
	RevocationHead(ctx context.Context) (log string, seq uint64, err error)
	RevocationsAfter(ctx context.Context, after uint64, limit int) ([]revoke.Entry, error)
	ActiveRevocations(ctx context.Context, now time.Time) ([]revoke.Entry, error)
	RestartLog(ctx context.Context, log string, above uint64, act audit.Act) (bool, error)
}

// Clients authenticates edges.
type Clients interface {
	Authenticate(ctx context.Context, id, secret string) (client.Client, error)
}

// Sign signs the claims of one message with the active key of purpose feed.
type Sign func(ctx context.Context, claims []byte) (string, error)

// Feed serves the log.
type Feed struct {
	Issuer    string
	Log       Log
	Clients   Clients
	Sign      Sign
	Now       func() time.Time
	Heartbeat time.Duration
	Positions func(ctx context.Context, p revoke.Position) error

	mu     sync.Mutex
	wake   chan struct{}
	closed chan struct{} // made by the first stream; closed by Close
}

// Close ends every stream, so that a shutdown need not wait for edges.
func (f *Feed) Close() {
	done := f.ending()
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-done:
	default:
		close(f.closed)
	}
}

func (f *Feed) ending() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed == nil {
		f.closed = make(chan struct{})
	}
	return f.closed
}

// Wake tells every connected edge's stream that the log has grown. The store
// calls it after a commit; it never blocks.
func (f *Feed) Wake(uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wake != nil {
		close(f.wake)
		f.wake = nil
	}
}

func (f *Feed) changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wake == nil {
		f.wake = make(chan struct{})
	}
	return f.wake
}

// authenticate accepts a client by HTTP Basic that may follow the feed.
func (f *Feed) authenticate(r *http.Request) (client.Client, error) {
	id, text, err := web.ClientCredentials(r, nil)
	if err != nil {
		return client.Client{}, err
	}
	c, err := f.Clients.Authenticate(r.Context(), id, text)
	if err != nil {
		return c, err
	}
	if !slices.Contains(c.Scopes, Scope) {
		return c, reason.New(reason.ClientUnauthorized, errors.New("the client lacks "+Scope))
	}
	return c, nil
}

// Stream answers GET /feed until the edge hangs up.
func (f *Feed) Stream(w http.ResponseWriter, r *http.Request) error {
	c, err := f.authenticate(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	s := stream{feed: f, w: w, flush: http.NewResponseController(w), edge: audit.Actor{Kind: "client", ID: c.ID, Request: w.Header().Get("X-Request-Id")}}
	s.log = r.URL.Query().Get("log")
	s.seq, _ = strconv.ParseUint(r.URL.Query().Get("after"), 10, 64)
	if err := s.run(r.Context()); err != nil && r.Context().Err() == nil {
		return reason.New(reason.Internal, err)
	}
	return nil
}

// stream is one edge's connection and how far it has been served.
type stream struct {
	feed  *Feed
	w     http.ResponseWriter
	flush *http.ResponseController
	edge  audit.Actor
	log   string
	seq   uint64
}

func (s *stream) run(ctx context.Context) error {
	beat := time.NewTicker(s.feed.Heartbeat)
	defer beat.Stop()
	first := true
	for {
		// Asked for before reading: a commit in between wakes the next round.
		changed := s.feed.changed()
		log, head, err := s.feed.Log.RevocationHead(ctx)
		if err != nil {
			return err
		}
		if log == s.log && s.seq > head {
			// This edge has heard more than the log holds: the database was restored
			// from a backup, and numbers given next would mean something else to it.
			act := audit.New(s.feed.Now(), s.edge, "revocation.restart", "log", log, "above", strconv.FormatUint(s.seq, 10))
			if _, err := s.feed.Log.RestartLog(ctx, log, s.seq, act); err != nil {
				return err
			}
			s.log = ""
			continue
		}
		switch {
		case log != s.log:
			err = s.snapshot(ctx, log, head)
		case s.seq < head:
			err = s.batches(ctx, head)
		case first:
			err = s.heartbeat(ctx)
		}
		if err != nil {
			return err
		}
		first = false
		select {
		case <-ctx.Done():
			return nil
		case <-s.feed.ending():
			return nil
		case <-changed:
		case <-beat.C:
			if err := s.heartbeat(ctx); err != nil {
				return err
			}
		}
	}
}

func (s *stream) snapshot(ctx context.Context, log string, head uint64) error {
	entries, err := s.feed.Log.ActiveRevocations(ctx, s.feed.Now())
	if err != nil {
		return err
	}
	// What was committed after head was read comes as a batch.
	entries = slices.DeleteFunc(entries, func(e revoke.Entry) bool { return e.Seq > head })
	parts := max(1, (len(entries)+batchEntries-1)/batchEntries)
	for part := 1; part <= parts; part++ {
		piece := entries[min((part-1)*batchEntries, len(entries)):min(part*batchEntries, len(entries))]
		m := revoke.Message{Snapshot: &revoke.Snapshot{Log: log, Seq: head, Part: part, Parts: parts, Entries: piece}}
		if err := s.send(ctx, "snapshot", head, m); err != nil {
			return err
		}
	}
	s.log, s.seq = log, head
	return nil
}

func (s *stream) batches(ctx context.Context, head uint64) error {
	for s.seq < head {
		entries, err := s.feed.Log.RevocationsAfter(ctx, s.seq, batchEntries)
		if err != nil {
			return err
		}
		// Forgotten entries leave a gap that only a snapshot can cross.
		if len(entries) == 0 || entries[0].Seq != s.seq+1 || entries[len(entries)-1].Seq != s.seq+uint64(len(entries)) {
			return s.snapshot(ctx, s.log, head)
		}
		to := entries[len(entries)-1].Seq
		m := revoke.Message{Batch: &revoke.Batch{Log: s.log, After: s.seq, Seq: to, Entries: entries}}
		if err := s.send(ctx, "batch", to, m); err != nil {
			return err
		}
		s.seq = to
	}
	return nil
}

func (s *stream) heartbeat(ctx context.Context) error {
	return s.send(ctx, "heartbeat", s.seq, revoke.Message{Heartbeat: &revoke.Heartbeat{Log: s.log, Seq: s.seq, At: s.feed.Now()}})
}

func (s *stream) send(ctx context.Context, event string, seq uint64, m revoke.Message) error {
	m.Issuer, m.ID, m.IssuedAt = s.feed.Issuer, secret.ID(""), s.feed.Now()
	claims, err := m.Encode()
	if err != nil {
		return err
	}
	token, err := s.feed.Sign(ctx, claims)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(s.w, "id: %d\nevent: %s\ndata: %s\n\n", seq, event, token); err != nil {
		return err
	}
	return s.flush.Flush()
}

// Report answers POST /feed/position.
func (f *Feed) Report(w http.ResponseWriter, r *http.Request) error {
	c, err := f.authenticate(r)
	if err != nil {
		return err
	}
	var p revoke.Position
	if err := web.ReadJSON(r, &p); err != nil {
		return err
	}
	if p.Instance == "" || len(p.Instance) > 128 || len(p.Log) > 128 || len(p.Version) > 64 {
		return reason.New(reason.RequestInvalid, errors.New("instance, log or version missing or too long"))
	}
	p.ClientID, p.At = c.ID, f.Now()
	if err := f.Positions(r.Context(), p); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
