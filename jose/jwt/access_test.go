package jwt_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// inferred calls f with the zero value of a type that cannot be named here.
func inferred[A, R any](f func(A) R) R {
	var zero A
	return f(zero)
}

// What only the packages of this module may ask opens to nobody who finds the type
// of the ticket without its name: by a literal of the same underlying type, or as a
// type parameter.
func TestThreatAccessFromOutside(t *testing.T) {
	k := generate(t, jwk.ES256, "k")
	if d := inferred(k.Data); d != nil {
		t.Error("a stranger has the private key")
	}
	if reflect.TypeFor[struct{}]().AssignableTo(reflect.TypeOf(k.Data).In(0)) {
		t.Error("struct{}{} is a ticket")
	}

	v := verifier(t, public(t, k), goodPolicy(jwk.ES256))
	_, err := processed(v.Processed, sign(t, k, goodClaims))
	wants(t, err, jose.PolicyInvalid)
}

func processed[A any](f func(context.Context, string, func(string) (string, error), A) (*jwt.Token[claims], error), token string) (*jwt.Token[claims], error) {
	var zero A
	return f(context.Background(), token, func(string) (string, error) { return goodClaims, nil }, zero)
}
