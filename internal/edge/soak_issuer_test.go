package edge

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose/jwk"
)

// An authority is a party with a revocation log, which can be restarted: while it
// is away nothing of it answers, and the streams of its feed break.
type authority struct {
	*party
	before, key *jwk.Key // sign tokens: before the last restart, and now

	mu      sync.Mutex
	seq     uint64
	log     []revoke.Entry
	dropped uint64 // the last number that left the log by its age
	streams map[chan string]*stream
}

// newAuthority answers the feed of a party until the test ends.
func newAuthority(t *testing.T, p *party) *authority {
	a := &authority{party: p, before: newKey(t, "none"), key: p.key, streams: map[chan string]*stream{}}
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case query := <-p.asked:
				a.open(query, <-p.streams)
			}
		}
	})
	t.Cleanup(func() { end(); running.Wait() })
	return a
}

// open begins a stream with what it lacks.
func (a *authority) open(query url.Values, s *stream) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.away.Load() {
		_ = s.w.CloseWithError(errRestart)
		return
	}
	m, texts := a.missing(query), make(chan string, 256)
	if m != nil {
		texts <- a.sign(a.feed, revoke.Type, *m)
	}
	texts <- a.sign(a.feed, revoke.Type, a.beat())
	a.streams[texts] = s
	go func() {
		for text := range texts {
			if s.write(text) != nil { // it hung up
				break
			}
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.close(texts)
	}()
}

// missing is what an edge lacks that has heard so far; nil: nothing.
func (a *authority) missing(query url.Values) *revoke.Message {
	var after uint64
	for _, c := range query.Get("after") {
		after = after*10 + uint64(c-'0')
	}
	switch {
	case query.Get("log") != "l" || after < a.dropped:
		m := snapshot("l", a.seq, a.log...)
		return &m
	case after == a.seq:
		return nil
	}
	return &revoke.Message{Batch: &revoke.Batch{Log: "l", After: after, Seq: a.seq, Entries: a.log[len(a.log)-int(a.seq-after):]}}
}

func (a *authority) beat() revoke.Message {
	return revoke.Message{Heartbeat: &revoke.Heartbeat{Log: "l", Seq: a.seq, At: a.now()}}
}

func (a *authority) close(texts chan string) {
	if s := a.streams[texts]; s != nil {
		delete(a.streams, texts)
		close(texts)
		_ = s.w.CloseWithError(errRestart)
	}
}

// revoke writes a grant into the log, whether anybody hears it or not, and returns
// its number.
func (a *authority) revoke(grant string) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	for len(a.log) > 0 && !a.log[0].Expires.After(now) {
		a.dropped, a.log = a.log[0].Seq, a.log[1:]
	}
	a.seq++
	a.log = append(a.log, revoke.Entry{Seq: a.seq, Kind: revoke.KindGrant, ID: grant, Expires: now.Add(time.Hour), At: now, Reason: "token_revoked"})
	text := a.sign(a.feed, revoke.Type, revoke.Message{Batch: &revoke.Batch{Log: "l", After: a.seq - 1, Seq: a.seq, Entries: a.log[len(a.log)-1:]}})
	for texts := range a.streams {
		select {
		case texts <- text:
		default:
			a.close(texts)
		}
	}
	return a.seq
}

// stop ends everything that it answers, and start begins again with other keys, for
// the old token key stays published until the next time.
func (a *authority) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.away.Store(true)
	for texts := range a.streams {
		a.close(texts)
	}
}

func (a *authority) start(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.before, a.key = a.key, newKey(a.t, "key-"+name)
	feed := newKey(a.t, "feed-"+name)
	a.publish(&a.set, a.before, a.key)
	a.publish(&a.feedSet, a.feed, feed)
	a.feed = feed
	a.away.Store(false)
}

var errRestart = errors.New("the issuer restarts")
