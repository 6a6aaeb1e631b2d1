package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/authn"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/consent"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/limit"
	"github.com/jotward/jotward/internal/logout"
	"github.com/jotward/jotward/internal/outbound"
	"github.com/jotward/jotward/internal/server"
	"github.com/jotward/jotward/internal/server/admin"
	"github.com/jotward/jotward/internal/server/authorize"
	"github.com/jotward/jotward/internal/server/feed"
	"github.com/jotward/jotward/internal/server/metadata"
	"github.com/jotward/jotward/internal/server/registration"
	servertoken "github.com/jotward/jotward/internal/server/token"
	"github.com/jotward/jotward/internal/server/userinfo"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/store/sqlite"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose/jwt"
)

const (
	issuerURL  = "https://id.example"
	password   = "correct horse battery"
	redirect   = "https://app.example/cb"
	adminToken = "the-admin-token-of-the-test-0123456789"
	verifier   = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
)

// world is an issuer on a database of its own, with a clock that only the test
// moves. Requests reach its handlers without a network.
type world struct {
	testing.TB
	clock   atomic.Int64
	store   *sqlite.Store
	issuer  *server.Issuer
	public  http.Handler
	private http.Handler
	log     *syncBuffer
	ann     account.Account
	secrets map[string]string // of confidential clients

	accounts *account.Service
	clients  *client.Service
	ring     *keyring.Ring
	logouts  *logout.Service
	abroad   *abroad

	registrar *client.Registrar
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (v *world) now() time.Time       { return time.UnixMilli(v.clock.Load()).UTC() }
func (v *world) pass(d time.Duration) { v.clock.Add(d.Milliseconds()) }
func (v *world) ok(err error) {
	v.Helper()
	if err != nil {
		v.Fatal(err)
	}
}

func newWorld(t testing.TB) *world {
	t.Helper()
	v := &world{TB: t, log: new(syncBuffer), secrets: map[string]string{}}
	v.clock.Store(1_800_000_000_000)
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "jotward.db"))
	v.ok(err)
	t.Cleanup(func() { v.ok(store.Close()) })
	v.store = store
	v.wire(v.now)
	v.seed()
	return v
}

func (v *world) wire(now func() time.Time) {
	master := make([]byte, 32)
	rand.Read(master)
	ring, err := keyring.New(v.store, [][]byte{master}, now, 10*time.Minute, client.TokenLife)
	v.ok(err)
	v.ring = ring
	system := audit.Actor{Kind: "system", ID: "test"}
	for _, purpose := range []string{keyring.PurposeToken, keyring.PurposeFeed} {
		_, err := ring.Rotate(v.Context(), system, purpose, keyring.DefaultAlgorithm)
		v.ok(err)
	}
	passwords, err := authn.NewPasswords(v.store, now, 2)
	v.ok(err)
	v.accounts = &account.Service{Store: v.store, Hasher: passwords, Now: now, TokenLife: client.TokenLife}
	v.clients = &client.Service{Store: v.store, Now: now, TokenLife: client.TokenLife, Issuer: issuerURL, Replay: v.store, Offers: ring.Offers}
	proofs, err := web.NewProofs(issuerURL, "", now)
	v.ok(err)
	userCodes, err := limit.New(authorize.UserCodeRate, 100)
	v.ok(err)
	refused, err := web.NewBudget(web.RefusedRate)
	v.ok(err)
	strangers, err := web.NewBudget(web.StrangerRate)
	v.ok(err)
	registering, err := web.NewBudget(registration.Rate)
	v.ok(err)
	v.registrar = &client.Registrar{Clients: v.clients, Tokens: v.store, Store: v.store, Policy: client.RegistrationPolicy{Access: client.WithToken,
		GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"}, AuthMethods: client.RegistrationMethods, RedirectURIs: []string{"https", "loopback"},
		Scopes: []string{"openid", "profile", "read"}, Audiences: []string{"api"}, MaxClients: 100}}
	sessions := &session.Service{Store: v.store, Now: now, Life: time.Hour, TokenLife: client.TokenLife}
	grants := &grant.Service{Store: v.store, Minter: &token.Minter{Issuer: issuerURL, Ring: ring, Now: now}, Now: now, EncryptionKey: v.clients.EncryptionKey, Limit: func(subject string) error { return v.issuer.Web.Limits.Person(subject, now()) }}
	v.issuer = &server.Issuer{
		Web:      &web.Server{Log: slog.New(slog.NewJSONHandler(v.log, nil)), Now: now, HSTS: true, Refused: refused},
		Ops:      &web.Ops{Health: new(web.Health), Metrics: http.NotFoundHandler(), Profiles: http.NotFoundHandler(), Token: adminToken},
		Metadata: &metadata.Endpoints{Issuer: issuerURL, Keys: ring.PublicSet, Algorithms: ring.Algorithms, AuthMethods: v.clients.AuthMethods(), Registration: true},
		Register: &registration.Endpoints{Issuer: issuerURL, Registrar: v.registrar, Budget: registering, Algorithms: ring.Algorithms},
		Token:    &servertoken.Endpoints{Clients: v.clients, Grants: grants, Proofs: proofs},
		UserInfo: &userinfo.Endpoints{Grants: grants, Clients: v.clients, Proofs: proofs},
		Authorize: &authorize.Endpoints{Issuer: issuerURL, Clients: v.clients, Proofs: proofs, UserCodes: userCodes, Strangers: strangers, Grants: grants, Passwords: passwords, Accounts: v.accounts, Sessions: sessions, Secure: true,
			Consents: &consent.Service{Store: v.store, Now: now, TokenLife: client.TokenLife}},
		Feed: &feed.Feed{Issuer: issuerURL, Log: v.store, Clients: v.clients, Now: now, Heartbeat: time.Second, Positions: v.store.SavePosition,
			Sign: func(ctx context.Context, claims []byte) (string, error) {
				key, err := ring.Active(ctx, keyring.PurposeFeed, keyring.DefaultAlgorithm)
				if err != nil {
					return "", err
				}
				signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: "secevent+jwt"})
				if err != nil {
					return "", err
				}
				return signer.Sign(claims)
			}},
		Admin: &admin.Endpoints{Token: adminToken, Accounts: v.accounts, Clients: v.clients, Register: v.registrar, Ring: ring, Sessions: sessions, Grants: grants, Now: now, Log: v.store},
	}
	v.abroad = &abroad{}
	v.clients.Reachable = outbound.New(outbound.Config{}).Check
	v.logouts = &logout.Service{Store: v.store, Sign: grants.Minter.Logout, Post: v.abroad.post, Now: now, Observe: v.abroad.observe}
	v.store.OnCommitted(v.issuer.Feed.Wake)
	v.public, v.private = v.issuer.Public(), v.issuer.Private()
}

