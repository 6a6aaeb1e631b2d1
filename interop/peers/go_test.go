package peers

import (
	"encoding/json"
	"errors"

	gojose "github.com/go-jose/go-jose/v4"
	"github.com/lestrrat-go/jwx/v3/jwa"
	jwxjwe "github.com/lestrrat-go/jwx/v3/jwe"
	jwxjwk "github.com/lestrrat-go/jwx/v3/jwk"
	jwxjws "github.com/lestrrat-go/jwx/v3/jws"

	"github.com/jotward/jotward/jose/jwk"
)

type goJose struct{}

func (goJose) key(text string) (any, error) {
	var k gojose.JSONWebKey
	if err := json.Unmarshal([]byte(text), &k); err != nil {
		return nil, err
	}
	return k.Key, nil
}

func (p goJose) sign(s shape, keys ...holder) (string, error) {
	if s.json && s.detached {
		return "", errors.New("go-jose: detached is compact")
	}
	var list []gojose.SigningKey
	for _, h := range keys {
		k, err := p.key(h.jwk)
		if err != nil {
			return "", err
		}
		list = append(list, gojose.SigningKey{Algorithm: gojose.SignatureAlgorithm(h.alg), Key: k})
	}
	o := &gojose.SignerOptions{}
	if s.unencoded {
		o = o.WithBase64(false)
	}
	signer, err := gojose.NewMultiSigner(list, o)
	if err != nil {
		return "", err
	}
	m, err := signer.Sign([]byte(payload))
	switch {
	case err != nil:
		return "", err
	case s.json:
		return m.FullSerialize(), nil
	case s.detached:
		return m.DetachedCompactSerialize()
	}
	return m.CompactSerialize()
}

func (p goJose) verify(s shape, h holder, token string) (string, error) {
	k, err := p.key(h.jwk)
	if err != nil {
		return "", err
	}
	var algs []gojose.SignatureAlgorithm // of all signatures: it refuses messages that have another
	for _, a := range jwk.SignatureAlgorithms() {
		algs = append(algs, gojose.SignatureAlgorithm(a))
	}
	var m *gojose.JSONWebSignature
	switch {
	case s.detached:
		m, err = gojose.ParseDetached(token, []byte(payload), algs)
	case s.json:
		m, err = gojose.ParseSignedJSON(token, algs)
	default:
		m, err = gojose.ParseSignedCompact(token, algs)
	}
	if err != nil {
		return "", err
	}
	_, sig, out, err := m.VerifyMulti(k)
	if err == nil && sig.Protected.Algorithm != h.alg {
		err = errors.New("another algorithm")
	}
	return string(out), err
}

func (p goJose) encrypt(s shape, enc string, keys ...holder) (string, error) {
	var list []gojose.Recipient
	for _, h := range keys {
		k, err := p.key(h.jwk)
		if err != nil {
			return "", err
		}
		list = append(list, gojose.Recipient{Algorithm: gojose.KeyAlgorithm(h.alg), Key: k, PBES2Count: 2000})
	}
	o := &gojose.EncrypterOptions{}
	if s.zip {
		o.Compression = gojose.DEFLATE
	}
	var e gojose.Encrypter
	var err error
	if len(list) == 1 {
		e, err = gojose.NewEncrypter(gojose.ContentEncryption(enc), list[0], o)
	} else {
		e, err = gojose.NewMultiEncrypter(gojose.ContentEncryption(enc), list, o)
	}
	if err != nil {
		return "", err
	}
	m, err := e.EncryptWithAuthData([]byte(payload), bytesOrNil(s.aad))
	if err != nil {
		return "", err
	}
	if s.json {
		return m.FullSerialize(), nil
	}
	return m.CompactSerialize()
}

