package main

import (
	"context"
	"strings"

	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// opened is what the case says of an encryption.
func (c *testCase) opened() (jwe.KeySource, jwe.DecryptOptions, error) {
	allowed, _ := c.algorithms()
	encryptions, _ := choose(c.EncAllowed, jwk.ContentEncryptionAlgorithms())
	o := jwe.DecryptOptions{Algorithms: allowed, Encryptions: encryptions}
	keys, err := newBound(c.Key)
	return keys, o, err
}

func judgeJWE(ctx context.Context, c *testCase) ([]byte, error) {
	keys, o, err := c.opened()
	if err != nil {
		return nil, err
	}
	token, err := plain(c.Token)
	if err != nil {
		return nil, err
	}
	o.MaxSize = maxSize
	var m *jwe.Message
	if strings.HasPrefix(strings.TrimLeft(token, " \t\r\n"), "{") {
		m, err = jwe.DecryptJSON(ctx, []byte(token), keys, o)
	} else {
		m, err = jwe.Decrypt(ctx, token, keys, o)
	}
	if err != nil {
		return nil, err
	}
	return m.Plaintext, nil
}

// judgeEncryptedJWT judges claims that are encrypted and that nobody signed.
func judgeEncryptedJWT(ctx context.Context, c *testCase) ([]byte, error) {
	keys, o, err := c.opened()
	if err != nil {
		return nil, err
	}
	p, err := c.policy()
	if err != nil {
		return nil, err
	}
	d, err := jwt.NewDecrypter[map[string]any](keys, o, p)
	if err != nil {
		return nil, err
	}
	token, err := plain(c.Token)
	if err != nil {
		return nil, err
	}
	t, err := d.Decrypt(ctx, token)
	if err != nil {
		return nil, err
	}
	return []byte(t.Payload), nil
}

func judgeNested(ctx context.Context, c *testCase) ([]byte, error) {
	keys, o, err := c.opened()
	if err != nil {
		return nil, err
	}
	allowed, _ := choose(c.InnerAlgs, signatures())
	inner, err := c.verifier(c.InnerKey, allowed)
	if err != nil {
		return nil, err
	}
	o.MaxSize = maxSize
	v, err := jwt.NewNestedVerifier(keys, o, inner)
	if err != nil {
		return nil, err
	}
	token, err := plain(c.Token)
	if err != nil {
		return nil, err
	}
	t, err := v.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	return []byte(t.Payload), nil
}