func (v *world) seed() {
	system := audit.Actor{Kind: "system", ID: "test"}
	var err error
	v.ann, err = v.accounts.Create(v.Context(), system, account.New{Username: "ann", Name: "Ann <b>Lee</b>", Email: "ann@example.com", Password: password, Roles: []string{"user"}})
	v.ok(err)
	both := []string{"authorization_code", "refresh_token"}
	all := append([]string{"client_credentials"}, both...)
	scopes := []string{"openid", "profile", "email", "read", "write"}
	for _, c := range []client.Client{
		{ID: "app", Name: `App <script>alert(1)</script>`, Public: true, GrantTypes: both, RedirectURIs: []string{redirect, "http://127.0.0.1/cb", "https://app.example/q?a=1&b=2", "com.example.app:/cb"}, Scopes: scopes, Audiences: []string{"api"}},
		{ID: "other-app", Public: true, GrantTypes: both, RedirectURIs: []string{"https://other.example/cb"}, Scopes: scopes, Audiences: []string{"api"}},
		{ID: "service", GrantTypes: all, RedirectURIs: []string{redirect}, Scopes: scopes, Audiences: []string{"api", "api-2"}},
		{ID: "stranger", GrantTypes: all, RedirectURIs: []string{"https://stranger.example/cb"}, Scopes: scopes, Audiences: []string{"elsewhere"}},
		{ID: "machine", GrantTypes: []string{"client_credentials"}, Scopes: []string{"read"}, Audiences: []string{"api"}},
		{ID: "trusted", Public: true, GrantTypes: both, RedirectURIs: []string{redirect}, Scopes: scopes, Audiences: []string{"api"}, SkipConsent: true},
		{ID: "edge", GrantTypes: []string{"client_credentials"}, Scopes: []string{feed.Scope}, Audiences: []string{"jotward:edge"}},
	} {
		_, secret, err := v.clients.Create(v.Context(), system, c)
		v.ok(err)
		v.secrets[c.ID] = secret
	}
}

// An answer is a response, read whole.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (a answer) text(name string) string { s, _ := a.json[name].(string); return s }

// back is what goes back to a client: the query of a redirect, or a form.
func (a answer) back() url.Values {
	if a.header.Get("Location") == "" {
		return fields(a)
	}
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		return nil
	}
	return u.Query()
}

func serve(h http.Handler, r *http.Request) answer {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), body: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &a.json)
	return a
}

// ask sends a request to the public listener.
func (v *world) ask(method, target string, change ...func(*http.Request)) answer {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "id.example"
	for _, c := range change {
		c(r)
	}
	return serve(v.public, r)
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func body(kind, text string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
		if kind != "" {
			r.Header.Set("Content-Type", kind)
		}
	}
}

func form(values url.Values) func(*http.Request) {
	return body("application/x-www-form-urlencoded", values.Encode())
}

func basic(id, secret string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
}

// as authenticates as a confidential client of the world.
func (v *world) as(id string) func(*http.Request) { return basic(id, v.secrets[id]) }

// pairs makes a form of name, value, name, value.
func pairs(list ...string) url.Values {
	out := url.Values{}
	for i := 0; i+1 < len(list); i += 2 {
		out.Add(list[i], list[i+1])
	}
	return out
}

