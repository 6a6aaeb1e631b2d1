package bearer_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/bearer"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

var now = time.Unix(1700000000, 0)

type claims struct {
	ClientID string `json:"client_id"`
}

// house is a resource with its verifier, and who may sign for it.
type house struct {
	t        *testing.T
	options  bearer.Options
	signer   *jwt.Signer
	verifier *jwt.Verifier[claims]
	rejected []error
}

func newHouse(t *testing.T) *house {
	t.Helper()
	key, err := jwk.Generate(jwk.HS256, "k")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t}
	if h.signer, err = jwt.NewSigner(key, jwt.SignerOptions{Type: "at+jwt"}); err != nil {
		t.Fatal(err)
	}
	h.verifier, err = jwt.NewVerifier[claims](key, jwt.Policy{
		Issuers: []string{"https://issuer.example"}, Audiences: []string{"https://api.example"}, Algorithms: []jwk.Algorithm{jwk.HS256},
		Type: "at+jwt", MaxLifetime: time.Hour, Clock: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	h.options.OnReject = func(_ *http.Request, err error) { h.rejected = append(h.rejected, err) }
	return h
}

// token signs the usual claims, and more, such as `,"scope":"read"`.
func (h *house) token(more string) string {
	h.t.Helper()
	token, err := h.signer.Sign([]byte(`{"iss":"https://issuer.example","aud":"https://api.example","sub":"alice","client_id":"web","iat":1699999990,"exp":1700000100` + more + `}`))
	if err != nil {
		h.t.Fatal(err)
	}
	return token
}

// call sends a request with these Authorization headers.
func (h *house) call(headers ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	req := httptest.NewRequest("GET", "/", nil)
	for _, value := range headers {
		req.Header.Add("Authorization", value)
	}
	return h.do(req)
}

func (h *house) do(req *http.Request) *httptest.ResponseRecorder {
	h.t.Helper()
	w := httptest.NewRecorder()
	bearer.Middleware(h.verifier, h.options)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t, ok := bearer.FromContext[claims](r.Context())
		if !ok {
			h.t.Error("no identity in the context")
			return
		}
		_, _ = w.Write([]byte(t.Subject + " by " + t.Claims.ClientID))
	})).ServeHTTP(w, req)
	return w
}

func TestIdentityIsTyped(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if w := h.call("Bearer " + h.token("")); w.Code != 200 || w.Body.String() != "alice by web" || w.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	if _, ok := bearer.FromContext[struct{}](context.Background()); ok {
		t.Error("an identity from nowhere")
	}
	// Another type of claims is another identity.
	ctx := bearer.NewContext(context.Background(), &jwt.Token[claims]{})
	if _, ok := bearer.FromContext[struct{}](ctx); ok {
		t.Error("an identity under another type")
	}
	if _, ok := bearer.FromContext[claims](ctx); !ok {
		t.Error("no identity")
	}
}