func (p goJose) decrypt(s shape, enc string, h holder, token string) (string, error) {
	k, err := p.key(h.jwk)
	if err != nil {
		return "", err
	}
	var algs []gojose.KeyAlgorithm // of all recipients, as above
	for _, a := range jwk.KeyManagementAlgorithms() {
		algs = append(algs, gojose.KeyAlgorithm(a))
	}
	parse := gojose.ParseEncryptedCompact
	if s.json {
		parse = gojose.ParseEncryptedJSON
	}
	m, err := parse(token, algs, []gojose.ContentEncryption{gojose.ContentEncryption(enc)})
	if err != nil {
		return "", err
	}
	if string(m.GetAuthData()) != s.aad {
		return "", errors.New("another aad")
	}
	_, _, out, err := m.DecryptMulti(k)
	return string(out), err
}

// bytesOrNil says that there is no aad, which is not an empty one.
func bytesOrNil(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
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

func (p jwx) signatureKey(h holder) (jwa.SignatureAlgorithm, any, error) {
	k, err := p.key(h.jwk)
	a, ok := jwa.LookupSignatureAlgorithm(h.alg)
	if err == nil && !ok {
		err = errors.New("no such algorithm")
	}
	return a, k, err
}

func (p jwx) sign(s shape, keys ...holder) (string, error) {
	var o []jwxjws.SignOption
	if s.json {
		o = append(o, jwxjws.WithJSON())
	}
	body := []byte(payload)
	if s.detached {
		o = append(o, jwxjws.WithDetachedPayload(body))
		body = nil
	}
	for _, h := range keys {
		a, k, err := p.signatureKey(h)
		if err != nil {
			return "", err
		}
		var own []jwxjws.WithKeySuboption
		if s.unencoded {
			headers := jwxjws.NewHeaders()
			if err := errors.Join(headers.Set("b64", false), headers.Set("crit", []string{"b64"})); err != nil {
				return "", err
			}
			own = append(own, jwxjws.WithProtectedHeaders(headers))
		}
		o = append(o, jwxjws.WithKey(a, k, own...))
	}
	out, err := jwxjws.Sign(body, o...)
	return string(out), err
}

func (p jwx) verify(s shape, h holder, token string) (string, error) {
	a, k, err := p.signatureKey(h)
	if err != nil {
		return "", err
	}
	o := []jwxjws.VerifyOption{jwxjws.WithKey(a, k)}
	if s.detached {
		o = append(o, jwxjws.WithDetachedPayload([]byte(payload)))
	}
	out, err := jwxjws.Verify([]byte(token), o...)
	return string(out), err
}

func (p jwx) encryptionKey(h holder) (jwa.KeyEncryptionAlgorithm, any, error) {
	k, err := p.key(h.jwk)
	a, ok := jwa.LookupKeyEncryptionAlgorithm(h.alg)
	if err == nil && !ok {
		err = errors.New("no such algorithm")
	}
	return a, k, err
}

func (p jwx) encrypt(s shape, enc string, keys ...holder) (string, error) {
	e, ok := jwa.LookupContentEncryptionAlgorithm(enc)
	if !ok {
		return "", errors.New("no such algorithm")
	}
	o := []jwxjwe.EncryptOption{jwxjwe.WithContentEncryption(e)}
	if s.json {
		o = append(o, jwxjwe.WithJSON())
	}
	if s.aad != "" {
		o = append(o, jwxjwe.WithAuthenticateData([]byte(s.aad)))
	}
	if s.zip {
		o = append(o, jwxjwe.WithCompress(jwa.Deflate()))
	}
	for _, h := range keys {
		a, k, err := p.encryptionKey(h)
		if err != nil {
			return "", err
		}
		o = append(o, jwxjwe.WithKey(a, k))
	}
	out, err := jwxjwe.Encrypt([]byte(payload), o...)
	return string(out), err
}

func (p jwx) decrypt(s shape, _ string, h holder, token string) (string, error) {
	a, k, err := p.encryptionKey(h)
	if err != nil {
		return "", err
	}
	var m jwxjwe.Message
	out, err := jwxjwe.Decrypt([]byte(token), jwxjwe.WithKey(a, k), jwxjwe.WithMessage(&m))
	if err == nil && string(m.AuthenticatedData()) != s.aad {
		err = errors.New("another aad")
	}
	return string(out), err
}
