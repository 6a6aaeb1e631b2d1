package server_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/server/feed"
)

// listening serves the public listener on loopback.
func (v *world) listening() *httptest.Server {
	s := httptest.NewUnstartedServer(v.public)
	s.Config.ReadTimeout = 300 * time.Millisecond // what bounds forms must not end a stream
	s.Start()
	v.Cleanup(func() { v.issuer.Feed.Close(); s.Close() })
	return s
}

// A follower is one edge's stream.
type follower struct {
	testing.TB
	body io.ReadCloser
	in   *bufio.Reader
}

func (v *world) follow(s *httptest.Server, query string, who func(*http.Request)) (*follower, *http.Response) {
	v.Helper()
	r, err := http.NewRequestWithContext(v.Context(), "GET", s.URL+"/feed"+query, nil)
	v.ok(err)
	who(r)
	resp, err := s.Client().Do(r)
	v.ok(err)
	v.Cleanup(func() { resp.Body.Close() })
	return &follower{v.TB, resp.Body, bufio.NewReader(resp.Body)}, resp
}

// next reads one message, its event name and its claims; io.EOF when the
// stream has ended.
func (f *follower) next() (string, revoke.Message, error) {
	var event string
	for {
		line, err := f.in.ReadString('\n')
		if err != nil {
			return "", revoke.Message{}, err
		}
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			event = strings.TrimSpace(name)
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			claims, err := base64.RawURLEncoding.DecodeString(strings.Split(strings.TrimSpace(data), ".")[1])
			if err != nil {
				return "", revoke.Message{}, err
			}
			m, err := revoke.Decode(claims)
			return event, m, err
		}
	}
}

func (f *follower) want(event string) revoke.Message {
	f.Helper()
	for {
		got, m, err := f.next()
		if err != nil {
			f.Fatalf("waiting for %s: %v", event, err)
		}
		if got == event {
			return m
		}
		if got != "heartbeat" {
			f.Fatalf("got %s, want %s", got, event)
		}
	}
}

// ends waits until the server has ended the stream.
func (f *follower) ends() {
	f.Helper()
	for {
		if _, _, err := f.next(); err != nil {
			return
		}
	}
}

func (v *world) revokeToken(jti string) {
	v.Helper()
	v.want(v.admin("POST", "/admin/v1/revocations", map[string]any{"kind": "token", "id": jti}), 201, "")
}

