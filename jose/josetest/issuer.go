package josetest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
	"github.com/jotward/jotward/jose/jwt"
)

// What tokens say unless their claims say otherwise.
const (
	Audience = "https://api.test"
	Subject  = "alice"
	Lifetime = 10 * time.Minute
)

// coolDown is how long the Remote of an Issuer rests between two fetches.
const coolDown = time.Second

// An Issuer signs tokens and publishes its keys on a loopback address. It is safe
// for use by many goroutines.
type Issuer struct {
	t      testing.TB
	server *httptest.Server

	mu      sync.Mutex
	now     time.Time
	keys    []*jwk.Key // the last one signs
	made    int
	fail    int
	fetches int
}

// New starts an issuer, whose clock stands at the beginning of 2026. It ends with
// the test.
func New(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	i.addKey()
	i.server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.server.Close)
	return i
}

// URL is the issuer's name, as in iss, and where its metadata is found.
func (i *Issuer) URL() string { return i.server.URL }

// Now is the time of the issuer and of all that comes from it.
func (i *Issuer) Now() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.now
}

// Advance moves the clock; a negative d moves it back.
func (i *Issuer) Advance(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.now = i.now.Add(d)
}

// Policy returns a policy that accepts what Sign signs. It is the caller's own.
func (i *Issuer) Policy() jwt.Policy {
	return jwt.Policy{
		Issuers: []string{i.URL()}, Audiences: []string{Audience}, Algorithms: []jwk.Algorithm{jwk.ES256}, Type: "at+jwt",
		MaxLifetime: time.Hour, Clock: i.Now,
	}
}

// Remote returns a new Remote that finds the issuer's keys by discovery. It is
// closed with the test.
func (i *Issuer) Remote() *jwks.Remote {
	i.t.Helper()
	r, err := jwks.NewRemote(jwks.Config{
		Issuer: i.URL(), AllowHTTP: true, Algorithms: []jwk.Algorithm{jwk.ES256}, CoolDown: coolDown, Clock: i.Now,
	})
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() { _ = r.Close() })
	return r
}

// Sign returns an access token (RFC 9068) with these claims over the usual ones:
// iss, sub, aud, iat, exp, jti and client_id. A nil takes a claim away. It ends the
// test when the claims cannot be written.
func (i *Issuer) Sign(claims map[string]any) string {
	i.t.Helper()
	return i.SignAs("at+jwt", claims)
}

// SignAs is Sign for a token of another typ.
func (i *Issuer) SignAs(typ string, claims map[string]any) string {
	i.t.Helper()
	i.mu.Lock()
	i.made++
	all := map[string]any{
		"iss": i.URL(), "sub": Subject, "aud": Audience, "client_id": "test", "jti": "t" + strconv.Itoa(i.made),
		"iat": i.now.Unix(), "exp": i.now.Add(Lifetime).Unix(),
	}
	key := i.keys[len(i.keys)-1]
	i.mu.Unlock()
	for name, value := range claims {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: typ})
	if err != nil {
		i.t.Fatal(err)
	}
	token, err := signer.Sign(all)
	if err != nil {
		i.t.Fatal(err)
	}
	return token
}

// Key returns the key that signs now, with its private half: for tokens that Sign
// does not make.
func (i *Issuer) Key() *jwk.Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[len(i.keys)-1]
}

// Rotate makes a new key, which signs from now on; the older ones stay published.
// The clock moves by a second, so that a Remote may ask again at once.
func (i *Issuer) Rotate() {
	i.addKey()
	i.Advance(coolDown)
}

// Withdraw takes all keys but the one that signs from the published set, and moves
// the clock as Rotate does.
func (i *Issuer) Withdraw() {
	i.mu.Lock()
	i.keys = i.keys[len(i.keys)-1:]
	i.mu.Unlock()
	i.Advance(coolDown)
}

// Fail makes the endpoints answer with this status until it is called with 0.
func (i *Issuer) Fail(status int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fail = status
}

// Fetches returns how often the key set was asked for.
func (i *Issuer) Fetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

func (i *Issuer) addKey() {
	i.t.Helper()
	key, err := jwk.Generate(jwk.ES256, "")
	if err != nil {
		i.t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append(i.keys, key)
}

// serve answers for the metadata, at both of its addresses, and for the key set.
func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	status := i.fail
	keys := append([]*jwk.Key(nil), i.keys...)
	if r.URL.Path == "/keys" {
		i.fetches++
	}
	i.mu.Unlock()
	if status != 0 {
		http.Error(w, "failing on demand", status)
		return
	}
	var body any
	switch r.URL.Path {
	case "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server":
		body = map[string]string{"issuer": i.URL(), "jwks_uri": i.URL() + "/keys"}
	case "/keys":
		set, err := jwk.NewSet(keys...) // which publishes public halves
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		body = set
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // a client that is gone needs no answer
}
