package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
	"github.com/jotward/jotward/jose/jwt"
)

// Bounds of the follower.
const (
	maxFrame      = 4 << 20 // one signed message
	firstBackoff  = 250 * time.Millisecond
	lastBackoff   = 15 * time.Second
	positionEvery = 10 * time.Second
	silence       = 10 * time.Second
)

// A follower keeps one issuer's view by its signed feed.
type follower struct {
	config    config.EdgeIssuer
	view      *revoke.View
	options   Options
	client    *http.Client
	keys      *jwks.Remote // of the feed
	tokens    *jwks.Remote // that it says it has; nil: none
	verifier  *jwt.SecurityEventVerifier
	silence   time.Duration // a connection that is silent for longer is given up
	skew      atomic.Int64  // nanoseconds that the issuer's clock was ahead at its last heartbeat
	reported  time.Time
	reporting atomic.Bool
	reports   sync.WaitGroup
	revoked   [2]chan struct{} // tells renewer that a key was revoked: of tokens, of keys
	fresh     bool             // the next request asks for a snapshot
}

func newFollower(c config.EdgeIssuer, v *revoke.View, o Options) (*follower, error) {
	if c.Feed.ClientID == "" || c.Feed.ClientSecret.Reveal() == "" {
		return nil, errors.New("feed: client_id and client_secret are required")
	}
	if u, err := url.Parse(c.Issuer); err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && c.AllowHTTP) {
		return nil, errors.New("feed: the issuer is not an https address")
	}
	f := &follower{config: c, view: v, options: o, silence: silence, client: feedClient(o.HTTPClient),
		revoked: [2]chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)}}
	// Feed keys are a purpose of their own, published apart from the token keys.
	algorithms := []jwk.Algorithm{jwk.ES256}
	var err error
	f.keys, err = jwks.NewRemote(jwks.Config{URL: c.Issuer + "/feed/jwks", Algorithms: algorithms, Client: o.HTTPClient, Clock: o.Now, AllowHTTP: c.AllowHTTP})
	if err != nil {
		return nil, err
	}
	// The view's bound on age stands in for MaxAge: a stream that catches up is late.
	f.verifier, err = jwt.NewSecurityEventVerifier(f.keys, jwt.SecurityEventPolicy{Issuers: []string{c.Issuer}, Audiences: []string{revoke.Audience},
		Algorithms: algorithms, SkipAge: true, MaxSize: maxFrame, Leeway: 5 * time.Second, Clock: o.Now})
	return f, err
}

// feedClient copies a client without its overall timeout, which would end the
// stream, and without redirects, which would carry the secret elsewhere.
func feedClient(c *http.Client) *http.Client {
	out := http.Client{Transport: newFeedTransport()}
	if c != nil {
		out = *c
	}
	out.Timeout = 0
	out.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &out
}

func newFeedTransport() *http.Transport {
	return &http.Transport{DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 10 * time.Second, ForceAttemptHTTP2: true}
}

// run follows until ctx ends, and leaves nothing running. The feed's keys are
// kept fresh beside the stream, so that a rotation never interrupts it.
func (f *follower) run(ctx context.Context) {
	var keys sync.WaitGroup
	keys.Go(func() { _ = f.keys.Run(ctx) }) // ends with ctx, and only then
	defer keys.Wait()
	for i, remote := range []*jwks.Remote{f.tokens, f.keys} {
		if remote != nil {
			keys.Go(func() { renewer(ctx, remote, f.revoked[i]) })
		}
	}
	defer f.reports.Wait()
	backoff := firstBackoff
	for ctx.Err() == nil {
		before := f.view.Heard()
		err := f.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if f.view.Heard().After(before) {
			backoff = firstBackoff
		}
		f.options.Logger.LogAttrs(ctx, slog.LevelWarn, "revocation feed interrupted",
			slog.String("issuer", f.config.Issuer), slog.String("error", err.Error()), slog.String("backoff", backoff.String()))
		wait := backoff/2 + rand.N(backoff/2)
		if asked, ok := errors.AsType[busy](err); ok {
			wait += time.Duration(asked)
		}
		if sleep(ctx, wait) != nil {
			return
		}
		backoff = min(2*backoff, lastBackoff)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// close ends what fetches the feed's keys. run has returned.
func (f *follower) close() {
	_ = f.keys.Close() // it returns nil
	f.client.CloseIdleConnections()
}

// follow makes one connection and reads it to its end, which is an error.
func (f *follower) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	deadline := time.AfterFunc(f.silence, func() { cancel(errors.New("no heartbeat in time")) })
	defer deadline.Stop()
	address := f.config.Issuer + "/feed"
	if log, seq := f.view.Position(); log != "" && !f.fresh {
		address += "?log=" + url.QueryEscape(log) + "&after=" + strconv.FormatUint(seq, 10)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "text/event-stream")
	f.authenticate(request)
	answer, err := f.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusTooManyRequests:
		return busyUntil(answer.Header.Get("Retry-After"))
	default:
		return fmt.Errorf("the feed answered %d: check the client's id and secret, and its scope jotward:feed", answer.StatusCode)
	}
	f.fresh = false
	err = f.read(ctx, newFrames(answer.Body), deadline)
	if errors.Is(err, revoke.ErrGap) || errors.Is(err, revoke.ErrLog) || errors.Is(err, revoke.ErrBack) || errors.Is(err, revoke.ErrParts) {
		f.fresh = true
	}
	if cause := context.Cause(ctx); cause != nil { // read ends with an error only
		return cause
	}
	return err
}

