package mldsa_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
	"github.com/jotward/jotward/jose/mldsa"
)

var (
	ctx  = context.Background()
	sets = []jwk.Algorithm{jwk.MLDSA44, jwk.MLDSA65, jwk.MLDSA87}
)

func generate(t testing.TB, a jwk.Algorithm) *jwk.Key {
	t.Helper()
	k, err := mldsa.Generate(a, "")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func wants(t *testing.T, err error, r jose.Reason) {
	t.Helper()
	if jose.ReasonOf(err) != r {
		t.Errorf("got %v, want %s", err, r)
	}
}

// The figures of RFC 9964 appendix A, which are read where they are published.
func TestPublishedVectors(t *testing.T) {
	dir := os.Getenv("JOTWARD_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "mldsa", "*.jose.json"))
	if len(files) == 0 {
		t.Skip("NO PUBLISHED VECTORS: set JOTWARD_VECTORS")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var v struct {
			Jwk json.RawMessage
			Jws string
		}
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		k, err := jwk.Parse(v.Jwk, jwk.Options{Extensions: []jwk.Extension{mldsa.Extension()}})
		if err != nil {
			t.Fatal(file, err)
		}
		if k.KeyID() != k.Thumbprint() || !k.CanSign() {
			t.Errorf("%s: kid %s, thumbprint %s", file, k.KeyID(), k.Thumbprint())
		}
		o := jws.Options{Algorithms: []jwk.Algorithm{k.Algorithm()}}
		m, err := jws.Verify(ctx, v.Jws, k, o)
		if err != nil || !strings.HasPrefix(string(m.Payload), "It\u2019s a dangerous business") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestSignAndVerify(t *testing.T) {
	for _, a := range sets {
		k := generate(t, a)
		pub, err := k.Public()
		if err != nil {
			t.Fatal(err)
		}
		token, err := jws.Sign([]byte("payload"), k, jws.SignOptions{})
		if err != nil {
			t.Fatal(err)
		}
		o := jws.Options{Algorithms: sets}
		if m, err := jws.Verify(ctx, token, pub, o); err != nil || string(m.Payload) != "payload" {
			t.Errorf("%s: %v", a, err)
		}
		_, err = jws.Sign([]byte("payload"), pub, jws.SignOptions{})
		wants(t, err, jose.KeyMisuse)
		_, err = jws.Verify(ctx, token, generateWithID(t, a, k.KeyID()), o)
		wants(t, err, jose.SignatureInvalid)
		for _, other := range sets {
			if other != a {
				_, err = jws.Verify(ctx, token, generateWithID(t, other, k.KeyID()), o)
				wants(t, err, jose.KeyMisuse)
			}
		}
		header, rest, _ := strings.Cut(token, ".")
		payload, sig, _ := strings.Cut(rest, ".")
		raw, _ := base64.RawURLEncoding.DecodeString(sig)
		for _, bent := range [][]byte{raw[:len(raw)-1], append(append([]byte{}, raw...), 0), {}, flip(raw, 0), flip(raw, len(raw)-1)} {
			_, err = jws.Verify(ctx, header+"."+payload+"."+base64.RawURLEncoding.EncodeToString(bent), pub, o)
			wants(t, err, jose.SignatureInvalid)
		}
	}
}

func flip(b []byte, i int) []byte {
	c := append([]byte{}, b...)
	c[i] ^= 1
	return c
}

func generateWithID(t testing.TB, a jwk.Algorithm, kid string) *jwk.Key {
	t.Helper()
	k, err := mldsa.Generate(a, kid)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A JWK goes out and comes back, public or whole, alone or in a set; without the
// extension it is refused alone and left out of a set.
func TestJWK(t *testing.T) {
	with := jwk.Options{Extensions: []jwk.Extension{mldsa.Extension()}}
	for _, a := range sets {
		k := generate(t, a)
		public, err := json.Marshal(k)
		if err != nil || strings.Contains(string(public), "priv") {
			t.Fatal(string(public), err)
		}
		whole, err := k.ExportPrivate()
		if err != nil {
			t.Fatal(err)
		}
		for text, signs := range map[string]bool{string(public): false, string(whole): true} {
			back, err := jwk.Parse([]byte(text), with)
			if err != nil || back.Thumbprint() != k.Thumbprint() || back.CanSign() != signs || back.Algorithm() != a {
				t.Errorf("%s: %v, %v", a, back, err)
			}
			_, err = jwk.Parse([]byte(text), jwk.Options{})
			wants(t, err, jose.AlgorithmNotAllowed)
			set := []byte(`{"keys":[` + text + `]}`)
			if s, err := jwk.ParseSet(set, with); err != nil || s.Len() != 1 {
				t.Errorf("%s in a set: %v", a, err)
			}
			if s, err := jwk.ParseSet(set, jwk.Options{}); err != nil || s.Len() != 0 || len(s.Skipped()) != 1 {
				t.Errorf("%s in a set without the extension: %v", a, err)
			}
		}
		other, err := generate(t, a).ExportPrivate()
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"priv of another key": replace(t, whole, "priv", member(t, other, "priv")),
			"priv short":          replace(t, whole, "priv", "AAAA"),
			"priv empty":          replace(t, whole, "priv", ""),
			"pub short":           replace(t, public, "pub", "AAAA"),
			"pub missing":         strings.Replace(string(public), `"pub"`, `"bup"`, 1),
			"no alg":              strings.Replace(string(public), `"alg"`, `"gla"`, 1),
			"alg of another type": replace(t, public, "alg", "ES256"),
		} {
			_, err := jwk.Parse([]byte(text), with)
			if jose.ReasonOf(err) != jose.KeyInvalid {
				t.Errorf("%s, %s: %v", a, name, err)
			}
		}
	}
	_, err := mldsa.Generate(jwk.ES256, "")
	wants(t, err, jose.AlgorithmNotAllowed)
	_, err = mldsa.New(jwk.MLDSA44, make([]byte, 31), "")
	wants(t, err, jose.KeyInvalid)
	_, err = jwk.Generate(jwk.MLDSA44, "")
	wants(t, err, jose.AlgorithmNotAllowed)
}

func member(t *testing.T, text []byte, name string) string {
	t.Helper()
	var m map[string]string
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m[name]
}

func replace(t *testing.T, text []byte, name, value string) string {
	t.Helper()
	var m map[string]string
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	m[name] = value
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func Example() {
	key, err := mldsa.Generate(jwk.MLDSA65, "2026")
	if err != nil {
		log.Fatal(err)
	}
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		log.Fatal(err)
	}
	now := time.Now()
	token, err := signer.Sign(map[string]any{"iss": "https://id.example", "aud": "api", "sub": "alice", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()})
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := jwt.NewVerifier[struct{}](key, jwt.Policy{
		Issuers: []string{"https://id.example"}, Audiences: []string{"api"}, Algorithms: []jwk.Algorithm{jwk.MLDSA65},
		Type: "at+jwt", MaxLifetime: time.Hour, Clock: time.Now,
	})
	if err != nil {
		log.Fatal(err)
	}
	verified, err := verifier.Verify(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(verified.Header.Algorithm, verified.Subject)
	// Output: ML-DSA-65 alice
}

// A DPoP proof brings its key along (RFC 9449 4.2): a verifier whose policy has the
// extension reads an ML-DSA key there, and one without it refuses.
func TestDPoPProof(t *testing.T) {
	now := func() time.Time { return time.Unix(1_700_000_000, 0) }
	signer, err := jwt.NewDPoPSigner(generate(t, jwk.MLDSA65), now)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := signer.Proof(jwt.DPoPTarget{Method: "GET", URL: "https://api.example/"})
	if err != nil {
		t.Fatal(err)
	}
	policy := jwt.DPoPPolicy{Algorithms: []jwk.Algorithm{jwk.MLDSA65}, MaxAge: time.Minute, MaxSize: 32 << 10, Clock: now, SkipReplay: true, SkipNonce: true}
	request := jwt.DPoPRequest{Proofs: []string{proof}, Method: "GET", URL: "https://api.example/", NoAccessToken: true}
	for _, extensions := range [][]jwk.Extension{nil, {mldsa.Extension()}} {
		policy.Extensions = extensions
		v, err := jwt.NewDPoPVerifier(policy)
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.Verify(ctx, request)
		explained, explainErr := v.Explain(ctx, request)
		if explainErr != nil || jose.ReasonOf(explained.Failure()) != jose.ReasonOf(err) {
			t.Errorf("%v, but explained as %v, %v", err, explained.Failure(), explainErr)
		}
		if extensions == nil && err == nil || extensions != nil && (err != nil || got.Thumbprint != signer.Thumbprint()) {
			t.Errorf("%d extensions: %v, %v", len(extensions), got, err)
		}
	}
}
