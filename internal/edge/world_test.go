package edge

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// A party is an issuer without a network.
type party struct {
	t         testing.TB
	name      string
	key, feed *jwk.Key // signs tokens; signs the feed
	now       func() time.Time
	set       atomic.Pointer[[]byte] // what /jwks answers
	feedSet   atomic.Pointer[[]byte]
	asked     chan url.Values // one for every connection to the feed
	streams   chan *stream
	positions chan map[string]any
	redirect  atomic.Pointer[string] // the feed answers with a redirect to it
	busy      atomic.Pointer[string] // the feed answers 429, with this Retry-After
	turned    atomic.Int32           // how often it did
	visits    atomic.Int64           // requests of any kind
	feedKeys  atomic.Int64           // for the feed's keys
	held      chan struct{}          // when there, what is asked for keys waits for it
	other     func(*http.Request) (*http.Response, error)
	away      atomic.Bool // nobody answers
}

// A stream is the issuer's end of one connection.
type stream struct {
	party *party
	w     *io.PipeWriter
}

func newParty(t testing.TB, name string, now func() time.Time) *party {
	t.Helper()
	p := &party{t: t, name: name, now: now, key: newKey(t, "k1"), feed: newKey(t, "f1"), asked: make(chan url.Values, 64), streams: make(chan *stream, 64),
		positions: make(chan map[string]any, 64)}
	p.publish(&p.set, p.key)
	p.publish(&p.feedSet, p.feed)
	return p
}

func newKey(t testing.TB, kid string) *jwk.Key {
	t.Helper()
	k, err := jwk.Generate(jwk.ES256, kid)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (p *party) publish(to *atomic.Pointer[[]byte], keys ...*jwk.Key) {
	set, err := jwk.NewSet(keys...)
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := set.MarshalJSON()
	if err != nil {
		p.t.Fatal(err)
	}
	to.Store(&text)
}

// A network is every issuer, by host.
type network map[string]*party

func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	p := n[r.URL.Host]
	if p == nil {
		return nil, fmt.Errorf("no such host")
	}
	p.visits.Add(1)
	if p.away.Load() {
		return nil, syscall.ECONNREFUSED
	}
	answer := func(status int, body io.ReadCloser, h http.Header) (*http.Response, error) {
		return &http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: h, Body: body, ContentLength: -1, Request: r}, nil
	}
	nothing := io.NopCloser(strings.NewReader(""))
	switch r.URL.Path {
	case "/jwks":
		if p.held != nil {
			select {
			case <-p.held:
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}
		return answer(200, io.NopCloser(bytes.NewReader(*p.set.Load())), http.Header{"Content-Type": {"application/jwk-set+json"}})
	case "/feed/jwks":
		p.feedKeys.Add(1)
		return answer(200, io.NopCloser(bytes.NewReader(*p.feedSet.Load())), http.Header{"Content-Type": {"application/jwk-set+json"}})
	case "/feed", "/feed/position":
		if id, secret, ok := r.BasicAuth(); !ok || id != "e" || secret != "s" {
			return answer(401, nothing, http.Header{})
		}
		if wait := p.busy.Load(); wait != nil && r.URL.Path == "/feed" {
			p.turned.Add(1)
			return answer(429, nothing, http.Header{"Retry-After": {*wait}})
		}
		if to := p.redirect.Load(); to != nil {
			return answer(307, nothing, http.Header{"Location": {*to}})
		}
	default:
		if p.other != nil {
			return p.other(r)
		}
		return answer(404, nothing, http.Header{})
	}
	if r.URL.Path == "/feed/position" {
		var position map[string]any
		if err := json.NewDecoder(r.Body).Decode(&position); err != nil {
			return nil, err
		}
		select {
		case p.positions <- position:
		default: // nobody reads them
		}
		return answer(204, nothing, http.Header{})
	}
	in, out := io.Pipe()
	context.AfterFunc(r.Context(), func() { _ = in.CloseWithError(r.Context().Err()) })
	select {
	case p.asked <- r.URL.Query():
		p.streams <- &stream{p, out}
	default: // the story is over
	}
	return answer(200, in, http.Header{"Content-Type": {"text/event-stream"}})
}