// Nobody but a client with the scope hears anything.
func TestThreatFeedReaders(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.revokeToken("jti-secret")
	access := v.want(v.token(pairs("grant_type", "client_credentials"), v.as("edge")), 200, "").text("access_token")
	for name, c := range map[string]struct {
		status int
		who    []func(*http.Request)
	}{
		"nobody": {401, nil}, "wrong secret": {401, []func(*http.Request){basic("edge", "wrong")}}, "public client": {401, []func(*http.Request){basic("app", "")}},
		"another client": {400, []func(*http.Request){v.as("service")}}, "its access token": {401, []func(*http.Request){header("Authorization", "Bearer "+access)}},
		"admin token": {401, []func(*http.Request){header("Authorization", "Bearer "+adminToken)}}, "two headers": {401, []func(*http.Request){v.as("edge"), v.as("service"), header("Authorization", "Basic x")}},
		"secret in the query": {401, []func(*http.Request){func(r *http.Request) { r.URL.RawQuery = "client_id=edge&client_secret=" + v.secrets["edge"] }}},
	} {
		for _, a := range []answer{v.ask("GET", "/feed", c.who...), v.ask("POST", "/feed/position", append(c.who, body("application/json", `{"instance":"x","log":"x","seq":1,"lag_ms":1,"version":"1"}`))...)} {
			if a.status != c.status || strings.Contains(a.body, "eyJ") || strings.Contains(a.header.Get("Content-Type"), "event-stream") {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
	}
	for _, query := range []string{"?after=-1", "?after=x", "?after=99999999999999999999", "?after=9007199254740993", "?log=" + strings.Repeat("a", 200), "?after=1&after=2", "?log=%zz"} {
		if a := v.ask("GET", "/feed"+query, v.as("edge")); a.status != 400 || strings.Contains(a.body, "eyJ") {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	if items := v.admin("GET", "/admin/v1/edges", nil).items(); len(items) != 0 {
		t.Errorf("positions of strangers: %v", items)
	}
}

// Snapshot, batch, heartbeat, resume: and a number above our head, which only a
// restored database can explain, starts a new log.
func TestFeed(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	s := v.listening()
	v.revokeToken("jti-1")
	f, resp := v.follow(s, "", v.as("edge"))
	if resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", resp.Header)
	}
	snapshot := f.want("snapshot").Snapshot
	if snapshot.Seq != 1 || len(snapshot.Entries) != 1 || snapshot.Entries[0].ID != "jti-1" {
		t.Fatalf("%+v", snapshot)
	}
	v.revokeToken("jti-2")
	if b := f.want("batch").Batch; b.After != 1 || b.Seq != 2 || b.Entries[0].ID != "jti-2" || b.Log != snapshot.Log {
		t.Errorf("%+v", b)
	}
	if h := f.want("heartbeat").Heartbeat; h.Seq != 2 || h.Log != snapshot.Log {
		t.Errorf("%+v", h)
	}
	// The stream outlives the bound on reading a request.
	for range 2 {
		f.want("heartbeat")
	}
	f.body.Close()

	at := func(log string, seq uint64) string { return fmt.Sprintf("?log=%s&after=%d", log, seq) }
	f, _ = v.follow(s, at(snapshot.Log, 2), v.as("edge"))
	f.want("heartbeat") // nothing was missed
	f, _ = v.follow(s, at(snapshot.Log, 1), v.as("edge"))
	if b := f.want("batch").Batch; b.Seq != 2 || len(b.Entries) != 1 {
		t.Errorf("resumed: %+v", b)
	}
	f, _ = v.follow(s, at("another", 2), v.as("edge"))
	f.want("snapshot")

	// What the log has forgotten, only a snapshot can cross.
	v.pass(2 * time.Hour)
	if _, err := v.store.Sweep(t.Context(), v.now(), time.Hour, time.Minute); err != nil {
		t.Fatal(err)
	}
	v.revokeToken("jti-3")
	f, _ = v.follow(s, at(snapshot.Log, 1), v.as("edge"))
	if got := f.want("snapshot").Snapshot; got.Seq != 3 || len(got.Entries) != 1 {
		t.Errorf("after a gap: %+v", got)
	}

	f, _ = v.follow(s, at(snapshot.Log, 7), v.as("edge"))
	restarted := f.want("snapshot").Snapshot
	if restarted.Log == snapshot.Log || restarted.Seq != 3 {
		t.Errorf("a number above the head: %+v", restarted)
	}
	if items := v.admin("GET", "/admin/v1/audit?action=revocation.restart", nil).items(); len(items) != 1 || items[0]["actor_id"] != "edge" {
		t.Errorf("audit: %v", items)
	}
	f, _ = v.follow(s, at(snapshot.Log, 7), v.as("edge"))
	if again := f.want("snapshot").Snapshot; again.Log != restarted.Log {
		t.Error("the old log's name started another log")
	}
	// Once is what a restore needs; more is an edge that lies.
	if _, resp := v.follow(s, at(restarted.Log, 99), v.as("edge")); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a second restart: %d", resp.StatusCode)
	}
	if items := v.admin("GET", "/admin/v1/audit?action=revocation.restart", nil).items(); len(items) != 1 {
		t.Errorf("audit: %v", items)
	}
}

// An edge that is shut, deleted, or has another secret now, is cut off.
func TestThreatFeedCutOff(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(*world){
		"disabled":   func(v *world) { v.want(v.admin("POST", "/admin/v1/clients/edge/disable", nil), 204, "") },
		"deleted":    func(v *world) { v.want(v.admin("DELETE", "/admin/v1/clients/edge", nil), 204, "") },
		"new secret": func(v *world) { v.want(v.admin("POST", "/admin/v1/clients/edge/secret", nil), 201, "") },
		"scope taken": func(v *world) {
			v.want(v.admin("PUT", "/admin/v1/clients/edge", map[string]any{"scopes": []string{"read"}}), 200, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newWorld(t)
			f, _ := v.follow(v.listening(), "", v.as("edge"))
			f.want("snapshot")
			act(v)
			v.revokeToken("jti-after")
			for {
				_, m, err := f.next()
				if err != nil {
					return
				}
				if m.Batch != nil {
					for _, e := range m.Batch.Entries {
						if e.ID == "jti-after" {
							t.Error("it heard what came after")
						}
					}
				}
			}
		})
	}
}

// One client holds a bounded number of streams, and gives its places back.
func TestThreatFeedStreams(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	s := v.listening()
	var all []*follower
	for range 64 {
		f, _ := v.follow(s, "", v.as("edge"))
		f.want("snapshot")
		all = append(all, f)
	}
	a := v.ask("GET", "/feed", v.as("edge"))
	if a.status != http.StatusTooManyRequests || a.json["code"] != "streams_exceeded" || a.header.Get("Retry-After") != "60" {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	all[0].body.Close()
	for { // the server notices at its next write
		f, resp := v.follow(s, "", v.as("edge"))
		if resp.StatusCode == http.StatusOK {
			f.want("snapshot")
			break
		}
	}
	v.issuer.Feed.Close()
	for _, f := range all[1:] {
		f.ends()
	}
}

// What an edge says of itself is bounded.
func TestThreatFeedPositions(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.revokeToken("jti-1")
	log, head, err := v.store.RevocationHead(t.Context())
	v.ok(err)
	report := func(values map[string]any) answer {
		in := map[string]any{"instance": "one", "log": log, "seq": head, "lag_ms": 3, "version": "1"}
		for name, value := range values {
			in[name] = value
		}
		data, err := json.Marshal(in)
		v.ok(err)
		return v.ask("POST", "/feed/position", body("application/json", string(data)), v.as("edge"))
	}
	for name, values := range map[string]map[string]any{
		"above the head": {"seq": head + 1}, "negative": {"seq": -1}, "huge": {"seq": 1e17, "log": "x"}, "fraction": {"seq": 0.5}, "negative lag": {"lag_ms": -1}, "huge lag": {"lag_ms": 1e15},
		"no instance": {"instance": ""}, "long instance": {"instance": strings.Repeat("x", 129)}, "long log": {"log": strings.Repeat("x", 129)}, "long version": {"version": strings.Repeat("x", 65)}, "unknown member": {"head": 1},
		"lines in an instance": {"instance": "one\n\u001b[2Jtwo"}, "zero byte in a version": {"version": "\x00"},
		"too many keys": {"keys": slices.Repeat([]any{map[string]any{"kid": "k"}}, 65)}, "a key without a name": {"keys": []any{map[string]any{}}}, "lines in a kid": {"keys": []any{map[string]any{"kid": "a\nb"}}},
		"a long kid": {"keys": []any{map[string]any{"kid": strings.Repeat("x", 257)}}},
	} {
		if a := report(values); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	v.want(report(nil), 204, "")
	v.want(report(map[string]any{"log": "another", "seq": 99}), 204, "") // a restored database: the edge will be told
	if a := report(map[string]any{"client_id": "service", "reported_at": "2000-01-01T00:00:00Z"}); a.status != 204 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if items := v.admin("GET", "/admin/v1/edges", nil).items(); len(items) != 1 || items[0]["client_id"] != "edge" || strings.HasPrefix(items[0]["reported_at"].(string), "2000") {
		t.Errorf("an edge spoke for another: %v", items)
	}
}

// What an edge says that it has is what the report of the keys shows: who would not know
// the next one, and since when the others do.
func TestKeysAsEdgesReportThem(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	log, head, err := v.store.RevocationHead(t.Context())
	v.ok(err)
	says := func(instance string, kids ...string) {
		keys := []any{}
		for _, kid := range kids {
			keys = append(keys, map[string]any{"kid": kid})
		}
		data, err := json.Marshal(map[string]any{"instance": instance, "log": log, "seq": head, "lag_ms": 0, "version": "1", "keys": keys})
		v.ok(err)
		v.want(v.ask("POST", "/feed/position", body("application/json", string(data)), v.as("edge")), 204, "")
	}
	status := func() (keys []map[string]any) {
		for _, k := range v.want(v.admin("GET", "/admin/v1/keys/token/status", nil), 200, "").json["keys"].([]any) {
			keys = append(keys, k.(map[string]any))
		}
		return keys
	}
	signs := status()[0]["kid"].(string)
	next := v.want(v.admin("POST", "/admin/v1/keys/token/rotate", nil), 201, "").text("kid")
	says("behind", signs)
	says("ready", signs, next)
	keys := status()
	if len(keys) != 2 || keys[0]["kid"] != next || keys[0]["signs"] != false || keys[0]["signs_by"] == nil || keys[1]["signs"] != true || fmt.Sprint(keys[0]["lacking"]) != "[edge/behind]" || fmt.Sprint(keys[1]["lacking"]) != "[]" {
		t.Errorf("%v", keys)
	}
	for _, e := range keys[0]["edges"].([]any) {
		e := e.(map[string]any)
		if ready := e["instance"] == "ready"; e["holds"] != ready || (e["since"] != nil) != ready || e["says"] != true || e["live"] != true {
			t.Errorf("%v", e)
		}
	}
	says("behind", signs, next)
	if keys := status(); fmt.Sprint(keys[0]["lacking"]) != "[]" {
		t.Errorf("%v", keys[0])
	}
}

// stalled is a connection whose other end takes nothing.
type stalled struct {
	header http.Header
	gone   chan struct{}
}

func (s *stalled) Header() http.Header { return s.header }
func (s *stalled) WriteHeader(int)     {}
func (s *stalled) Write([]byte) (int, error) {
	<-s.gone
	return 0, net.ErrClosed
}
func (s *stalled) SetWriteDeadline(t time.Time) error {
	if t.Before(time.Now()) {
		close(s.gone)
	}
	return nil
}
func (s *stalled) SetReadDeadline(time.Time) error { return nil }

// A reader that takes nothing is let go after the bound, and not before.
func TestThreatSlowFeedReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &feed.Feed{Issuer: issuerURL, Log: quietLog{}, Clients: oneClient{}, Now: time.Now, Heartbeat: time.Hour,
			Sign: func(context.Context, []byte) (string, error) { return "a.b.c", nil }}
		r := httptest.NewRequest("GET", "/feed", nil)
		basic("edge", "secret")(r)
		began := time.Now()
		if err := f.Stream(&stalled{header: http.Header{}, gone: make(chan struct{})}, r); err != nil {
			t.Errorf("a slow reader is no failure of ours: %v", err)
		}
		if took := time.Since(began); took != feed.DefaultStall {
			t.Errorf("it held the server for %v", took)
		}
	})
}

// quietLog is an empty log without a database, which lives outside a bubble.
type quietLog struct{}

func (quietLog) RevocationHead(context.Context) (string, uint64, error) { return "log", 0, nil }
func (quietLog) RevocationsAfter(context.Context, uint64, int) ([]revoke.Entry, error) {
	return nil, nil
}
func (quietLog) ActiveRevocations(context.Context, time.Time) ([]revoke.Entry, error) {
	return nil, nil
}
func (quietLog) RestartLog(context.Context, string, uint64, audit.Act) (bool, error) {
	return false, nil
}

// A public client proves nothing, so it may not follow the feed whatever scope it has.
func TestFeedOfAPublicClient(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	_, _, err := v.clients.Create(t.Context(), root(), client.Client{ID: "open", Public: true, Scopes: []string{feed.Scope}, Audiences: []string{"jotward:edge"}})
	v.ok(err)
	v.want(v.ask("GET", "/feed", basic("open", "")), 401, "client_invalid")
	v.want(v.ask("POST", "/feed/position", basic("open", ""), body("application/json", "{}")), 401, "client_invalid")
}

// oneClient is an edge without a database.
type oneClient struct{}

func (oneClient) Authenticate(_ context.Context, c client.Credentials) (client.Client, error) {
	return client.Client{ID: c.ID, Scopes: []string{feed.Scope}}, nil
}
