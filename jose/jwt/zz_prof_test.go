package jwt

import (
	"reflect"
	"slices"
	"testing"
	"time"
	"strings"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

const profPayload = `{"iss":"https://issuer.example","sub":"248289761001","aud":"https://api.example",` +
	`"exp":1700000600,"nbf":1700000000,"iat":1700000000,"jti":"f2b1c5d0a7e94c3e8d61","client_id":"web-frontend",` +
	`"sid":"08a5019c-17e1-4977-8f42-65a12843ea02","auth_time":1699999000,` +
	`"scope":"openid profile orders:read orders:write","roles":["clerk","buyer","auditor"]}`

type profClaims struct {
	ClientID  string   `json:"client_id"`
	SessionID string   `json:"sid"`
	AuthTime  int64    `json:"auth_time"`
	Scope     string   `json:"scope"`
	Roles     []string `json:"roles"`
}

func best(f func()) time.Duration {
	n := 1
	m := func() time.Duration { s := time.Now(); for range n { f() }; return time.Since(s) }
	for m() < 100*time.Microsecond { n *= 2 }
	var l []float64
	for s := time.Now(); time.Since(s) < 700*time.Millisecond; { l = append(l, float64(m())/float64(n)) }
	slices.Sort(l)
	return time.Duration(l[len(l)/10])
}

func TestZZProf(t *testing.T) {
	key, _ := jwk.New(make([]byte, 32), jwk.HS256, "2026-11")
	set, _ := jwk.NewSet(key)
	signer, _ := NewSigner(key, SignerOptions{Type: "at+jwt"})
	token, _ := signer.Sign([]byte(profPayload))
	now := time.Unix(1700000100, 0)
	v, err := NewVerifier[profClaims](set, Policy{Issuers: []string{"https://issuer.example"}, Audiences: []string{"https://api.example"}, Algorithms: []jwk.Algorithm{jwk.HS256},
		Type: "at+jwt", MaxLifetime: time.Hour, Clock: func() time.Time { return now }})
	if err != nil { t.Fatal(err) }
	ctx := context.Background()
	if _, err := v.Verify(ctx, token); err != nil { t.Fatal(err) }
	t.Log("len", len(token))
	t.Log("verify", best(func() { v.Verify(ctx, token) }))
	s := borrowScratch()
	_, segment, _, _ := jws.Split(token)
	t.Log("scratch", best(func() { borrowScratch().release() }))
	t.Log("authenticate", best(func() { v.core.authenticate(ctx, token, s) }))
	t.Log(" split", best(func() { jws.Split(token) }))
	t.Log(" find", best(func() { v.core.headers.find(token[:strings.IndexByte(token, '.')], 0) }))
	seen, _, _ := v.core.authenticate(ctx, token, s)
	t.Log(" trykeys", best(func() { jws.TryKeys(seen.keys, seen.header, s.input, s.sig) }))
	t.Log("b64", best(func() { s.payload, _ = b64.AppendDecode(s.payload[:0], segment) }))
	var tok *Token[profClaims]
	t.Log("alloc token", best(func() { tok = &Token[profClaims]{Header: seen.header} }))
	t.Log("string", best(func() { tok.Payload = string(s.payload) }))
	t.Log("scan", best(func() { s.doc.Scan(tok.Payload) }))
	t.Log("registered", best(func() { readRegistered(&tok.Registered, &tok.aside, &s.doc) }))
	have, _ := readRegistered(&tok.Registered, &tok.aside, &s.doc)
	t.Log("judge", best(func() { v.core.policy.judge(&tok.Registered, have, &s.doc, now) }))
	t.Log("decode", best(func() { v.plan.decodeClaims(reflect.ValueOf(&tok.Claims).Elem(), &s.doc, tok.Payload) }))
	t.Log("sign", best(func() { signer.Sign([]byte(profPayload)) }))
	t.Log("check", best(func() { s.doc.Scan(string([]byte(profPayload))) }))
	_, body, mark, _ := jws.Split(token)
	raw := func() {
		base64.RawURLEncoding.DecodeString(body)
		sig, _ := base64.RawURLEncoding.DecodeString(mark)
		m := hmac.New(sha256.New, make([]byte, 32))
		m.Write(s.input)
		hmac.Equal(m.Sum(nil), sig)
	}
	t.Log("raw", best(raw))
	t.Log(" raw b64", best(func() { base64.RawURLEncoding.DecodeString(body) }))
	m := hmac.New(sha256.New, make([]byte, 32))
	var sum [64]byte
	t.Log(" pooled mac", best(func() { m.Write(s.input); m.Sum(sum[:0]); m.Reset() }))
	t.Log(" sha", best(func() { sha256.Sum256(s.input) }))
	in := []byte(token[:500])
	t.Log("signinput", best(func() { jws.SignInput(key, in) }))
}