// The table of RFC 6750 3 and 3.1: what is asked, and what is answered.
func TestChallenges(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	good, bound := h.token(`,"scope":"read"`), h.token(`,"cnf":{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`)
	expired := strings.Replace(good, ".", ".X", 1)
	for _, c := range []struct {
		name      string
		headers   []string
		status    int
		challenge string
	}{
		{"nothing", nil, 401, `Bearer realm="api"`},
		{"another scheme", []string{"Basic YTpi"}, 401, `Bearer realm="api"`},
		{"another scheme with the name as a prefix", []string{"BearerX " + good}, 401, `Bearer realm="api"`},
		{"a folded name", []string{"\u212aearer " + good}, 401, `Bearer realm="api"`},
		{"two headers", []string{"Bearer " + good, "Bearer " + good}, 400, `Bearer realm="api", error="invalid_request", error_description="credential_repeated"`},
		{"two headers of two schemes", []string{"Basic YTpi", "Bearer " + good}, 400, `Bearer realm="api", error="invalid_request", error_description="credential_repeated"`},
		{"two in one header", []string{"Bearer " + good + ", Bearer " + good}, 400, `Bearer realm="api", error="invalid_request", error_description="credential_repeated"`},
		{"two schemes in one header", []string{"Basic YTpi, Bearer " + good}, 400, `Bearer realm="api", error="invalid_request", error_description="credential_repeated"`},
		{"no token", []string{"Bearer"}, 401, `Bearer realm="api", error="invalid_token", error_description="credential_malformed"`},
		{"blanks for a token", []string{"Bearer  "}, 401, `Bearer realm="api", error="invalid_token", error_description="credential_malformed"`},
		{"two words", []string{"Bearer " + good + " " + good}, 401, `Bearer realm="api", error="invalid_token", error_description="credential_malformed"`},
		{"no b64token", []string{`Bearer "` + good + `"`}, 401, `Bearer realm="api", error="invalid_token", error_description="credential_malformed"`},
		{"no token but a b64token", []string{"Bearer abc"}, 401, `Bearer realm="api", error="invalid_token", error_description="token_malformed"`},
		{"padding is b64token, and no JWT", []string{"Bearer " + good + "=="}, 401, `Bearer realm="api", error="invalid_token", error_description="token_malformed"`},
		{"a changed token", []string{"Bearer " + expired}, 401, `Bearer realm="api", error="invalid_token", error_description="signature_invalid"`},
		{"oversize", []string{"Bearer " + strings.Repeat("a", 9000)}, 401, `Bearer realm="api", error="invalid_token", error_description="token_oversize"`},
		{"bound to a key", []string{"Bearer " + bound}, 401, `Bearer realm="api", error="invalid_token", error_description="sender_proof_unchecked"`},
	} {
		h.options.Realm, h.rejected = "api", nil
		w := h.call(c.headers...)
		if got := w.Header().Get("WWW-Authenticate"); w.Code != c.status || got != c.challenge {
			t.Errorf("%s: %d %s, want %d %s", c.name, w.Code, got, c.status, c.challenge)
		}
		if len(h.rejected) != 1 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: rejections %v, %v", c.name, h.rejected, w.Header())
		}
		for _, secret := range append(strings.Split(good, "."), strings.Split(bound, ".")...) {
			if strings.Contains(w.Body.String(), secret) || strings.Contains(h.rejected[0].Error(), secret) {
				t.Errorf("%s: a part of the token is told: %s", c.name, w.Body)
			}
		}
	}
}

