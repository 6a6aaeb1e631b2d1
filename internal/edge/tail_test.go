package edge

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jotward/jotward/internal/config"
)

// follow opens the stream of decisions.
func (w *world) followDecisions() (*bufio.Scanner, func()) {
	w.t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if err := w.edge.Decisions(rw, r); err != nil {
			rw.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	w.t.Cleanup(s.Close)
	resp, err := http.Get(s.URL)
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/x-ndjson" {
		w.t.Fatal(resp, err)
	}
	return bufio.NewScanner(resp.Body), func() { _ = resp.Body.Close() }
}

func nextDecision(t *testing.T, lines *bufio.Scanner) (d Decision, text string) {
	t.Helper()
	if !lines.Scan() {
		t.Fatal("no line", lines.Err())
	}
	if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
		t.Fatal(err, lines.Text())
	}
	return d, lines.Text()
}

// Whoever follows sees each decision with its reason, and nothing that lets anybody in.
func TestDecisions(t *testing.T) {
	t.Parallel()
	w := build(t)
	lines, leave := w.followDecisions()
	defer leave()
	token := w.a.token(nil)
	for _, c := range []struct {
		auth   string
		status int
		reason string
	}{{token, 200, ""}, {token[:len(token)-4] + "AAAA", 401, "signature_invalid"}, {"", 401, "credential_missing"}} {
		headers := ""
		if c.auth != "" {
			headers = "Authorization: Bearer " + c.auth + "\r\n"
		}
		w.get("/api/secret-path?q=secret-query", headers)
		d, text := nextDecision(t, lines)
		if d.Status != c.status || d.Reason != c.reason || d.Allowed != (c.reason == "") || d.Route != "api" || d.RequestID == "" || !d.Time.Equal(w.now()) {
			t.Error(text)
		}
		if strings.Contains(text, "secret-") || c.auth != "" && strings.Contains(text, c.auth[len(c.auth)-20:]) {
			t.Error("shows what it should not:", text)
		}
	}
	w.edge.EndTails()
	if lines.Scan() {
		t.Error("goes on after its end:", lines.Text())
	}
	if w.edge.tails.add() != nil {
		t.Error("begins after the end")
	}
}

// No request waits for who follows: what he is too slow for is counted.
func TestDecisionsAreMissed(t *testing.T) {
	t.Parallel()
	w := build(t)
	slow := w.edge.tails.add()
	for range waitingEvents + 7 {
		w.edge.tails.tell(w.now(), &Event{})
	}
	if n := len(slow.events); n != waitingEvents || slow.missed.Load() != 7 {
		t.Error(n, slow.missed.Load())
	}
	for range mostTails - 1 {
		if w.edge.tails.add() == nil {
			t.Fatal("refused too early")
		}
	}
	if w.edge.tails.add() != nil {
		t.Error("nobody is refused")
	}
	w.edge.tails.remove(slow)
	if w.edge.tails.add() == nil {
		t.Error("a place that is free again")
	}
}

// Path and claims are told only where the configuration says so, and of the claims
// those alone that it names.
func TestDecisionsTell(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		told         *config.EdgeDecisions
		path, claims string
	}{
		"nothing": {nil, "", "null"},
		"paths":   {&config.EdgeDecisions{Paths: true}, "/api/things", `{"aud":"api","iss":"https://a.test"}`},
		"claims":  {&config.EdgeDecisions{Claims: []string{"scope", "nowhere"}}, "", `{"aud":"api","iss":"https://a.test","scope":"read"}`},
	} {
		w := build(t, func(_ *world, e *config.Edge) { e.Decisions = c.told })
		lines, leave := w.followDecisions()
		w.get("/api/things?q=secret-query", w.bearer(map[string]any{"email": "secret-mail"}))
		d, text := nextDecision(t, lines)
		claims, _ := json.Marshal(d.Claims)
		if d.Path != c.path || string(claims) != c.claims || strings.Contains(text, "secret-") {
			t.Errorf("%s: %s", name, text)
		}
		w.get("/api/things", "Authorization: Bearer x.y.z\r\n")
		if d, text := nextDecision(t, lines); d.Claims != nil {
			t.Errorf("%s: claims of a token that does not hold: %s", name, text)
		}
		leave()
	}
}
