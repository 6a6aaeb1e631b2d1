package bearer_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/jotward/jotward/jose/bearer"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

func ExampleMiddleware() {
	type accessClaims struct {
		ClientID string `json:"client_id"`
	}
	key, err := jwk.Generate(jwk.HS256, "") // in a service, a jwks.Remote
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := jwt.NewVerifier[accessClaims](key, jwt.Policy{
		Issuers: []string{"https://issuer.example"}, Audiences: []string{"https://api.example"},
		Algorithms: []jwk.Algorithm{jwk.HS256}, Type: "at+jwt", MaxLifetime: time.Hour, Clock: time.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	protect := bearer.Middleware(verifier, bearer.Options{Realm: "api", Scopes: []string{"orders:read"}})
	api := protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := bearer.FromContext[accessClaims](r.Context())
		fmt.Fprintln(w, "hello", token.Subject, "by", token.Claims.ClientID)
	}))

	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, httptest.NewRequest("GET", "/orders", nil))
	fmt.Println(answer.Code, answer.Header().Get("WWW-Authenticate"))
	// Output: 401 Bearer realm="api", scope="orders:read"
}

// A resource that takes tokens which are bound to a key, each with its proof
// (RFC 9449).
func ExampleDPoP() {
	key, _ := jwk.Generate(jwk.ES256, "1")
	verifier, _ := jwt.NewVerifier[struct{}](key, jwt.Policy{
		Issuers: []string{"https://issuer.example"}, Audiences: []string{"https://api.example"}, Algorithms: []jwk.Algorithm{jwk.ES256},
		Type: "at+jwt", MaxLifetime: time.Hour, Clock: time.Now,
	})
	used, _ := jwt.NewMemoryReplay(100_000, time.Now)
	proofs, _ := jwt.NewDPoPVerifier(jwt.DPoPPolicy{Algorithms: []jwk.Algorithm{jwk.ES256}, MaxAge: time.Minute, Clock: time.Now, Replay: used, SkipNonce: true})

	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "here") })
	guarded := bearer.Middleware(verifier, bearer.Options{DPoP: &bearer.DPoP{
		Verifier: proofs, Origin: "https://api.example", Algorithms: []jwk.Algorithm{jwk.ES256},
	}})(app)

	w := httptest.NewRecorder()
	guarded.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code, w.Header().Values("WWW-Authenticate"))
	// Output: 401 [Bearer DPoP algs="ES256"]
}

// A handler that has a way of its own to tokens, such as a message from a queue, decides
// as Middleware does.
func ExampleAuthorize() {
	key, err := jwk.Generate(jwk.ES256, "2026")
	if err != nil {
		fmt.Println(err)
		return
	}
	moment := time.Unix(1700000000, 0)
	verifier, err := jwt.NewVerifier[struct{}](key, jwt.Policy{
		Issuers: []string{"https://issuer.example"}, Audiences: []string{"https://api.example"}, Algorithms: []jwk.Algorithm{jwk.ES256},
		Type: "at+jwt", MaxLifetime: time.Hour, Clock: func() time.Time { return moment },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := signer.Sign(map[string]any{"iss": "https://issuer.example", "aud": "https://api.example", "sub": "alice",
		"iat": moment.Unix(), "exp": moment.Unix() + 600, "scope": "orders:read orders:write"})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := verifier.Verify(context.Background(), text)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(bearer.Authorize(token, []string{"orders:read"}, false))
	err = bearer.Authorize(token, []string{"orders:read", "orders:delete"}, false)
	status, code := bearer.Classify(err)
	fmt.Println(status, code)
	// Output:
	// <nil>
	// 403 insufficient_scope
}

// The token of the scheme DPoP is worth nothing until its proof was checked.
func ExampleFromRequestDPoP() {
	request := httptest.NewRequest("GET", "https://api.example/orders", nil)
	request.Header.Set("Authorization", "DPoP the-access-token")
	fmt.Println(bearer.FromRequestDPoP(request))
	_, err := bearer.FromRequest(request)
	fmt.Println(err != nil)
	// Output:
	// the-access-token <nil>
	// true
}
