package edge

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

var now = time.Unix(1800000000, 0)

type world struct {
	edge   *Edge
	server *httptest.Server
	issuer *httptest.Server
	key    *jwk.Key
	hits   atomic.Int64
	last   atomic.Pointer[http.Request]
	feed   chan revoke.Message
	asked  chan string
}

func build(t testing.TB, feed *config.EdgeFeed, upstream string) *world {
	t.Helper()
	w := &world{feed: make(chan revoke.Message, 8), asked: make(chan string, 8)}
	var err error
	if w.key, err = jwk.Generate(jwk.ES256, "k1"); err != nil {
		t.Fatal(err)
	}
	set, err := jwk.NewSet(w.key)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := set.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	answer := func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = rw.Write(keys)
	}
	mux.HandleFunc("/jwks", answer)
	mux.HandleFunc("/feed/jwks", answer)
	mux.HandleFunc("/feed", w.serveFeed)
	w.issuer = httptest.NewServer(mux)
	t.Cleanup(w.issuer.Close)
	origin := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.hits.Add(1)
		w.last.Store(r)
		_, _ = io.WriteString(rw, "ok")
	}))
	t.Cleanup(origin.Close)
	if upstream == "" {
		upstream = origin.URL
	}
	w.edge, err = New(config.Edge{
		Issuers: []config.EdgeIssuer{{Issuer: w.issuer.URL, JWKSURI: w.issuer.URL + "/jwks", Audience: "api", Algorithms: []string{"ES256"},
			MaxLifetime: time.Hour, AllowHTTP: true, Feed: feed}},
		Routes: []config.Route{{Name: "api", Path: "/api/", Upstream: upstream, Scopes: []string{"read"}, Headers: map[string]string{"X-User": "sub"}}},
	}, Options{Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(w.edge)
	t.Cleanup(w.server.Close)
	return w
}

func (w *world) serveFeed(rw http.ResponseWriter, r *http.Request) {
	if id, secret, ok := r.BasicAuth(); !ok || id != "e" || secret != "s" {
		rw.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.asked <- r.URL.RawQuery
	signer, _ := jwt.NewSigner(w.key, jwt.SignerOptions{Type: revoke.Type})
	rw.Header().Set("Content-Type", "text/event-stream")
	_ = http.NewResponseController(rw).Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case m := <-w.feed:
			m.Issuer, m.ID, m.IssuedAt = w.issuer.URL, "x", now
			claims, _ := m.Encode()
			text, _ := signer.Sign(claims)
			_, _ = fmt.Fprintf(rw, "event: x\ndata: %s\n\n", text)
			_ = http.NewResponseController(rw).Flush()
		}
	}
}

