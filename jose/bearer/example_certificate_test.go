package bearer_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/jotward/jotward/jose/bearer"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// A token that is bound to a client certificate (RFC 8705 3): the server asks for one in
// the handshake, tls.Config{ClientAuth: tls.RequestClientCert}, and a thief who has
// another is refused.
func ExamplePeerCertificate() {
	key, err := jwk.Generate(jwk.ES256, "2026")
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := jwt.NewVerifier[struct{}](key, jwt.Policy{
		Issuers: []string{"https://issuer.example"}, Audiences: []string{"https://api.example"}, Algorithms: []jwt.Algorithm{jwt.ES256},
		Type: "at+jwt", MaxLifetime: time.Hour, Clock: time.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := bearer.Middleware(verifier, bearer.Options{Certificate: bearer.PeerCertificate})(
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))

	certificate := &x509.Certificate{Raw: []byte("the client's certificate")}
	sum := sha256.Sum256(certificate.Raw)
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := signer.Sign(map[string]any{"iss": "https://issuer.example", "aud": "https://api.example", "sub": "alice", "iat": time.Now().Unix(),
		"exp": time.Now().Unix() + 600, "cnf": map[string]string{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, shown := range []*x509.Certificate{certificate, {Raw: []byte("a thief's certificate")}} {
		request := httptest.NewRequest("GET", "https://api.example/orders", nil)
		request.Header.Set("Authorization", "Bearer "+token)
		request.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{shown}}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		fmt.Printf("%d %q\n", answer.Code, answer.Header().Get("WWW-Authenticate"))
	}
	// Output:
	// 200 ""
	// 401 "Bearer error=\"invalid_token\", error_description=\"sender_mismatch\""
}
