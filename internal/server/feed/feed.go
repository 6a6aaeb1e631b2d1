// Package feed serves the revocation log to edges: each message one signed
// security event token (RFC 8417), sent as server-sent events. An edge resumes
// from its number; what cannot be resumed begins with a snapshot.
package feed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

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

// maxStreams bounds the streams of one client: edges may share a client.
const maxStreams = 64

// DefaultStall is how long one message may take to be written.
const DefaultStall = 10 * time.Second

// Bounds on what an edge says of itself. A sequence number beyond 2^53 is none
// that a log has reached.
const (
	maxSeq   = 1 << 53
	maxLagMS = 366 * 24 * 3600 * 1000

	maxHeldKeys = 64
)

// Log is the revocation log as the store keeps it.
type Log interface {
	RevocationHead(ctx context.Context) (log string, seq uint64, err error)
	RevocationsAfter(ctx context.Context, after uint64, limit int) ([]revoke.Entry, error)
	ActiveRevocations(ctx context.Context, now time.Time) ([]revoke.Entry, error)
	RestartLog(ctx context.Context, log string, above uint64, act audit.Act) (bool, error)
}

// Clients authenticates edges.
type Clients interface {
	Authenticate(ctx context.Context, c client.Credentials) (client.Client, error)
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
	Stall     time.Duration // how long a write may take; 0 means DefaultStall
	Positions func(ctx context.Context, p revoke.Position) error

	mu        sync.Mutex
	restarted time.Time
	wake      chan struct{}
	closed    chan struct{}  // made by the first stream; closed by Close
	open      map[string]int // streams by client
}

// enter counts a stream of a client, unless it has too many.
func (f *Feed) enter(id string) (leave func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		f.open = map[string]int{}
	}
	if f.open[id] >= maxStreams {
		return nil, &reason.Error{Code: reason.StreamsExceeded, RetryAfter: time.Minute}
	}
	f.open[id]++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.open[id]--; f.open[id] == 0 {
			delete(f.open, id)
		}
	}, nil
}

// restartEvery bounds how often edges may make the log begin again. A restore
// needs it once: from then on the log has another id. More is an edge that lies.
const restartEvery = time.Hour

func (f *Feed) mayRestart() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.Now()
	if !f.restarted.IsZero() && now.Sub(f.restarted) < restartEvery {
		return false
	}
	f.restarted = now
	return true
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
	credentials, err := web.ClientCredentials(r, nil)
	if err != nil {
		return client.Client{}, err
	}
	c, err := f.allowed(r.Context(), credentials)
	web.Noted(r.Context(), c) // and not counted: no limit of an operator stands in a revocation's way
	return c, err
}

