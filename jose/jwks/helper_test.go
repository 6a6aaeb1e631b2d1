package jwks_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
)

const (
	issuer = "https://issuer.example"
	keysAt = issuer + "/keys"
)

// A page is one answer of the world outside.
type page struct {
	status int // 0 means 200
	header http.Header
	body   string
}

// world is an http.RoundTripper: the pages by address, and what was asked for.
type world struct {
	mu    sync.Mutex
	pages map[string]page
	asked []*http.Request
	gate  chan struct{} // when not nil, answers wait for it to be closed
	err   error         // when not nil, every request fails with it
}

func (w *world) RoundTrip(req *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.asked = append(w.asked, req)
	p, ok := w.pages[req.URL.String()]
	gate, err := w.gate, w.err
	w.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	if err != nil {
		return nil, err
	}
	if !ok {
		p.status = http.StatusNotFound
	}
	if p.status == 0 {
		p.status = http.StatusOK
	}
	if p.header == nil {
		p.header = http.Header{}
	}
	return &http.Response{StatusCode: p.status, Header: p.header, Body: io.NopCloser(strings.NewReader(p.body)), Request: req}, nil
}

// set puts a page at an address.
func (w *world) set(address string, p page) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pages == nil {
		w.pages = map[string]page{}
	}
	w.pages[address] = p
}

func (w *world) fails(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
}

// close makes requests wait until the returned function is called.
func (w *world) close() (open func()) {
	gate := make(chan struct{})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gate = gate
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.gate = nil
		close(gate)
	}
}

// count is how many requests there were for an address.
func (w *world) count(address string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, req := range w.asked {
		if req.URL.String() == address {
			n++
		}
	}
	return n
}

func generate(t testing.TB, kid string) *jwk.Key {
	t.Helper()
	k, err := jwk.Generate(jwk.ES256, kid)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// publish writes the set of the public halves.
func publish(t testing.TB, keys ...*jwk.Key) string {
	t.Helper()
	s, err := jwk.NewSet(keys...)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// remote builds a Remote of the set at keysAt; change may alter its Config.
func remote(t testing.TB, w *world, change func(*jwks.Config)) *jwks.Remote {
	t.Helper()
	c := jwks.Config{URL: keysAt, Algorithms: []jwk.Algorithm{jwk.ES256}, Client: &http.Client{Transport: w}, Clock: time.Now}
	if change != nil {
		change(&c)
	}
	r, err := jwks.NewRemote(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// has reports whether the Remote answers with a key for the kid.
func has(t testing.TB, r *jwks.Remote, kid string) bool {
	t.Helper()
	keys, err := r.Lookup(t.Context(), kid, jwk.ES256)
	return err == nil && len(keys) == 1 && keys[0].KeyID() == kid
}

func wants(t testing.TB, err error, reason jose.Reason) {
	t.Helper()
	if !errors.Is(err, reason) {
		t.Errorf("got %v, want %s", err, reason)
	}
}

func metadata(issuer, uri string) page {
	return page{body: fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q,"response_types_supported":["code"]}`, issuer, uri)}
}
