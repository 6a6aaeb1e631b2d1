package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
)

// mounted serves routes and returns what they log.
func mounted(routes ...Route) (http.Handler, *bytes.Buffer) {
	var log bytes.Buffer
	s := &Server{Log: slog.New(slog.NewJSONHandler(&log, nil)), Now: time.Now, HSTS: true}
	return s.Mount(routes), &log
}

func ask(h http.Handler, method, target string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func from(address string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = address }
}

func answers(w http.ResponseWriter, _ *http.Request) error {
	_, err := io.WriteString(w, "here")
	return err
}

func TestWhatNoRouteFitsIsRefusedInTheSameWords(t *testing.T) {
	h, _ := mounted(Route{Pattern: "POST /token", Style: OAuth, Handler: answers})
	for _, c := range []struct {
		method, path string
		status       int
		code, allow  string
	}{
		{"GET", "/nowhere", 404, "not_found", ""},
		{"GET", "/token", 405, "method_not_allowed", "POST"},
		{"GET", "/token", 405, `"error":"invalid_request"`, "POST"}, // in the words of the place
		{"POST", "//token", 404, "not_found", ""},                   // never a redirect of a body (RFC 9700 4.12)
		{"POST", "/x/../token", 404, "not_found", ""},
		{"POST", "/token", 200, "here", ""},
	} {
		w := ask(h, c.method, c.path)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.code) || w.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: %d %q %s", c.method, c.path, w.Code, w.Header().Get("Allow"), w.Body)
		}
		for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Strict-Transport-Security": "max-age=31536000"} {
			if w.Header().Get(name) != want {
				t.Errorf("%s %s: %s is %q", c.method, c.path, name, w.Header().Get(name))
			}
		}
	}
}

func TestPagesOfOtherOrigins(t *testing.T) {
	h, _ := mounted(Route{Pattern: "POST /signin", Style: Problem, Handler: answers},
		Route{Pattern: "POST /authorize", Style: Problem, Handler: answers, Access: AnyForm},
		Route{Pattern: "POST /token", Style: OAuth, Handler: answers, Access: AnyOrigin})
	cross := []func(*http.Request){header("Origin", "https://evil.example"), header("Sec-Fetch-Site", "cross-site")}
	if w := ask(h, "POST", "/signin", cross...); w.Code != http.StatusForbidden || w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a form of another origin: %d %v", w.Code, w.Header())
	}
	w := ask(h, "POST", "/token", cross...)
	if w.Code != 200 || w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("a script of another origin at the token endpoint: %d %v", w.Code, w.Header())
	}
	w = ask(h, "OPTIONS", "/token", append(cross, header("Access-Control-Request-Method", "POST"))...)
	if w.Code != http.StatusNoContent || w.Header().Get("Access-Control-Allow-Methods") != "POST" {
		t.Errorf("preflight: %d %v", w.Code, w.Header())
	}
	if w := ask(h, "POST", "/authorize", cross...); w.Code != 200 || w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a form of another origin at the authorization endpoint: %d %v", w.Code, w.Header())
	}
	for _, path := range []string{"/signin", "/authorize"} {
		if w := ask(h, "OPTIONS", path, cross...); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("preflight of a form: %s: %d %v", path, w.Code, w.Header())
		}
	}
}

func TestFailuresInsideStayInside(t *testing.T) {
	h, log := mounted(
		Route{Pattern: "GET /fails", Style: OAuth, Handler: func(http.ResponseWriter, *http.Request) error { return errors.New("disk cause") }},
		Route{Pattern: "GET /panics", Style: Problem, Handler: func(http.ResponseWriter, *http.Request) error { panic("panic cause") }},
		Route{Pattern: "GET /hangs-up", Style: Problem, Handler: func(http.ResponseWriter, *http.Request) error { return context.Canceled }},
		Route{Pattern: "GET /waits", Style: Problem, Handler: func(http.ResponseWriter, *http.Request) error {
			return &reason.Error{Code: reason.SignInThrottled, RetryAfter: 1500 * time.Millisecond}
		}})
	for path, cause := range map[string]string{"/fails": "disk cause", "/panics": "panic cause"} {
		w := ask(h, "GET", path+"?code=topsecret")
		if w.Code != 500 || strings.Contains(w.Body.String(), "cause") || !strings.Contains(w.Body.String(), w.Header().Get("X-Request-Id")) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if !strings.Contains(log.String(), cause) || !strings.Contains(log.String(), `"level":"ERROR"`) {
			t.Errorf("%s: the operator does not learn why: %s", path, log)
		}
	}
	if strings.Contains(log.String(), "topsecret") {
		t.Error("a query was logged")
	}
	before := strings.Count(log.String(), `"level":"ERROR"`)
	if ask(h, "GET", "/hangs-up"); strings.Count(log.String(), `"level":"ERROR"`) != before || !strings.Contains(log.String(), "client_gone") {
		t.Errorf("who hangs up alarms the operator: %s", log)
	}
	if w := ask(h, "GET", "/waits"); w.Code != 429 || w.Header().Get("Retry-After") != "2" {
		t.Errorf("throttled: %d %q", w.Code, w.Header().Get("Retry-After"))
	}
}

