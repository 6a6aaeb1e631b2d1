package peers

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	gojose "github.com/go-jose/go-jose/v4"
	"github.com/lestrrat-go/jwx/v3/cert"
	jwxjwk "github.com/lestrrat-go/jwx/v3/jwk"
)

// material makes a key with nothing but the standard library.
func material(alg string) (any, error) {
	switch alg {
	case "RS256":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA":
		_, k, err := ed25519.GenerateKey(rand.Reader)
		return k, err
	case "HS256":
		k := make([]byte, 32)
		_, err := rand.Read(k)
		return k, err
	}
	return nil, errors.New("no such algorithm")
}

func (goJose) generate(alg string) (string, error) {
	k, err := material(alg)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(gojose.JSONWebKey{Key: k})
	return string(text), err
}

func (goJose) thumbprint(key string) (string, error) {
	var k gojose.JSONWebKey
	if err := json.Unmarshal([]byte(key), &k); err != nil {
		return "", err
	}
	sum, err := k.Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}

func (goJose) readChain(key string) (chain [][]byte, err error) {
	var k gojose.JSONWebKey
	if err := json.Unmarshal([]byte(key), &k); err != nil {
		return nil, err
	}
	if !k.Valid() {
		return nil, errors.New("go-jose: the key is not valid")
	}
	for _, c := range k.Certificates {
		chain = append(chain, c.Raw)
	}
	return chain, nil
}

func (p goJose) writeChain(key string, chain ...*x509.Certificate) (string, error) {
	k, err := p.key(key)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(chain[0].Raw)
	text, err := json.Marshal(gojose.JSONWebKey{Key: k, Certificates: chain, CertificateThumbprintSHA256: sum[:]})
	return string(text), err
}

func (jwx) generate(alg string) (string, error) {
	k, err := material(alg)
	if err != nil {
		return "", err
	}
	key, err := jwxjwk.Import(k)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(key)
	return string(text), err
}

func (jwx) thumbprint(key string) (string, error) {
	k, err := jwxjwk.ParseKey([]byte(key))
	if err != nil {
		return "", err
	}
	sum, err := k.Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}

func (jwx) fromPEM(text, _ string) (string, error) {
	k, err := jwxjwk.ParseKey([]byte(text), jwxjwk.WithPEM(true))
	if err != nil {
		return "", err
	}
	out, err := json.Marshal(k)
	return string(out), err
}

func (jwx) toPEM(key, _ string) (string, error) {
	k, err := jwxjwk.ParseKey([]byte(key))
	if err != nil {
		return "", err
	}
	out, err := jwxjwk.Pem(k)
	return string(out), err
}

func (jwx) readChain(key string) (chain [][]byte, err error) {
	k, err := jwxjwk.ParseKey([]byte(key))
	if err != nil {
		return nil, err
	}
	list, ok := k.X509CertChain()
	if !ok {
		return nil, errors.New("jwx: no x5c")
	}
	for i := range list.Len() {
		text, _ := list.Get(i)
		der, err := base64.StdEncoding.DecodeString(string(text))
		if err != nil {
			return nil, err
		}
		chain = append(chain, der)
	}
	return chain, nil
}

func (jwx) writeChain(key string, chain ...*x509.Certificate) (string, error) {
	k, err := jwxjwk.ParseKey([]byte(key))
	if err != nil {
		return "", err
	}
	var list cert.Chain
	for _, c := range chain {
		if err := list.AddString(base64.StdEncoding.EncodeToString(c.Raw)); err != nil {
			return "", err
		}
	}
	if err := k.Set(jwxjwk.X509CertChainKey, &list); err != nil {
		return "", err
	}
	text, err := json.Marshal(k)
	return string(text), err
}

func (n *node) generate(alg string) (string, error) {
	return n.ask(map[string]any{"op": "generate", "alg": alg})
}

func (n *node) thumbprint(key string) (string, error) {
	return n.ask(map[string]any{"op": "thumbprint", "jwk": json.RawMessage(key)})
}

func (n *node) fromPEM(text, alg string) (string, error) {
	return n.ask(map[string]any{"op": "fromPEM", "pem": text, "alg": alg})
}

func (n *node) toPEM(key, alg string) (string, error) {
	return n.ask(map[string]any{"op": "toPEM", "jwk": json.RawMessage(key), "alg": alg})
}

func (c command) generate(alg string) (string, error) {
	return c.run("jwk", "gen", "-i", `{"alg":"`+alg+`"}`, "-o", "-")
}

func (c command) thumbprint(key string) (string, error) {
	out, err := c.run("jwk", "thp", "-i", c.file(key))
	return strings.TrimSpace(out), err
}