// busy is an issuer that has too many streams or refusals of ours, and for how long it
// wants to be left alone.
type busy time.Duration

func (b busy) Error() string {
	return fmt.Sprintf("the feed answered 429: too many of this client's streams, or wrong secrets from this network; asked again after %s", time.Duration(b))
}

// busyUntil reads a Retry-After in seconds (RFC 9110 10.2.3), of which a minute is believed:
// without the feed nothing is let through for long.
func busyUntil(text string) busy {
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0
	}
	return busy(min(time.Duration(seconds)*time.Second, time.Minute))
}

// authenticate is HTTP Basic with form-encoded parts (RFC 6749 2.3.1).
func (f *follower) authenticate(r *http.Request) {
	r.SetBasicAuth(url.QueryEscape(f.config.Feed.ClientID), url.QueryEscape(f.config.Feed.ClientSecret.Reveal()))
}

func (f *follower) read(ctx context.Context, in *frames, deadline *time.Timer) error {
	var parts []revoke.Snapshot
	for {
		data, err := in.next()
		if err != nil {
			return err
		}
		t, err := f.verifier.Verify(ctx, data)
		if err != nil {
			return err
		}
		m, err := revoke.Decode([]byte(t.Payload))
		if err != nil {
			return err
		}
		// Only a verified message counts as a sign of life.
		deadline.Reset(f.silence)
		if parts, err = f.take(ctx, &m, parts); err != nil {
			return err
		}
	}
}

// take applies one message. The view is fresh only while it is complete, so
// parts of a snapshot do not count as heard until the last one.
func (f *follower) take(ctx context.Context, m *revoke.Message, parts []revoke.Snapshot) ([]revoke.Snapshot, error) {
	now, signed := f.options.Now(), m.IssuedAt
	lag := time.Duration(0)
	switch {
	case m.Snapshot != nil:
		if len(parts)+1 != m.Snapshot.Part {
			return nil, revoke.ErrParts
		}
		if parts = append(parts, *m.Snapshot); m.Snapshot.Part < m.Snapshot.Parts {
			return parts, nil
		}
		if err := f.view.Replace(parts, signed, now); err != nil {
			return nil, err
		}
	case len(parts) > 0:
		return nil, revoke.ErrParts
	case m.Batch != nil:
		if err := f.view.Apply(m.Batch); err != nil {
			return nil, err
		}
		lag = now.Sub(m.Batch.Entries[len(m.Batch.Entries)-1].At) // Decode lets no batch be empty
		if slices.ContainsFunc(m.Batch.Entries, func(e revoke.Entry) bool { return e.Kind == revoke.KindKey }) {
			f.renew()
		}
	default:
		if err := f.view.Beat(m.Heartbeat); err != nil {
			return nil, err
		}
		signed = m.Heartbeat.At
		lag = now.Sub(signed)
		f.skew.Store(int64(-lag))
	}
	f.view.Hear(signed, now)
	if m.Heartbeat == nil || now.Sub(f.reported) >= positionEvery {
		f.reported = now
		// Beside the stream: a slow answer must not hold up the next revocation.
		if f.reporting.CompareAndSwap(false, true) {
			f.reports.Go(func() { f.report(ctx, lag) })
		}
		f.view.Forget(now)
	}
	return nil, nil
}

// renew has the keys fetched, for one was revoked: what takes its place signs already.
func (f *follower) renew() {
	for _, c := range f.revoked {
		select {
		case c <- struct{}{}:
		default: // the fetch that is asked for has not begun
		}
	}
}

// renewer fetches keys as often as one was revoked. It outlives a stream that breaks,
// after which nothing tells of the revocation again, and an issuer that does not
// answer. Renew waits out its cool-down by itself.
func renewer(ctx context.Context, keys *jwks.Remote, revoked <-chan struct{}) {
	for {
		select {
		case <-revoked:
		case <-ctx.Done():
			return
		}
		for keys.Renew(ctx) != nil {
			if sleep(ctx, time.Second) != nil {
				return
			}
		}
	}
}

// report tells the issuer how far the view is. A failure is no reason to stop
// following.
func (f *follower) report(ctx context.Context, lag time.Duration) {
	defer f.reporting.Store(false)
	log, seq := f.view.Position()
	body, _ := json.Marshal(map[string]any{"instance": f.options.Instance, "log": log, "seq": seq, "keys": f.held(),
		"lag_ms": max(lag.Milliseconds(), 0), "version": f.options.Version}) // strings and numbers always marshal
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.config.Issuer+"/feed/position", bytes.NewReader(body))
	if err != nil {
		return
	}
	request.Header.Set("Content-Type", "application/json")
	f.authenticate(request)
	answer, err := f.client.Do(request)
	if err != nil {
		f.options.Logger.Debug("position not reported", "error", err.Error())
		return
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 4<<10)) // so that the connection is used again
	_ = answer.Body.Close()
}

// held are the issuer's keys that this edge can verify with, so that the issuer sees
// who would not know the next one. What it says is bounded by what it can have.
func (f *follower) held() []revoke.HeldKey {
	list := []revoke.HeldKey{}
	for _, keys := range []*jwks.Remote{f.tokens, f.keys} {
		if keys == nil {
			continue
		}
		for _, kid := range keys.Health().KeyIDs {
			if kid != "" && len(list) < 64 {
				list = append(list, revoke.HeldKey{KeyID: kid})
			}
		}
	}
	return list
}
