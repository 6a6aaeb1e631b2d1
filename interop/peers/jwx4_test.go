//go:build goexperiment.jsonv2

package peers

import (
	"errors"
	"testing"

	"github.com/lestrrat-go/jwx/v4/jwa"
	jwxjwe "github.com/lestrrat-go/jwx/v4/jwe"
	jwxjwk "github.com/lestrrat-go/jwx/v4/jwk"
	jwxjws "github.com/lestrrat-go/jwx/v4/jws"
)

// jwx4 builds under GOEXPERIMENT=jsonv2 alone, and so has a run of its own:
// make jwx4.
type jwx4 struct{}

func init() { start["jwx4"] = func(*testing.T) peer { return jwx4{} } }

func (jwx4) key(text string) (any, error) {
	k, err := jwxjwk.ParseKey([]byte(text))
	if err != nil {
		return nil, err
	}
	return jwxjwk.Export[any](k)
}

func (p jwx4) signatureKey(h holder) (jwa.SignatureAlgorithm, any, error) {
	k, err := p.key(h.jwk)
	a, ok := jwa.LookupSignatureAlgorithm(h.alg)
	if err == nil && !ok {
		err = errors.New("no such algorithm")
	}
	return a, k, err
}

func (p jwx4) sign(s shape, keys ...holder) (string, error) {
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

func (p jwx4) verify(s shape, h holder, token string) (string, error) {
	a, k, err := p.signatureKey(h)
	if err != nil {
		return "", err
	}
	o := []jwxjws.VerifyOption{jwxjws.WithKey(a, k)}
	if s.detached {
		o = append(o, jwxjws.WithDetachedPayload([]byte(payload)))
	}
	if s.unencoded {
		o = append(o, jwxjws.WithCritExtension("b64"))
	}
	out, err := jwxjws.Verify([]byte(token), o...)
	return string(out), err
}

func (p jwx4) encryptionKey(h holder) (jwa.KeyEncryptionAlgorithm, any, error) {
	k, err := p.key(h.jwk)
	a, ok := jwa.LookupKeyEncryptionAlgorithm(h.alg)
	if err == nil && !ok {
		err = errors.New("no such algorithm")
	}
	return a, k, err
}

func (p jwx4) encrypt(s shape, enc string, keys ...holder) (string, error) {
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

func (p jwx4) decrypt(s shape, _ string, h holder, token string) (string, error) {
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