func TestSchemeIsCaseInsensitive(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, header := range []string{"bearer ", "BEARER ", "bEaReR    "} {
		if w := h.call(header + h.token("")); w.Code != 200 {
			t.Errorf("%q: %d %s", header, w.Code, w.Body)
		}
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.options.Scopes = []string{"read", "write"}
	for scope, status := range map[string]int{
		``: 403, `,"scope":""`: 403, `,"scope":"read"`: 403, `,"scope":"READ WRITE"`: 403, `,"scope":"read,write"`: 403, `,"scope":"readwrite"`: 403,
		`,"scope":"write x read"`: 200, `,"scope":["read","write"]`: 401, `,"Scope":"read write"`: 403,
	} {
		w := h.call("Bearer " + h.token(scope))
		if w.Code != status {
			t.Errorf("%s: %d, want %d", scope, w.Code, status)
		}
		want := `Bearer error="insufficient_scope", error_description="scope_missing", scope="read write"`
		if got := w.Header().Get("WWW-Authenticate"); status == 403 && got != want {
			t.Errorf("%s: %s", scope, got)
		}
	}
}

// A scope that was to be configured and is the empty string lets nobody in, with
// or without a scope of their own.
func TestEmptyScope(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, scopes := range [][]string{{""}, {"read", ""}} {
		h.options.Scopes = scopes
		for _, scope := range []string{"", `,"scope":""`, `,"scope":"read"`, `,"scope":"read "`} {
			if w := h.call("Bearer " + h.token(scope)); w.Code != 500 {
				t.Errorf("%q of %q: %d", scopes, scope, w.Code)
			}
		}
	}
}

// What is bound to something that nobody checks is refused (RFC 7800 3, RFC 8705 3).
func TestBoundTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	mine, other := &x509.Certificate{Raw: []byte("mine")}, &x509.Certificate{Raw: []byte("another's")}
	x5t := func(c *x509.Certificate) string {
		sum := sha256.Sum256(c.Raw)
		return `"x5t#S256":"` + base64.RawURLEncoding.EncodeToString(sum[:]) + `"`
	}
	const key = `"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"`
	show := func(c *x509.Certificate) func(*http.Request) *x509.Certificate {
		return func(*http.Request) *x509.Certificate { return c }
	}
	for name, c := range map[string]struct {
		cnf         string
		certificate func(*http.Request) *x509.Certificate
		want        jose.Reason
	}{
		"a certificate":                {x5t(mine), show(mine), ""},
		"another certificate":          {x5t(mine), show(other), jose.SenderMismatch},
		"none shown":                   {x5t(mine), show(nil), jose.SenderMismatch},
		"an empty one":                 {x5t(new(x509.Certificate)), show(new(x509.Certificate)), jose.SenderMismatch},
		"nobody looks at certificates": {x5t(mine), nil, jose.SenderProofUnchecked},
		"a key":                        {key, show(mine), jose.SenderProofUnchecked},
		"a certificate and a key":      {x5t(mine) + "," + key, show(mine), jose.SenderProofUnchecked},
		"a certificate and more":       {x5t(mine) + `,"jwk":{}`, show(mine), jose.SenderProofUnchecked},
		"nothing":                      {"", show(mine), jose.SenderProofUnchecked},
		"something else":               {`"kid":"x"`, show(mine), jose.SenderProofUnchecked},
		"no thumbprint":                {`"x5t#S256":"x"`, show(mine), jose.ClaimsInvalid},
	} {
		h.options.Certificate, h.rejected = c.certificate, nil
		w := h.call("Bearer " + h.token(`,"cnf":{`+c.cnf+`}`))
		if c.want == "" && w.Code == 200 {
			continue
		}
		if w.Code != 401 || len(h.rejected) != 1 || !errors.Is(h.rejected[0], c.want) {
			t.Errorf("%s: %d %v", name, w.Code, h.rejected)
		}
	}
}

// The certificate is the client's own, of the connection, whatever the request says.
func TestPeerCertificate(t *testing.T) {
	t.Parallel()
	leaf, ca := new(x509.Certificate), new(x509.Certificate)
	for name, c := range map[string]struct {
		state *tls.ConnectionState
		want  *x509.Certificate
	}{
		"no TLS": {nil, nil}, "no certificate": {new(tls.ConnectionState), nil},
		"a chain": {&tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf, ca}}, leaf},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.TLS = c.state
		if got := bearer.PeerCertificate(r); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A second credential, wherever RFC 6750 2 lets one stand, is refused, and one
// that stands only there is never used (RFC 9700 4.3.2).
func TestCredentialsElsewhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	good := h.token("")
	for _, query := range []string{"access_token=" + good, "a=b&access_token=", "%61ccess%5Ftoken=x"} {
		req := httptest.NewRequest("GET", "/?"+query, nil)
		if w := h.do(req); w.Code != 401 {
			t.Errorf("%s alone: %d", query, w.Code)
		}
		req.Header.Set("Authorization", "Bearer "+good)
		if w := h.do(req); w.Code != 400 {
			t.Errorf("%s beside a header: %d", query, w.Code)
		}
	}
	req := httptest.NewRequest("POST", "/", strings.NewReader("access_token="+good))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := req.ParseForm(); err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+good)
	if w := h.do(req); w.Code != 400 {
		t.Errorf("in a form beside a header: %d", w.Code)
	}
	req = httptest.NewRequest("GET", "/?my_token=x&access-token=y", nil)
	req.Header.Set("Authorization", "Bearer "+good)
	if w := h.do(req); w.Code != 200 {
		t.Errorf("parameters of other names: %d", w.Code)
	}
}

