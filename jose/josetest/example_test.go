package josetest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jotward/jotward/jose/bearer"
	"github.com/jotward/jotward/jose/josetest"
	"github.com/jotward/jotward/jose/jwt"
)

// A program's own test: its handler behind the middleware, an issuer that is not
// there, and a clock that moves.
func Example() {
	var t testing.TB = new(tests) // yours is the *testing.T of the test
	issuer := josetest.New(t)
	verifier, err := jwt.NewVerifier[struct{}](issuer.Remote(), issuer.Policy())
	if err != nil {
		t.Fatal(err)
	}
	handler := bearer.Middleware(verifier, bearer.Options{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := bearer.FromContext[struct{}](r.Context())
		fmt.Fprint(w, "hello ", token.Subject)
	}))
	call := func(token string) {
		req := httptest.NewRequest("GET", "/", nil)
		req.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		fmt.Println(w.Code, w.Body)
	}

	token := issuer.Sign(map[string]any{"sub": "carol"})
	call(token)
	issuer.Advance(time.Hour)
	call(token)
	// Output:
	// 200 hello carol
	// 401 {"error":"invalid_token","error_description":"token_expired"}
}

// tests stands in for a *testing.T, which an Example does not have.
type tests struct{ testing.TB }

func (*tests) Helper()        {}
func (*tests) Cleanup(func()) {}