func (w *world) token(t testing.TB, change map[string]any) string {
	t.Helper()
	c := map[string]any{"iss": w.issuer.URL, "aud": "api", "sub": "usr_1", "client_id": "c", "jti": "j", "grant_id": "gr_1", "sid": "ses_1",
		"sub_ver": 1, "client_ver": 1, "scope": "read", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	for k, v := range change {
		c[k] = v
	}
	s, err := jwt.NewSigner(w.key, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// raw sends bytes as they are and returns the status and body.
func (w *world) raw(t *testing.T, target, headers string) (int, string) {
	t.Helper()
	c, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !strings.Contains(headers, "Host:") {
		headers += "Host: edge.example\r\n"
	}
	_, _ = fmt.Fprintf(c, "GET %s HTTP/1.1\r\n%s\r\n", target, headers)
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	return r.StatusCode, string(body)
}

func TestAmbiguous(t *testing.T) {
	w := build(t, nil, "")
	auth := "Authorization: Bearer " + w.token(t, nil) + "\r\n"
	for _, p := range []string{"/api/../x", "/api/./x", "//api/x", "/api//x", "/api/%2e%2e/x", "/api/%2E", "/api%2Fx", "/api%2fx", "/api/%5Cx", `/api/\x`,
		"/api/%00", "/api/;x", "/api/..;/x", "/api/%61", "/api/%c3%a9", "/api/%C0%AE", "/api/%252e", "/api/%3B", "http://other/api/x", "/api/%0A"} {
		if code, body := w.raw(t, p, auth); code != 400 {
			t.Errorf("%s: %d %s", p, code, body)
		}
	}
	for _, h := range []string{"a..b", "a.", "a:b", "a:1:2", "é", "[::1", "a/b"} {
		if code, _ := w.raw(t, "/api/x", "Host: "+h+"\r\n"+auth); code != 400 {
			t.Errorf("host %q: %d", h, code)
		}
	}
	for _, p := range []string{"/apix", "/", "/API/x"} {
		if code, _ := w.raw(t, p, auth); code != 404 {
			t.Errorf("%s: %d", p, code)
		}
	}
	if w.hits.Load() != 0 {
		t.Error("the origin was reached")
	}
	if code, body := w.raw(t, "/api/a%20b?x=1;y=%2f", auth); code != 200 || w.last.Load().RequestURI != "/api/a%20b?x=1;y=%2f" {
		t.Errorf("%d %s", code, body)
	}
}

func TestHeaders(t *testing.T) {
	w := build(t, nil, "")
	auth := "Authorization: Bearer " + w.token(t, nil) + "\r\n"
	code, body := w.raw(t, "/api/x", auth+"X-User: root\r\nx_user: root\r\nX-JOTWARD-Role: a\r\nX_Forwarded_For: 1\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: X-User, X-Forwarded-For\r\n")
	if code != 200 {
		t.Fatal(code, body)
	}
	h := w.last.Load().Header
	if h.Get("X-User") != "usr_1" || len(h["X_user"])+len(h["X-Jotward-Role"])+len(h["X_forwarded_for"]) != 0 || h.Get("X-Forwarded-For") != "127.0.0.1" {
		t.Error(h)
	}
}

func TestRefusals(t *testing.T) {
	w := build(t, nil, "")
	b := "Authorization: Bearer "
	for _, c := range []struct{ headers, want string }{
		{"", "credential_missing"},
		{b + w.token(t, nil) + "\r\n" + b + w.token(t, nil) + "\r\n", "credential_repeated"},
		{b + w.token(t, map[string]any{"exp": now.Unix()}) + "\r\n", "token_expired"},
		{b + w.token(t, map[string]any{"cnf": map[string]any{"jkt": "x"}}) + "\r\n", "sender_proof_unchecked"},
		{b + w.token(t, map[string]any{"scope": "write"}) + "\r\n", "scope_missing"},
		{b + w.token(t, map[string]any{"sub_ver": "1"}) + "\r\n", "claims_invalid"},
		{b + w.token(t, map[string]any{"aud": "other"}) + "\r\n", "audience_mismatch"},
	} {
		if code, body := w.raw(t, "/api/x", c.headers); code < 400 || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", c.want, code, body)
		}
	}
	if w.hits.Load() != 0 {
		t.Error("the origin was reached")
	}
}

func TestRevokedOnHit(t *testing.T) {
	for _, k := range []revoke.Kind{revoke.KindToken, revoke.KindGrant, revoke.KindSession, revoke.KindSubject, revoke.KindClient, revoke.KindKey} {
		w := build(t, nil, "")
		auth := "Authorization: Bearer " + w.token(t, nil) + "\r\n"
		for range 3 { // the first also fetches the keys, which changes their generation
			if code, body := w.raw(t, "/api/x", auth); code != 200 {
				t.Fatal(code, body)
			}
		}
		ids := map[revoke.Kind]string{"token": "j", "grant": "gr_1", "session": "ses_1", "subject": "usr_1", "client": "c", "key": "k1"}
		err := w.edge.current.Load().issuers[w.issuer.URL].view.Replace([]revoke.Snapshot{{Log: "l", Seq: 1, Part: 1, Parts: 1,
			Entries: []revoke.Entry{{Seq: 1, Kind: k, ID: ids[k], Version: 2}}}})
		if err != nil {
			t.Fatal(err)
		}
		if code, body := w.raw(t, "/api/x", auth); code != 401 || !strings.Contains(body, string(k)+"_revoked") {
			t.Errorf("%s: %d %s", k, code, body)
		}
	}
}

func TestStaleServed(t *testing.T) {
	w := build(t, &config.EdgeFeed{ClientID: "e", ClientSecret: config.Literal("s"), Stale: "serve"}, "")
	seen := &observed{}
	w.edge.options.Metrics = seen
	if err := w.edge.Reload(w.edge.current.Load().config); err != nil {
		t.Fatal(err)
	}
	code, body := w.raw(t, "/api/x", "Authorization: Bearer "+w.token(t, nil)+"\r\n")
	w.server.Close() // waits for the handler, and so for its event
	if code != 200 || !seen.event.Stale || seen.event.ClientID != "c" || seen.event.Status != 200 {
		t.Error(code, body, seen.event)
	}
}

type observed struct{ event Event }

func (o *observed) Route(string) RouteMetrics { return o }
func (o *observed) Observe(e *Event)          { o.event = *e }

func TestSecondCredentialInQuery(t *testing.T) {
	w := build(t, nil, "")
	auth := "Authorization: Bearer " + w.token(t, nil) + "\r\n"
	for _, q := range []string{"access_token=x", "a=1;access_token=x", "a=1;access%5Ftoken=x"} {
		if code, body := w.raw(t, "/api/x?"+q, auth); code != 400 || w.hits.Load() != 0 {
			t.Errorf("%s: %d %s", q, code, body)
		}
	}
}

func TestUpstreamDown(t *testing.T) {
	w := build(t, nil, "http://127.0.0.1:1")
	if code, body := w.raw(t, "/api/x", "Authorization: Bearer "+w.token(t, nil)+"\r\n"); code != 502 || !strings.Contains(body, "upstream_unreachable") {
		t.Error(code, body)
	}
}

func TestCacheHitAllocatesNothing(t *testing.T) {
	w := build(t, nil, "")
	token, s, ctx := w.token(t, nil), w.edge.current.Load(), context.Background()
	for range 2 { // the first also fetches the keys, which changes their generation
		if _, _, no := w.edge.verify(ctx, s, token, now); no != nil {
			t.Fatal(no)
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, hit, no := w.edge.verify(ctx, s, token, now); !hit || no != nil {
			t.Fatal("no hit")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCacheHit(b *testing.B) {
	w := build(b, nil, "")
	token, s, ctx := w.token(b, nil), w.edge.current.Load(), context.Background()
	for range 2 {
		_, _, _ = w.edge.verify(ctx, s, token, now)
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = w.edge.verify(ctx, s, token, now)
	}
}

func TestFollower(t *testing.T) {
	w := build(t, &config.EdgeFeed{ClientID: "e", ClientSecret: config.Literal("s")}, "")
	auth := "Authorization: Bearer " + w.token(t, nil) + "\r\n"
	if code, body := w.raw(t, "/api/x", auth); code != 503 || !strings.Contains(body, "revocation_stale") {
		t.Error(code, body)
	}
	w.edge.current.Load().issuers[w.issuer.URL].follower.options.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.edge.Run(ctx) }()
	if q := <-w.asked; q != "" {
		t.Error(q)
	}
	w.feed <- revoke.Message{Snapshot: &revoke.Snapshot{Log: "l", Seq: 4, Part: 1, Parts: 1}}
	w.feed <- revoke.Message{Heartbeat: &revoke.Heartbeat{Log: "l", Seq: 6, At: now}} // a gap
	if q := <-w.asked; q != "" {
		t.Error("after a gap the snapshot was not asked for:", q)
	}
	if code, body := w.raw(t, "/api/x", auth); code != 200 {
		t.Error(code, body)
	}
	cancel()
	<-done
}

func TestStreamIsNotBuffered(t *testing.T) {
	next := make(chan struct{})
	origin := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(rw, "data: 1\n")
		_ = http.NewResponseController(rw).Flush()
		select {
		case <-next:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(origin.Close)
	w := build(t, nil, origin.URL)
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+"/api/x", nil)
	r.Header.Set("Authorization", "Bearer "+w.token(t, nil))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	// The origin goes on only after the client has read the first line.
	if line, err := bufio.NewReader(answer.Body).ReadString('\n'); err != nil || line != "data: 1\n" {
		t.Error(line, err)
	}
	close(next)
}
