package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

func whole(t *testing.T, k *jwk.Key, drop ...string) fields {
	t.Helper()
	var f fields
	if err := json.Unmarshal(must(k.ExportPrivate()), &f); err != nil {
		t.Fatal(err)
	}
	for _, name := range drop {
		delete(f, name)
	}
	return f
}

func sealed(t *testing.T, k *jwk.Key, text, cty string) string {
	t.Helper()
	token, err := jwe.Encrypt([]byte(text), k, jwe.EncryptOptions{Encryption: jwk.A256GCM, Type: "JWT", ContentType: cty})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestEncryptionKinds(t *testing.T) {
	w := newWorld(t)
	box, err := jwk.Generate(jwk.ECDHESA256KW, "box")
	if err != nil {
		t.Fatal(err)
	}
	base := fields{"id": "x", "key": whole(t, box), "alg_allowed": []string{"ECDH-ES+A256KW"}, "enc_allowed": []string{"A256GCM"}, "now": now}

	plain := base.with("kind", "jwe").with("token", sealed(t, box, "text", ""))
	plain.want(t, "accept", "jwe")
	plain.with("key", fields{"keys": []any{whole(t, box)}}).want(t, "accept", "jwe with a set")
	plain.with("key", whole(t, box, "alg", "use")).want(t, "accept", "jwe with a key without alg")
	plain.with("key", whole(t, box, "alg", "use")).with("alg_allowed", []string{"ECDH-ES", "ECDH-ES+A256KW"}).want(t, "accept", "a key without alg, for what the case allows")
	plain.with("key", whole(t, box, "alg", "use")).with("alg_allowed", []string{"ECDH-ES"}).want(t, "reject", "a key without alg, for something else")
	plain.with("enc_allowed", []string{}).want(t, "reject", "an empty list of encryptions")
	plain.with("enc_allowed", []string{"A128GCM"}).want(t, "reject", "another encryption")
	plain.with("enc_allowed", nil).want(t, "accept", "no list of encryptions")
	plain.with("alg_allowed", []string{}).want(t, "reject", "an empty list of algorithms")
	plain.with("alg_allowed", nil).want(t, "accept", "no list of algorithms")
	plain.with("key", w.jwk(jwk.ES256, true)).want(t, "reject", "a key for signatures")
	plain.with("kind", "jws").want(t, "reject", "as a signature")
	plain.with("kind", "jwt").want(t, "reject", "as a signed token")

	only := base.with("kind", "jwe-jwt").with("token", sealed(t, box, goodClaims, "")).with("iss", "https://i.example").with("aud", "b").with("typ", "JWT")
	only.want(t, "accept", "jwe-jwt")
	only.with("aud", "c").want(t, "reject", "jwe-jwt for another audience")
	only.with("now", 1700000001).want(t, "reject", "jwe-jwt that has expired")
	only.with("kind", "jwt").want(t, "reject", "claims that nobody signed, as a signed token")
	only.with("kind", "nested").with("inner_key", w.jwk(jwk.ES256, false)).want(t, "reject", "claims that nobody signed, as a nested token")

	token, err := jwt.Encrypt(w.token(jwk.ES256), box, jwe.EncryptOptions{Encryption: jwk.A256GCM})
	if err != nil {
		t.Fatal(err)
	}
	nested := only.with("kind", "nested").with("token", token).with("inner_key", w.jwk(jwk.ES256, false)).with("inner_alg_allowed", []string{"ES256"})
	nested.want(t, "accept", "nested")
	nested.with("inner_alg_allowed", []string{"ES384"}).want(t, "reject", "nested, another inner algorithm")
	nested.with("inner_alg_allowed", []string{}).want(t, "reject", "nested, no inner algorithm")
	nested.with("inner_key", w.jwk(jwk.ES384, false)).want(t, "reject", "nested, another inner key")
	nested.with("inner_key", nil).want(t, "reject", "nested, no inner key")
	nested.with("iss", "https://j.example").want(t, "reject", "nested, another issuer")
	nested.with("token", sealed(t, box, w.token(jwk.ES256), "")).want(t, "reject", "nested without cty")
	nested.with("kind", "jwe-jwt").want(t, "reject", "nested as claims alone")
	nested.with("token", strings.Replace(token, ".", "..", 1)).want(t, "reject", "six segments")
}
