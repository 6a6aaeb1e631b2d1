package bearer_test

import (
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
