package edge

import (
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// A holder is a client with a key of its own.
type holder struct {
	w      *world
	signer *jwt.DPoPSigner
}

func newHolder(w *world) *holder { return newHolderOf(w, jwk.ES256) }

func newHolderOf(w *world, a jwk.Algorithm) *holder {
	w.t.Helper()
	k, err := jwk.Generate(a, "")
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := jwt.NewDPoPSigner(k, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	return &holder{w, s}
}

func (h *holder) token(change map[string]any) string {
	c := map[string]any{"cnf": map[string]any{"jkt": h.signer.Thumbprint()}}
	for k, v := range change {
		c[k] = v
	}
	return h.w.a.token(c)
}

func (h *holder) proof(target jwt.DPoPTarget) string {
	h.w.t.Helper()
	if target.Method == "" {
		target.Method = "GET"
	}
	if target.URL == "" {
		target.URL = "http://edge.example/api/x"
	}
	p, err := h.signer.Proof(target)
	if err != nil {
		h.w.t.Fatal(err)
	}
	return "DPoP: " + p + "\r\n"
}

// What clients sign with in browsers is taken where nothing else is configured, Ed25519
// under either name (RFC 9864 2.2).
func TestDPoPAlgorithms(t *testing.T) {
	t.Parallel()
	w := build(t, withDPoP(config.EdgeDPoP{}))
	for _, name := range []jwk.Algorithm{jwk.ES256, jwk.EdDSA, jwk.Ed25519} {
		h := newHolderOf(w, name)
		token := h.token(map[string]any{"jti": string(name)})
		if a := w.get("/api/x", "Authorization: DPoP "+token+"\r\n"+h.proof(jwt.DPoPTarget{AccessToken: token})); a.status != 200 {
			t.Error(name, a)
		}
	}
}

func withDPoP(c config.EdgeDPoP) func(*world, *config.Edge) {
	if c.Origins == nil {
		c.Origins = []string{"http://edge.example"}
	}
	return func(_ *world, e *config.Edge) { e.DPoP = &c }
}

// A token that is bound to a key passes with a proof of that key for this very
// request, and in no other way (RFC 9449 4.3, 7.1, 7.2).
func TestDPoP(t *testing.T) {
	t.Parallel()
	w := build(t, withDPoP(config.EdgeDPoP{}), optional)
	h, thief := newHolder(w), newHolder(w)
	token := h.token(nil)
	auth := "Authorization: DPoP " + token + "\r\n"
	at := jwt.DPoPTarget{AccessToken: token}
	for range 2 { // the second answer is from the cache, with a proof of its own
		if a := w.get("/api/x?q=1", auth+h.proof(at)); a.status != 200 || w.origin.last.Load().Header.Get("DPoP") != "" || w.origin.last.Load().Header.Get("X-User") != "usr_1" {
			t.Fatal(a, w.origin.last.Load().Header)
		}
	}
	spent := h.proof(at)
	if a := w.get("/api/x", auth+spent); a.status != 200 {
		t.Fatal(a)
	}
	old := h.proof(at)
	w.forward(2 * time.Minute)
	token = h.token(nil)
	auth, at = "Authorization: DPoP "+token+"\r\n", jwt.DPoPTarget{AccessToken: token}
	fresh := h.proof(at)
	if a := w.get("/api/x", auth+fresh); a.status != 200 {
		t.Fatal(a)
	}
	if err := w.edge.Reload(w.config); err != nil {
		t.Fatal(err)
	}
	hits := w.origin.hits.Load()
	for name, c := range map[string]struct {
		headers, code, challenge string
	}{
		"no proof":          {auth, "credential_missing", "invalid_dpop_proof"},
		"two proofs":        {auth + h.proof(at) + h.proof(at), "credential_repeated", ""},
		"again":             {auth + fresh, "token_replayed", "invalid_dpop_proof"},
		"too old":           {auth + old, "token_expired", "invalid_dpop_proof"},
		"of another key":    {auth + thief.proof(at), "sender_mismatch", "invalid_dpop_proof"},
		"another method":    {auth + h.proof(jwt.DPoPTarget{AccessToken: token, Method: "POST"}), "claim_mismatch", "invalid_dpop_proof"},
		"another address":   {auth + h.proof(jwt.DPoPTarget{AccessToken: token, URL: "http://edge.example/api/y"}), "claim_mismatch", "invalid_dpop_proof"},
		"another host":      {auth + h.proof(jwt.DPoPTarget{AccessToken: token, URL: "http://other.example/api/x"}), "claim_mismatch", "invalid_dpop_proof"},
		"another scheme":    {auth + h.proof(jwt.DPoPTarget{AccessToken: token, URL: "https://edge.example/api/x"}), "claim_mismatch", "invalid_dpop_proof"},
		"another token":     {auth + h.proof(jwt.DPoPTarget{AccessToken: h.token(map[string]any{"jti": "k"})}), "claim_mismatch", "invalid_dpop_proof"},
		"no token in proof": {auth + h.proof(jwt.DPoPTarget{}), "claim_missing", "invalid_dpop_proof"},
		"no proof at all":   {auth + "DPoP: " + token + "\r\n", "type_mismatch", "invalid_dpop_proof"},
		"as Bearer":         {"Authorization: Bearer " + token + "\r\n" + h.proof(at), "sender_proof_unchecked", "DPoP algs=\"ES256 EdDSA Ed25519\""},
		"not bound":         {"Authorization: DPoP " + w.a.token(nil) + "\r\n" + h.proof(at), "sender_mismatch", "invalid_token"},
		"bound twice":       {"Authorization: DPoP " + h.token(map[string]any{"cnf": map[string]any{"jkt": h.signer.Thumbprint(), "x5t#S256": "x"}}) + "\r\n" + h.proof(at), "sender_proof_unchecked", "invalid_token"},
		"bound to more":     {"Authorization: DPoP " + h.token(map[string]any{"cnf": map[string]any{"jkt": h.signer.Thumbprint(), "kid": h.signer.Thumbprint()}}) + "\r\n" + h.proof(at), "sender_proof_unchecked", "invalid_token"},
		"nobody":            {"", "credential_missing", "DPoP algs=\"ES256 EdDSA Ed25519\""},
		"two tokens":        {"Authorization: DPoP " + token + ", Bearer " + token + "\r\n" + h.proof(at), "credential_repeated", ""},
	} {
		a := w.get("/api/x", c.headers)
		if a.code() != c.code || !strings.Contains(strings.Join(a.header["Www-Authenticate"], "\n"), c.challenge) || w.origin.hits.Load() != hits {
			t.Errorf("%s: %s %v", name, a, a.header["Www-Authenticate"])
		}
	}
	// What the issuer signed without a key is a bearer's still.
	if a := w.get("/api/x", w.bearer(nil)); a.status != 200 {
		t.Error(a)
	}
}

// Without proofs the scheme is none, and a bound token is refused as ever.
func TestDPoPIsOff(t *testing.T) {
	t.Parallel()
	w := build(t)
	h := newHolder(w)
	token := h.token(nil)
	for headers, code := range map[string]string{
		"Authorization: DPoP " + token + "\r\n" + h.proof(jwt.DPoPTarget{AccessToken: token}): "credential_missing",
		"Authorization: Bearer " + token + "\r\n":                                             "sender_proof_unchecked",
	} {
		if a := w.get("/api/x", headers); a.code() != code || len(a.header["Www-Authenticate"]) != 1 {
			t.Error(a, a.header)
		}
	}
}

// A nonce is demanded, given out, and good for a few minutes (RFC 9449 9).
func TestDPoPNonces(t *testing.T) {
	t.Parallel()
	w := build(t, withDPoP(config.EdgeDPoP{Nonces: true}))
	h := newHolder(w)
	token := h.token(map[string]any{"exp": w.now().Add(time.Hour).Unix()})
	auth := "Authorization: DPoP " + token + "\r\n"
	a := w.get("/api/x", auth+h.proof(jwt.DPoPTarget{AccessToken: token}))
	nonce := a.header.Get("DPoP-Nonce")
	if a.code() != "nonce_mismatch" || nonce == "" || !strings.Contains(a.header.Get("WWW-Authenticate"), `error="use_dpop_nonce"`) {
		t.Fatal(a, a.header)
	}
	with := func(n string) answer {
		return w.get("/api/x", auth+h.proof(jwt.DPoPTarget{AccessToken: token, Nonce: n}))
	}
	if a := with(nonce); a.status != 200 {
		t.Error(a)
	}
	if a := with("x"); a.code() != "nonce_mismatch" {
		t.Error(a)
	}
	w.forward(nonceWindow)
	if a := with(nonce); a.status != 200 {
		t.Error("one window later:", a)
	}
	w.forward(nonceWindow)
	if a := with(nonce); a.code() != "nonce_mismatch" || a.header.Get("DPoP-Nonce") == nonce {
		t.Error("two windows later:", a)
	}
}

// A memory that is full refuses: what it forgot could come again.
func TestDPoPMemoryIsBounded(t *testing.T) {
	t.Parallel()
	w := build(t, withDPoP(config.EdgeDPoP{Remember: 2}))
	h := newHolder(w)
	token := h.token(nil)
	for n := range 3 {
		a := w.get("/api/x", "Authorization: DPoP "+token+"\r\n"+h.proof(jwt.DPoPTarget{AccessToken: token}))
		if want := []int{200, 200, 503}[n]; a.status != want {
			t.Errorf("%d: %s", n, a)
		}
	}
}

func TestDPoPIsRefused(t *testing.T) {
	t.Parallel()
	w := build(t)
	for _, d := range []config.EdgeDPoP{{Algorithms: []string{"HS256"}}, {Algorithms: []string{"none"}}, {MaxAge: time.Hour}, {MaxAge: -1}, {Leeway: time.Hour}, {Remember: -1}} {
		c := w.config
		c.DPoP = &d
		if err := w.edge.Reload(c); err == nil || !strings.Contains(err.Error(), "edge.dpop") {
			t.Errorf("%+v: %v", d, err)
		}
	}
}

// A proof that was used is not accepted again because the policy of proofs changed.
func TestDPoPPolicyReloadForgetsNoProof(t *testing.T) {
	t.Parallel()
	w := build(t, withDPoP(config.EdgeDPoP{}))
	h := newHolder(w)
	token := h.token(nil)
	used := "Authorization: DPoP " + token + "\r\n" + h.proof(jwt.DPoPTarget{AccessToken: token})
	if a := w.get("/api/x", used); a.status != 200 {
		t.Fatal(a)
	}
	for _, d := range []config.EdgeDPoP{{Leeway: 10 * time.Second}, {MaxAge: 2 * time.Minute}, {Algorithms: []string{"ES256"}}} {
		c := w.config
		d.Origins = w.config.DPoP.Origins
		c.DPoP = &d
		if err := w.edge.Reload(c); err != nil {
			t.Fatal(err)
		}
		if a := w.get("/api/x", used); a.code() != string(reason.TokenReplayed) {
			t.Errorf("%+v: %s", d, a)
		}
	}
}