func TestChallengeQuotes(t *testing.T) {
	t.Parallel()
	o := bearer.Options{
		Realm: "a \"quoted\" \\ realm\r\nSet-Cookie: x=1\x00\u00e9", Scopes: []string{"read", "w\"rite"},
		ResourceMetadata: "https://api.example/.well-known/oauth-protected-resource",
	}
	want := `Bearer realm="a \"quoted\" \\ realmSet-Cookie: x=1", error="invalid_token", error_description="token_expired", ` +
		`scope="read w\"rite", resource_metadata="https://api.example/.well-known/oauth-protected-resource"`
	if got := o.Challenge("invalid_token", jose.TokenExpired); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := new(bearer.Options).Challenge("", jose.CredentialMissing); got != "Bearer" {
		t.Errorf("got %s", got)
	}
}

// Every reason of the list has the status that RFC 6750 3.1 gives it, or 5xx
// when the client is not to blame; nothing is ever answered with a success.
func TestClassifyKnowsEveryReason(t *testing.T) {
	t.Parallel()
	for _, reason := range jose.Reasons() {
		status, code := bearer.Classify(jose.NewError(reason, "", nil))
		want := 401
		switch reason {
		case jose.CredentialRepeated:
			want = 400
		case jose.KeysUnavailable, jose.KeySetInvalid, jose.StoreUnavailable, jose.TokenUnavailable:
			want = 503
		case jose.PolicyInvalid:
			want = 500
		}
		if status != want || (code == "") != (reason == jose.CredentialMissing) {
			t.Errorf("%s: %d %q, want %d", reason, status, code, want)
		}
	}
	if status, code := bearer.Classify(errors.New("a stranger")); status != 500 || code != "server_error" {
		t.Errorf("an unlisted error: %d %s", status, code)
	}
}

// down is a key source that cannot answer.
type down struct{}

func (down) Lookup(context.Context, string, jwk.Algorithm) ([]*jwk.Key, error) {
	return nil, jose.NewError(jose.KeysUnavailable, "no usable keys", nil)
}
func (down) Generation() uint64 { return 0 }

// Without keys nobody is let in, and nobody is told that the token is at fault.
func TestKeysUnavailable(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v, err := jwt.NewVerifier[claims](down{}, jwt.Policy{SkipIssuer: true, SkipAudience: true, SkipType: true, SkipLifetime: true,
		Algorithms: []jwk.Algorithm{jwk.HS256}, Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	h.verifier = v
	w := h.call("Bearer " + h.token(""))
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || w.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestMiddlewareWantsAVerifier(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a middleware without a verifier was built")
		}
	}()
	bearer.Middleware[claims](nil, bearer.Options{})
}

// FuzzFromRequest: what comes out is one b64token that stood in the header, or
// one of three reasons.
func FuzzFromRequest(f *testing.F) {
	for _, seed := range []string{"Bearer abc", "bearer  a.b.c", "Bearer", "Basic x, Bearer y", "Bearer a,b", "Bearer a b", "Bearer =", "\tBearer a", "Bearer a\x00"} {
		f.Add(seed, "access_token=x")
		f.Add(seed, "")
	}
	f.Fuzz(func(t *testing.T, header, query string) {
		req := httptest.NewRequest("GET", "/", nil)
		req.Header["Authorization"] = []string{header}
		req.URL.RawQuery = query
		token, err := bearer.FromRequest(req)
		switch jose.ReasonOf(err) {
		case jose.CredentialMissing, jose.CredentialRepeated, jose.CredentialMalformed:
			if token != "" {
				t.Errorf("%q with %v", token, err)
			}
		case "":
			if err != nil || token == "" || strings.ContainsAny(token, " ,\t\r\n\x00\"") ||
				strings.TrimLeft(header[len("Bearer"):], " ") != token || !strings.EqualFold(header[:7], "bearer ") {
				t.Errorf("%q gave %q, %v", header, token, err)
			}
		default:
			t.Errorf("refused with %v", err)
		}
	})
}