// say signs a message as the feed does.
func (s *stream) say(m revoke.Message) error {
	return s.write(s.party.sign(s.party.feed, revoke.Type, m))
}

func (s *stream) write(token string) error {
	_, err := fmt.Fprintf(s.w, "id: 1\nevent: x\ndata: %s\n\n", token)
	return err
}

func (p *party) sign(key *jwk.Key, typ string, m revoke.Message) string {
	p.t.Helper()
	if m.Issuer == "" {
		m.Issuer = p.name
	}
	if m.IssuedAt.IsZero() {
		m.IssuedAt = p.now()
	}
	m.ID = "x"
	claims, err := m.Encode()
	if err != nil {
		p.t.Fatal(err)
	}
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: typ})
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := signer.Sign(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// signClaims signs anything with the feed's key.
func (p *party) signClaims(typ string, claims map[string]any) string {
	p.t.Helper()
	signer, err := jwt.NewSigner(p.feed, jwt.SignerOptions{Type: typ})
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := signer.Sign(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// token signs an access token that holds, but for the changes; nil removes.
func (p *party) token(change map[string]any) string { return p.tokenBy(p.key, "at+jwt", change) }

func (p *party) tokenBy(key *jwk.Key, typ string, change map[string]any) string {
	p.t.Helper()
	c := map[string]any{"iss": p.name, "aud": "api", "sub": "usr_1", "client_id": "c", "jti": "j", "grant_id": "gr_1", "sid": "ses_1",
		"sub_ver": 1, "client_ver": 1, "scope": "read", "iat": p.now().Unix(), "exp": p.now().Add(time.Minute).Unix()}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == gone })
	s, err := jwt.NewSigner(key, jwt.SignerOptions{Type: typ})
	if err != nil {
		p.t.Fatal(err)
	}
	claims, err := json.Marshal(c) // bytes are signed as they are, whatever they say
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := s.Sign(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

var gone = any(struct{ removed bool }{true})

// An origin records what it was asked, as it was asked.
type origin struct {
	*httptest.Server
	hits atomic.Int64
	last atomic.Pointer[http.Request]
	do   http.HandlerFunc // after recording
}

// A world is an edge on a port, its issuers in memory, and an origin.
type world struct {
	t        testing.TB
	a, b     *party // b is configured by withB
	config   config.Edge
	edge     *Edge
	server   *httptest.Server
	origin   *origin
	clock    atomic.Int64
	registry *prometheus.Registry
	log      *lines
	events   chan Event
}

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (w *world) now() time.Time { return time.Unix(0, w.clock.Load()) }

func (w *world) forward(d time.Duration) { w.clock.Add(int64(d)) }

func (p *party) config() config.EdgeIssuer {
	return config.EdgeIssuer{Issuer: p.name, JWKSURI: p.name + "/jwks", Audience: "api", Algorithms: []string{"ES256"}, MaxLifetime: time.Hour}
}

func follow(stale string) *config.EdgeFeed {
	return &config.EdgeFeed{ClientID: "e", ClientSecret: config.Literal("s"), Stale: stale}
}

// build makes a world whose configuration is changed before it is used.
func build(t testing.TB, changes ...func(*world, *config.Edge)) *world {
	t.Helper()
	w := &world{t: t, origin: &origin{}, registry: prometheus.NewRegistry(), log: &lines{}, events: make(chan Event, 4096)}
	w.clock.Store(time.Unix(1800000000, 0).UnixNano())
	w.a, w.b = newParty(t, "https://a.test", w.now), newParty(t, "https://b.test", w.now)
	w.origin.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.origin.last.Store(r)
		w.origin.hits.Add(1)
		if w.origin.do != nil {
			w.origin.do(rw, r)
			return
		}
		_, _ = io.WriteString(rw, "ok")
	}))
	t.Cleanup(w.origin.Close)
	w.config = config.Edge{
		Issuers: []config.EdgeIssuer{w.a.config()},
		Routes:  []config.Route{{Name: "api", Path: "/api/", Upstream: w.origin.URL, Scopes: []string{"read"}, Headers: map[string]string{"X-User": "sub"}}},
	}
	for _, change := range changes {
		change(w, &w.config)
	}
	var err error
	w.edge, err = New(w.config, Options{Now: w.now, Logger: slog.New(slog.NewJSONHandler(w.log, nil)), Registerer: w.registry,
		HTTPClient: &http.Client{Transport: network{"a.test": w.a, "b.test": w.b}},
		Observe:    func(e *Event) { w.events <- *e }})
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewUnstartedServer(w.edge)
	settings := NewServer(w.edge)
	w.server.Config.ReadHeaderTimeout, w.server.Config.MaxHeaderBytes = settings.ReadHeaderTimeout, settings.MaxHeaderBytes
	w.server.Config.DisableGeneralOptionsHandler = settings.DisableGeneralOptionsHandler
	w.server.Start()
	t.Cleanup(w.server.Close)
	t.Cleanup(w.edge.Close)
	return w
}

