package bearer_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose/bearer"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// withDPoP has the house take bound tokens, with nonces where they are wanted.
func withDPoP(t *testing.T, nonces bool) *house {
	t.Helper()
	h := newHouse(t)
	clock := func() time.Time { return now }
	memory, err := jwt.NewMemoryReplay(100, clock)
	if err != nil {
		t.Fatal(err)
	}
	algorithms := []jwk.Algorithm{jwk.ES256}
	h.options.DPoP = &bearer.DPoP{Origin: "https://api.example", Algorithms: algorithms}
	if nonces {
		h.options.DPoP.Clock = clock
		if h.options.DPoP.Nonces, err = jwt.NewDPoPNonces(time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	h.options.DPoP.Verifier, err = jwt.NewDPoPVerifier(jwt.DPoPPolicy{Algorithms: algorithms, MaxAge: time.Minute, Clock: clock, Replay: memory, SkipNonce: !nonces})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func newSigner(t *testing.T) *jwt.DPoPSigner {
	t.Helper()
	key, err := jwk.Generate(jwk.ES256, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := jwt.NewDPoPSigner(key, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// prove sends a request with a token and these proofs.
func (h *house) prove(scheme, token string, proofs ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/orders?x=1", nil)
	r.Host = "evil.example" // a Host says nothing
	r.Header.Set("Authorization", scheme+" "+token)
	for _, p := range proofs {
		r.Header.Add("DPoP", p)
	}
	return h.do(r)
}

// RFC 9449 4.3, 7.1, 7.2.
func TestDPoP(t *testing.T) {
	h := withDPoP(t, false)
	s, thief := newSigner(t), newSigner(t)
	bound := h.token(`,"cnf":{"jkt":"` + s.Thumbprint() + `"}`)
	proof := func(s *jwt.DPoPSigner, method, url, token string) string {
		text, err := s.Proof(jwt.DPoPTarget{Method: method, URL: url, AccessToken: token})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	good := func() string { return proof(s, "GET", "https://api.example/orders", bound) }
	once := good()
	if w := h.prove("dpop", bound, once); w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	for name, c := range map[string]struct {
		scheme, token string
		proofs        []string
		error         string
	}{
		"again":              {"DPoP", bound, []string{once}, "invalid_dpop_proof"},
		"none":               {"DPoP", bound, nil, "invalid_dpop_proof"},
		"two":                {"DPoP", bound, []string{good(), good()}, "invalid_dpop_proof"},
		"another key":        {"DPoP", bound, []string{proof(thief, "GET", "https://api.example/orders", bound)}, "invalid_dpop_proof"},
		"another method":     {"DPoP", bound, []string{proof(s, "POST", "https://api.example/orders", bound)}, "invalid_dpop_proof"},
		"another path":       {"DPoP", bound, []string{proof(s, "GET", "https://api.example/other", bound)}, "invalid_dpop_proof"},
		"the Host":           {"DPoP", bound, []string{proof(s, "GET", "https://evil.example/orders", bound)}, "invalid_dpop_proof"},
		"another token":      {"DPoP", bound, []string{proof(s, "GET", "https://api.example/orders", "x")}, "invalid_dpop_proof"},
		"a downgrade":        {"Bearer", bound, []string{good()}, "invalid_token"},
		"a bearer's token":   {"DPoP", h.token(""), []string{good()}, "invalid_token"},
		"a certificate, too": {"DPoP", h.token(`,"cnf":{"jkt":"` + s.Thumbprint() + `","x5t#S256":"` + s.Thumbprint() + `"}`), nil, ""},
	} {
		if c.proofs == nil && c.error == "" {
			c.proofs, c.error = []string{proof(s, "GET", "https://api.example/orders", c.token)}, "invalid_token"
		}
		w := h.prove(c.scheme, c.token, c.proofs...)
		challenges := w.Header().Values("WWW-Authenticate")
		last := challenges[len(challenges)-1]
		if w.Code != 401 || !strings.HasPrefix(last, `DPoP algs="ES256", error="`+c.error+`"`) || (len(challenges) == 1) != (c.error == "invalid_dpop_proof") {
			t.Errorf("%s: %d %q", name, w.Code, challenges)
		}
	}
	if w := h.call(); len(w.Header().Values("WWW-Authenticate")) != 2 || strings.Contains(w.Header().Get("WWW-Authenticate"), "error") {
		t.Errorf("no credential: %v", w.Header())
	}
	if w := h.prove("Bearer", h.token("")); w.Code != 200 {
		t.Error("a bearer's token:", w.Code)
	}
}

// What path a stranger asks for is never the operator's fault, and a path that
// browsers send as it is has proofs like every other.
func TestDPoPPaths(t *testing.T) {
	h := withDPoP(t, false)
	s := newSigner(t)
	bound := h.token(`,"cnf":{"jkt":"` + s.Thumbprint() + `"}`)
	ask := func(target, htu string) int {
		t.Helper()
		text, err := s.Proof(jwt.DPoPTarget{Method: "OPTIONS", URL: "https://api.example" + htu, AccessToken: bound})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("OPTIONS", target, nil)
		r.Header.Set("Authorization", "DPoP "+bound)
		r.Header.Set("DPoP", text)
		return h.do(r).Code
	}
	for _, path := range []string{"/items[1]", "/a|b", "/a^b", "/%7Bx%7d", "/a;b=(1)"} {
		if code := ask(path, path); code != 200 {
			t.Errorf("%s: %d", path, code)
		}
	}
	if code := ask("/items[1]", "/items%5B1%5D"); code != 200 {
		t.Error("a client that escapes:", code)
	}
	for _, target := range []string{"/" + strings.Repeat("x", 5000), "/a\\b", "/\u00e4", "*", "/items[2]"} {
		if code := ask(target, "/items[1]"); code != 401 {
			t.Errorf("%.20s: %d", target, code)
		}
	}
}

// RFC 9449 8.2, 9.
func TestDPoPNonce(t *testing.T) {
	h := withDPoP(t, true)
	s := newSigner(t)
	bound := h.token(`,"cnf":{"jkt":"` + s.Thumbprint() + `"}`)
	ask := func(nonce string) *httptest.ResponseRecorder {
		text, err := s.Proof(jwt.DPoPTarget{Method: "GET", URL: "https://api.example/orders", AccessToken: bound, Nonce: nonce})
		if err != nil {
			t.Fatal(err)
		}
		return h.prove("DPoP", bound, text)
	}
	first := ask("")
	if got := first.Header().Get("WWW-Authenticate"); first.Code != 401 || !strings.Contains(got, `error="use_dpop_nonce"`) {
		t.Fatal(first.Code, got)
	}
	if w := ask(first.Header().Get("DPoP-Nonce")); w.Code != 200 || w.Header().Get("DPoP-Nonce") == "" || w.Header().Get("Cache-Control") != "no-store" {
		t.Error(w.Code, w.Header())
	}
}

// A DPoP that leaves something unsaid is a mistake of the program.
func TestDPoPIsComplete(t *testing.T) {
	for name, change := range map[string]func(*bearer.DPoP){
		"no verifier": func(d *bearer.DPoP) { d.Verifier = nil }, "no origin": func(d *bearer.DPoP) { d.Origin = "" }, "an origin with a path": func(d *bearer.DPoP) { d.Origin += "/" },
		"no algorithms": func(d *bearer.DPoP) { d.Algorithms = nil }, "no clock": func(d *bearer.DPoP) { d.Clock = nil },
	} {
		h := withDPoP(t, true)
		change(h.options.DPoP)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is accepted", name)
				}
			}()
			bearer.Middleware(h.verifier, h.options)
		}()
	}
}