func TestBodiesAreBounded(t *testing.T) {
	h, _ := mounted(Route{Pattern: "POST /form", Style: OAuth, Handler: func(_ http.ResponseWriter, r *http.Request) error { _, err := Form(r); return err }})
	r := httptest.NewRequest("POST", "/form", strings.NewReader("a="+strings.Repeat("x", MaxBody)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusRequestEntityTooLarge || !strings.Contains(w.Body.String(), "request_too_large") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func form(body, kind, query string) *http.Request {
	r := httptest.NewRequest("POST", "/"+query, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	return r
}

func TestForms(t *testing.T) {
	const kind = "application/x-www-form-urlencoded"
	for name, c := range map[string]struct {
		r  *http.Request
		ok bool
	}{
		"plain":               {form("a=1&b=2", kind, ""), true},
		"with a charset":      {form("a=1", kind+"; charset=utf-8", ""), true},
		"two resources":       {form("resource=a&resource=b", kind, ""), true},
		"repeated":            {form("a=1&a=1", kind, ""), false},
		"repeated, one empty": {form("a=&a=1", kind, ""), false},
		"json":                {form(`{"a":1}`, "application/json", ""), false},
		"no type":             {form("a=1", "", ""), false},
		"in the query":        {form("a=1", kind, "?b=2"), false},
		"bad escape":          {form("a=%zz", kind, ""), false},
		"semicolons":          {form("a=1;b=2", kind, ""), false},
	} {
		if _, err := Form(c.r); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := Form(form("a=&b=2", kind, "")); err != nil || got.Has("a") || got.Get("b") != "2" {
		t.Errorf("an empty parameter counts as absent (RFC 6749 3.2): %v %v", got, err)
	}
}

// Header fields that are too large are refused like everything else: in the route's
// words, with a request id and a line in the log.
func TestHeadersAreBounded(t *testing.T) {
	log := new(bytes.Buffer)
	srv := &Server{Log: slog.New(slog.NewJSONHandler(log, nil)), Now: time.Now}
	h := srv.Mount([]Route{{Pattern: "GET /x", Style: Problem, Handler: answers}})
	ask := func(size int) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/x", nil)
		for i := range size / 1024 {
			r.Header.Set(fmt.Sprint("X-", i), strings.Repeat("x", 1024))
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	if w := ask(30 << 10); w.Code != 200 {
		t.Errorf("30 KiB: %d", w.Code)
	}
	if w := ask(33 << 10); w.Code != 431 || !strings.Contains(w.Body.String(), "headers_too_large") || !strings.Contains(log.String(), "headers_too_large") {
		t.Errorf("33 KiB: %d %s", w.Code, w.Body)
	}
}

func TestClientCredentials(t *testing.T) {
	basic := func(user, pass string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, pass) }
	}
	for name, c := range map[string]struct {
		form       map[string]string
		change     []func(*http.Request)
		id, secret string
		ok         bool
		assertion  string
	}{
		"basic":                  {nil, []func(*http.Request){basic("a", "b")}, "a", "b", true, ""},
		"basic, form-encoded":    {nil, []func(*http.Request){basic("a%3Ab", "c+d")}, "a:b", "c d", true, ""},
		"post":                   {map[string]string{"client_id": "a", "client_secret": "b"}, nil, "a", "b", true, ""},
		"public":                 {map[string]string{"client_id": "a"}, nil, "a", "", true, ""},
		"basic with its own id":  {map[string]string{"client_id": "a"}, []func(*http.Request){basic("a", "b")}, "a", "b", true, ""},
		"both (RFC 6749 2.3.1)":  {map[string]string{"client_secret": "b"}, []func(*http.Request){basic("a", "b")}, "", "", false, ""},
		"basic with another id":  {map[string]string{"client_id": "z"}, []func(*http.Request){basic("a", "b")}, "", "", false, ""},
		"bearer":                 {nil, []func(*http.Request){header("Authorization", "Bearer x")}, "", "", false, ""},
		"an assertion beside it": {map[string]string{"client_assertion": "x", "client_assertion_type": "y"}, []func(*http.Request){basic("a", "b")}, "", "", false, ""},
		"an assertion":           {map[string]string{"client_id": "a", "client_assertion": "x", "client_assertion_type": assertionType}, nil, "a", "", true, "x"},
		"of another type":        {map[string]string{"client_assertion": "x", "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, nil, "", "", false, ""},
		"a type alone":           {map[string]string{"client_id": "a", "client_assertion_type": assertionType}, nil, "", "", false, ""},
		"an assertion, no type":  {map[string]string{"client_assertion": "x"}, nil, "", "", false, ""},
		"assertion and secret":   {map[string]string{"client_id": "a", "client_secret": "b", "client_assertion": "x", "client_assertion_type": assertionType}, nil, "", "", false, ""},
		"assertion and basic":    {map[string]string{"client_assertion": "x", "client_assertion_type": assertionType}, []func(*http.Request){basic("a", "b")}, "", "", false, ""},
		"two headers":            {nil, []func(*http.Request){basic("a", "b"), header("Authorization", "Basic eDp5")}, "", "", false, ""},
		"bad escape":             {nil, []func(*http.Request){basic("a%zz", "b")}, "", "", false, ""},
		"no name":                {nil, []func(*http.Request){basic("", "b")}, "", "", false, ""},
	} {
		values := map[string][]string{}
		for k, v := range c.form {
			values[k] = []string{v}
		}
		r := httptest.NewRequest("POST", "/", nil)
		for _, f := range c.change {
			f(r)
		}
		got, err := ClientCredentials(r, values)
		if want := (client.Credentials{ID: c.id, Secret: c.secret, Assertion: c.assertion}); (err == nil) != c.ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

func TestClientAddressBehindProxies(t *testing.T) {
	p := Peers{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for _, c := range []struct{ remote, forwarded, want string }{
		{"203.0.113.9:1", "198.51.100.1", "203.0.113.9"},                  // a stranger says what it likes
		{"10.0.0.1:1", "198.51.100.1", "198.51.100.1"},                    // a trusted proxy is believed
		{"10.0.0.1:1", "1.1.1.1, 198.51.100.1, 10.2.2.2", "198.51.100.1"}, // what strangers wrote stands left
		{"10.0.0.1:1", "198.51.100.1:443", "198.51.100.1"},                // as the edge reads it
		{"10.0.0.1:1", "[2001:db8::1]:443", "2001:db8::1"},
		{"10.0.0.1:1", "garbage", "10.0.0.1"},
		{"10.0.0.1:1", "", "10.0.0.1"},
		{"[::ffff:10.0.0.1]:1", "198.51.100.1", "198.51.100.1"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := p.Client(r).String(); got != c.want {
			t.Errorf("%s, %q: %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
}

func TestPlainHTTPIsRefusedWhereAProxyEndsTLS(t *testing.T) {
	var log bytes.Buffer
	s := &Server{Log: slog.New(slog.NewJSONHandler(&log, nil)), Now: time.Now, HSTS: true, Peers: Peers{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, ProxyTLS: true}}
	h := s.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _ = answers(w, r) }))
	https := header("X-Forwarded-Proto", "https")
	for name, c := range map[string]struct {
		change []func(*http.Request)
		status int
	}{
		"proxy, https":        {[]func(*http.Request){from("10.0.0.1:1"), https}, 200},
		"proxy, http":         {[]func(*http.Request){from("10.0.0.1:1"), header("X-Forwarded-Proto", "http")}, 400},
		"proxy, silent":       {[]func(*http.Request){from("10.0.0.1:1")}, 400},
		"proxy, two answers":  {[]func(*http.Request){from("10.0.0.1:1"), header("X-Forwarded-Proto", "http"), https}, 400},
		"stranger says https": {[]func(*http.Request){from("203.0.113.9:1"), https}, 400},
		"this machine":        {[]func(*http.Request){from("127.0.0.1:1")}, 200},
	} {
		log.Reset()
		w := ask(h, "GET", "/", c.change...)
		if w.Code != c.status {
			t.Errorf("%s: %d", name, w.Code)
		}
		// The operator finds it in the log, and nobody is told of TLS where there was none.
		id := w.Header().Get("X-Request-Id")
		if w.Code == 400 && (id == "" || !strings.Contains(log.String(), id) || !strings.Contains(log.String(), "no trusted proxy") || w.Header().Get("Strict-Transport-Security") != "") {
			t.Errorf("%s: %v, log %s", name, w.Header(), log.String())
		}
	}
}

func TestAdminTokens(t *testing.T) {
	guarded := func(token string) http.Handler {
		h, _ := mounted(Route{Pattern: "GET /", Style: Problem, Handler: Bearer(token, answers)})
		return h
	}
	bearer := func(v string) func(*http.Request) { return header("Authorization", v) }
	for name, c := range map[string]struct {
		token  string
		change []func(*http.Request)
		status int
	}{
		"right":           {"secret", []func(*http.Request){bearer("Bearer secret")}, 200},
		"wrong":           {"secret", []func(*http.Request){bearer("Bearer secres")}, 401},
		"none":            {"secret", nil, 401},
		"twice":           {"secret", []func(*http.Request){bearer("Bearer secret"), bearer("Bearer secret")}, 401},
		"another scheme":  {"secret", []func(*http.Request){bearer("Basic secret")}, 401},
		"no token is set": {"", []func(*http.Request){bearer("Bearer ")}, 401},
	} {
		w := ask(guarded(c.token), "GET", "/", c.change...)
		if w.Code != c.status || w.Code == 401 && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	local, _ := mounted(Route{Pattern: "GET /", Style: Problem, Handler: Local("secret", answers)})
	for remote, status := range map[string]int{"127.0.0.1:1": 200, "[::1]:1": 200, "203.0.113.9:1": 401, "unknown": 401} {
		if w := ask(local, "GET", "/", from(remote)); w.Code != status {
			t.Errorf("from %s: %d", remote, w.Code)
		}
	}
}

func TestNoRebinding(t *testing.T) {
	var log bytes.Buffer
	web := &Server{Log: slog.New(slog.NewJSONHandler(&log, nil)), Now: time.Now}
	s := httptest.NewServer(web.NoRebinding(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _ = answers(w, r) })))
	defer s.Close()
	port := s.Listener.Addr().(*net.TCPAddr).Port
	for host, status := range map[string]int{"": 200, "localhost": 200, "[::1]:9": 200, "evil.example": 400, "127.0.0.1.evil.example": 400, "localhost.evil.example:80": 400} {
		r, err := http.NewRequest("GET", s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("Host %q at port %d: %d", host, port, resp.StatusCode)
		}
		if id := resp.Header.Get("X-Request-Id"); status == 400 && (id == "" || !strings.Contains(log.String(), id)) {
			t.Errorf("Host %q: request id %q is not in the log", host, id)
		}
	}
}

func TestReadiness(t *testing.T) {
	checks := []Check{{Name: "keys", OK: true}, {Name: "feed", Detail: "stale"}}
	h := &Health{Ready: func() []Check { return checks }}
	mux, _ := mounted(Route{Pattern: "GET /brief", Style: Problem, Handler: h.Brief}, Route{Pattern: "GET /readyz", Style: Problem, Handler: h.Readiness})
	if w := ask(mux, "GET", "/readyz?verbose"); w.Code != 503 || !strings.Contains(w.Body.String(), `"detail":"stale"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(mux, "GET", "/brief?verbose"); w.Code != 503 || strings.Contains(w.Body.String(), "stale") {
		t.Errorf("strangers learn details: %d %s", w.Code, w.Body)
	}
	checks[1].OK = true
	if w := ask(mux, "GET", "/readyz"); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	h.Drain()
	if w := ask(mux, "GET", "/readyz"); w.Code != 503 || !strings.Contains(w.Body.String(), "draining") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