// with puts a route before the others; an empty upstream is the origin.
func with(r config.Route) func(*world, *config.Edge) {
	return func(w *world, c *config.Edge) {
		r := r
		if r.Upstream == "" {
			r.Upstream = w.origin.URL
		}
		c.Routes = append([]config.Route{r}, c.Routes...)
	}
}

func withB(w *world, c *config.Edge) { c.Issuers = append(c.Issuers, w.b.config()) }

func trustLoopback(_ *world, c *config.Edge) {
	c.TrustedProxies = []string{"127.0.0.0/8", "10.0.0.0/8"}
}

// bearer is the header line for a token of issuer a.
func (w *world) bearer(change map[string]any) string {
	return "Authorization: Bearer " + w.a.token(change) + "\r\n"
}

// An answer is what came back, and the event that was written of it.
type answer struct {
	status int
	header http.Header
	body   string
	event  Event
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.body) }

// code is the reason code of a problem.
func (a answer) code() string {
	var p struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal([]byte(a.body), &p)
	return p.Code
}

// get sends a request whose target and header lines are taken as they are.
func (w *world) get(target, headers string) answer {
	w.t.Helper()
	if !strings.Contains("\n"+headers, "\nHost:") {
		headers = "Host: edge.example\r\n" + headers
	}
	return w.raw("GET " + target + " HTTP/1.1\r\n" + headers + "Connection: close\r\n\r\n")
}

// raw sends bytes as they are and reads one answer. What net/http refuses by
// itself reaches no handler and has no event.
func (w *world) raw(text string) answer {
	w.t.Helper()
	c, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second)) // a hang is a failure, not a wait
	go func() { _, _ = io.WriteString(c, text) }()
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		w.t.Fatalf("%.80q: %v", text, err)
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	a := answer{status: r.StatusCode, header: r.Header, body: string(body)}
	if r.Header.Get("X-Request-Id") != "" {
		a.event = <-w.events
	}
	return a
}

// source is issuer a's in the current configuration.
func (w *world) source() *source { return w.edge.current.Load().issuers[w.a.name].source }

// revoke puts entries into issuer a's view, as its feed would.
func (w *world) revoke(entries ...revoke.Entry) {
	w.t.Helper()
	v := w.source().view
	log, seq := v.Position()
	if log == "" {
		log = "l"
		if err := v.Replace([]revoke.Snapshot{{Log: log, Part: 1, Parts: 1}}, w.now(), w.now()); err != nil {
			w.t.Fatal(err)
		}
	}
	for i := range entries {
		entries[i].Seq = seq + uint64(i) + 1
		entries[i].Expires = w.now().Add(time.Hour)
	}
	if err := v.Apply(&revoke.Batch{Log: log, After: seq, Seq: seq + uint64(len(entries)), Entries: entries}); err != nil {
		w.t.Fatal(err)
	}
}
