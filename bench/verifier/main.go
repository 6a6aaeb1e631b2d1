// Verifier is what a gateway asks that checks no tokens itself: it answers 204 where the
// request's token holds, by golang-jwt, and 401 where it does not.
package main

import (
	"crypto/x509"
	"encoding/pem"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

func main() {
	if len(os.Args) != 6 {
		log.Fatal("usage: verifier LISTEN PUBLIC.PEM ALGORITHM ISSUER AUDIENCE")
	}
	text, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		log.Fatal(os.Args[2], " is no PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		log.Fatal(err)
	}
	parser := jwt.NewParser(jwt.WithValidMethods(os.Args[3:4]), jwt.WithIssuer(os.Args[4]), jwt.WithAudience(os.Args[5]), jwt.WithExpirationRequired())
	log.Fatal(http.ListenAndServe(os.Args[1], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if _, err := parser.Parse(token, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})))
}
