package peers

import (
	"encoding/json"
	"errors"

	gojose "github.com/go-jose/go-jose/v4"
	"github.com/lestrrat-go/jwx/v3/jwa"
	jwxjwe "github.com/lestrrat-go/jwx/v3/jwe"
	jwxjwk "github.com/lestrrat-go/jwx/v3/jwk"
	jwxjws "github.com/lestrrat-go/jwx/v3/jws"
)

type goJose struct{}

func (goJose) key(text string) (any, error) {
	var k gojose.JSONWebKey
	if err := json.Unmarshal([]byte(text), &k); err != nil {
		return nil, err
	}
	return k.Key, nil
}

func (p goJose) sign(alg, key string) (string, error) {
	k, err := p.key(key)
	if err != nil {
		return "", err
	}
	s, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.SignatureAlgorithm(alg), Key: k}, nil)
	if err != nil {
		return "", err
	}
	m, err := s.Sign([]byte(payload))
	if err != nil {
		return "", err
	}
	return m.CompactSerialize()
}

func (p goJose) verify(alg, key, token string) (string, error) {
	k, err := p.key(key)
	if err != nil {
		return "", err
	}
	m, err := gojose.ParseSigned(token, []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(alg)})
	if err != nil {
		return "", err
	}
	out, err := m.Verify(k)
	return string(out), err
}

func (p goJose) encrypt(alg, enc, key string) (string, error) {
	k, err := p.key(key)
	if err != nil {
		return "", err
	}
	e, err := gojose.NewEncrypter(gojose.ContentEncryption(enc), gojose.Recipient{Algorithm: gojose.KeyAlgorithm(alg), Key: k, PBES2Count: 2000}, nil)
	if err != nil {
		return "", err
	}
	m, err := e.Encrypt([]byte(payload))
	if err != nil {
		return "", err
	}
	return m.CompactSerialize()
}

func (p goJose) decrypt(alg, enc, key, token string) (string, error) {
	k, err := p.key(key)
	if err != nil {
		return "", err
	}
	m, err := gojose.ParseEncrypted(token, []gojose.KeyAlgorithm{gojose.KeyAlgorithm(alg)}, []gojose.ContentEncryption{gojose.ContentEncryption(enc)})
	if err != nil {
		return "", err
	}
	out, err := m.Decrypt(k)
	return string(out), err
}

type jwx struct{}

func (jwx) key(text string) (any, error) {
	k, err := jwxjwk.ParseKey([]byte(text))
	if err != nil {
		return nil, err
	}
	var raw any
	err = jwxjwk.Export(k, &raw)
	return raw, err
}

func (p jwx) sign(alg, key string) (string, error) {
	k, err := p.key(key)
	if err != nil {
		return "", err
	}
	a, ok := jwa.LookupSignatureAlgorithm(alg)
	if !ok {
		return "", errors.New("no such algorithm")
	}
	out, err := jwxjws.Sign([]byte(payload), jwxjws.WithKey(a, k))
	return string(out), err
}

func (p jwx) verify(alg, key, token string) (string, error) {
	k, err := p.key(key)
	if err != nil {
		return "", err
	}
	a, ok := jwa.LookupSignatureAlgorithm(alg)
	if !ok {
		return "", errors.New("no such algorithm")
	}
	out, err := jwxjws.Verify([]byte(token), jwxjws.WithKey(a, k))
	return string(out), err
}

func (p jwx) encrypt(alg, enc, key string) (string, error) {
	k, err := p.key(key)
	if err != nil {
		return "", err
	}
	a, ok := jwa.LookupKeyEncryptionAlgorithm(alg)
	e, ok2 := jwa.LookupContentEncryptionAlgorithm(enc)
	if !ok || !ok2 {
		return "", errors.New("no such algorithm")
	}
	out, err := jwxjwe.Encrypt([]byte(payload), jwxjwe.WithKey(a, k), jwxjwe.WithContentEncryption(e))
	return string(out), err
}

func (p jwx) decrypt(alg, _, key, token string) (string, error) {
	k, err := p.key(key)
	if err != nil {
		return "", err
	}
	a, ok := jwa.LookupKeyEncryptionAlgorithm(alg)
	if !ok {
		return "", errors.New("no such algorithm")
	}
	out, err := jwxjwe.Decrypt([]byte(token), jwxjwe.WithKey(a, k))
	return string(out), err
}