func (f *Feed) allowed(ctx context.Context, credentials client.Credentials) (client.Client, error) {
	c, err := f.Clients.Authenticate(ctx, credentials)
	if err != nil {
		return c, err
	}
	if c.Public {
		return c, reason.New(reason.ClientInvalid, errors.New("a public client may not follow the feed"))
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
	s := stream{feed: f, w: w, control: http.NewResponseController(w), edge: audit.Actor{Kind: "client", ID: c.ID, Request: w.Header().Get("X-Request-Id")}}
	s.again = func(ctx context.Context) error {
		credentials, err := web.ClientCredentials(r, nil)
		if err == nil {
			_, err = f.allowed(ctx, credentials)
		}
		return err
	}
	if s.log, s.seq, err = resume(r); err != nil {
		return err
	}
	leave, err := f.enter(c.ID)
	if err != nil {
		return err
	}
	defer leave()
	// The server's bound on reading a request would end the stream with it.
	if err := s.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	err = s.run(r.Context())
	if r.Context().Err() != nil || errors.Is(err, errGone) {
		return nil // the edge hung up, or took nothing for too long
	}
	return err
}

// errGone is beneath every failure to write to an edge.
var errGone = errors.New("feed: the edge is gone")

// resume reads where an edge goes on: nothing, or the log's id with the last
// number that it applied.
func resume(r *http.Request) (log string, after uint64, err error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err == nil {
		query, err = web.Once(query)
	}
	log = query.Get("log")
	if text := query.Get("after"); err == nil && text != "" {
		after, err = strconv.ParseUint(text, 10, 64)
	}
	if err != nil || after > maxSeq || len(log) > 128 {
		return "", 0, reason.New(reason.RequestInvalid, errors.New("feed: log or after cannot be read"))
	}
	return log, after, nil
}

// stream is one edge's connection and how far it has been served.
type stream struct {
	feed    *Feed
	w       http.ResponseWriter
	control *http.ResponseController
	edge    audit.Actor
	again   func(ctx context.Context) error // authenticates once more
	log     string
	seq     uint64
}

func (s *stream) run(ctx context.Context) error {
	beat := time.NewTicker(s.feed.Heartbeat)
	defer beat.Stop()
	beating := true // what is up to date at once is told so
	for {
		// Asked for before reading: a commit in between wakes the next round.
		changed := s.feed.changed()
		// A client that was disabled, or has another secret now, hears no more.
		if err := s.again(ctx); err != nil {
			return err
		}
		log, head, err := s.feed.Log.RevocationHead(ctx)
		if err != nil {
			return err
		}
		if log == s.log && s.seq > head {
			// This edge has heard more than the log holds: the database was restored
			// from a backup, and numbers given next would mean something else to it.
			if !s.feed.mayRestart() {
				return reason.New(reason.RequestInvalid, errors.New("the feed: an edge reports a number that was never given, soon after a restart"))
			}
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
		case beating:
			err = s.heartbeat(ctx)
		}
		if err != nil {
			return err
		}
		beating = false
		select {
		case <-ctx.Done():
			return nil
		case <-s.feed.ending():
			return nil
		case <-changed:
		case <-beat.C:
			beating = true
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
	// A reader that takes nothing must not hold a connection and its buffers: the
	// deadline is set, in the past, when the write has taken too long.
	slow := time.AfterFunc(cmp.Or(s.feed.Stall, DefaultStall), func() {
		_ = s.control.SetWriteDeadline(time.Unix(1, 0)) // not supported: a test's recorder
	})
	defer slow.Stop()
	if _, err := fmt.Fprintf(s.w, "id: %d\nevent: %s\ndata: %s\n\n", seq, event, token); err != nil {
		return errors.Join(errGone, err)
	}
	if err := s.control.Flush(); err != nil {
		return errors.Join(errGone, err)
	}
	return nil
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
	if p.Instance == "" || len(p.Instance) > 128 || len(p.Log) > 128 || len(p.Version) > 64 || strings.ContainsFunc(p.Instance+p.Log+p.Version, unicode.IsControl) {
		return reason.New(reason.RequestInvalid, errors.New("instance, log or version missing, too long, or with control characters"))
	}
	if len(p.Keys) > maxHeldKeys || slices.ContainsFunc(p.Keys, func(k revoke.HeldKey) bool {
		return k.KeyID == "" || len(k.KeyID) > 256 || strings.ContainsFunc(k.KeyID, unicode.IsControl)
	}) {
		return reason.New(reason.RequestInvalid, errors.New("feed: too many keys, or one without a kid that can be"))
	}
	log, head, err := f.Log.RevocationHead(r.Context())
	if err != nil {
		return err
	}
	// Read after the edge applied it, the head is never behind what it applied.
	if p.LagMS < 0 || p.LagMS > maxLagMS || p.Seq > maxSeq || p.Log == log && p.Seq > head {
		return reason.New(reason.RequestInvalid, errors.New("feed: the position is none that an edge can have"))
	}
	p.ClientID, p.At = c.ID, f.Now()
	if err := f.Positions(r.Context(), p); err != nil {
		return err
	}
	return web.Empty(w, http.StatusNoContent)
}
