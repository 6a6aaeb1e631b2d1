// Package peers has messages of ours read by libraries and a command that we did
// not write, and theirs by us, for every algorithm and every serialization that
// both have.
package peers

import (
	"os"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose/jwk"
)

const payload = `{"sub":"alice","é":"<&>"}`

// A peer does with its own code what ours does. Several keys make a general JSON
// serialization.
type peer interface {
	sign(s shape, keys ...holder) (token string, err error)
	verify(s shape, key holder, token string) (payload string, err error)
	encrypt(s shape, enc string, keys ...holder) (token string, err error)
	decrypt(s shape, enc string, key holder, token string) (payload string, err error)
}

// A shape is how a message is written.
type shape struct {
	json      bool   // flattened or general, and not compact
	detached  bool   // the payload travels apart (RFC 7515 appendix F)
	unencoded bool   // the payload is signed as it stands (RFC 7797)
	aad       string // RFC 7516 7.2.1
	zip       bool   // the content is deflated (RFC 7516 4.1.3)
}

func (s shape) String() string {
	words := []string{"compact"}
	if s.json {
		words[0] = "json"
	}
	if s.detached {
		words = append(words, "detached")
	}
	if s.unencoded {
		words = append(words, "unencoded")
	}
	if s.aad != "" {
		words = append(words, "aad")
	}
	if s.zip {
		words = append(words, "zip")
	}
	return strings.Join(words, " ")
}

// A holder is a JWK and the algorithm that it is for.
type holder struct{ alg, jwk string }

// start names the peers. One that is missing skips its own tests and no others.
var start = map[string]func(*testing.T) peer{
	"go-jose": func(*testing.T) peer { return goJose{} },
	"jwx":     func(*testing.T) peer { return jwx{} },
	"npm":     func(t *testing.T) peer { return startNode(t, "peer.mjs", "jose") },
	"jose":    startCommand,
}

func eachPeer(t *testing.T, run func(t *testing.T, name string, p peer)) {
	for name, begin := range start {
		t.Run(name, func(t *testing.T) { run(t, name, begin(t)) })
	}
}

// skip says what is missing, and fails where nothing may be skipped.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("JOTWARD_CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func export(t *testing.T, k *jwk.Key, alg string) (public, private holder) {
	t.Helper()
	whole, err := k.ExportPrivate()
	if err != nil {
		t.Fatal(err)
	}
	private = holder{alg, string(whole)}
	if k.IsSymmetric() {
		return private, private
	}
	pub, err := k.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return holder{alg, string(pub)}, private
}

func generate(t *testing.T, a jwk.Algorithm, kid string) *jwk.Key {
	t.Helper()
	k, err := jwk.Generate(a, kid)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
