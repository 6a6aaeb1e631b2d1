package tokensource_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/tokensource"
)

// over builds a Transport over base whose tokens are t1, t2, ...
func over(t *testing.T, m *mint, base http.RoundTripper, origins ...string) *tokensource.Transport {
	t.Helper()
	s, err := tokensource.New(tokensource.Config{Fetch: m.fetch, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	transport, err := tokensource.NewTransport(s, base, origins...)
	if err != nil {
		t.Fatal(err)
	}
	return transport
}

// The header stands on requests to the named origins and on no others.
func TestAttackOrigins(t *testing.T) {
	t.Parallel()
	m := &mint{}
	a := &answers{}
	transport := over(t, m, a, "https://api.example", "https://b.example:8443", "http://127.0.0.1:8080", "https://[2001:db8::1]")
	for address, want := range map[string]string{
		"https://api.example/x?y=z": "Bearer t1", "https://API.example/": "Bearer t1", "https://api.example:443/": "Bearer t1", "https://b.example:8443/": "Bearer t1",
		"http://127.0.0.1:8080/": "Bearer t1", "https://[2001:DB8::1]:443/": "Bearer t1",
		"http://api.example/": "", "https://api.example:8443/": "", "https://api.example.evil.example/": "", "https://evil.example/https://api.example": "",
		"https://b.example/": "", "https://sub.api.example/": "", "https://api.example./": "", "http://127.0.0.1/": "", "http://127.0.0.1:8081/": "",
		"https://evil.example#api.example": "", "https://[2001:db8::1:443]/": "",
	} {
		req, err := http.NewRequest("GET", address, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "api.example" // what a request says of itself decides nothing
		if _, err := transport.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
		sent := a.sent[len(a.sent)-1]
		if got := sent.Header.Get("Authorization"); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
		if req.Header.Get("Authorization") != "" {
			t.Errorf("%s: the caller's request was changed", address)
		}
	}
	// A request that has its own is the caller's affair.
	req, err := http.NewRequest("GET", "https://api.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Basic x")
	if _, err := transport.RoundTrip(req); err != nil || a.sent[len(a.sent)-1].Header.Get("Authorization") != "Basic x" {
		t.Errorf("%v, %v", a.sent[len(a.sent)-1].Header, err)
	}
	req.Header = nil
	if _, err := transport.RoundTrip(req); err != nil || a.sent[len(a.sent)-1].Header.Get("Authorization") != "Bearer t1" {
		t.Errorf("a request without headers: %v", err)
	}
}

// A redirect to another host takes no token with it, over a real network.
func TestAttackRedirectedToken(t *testing.T) {
	t.Parallel()
	var leaked []string
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { leaked = append(leaked, r.Header.Get("Authorization")) }))
	defer thief.Close()
	var seen []string
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, thief.URL, http.StatusFound)
		case "/here":
			http.Redirect(w, r, "/end", http.StatusTemporaryRedirect)
		}
	}))
	defer api.Close()
	client := &http.Client{Transport: over(t, &mint{}, nil, api.URL)}
	for _, path := range []string{"/away", "/here"} {
		resp, err := client.Get(api.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if strings.Join(seen, ",") != "Bearer t1,Bearer t1,Bearer t1" || len(leaked) != 1 || leaked[0] != "" {
		t.Errorf("seen %q, leaked %q", seen, leaked)
	}
}

// A token that is refused is dropped; the request is not sent twice.
func TestRefusedTokenIsDropped(t *testing.T) {
	t.Parallel()
	a := &answers{status: http.StatusUnauthorized}
	transport := over(t, &mint{}, a, "https://api.example")
	for i, want := range []string{"Bearer t1", "Bearer t2", "Bearer t3", "Bearer t3"} {
		if i >= 2 {
			a.status = http.StatusForbidden // which is no fault of the token's
		}
		req, err := http.NewRequest("POST", "https://api.example/", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := transport.RoundTrip(req); err != nil || len(a.sent) != i+1 || a.sent[i].Header.Get("Authorization") != want || a.form[i] != "x" {
			t.Errorf("%d: %v, %v", i, a.sent[i].Header, err)
		}
	}
}

type body struct {
	io.Reader
	closed bool
}

func (b *body) Close() error { b.closed = true; return nil }

// Without a token nothing is sent.
func TestNoTokenNoRequest(t *testing.T) {
	t.Parallel()
	m, a := &mint{}, &answers{}
	m.fails(errors.New("down"))
	transport := over(t, m, a, "https://api.example")
	b := &body{Reader: strings.NewReader("x")}
	req, err := http.NewRequestWithContext(context.Background(), "POST", "https://api.example/", b)
	if err != nil {
		t.Fatal(err)
	}
	_, err = transport.RoundTrip(req)
	wants(t, "down", err, jose.TokenUnavailable)
	if len(a.sent) != 0 || !b.closed {
		t.Errorf("%d sent, body closed %v", len(a.sent), b.closed)
	}
}

func TestTransportRefuses(t *testing.T) {
	t.Parallel()
	s, err := tokensource.New(tokensource.Config{Fetch: (&mint{}).fetch, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	_, err = tokensource.NewTransport(nil, nil, "https://api.example")
	wants(t, "no source", err, jose.PolicyInvalid)
	_, err = tokensource.NewTransport(s, nil)
	wants(t, "no origin", err, jose.PolicyInvalid)
	for _, origin := range []string{"", "api.example", "https://", "https:api.example", "//api.example", "http://api.example", "https://api.example/", "https://api.example/v1",
		"https://api.example?a", "https://api.example?", "https://api.example#a", "https://u@api.example", "https://u:s3cr3t@api.example", "https://u:s3cr3t @api.example", "https://api.example:", "ftp://api.example", "https://a b", "*"} {
		_, err := tokensource.NewTransport(s, nil, "https://ok.example", origin)
		wants(t, origin, err, jose.PolicyInvalid)
		if strings.Contains(fmt.Sprint(err), "s3cr3t") {
			t.Errorf("the error tells a password: %v", err)
		}
	}
}