// with changes a copy of a form; "" removes a parameter.
func with(values url.Values, list ...string) url.Values {
	out := url.Values{}
	for name, v := range values {
		out[name] = v
	}
	for i := 0; i+1 < len(list); i += 2 {
		if out.Del(list[i]); list[i+1] != "" {
			out.Set(list[i], list[i+1])
		}
	}
	return out
}

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// request is a valid authorization request.
func request(clientID string) url.Values {
	return pairs("response_type", "code", "client_id", clientID, "redirect_uri", redirect, "scope", "openid profile email read",
		"state", "st-1", "nonce", "no-1", "code_challenge", challenge(), "code_challenge_method", "S256")
}

func (v *world) authorize(query url.Values, change ...func(*http.Request)) answer {
	return v.ask("GET", "/authorize?"+query.Encode(), change...)
}

// A browser keeps the cookie by hand: the Secure flag is for real ones.
type browser struct {
	*world
	cookie string
}

func (b *browser) keep(r *http.Request) {
	if b.cookie != "" {
		r.Header.Add("Cookie", "__Host-jotward="+b.cookie)
	}
}

func (b *browser) open(query url.Values) answer { return b.authorize(query, b.keep) }

// post sends a page's form, and keeps the cookie that comes back.
func (b *browser) post(path string, values url.Values, change ...func(*http.Request)) answer {
	a := b.ask("POST", path, append([]func(*http.Request){form(values), b.keep, header("Sec-Fetch-Site", "same-origin")}, change...)...)
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		b.cookie = c.Value
	}
	return a
}

var field = regexp.MustCompile(`name="(\w+)" value="([^"]*)"`)

// fields are the hidden values of a page.
func fields(page answer) url.Values {
	out := url.Values{}
	for _, m := range field.FindAllStringSubmatch(page.body, -1) {
		if m[1] != "decision" {
			out.Set(m[1], html.UnescapeString(m[2]))
		}
	}
	return out
}

// signIn signs Ann in at the page of a request.
func (b *browser) signIn(query url.Values) answer {
	b.Helper()
	page := b.open(query)
	if page.status != 200 || !strings.Contains(page.body, `name="password"`) {
		b.Fatalf("no sign-in page: %d %s", page.status, page.body)
	}
	a := b.post("/signin", with(fields(page), "username", "ann", "password", password))
	if a.status != 303 {
		b.Fatalf("sign-in: %d %s", a.status, a.body)
	}
	return b.ask("GET", a.header.Get("Location"), b.keep)
}

// eve is another person's browser, signed in, and at the app's consent page.
func (v *world) eve() (b *browser, page answer) {
	v.Helper()
	v.want(v.admin("POST", "/admin/v1/users", map[string]any{"username": "eve", "password": "another long password"}), 201, "")
	b = &browser{world: v}
	a := b.post("/signin", with(fields(b.open(request("app"))), "username", "eve", "password", "another long password"))
	return b, b.ask("GET", a.header.Get("Location"), b.keep)
}

// allow plays a browser through sign-in and consent, to the redirect.
func (b *browser) allow(query url.Values) answer {
	b.Helper()
	page := b.open(query)
	if strings.Contains(page.body, `name="password"`) {
		page = b.signIn(query)
	}
	if page.status == 200 {
		page = b.post("/consent", with(fields(page), "decision", "allow"))
	}
	if page.status != 303 {
		b.Fatalf("consent: %d %s", page.status, page.body)
	}
	return page
}

// code gets a code for a client.
func (v *world) code(clientID string) string {
	v.Helper()
	code := (&browser{world: v}).allow(request(clientID)).back().Get("code")
	if code == "" {
		v.Fatal("no code")
	}
	return code
}

func redemption(clientID, code string) url.Values {
	return pairs("grant_type", "authorization_code", "client_id", clientID, "code", code, "redirect_uri", redirect, "code_verifier", verifier)
}

func (v *world) token(values url.Values, change ...func(*http.Request)) answer {
	return v.ask("POST", "/token", append([]func(*http.Request){form(values)}, change...)...)
}

// tokens signs Ann in to the public app and returns what it got.
func (v *world) tokens() answer {
	v.Helper()
	return v.want(v.token(redemption("app", v.code("app"))), 200, "")
}

func refresh(clientID, text string) url.Values {
	return pairs("grant_type", "refresh_token", "client_id", clientID, "refresh_token", text)
}

// want checks a status and a reason code.
func (v *world) want(a answer, status int, code string) answer {
	v.Helper()
	if a.status != status || code != "" && a.json["code"] != code {
		v.Fatalf("status %d body %s, want %d %s", a.status, a.body, status, code)
	}
	return a
}

// admin sends a request to the admin listener, and holds the answer to openapi.json.
func (v *world) admin(method, path string, in any, change ...func(*http.Request)) answer {
	v.Helper()
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Authorization", "Bearer "+adminToken)
	if in != nil {
		data, err := json.Marshal(in)
		v.ok(err)
		body("application/json", string(data))(r)
	}
	for _, c := range change {
		c(r)
	}
	a := serve(v.private, r)
	api().check(v, method, path, in, a)
	return a
}
