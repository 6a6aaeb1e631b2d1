package jwe

import (
	"testing"

	"github.com/jotward/jotward/jose/internal/alg"
)

// BenchmarkWork is what DefaultMaxIterations lets a stranger ask for.
func BenchmarkWork(b *testing.B) {
	for _, name := range []string{"PBES2-HS256+A128KW", "PBES2-HS384+A192KW", "PBES2-HS512+A256KW"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := passwordKey(alg.Lookup(name), []byte("password"), []byte("salt input"), DefaultMaxIterations); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
