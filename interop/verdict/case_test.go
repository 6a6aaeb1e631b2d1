package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// ask puts one line to run and returns the one line of its answer.
func ask(t *testing.T, line string) verdict {
	t.Helper()
	var out bytes.Buffer
	if err := run(strings.NewReader(line+"\n"), &out); err != nil {
		t.Fatal(err)
	}
	if strings.Count(out.String(), "\n") != 1 || !strings.HasSuffix(out.String(), "\n") {
		t.Fatalf("not one line: %q", out.String())
	}
	var v verdict
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// fields of a case, as JSON values.
type fields map[string]any

func (f fields) with(name string, value any) fields {
	g := fields{}
	for k, v := range f {
		g[k] = v
	}
	if value == nil {
		delete(g, name)
	} else {
		g[name] = value
	}
	return g
}

func (f fields) ask(t *testing.T) verdict {
	t.Helper()
	return ask(t, string(must(json.Marshal(f))))
}

func (f fields) want(t *testing.T, verdict, name string) {
	t.Helper()
	if v := f.ask(t); v.Verdict != verdict || string(v.ID) != `"x"` {
		t.Errorf("%s: %s %s (%s), want %s", name, v.ID, v.Verdict, v.Error, verdict)
	}
}

const now = 1700000000

// world holds one key of each kind, with and without its private half.
type world struct {
	t    *testing.T
	keys map[jwk.Algorithm]*jwk.Key
}

func newWorld(t *testing.T) *world { return &world{t: t, keys: generated()} }

var generated = sync.OnceValue(func() map[jwk.Algorithm]*jwk.Key {
	keys := map[jwk.Algorithm]*jwk.Key{}
	for _, a := range jwk.SignatureAlgorithms() {
		k, err := jwk.Generate(a, "kid-"+string(a))
		if err != nil {
			panic(err)
		}
		keys[a] = k
	}
	return keys
})

// jwk returns the key as members, public or whole, without those to drop.
func (w *world) jwk(a jwk.Algorithm, whole bool, drop ...string) fields {
	k := w.keys[a]
	text, err := k.MarshalJSON()
	if whole || k.IsSymmetric() {
		text, err = k.ExportPrivate()
	}
	var f fields
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	for _, name := range drop {
		delete(f, name)
	}
	return f
}

func (w *world) sign(a jwk.Algorithm, header, payload string) string {
	input := encode(header) + "." + encode(payload)
	return input + "." + encode(string(must(jws.SignInput(w.keys[a], []byte(input)))))
}

func (w *world) token(a jwk.Algorithm) string {
	return w.sign(a, `{"alg":"`+string(a)+`","typ":"JWT"}`, goodClaims)
}

const goodClaims = `{"iss":"https://i.example","sub":"alice","aud":["https://a.example","b"],"iat":1699999999,"exp":1700000001}`

// good is a case that must be accepted.
func (w *world) good(a jwk.Algorithm) fields {
	return fields{"id": "x", "kind": "jwt", "token": w.token(a), "key": w.jwk(a, false), "alg_allowed": []string{string(a)}, "now": now,
		"iss": "https://i.example", "aud": "https://a.example", "typ": "JWT", "require": []string{"exp", "sub"}}
}

func TestEveryAlgorithmAndFormOfKey(t *testing.T) {
	w := newWorld(t)
	for _, a := range jwk.SignatureAlgorithms() {
		good := w.good(a)
		forms := map[string]any{
			"public": w.jwk(a, false), "whole": w.jwk(a, true), "without alg": w.jwk(a, false, "alg"),
			"bare": w.jwk(a, false, "alg", "use", "kid"), "text": string(must(json.Marshal(w.jwk(a, false)))),
			"key_ops":            w.jwk(a, false, "use").with("key_ops", []string{"verify"}),
			"key_ops of both":    w.jwk(a, true, "use").with("key_ops", []string{"sign", "verify"}),
			"unknown members":    w.jwk(a, false).with("ext", true).with("nbf", 1).with("x", w.jwk(a, false)["x"]).with("https://e.example/", fields{"a": []int{1}}),
			"set":                fields{"keys": []any{w.jwk(a, false)}},
			"set without alg":    fields{"keys": []any{w.jwk(a, false, "alg")}},
			"set with strangers": fields{"keys": []any{fields{"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}, fields{"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}, w.jwk(a, false)}, "more": 1},
		}
		for name, key := range forms {
			good.with("key", key).want(t, "accept", string(a)+" "+name)
			good.with("kind", "jws").with("key", key).want(t, "accept", "jws "+string(a)+" "+name)
		}
		for _, other := range jwk.SignatureAlgorithms() {
			same := a == other || w.keys[a].Accepts(other)
			if !same {
				good.with("alg_allowed", []string{string(other)}).want(t, "reject", string(a)+" where "+string(other)+" is allowed")
				good.with("key", w.jwk(other, false)).with("alg_allowed", []string{string(a), string(other)}).want(t, "reject", string(a)+" with the key of "+string(other))
			}
		}
		for name, key := range map[string]any{
			"for encryption": w.jwk(a, false).with("use", "enc"), "for nothing": w.jwk(a, false, "use").with("key_ops", []string{}),
			"to sign alone": w.jwk(a, false, "use").with("key_ops", []string{"sign"}), "empty set": fields{"keys": []any{}},
			"another kid": w.jwk(a, false).with("kid", "other"), "no object": 7, "absent": nil, "null": json.RawMessage("null"),
		} {
			token := w.sign(a, `{"alg":"`+string(a)+`","kid":"kid-`+string(a)+`","typ":"JWT"}`, goodClaims)
			good.with("token", token).want(t, "accept", string(a)+" with kid")
			good.with("token", token).with("key", key).want(t, "reject", string(a)+" key "+name)
		}
	}
}

func TestFields(t *testing.T) {
	w := newWorld(t)
	good := w.good(jwk.ES256)
	good.want(t, "accept", "as it is")
	v := good.ask(t)
	if v.Payload == nil || *v.Payload != encode(goodClaims) || string(v.Claims) != goodClaims || v.Error != "" || v.MS < 0 {
		t.Errorf("answer %+v", v)
	}
	if v := good.with("kind", "jws").ask(t); v.Payload == nil || *v.Payload != encode(goodClaims) || v.Claims != nil {
		t.Errorf("answer %+v", v)
	}
	for _, c := range []struct {
		name, field string
		value       any
		want        string
	}{
		{"no list", "alg_allowed", nil, "accept"},
		{"an empty list", "alg_allowed", []string{}, "reject"},
		{"an unknown name", "alg_allowed", []string{"none"}, "reject"},
		{"unknown beside known", "alg_allowed", []string{"none", "ES256K", "ES256"}, "accept"},
		{"another case", "alg_allowed", []string{"es256"}, "reject"},
		{"the second of expiry", "now", 1700000001, "reject"},
		{"a moment before it", "now", 1700000000.999, "accept"},
		{"before iat", "now", 1699999998, "reject"},
		{"no iss", "iss", nil, "accept"},
		{"empty iss", "iss", "", "accept"},
		{"another iss", "iss", "https://i.example/", "reject"},
		{"iss of several", "iss", []string{"x", "https://i.example"}, "accept"},
		{"no aud", "aud", nil, "accept"},
		{"empty aud list", "aud", []string{}, "accept"},
		{"another aud", "aud", "https://A.example", "reject"},
		{"aud of several", "aud", []string{"x", "b"}, "accept"},
		{"no typ", "typ", nil, "accept"},
		{"typ in full", "typ", "application/jwt", "accept"},
		{"another typ", "typ", "at+jwt", "reject"},
		{"the default list", "require", nil, "accept"},
		{"nothing required", "require", []string{}, "accept"},
		{"a claim that is not there", "require", []string{"jti"}, "reject"},
		{"compact token where JSON is", "token", `{"payload":"","signatures":[]}`, "reject"},
		{"no token", "token", nil, "reject"},
		{"kind jwe", "kind", "jwe", "reject"},
		{"kind jwe-jwt", "kind", "jwe-jwt", "reject"},
		{"kind nested", "kind", "nested", "reject"},
		{"an unknown kind", "kind", "cwt", "unsupported"},
	} {
		good.with(c.field, c.value).want(t, c.want, c.name)
	}
	// require stands in place of the default: without exp or sub a token passes if it says so.
	bare := good.with("token", w.sign(jwk.ES256, `{"alg":"ES256"}`, `{"a":1}`)).with("iss", nil).with("aud", nil).with("typ", nil)
	bare.with("require", []string{}).want(t, "accept", "nothing required of nothing")
	bare.with("require", nil).want(t, "reject", "the default list of nothing")
	bare.with("require", []string{"a"}).want(t, "accept", "a private claim")
	// A lifetime of years is not the harness's affair.
	years := w.sign(jwk.ES256, `{"alg":"ES256"}`, `{"exp":4000000000}`)
	bare.with("token", years).with("require", []string{"exp"}).want(t, "accept", "a lifetime of 70 years")
}

// A line that is no case is answered with a reject, its id if it has one, and the
// lines after it are answered as well.
func TestBadLines(t *testing.T) {
	w := newWorld(t)
	good := string(must(json.Marshal(w.good(jwk.HS256))))
	lines := []string{`{`, `[]`, `null`, `"text"`, `{"id":"y","kind":7}`, `{"id":"y","kind":"jwt","now":"soon"}`, `{"id":"y"}`, strings.Repeat("[", 100000),
		`{"id":"y","kind":"jws","key":{"keys":7},"token":"a.b.c"}`, `{"id":7,"kind":"jws"}`, " \t", "\x00", "{\"id\":\"\xff\"}"}
	var out bytes.Buffer
	if err := run(strings.NewReader(strings.Join(lines, "\n")+"\r\n"+good), &out); err != nil {
		t.Fatal(err)
	}
	answers := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(answers) != len(lines)+1 {
		t.Fatalf("%d answers to %d lines", len(answers), len(lines)+1)
	}
	for i, line := range lines {
		var v verdict
		if err := json.Unmarshal([]byte(answers[i]), &v); err != nil || v.Verdict == "accept" || v.Error == "" || len(v.ID) == 0 {
			t.Errorf("%.60q: %s", line, answers[i])
		}
		if strings.Contains(line, `"y"`) && string(v.ID) != `"y"` {
			t.Errorf("%.60q: the id is lost: %s", line, answers[i])
		}
	}
	if !strings.Contains(answers[len(lines)], `"accept"`) {
		t.Error(answers[len(lines)])
	}
}

func TestSizes(t *testing.T) {
	w := newWorld(t)
	good := w.good(jwk.HS256)
	fill := func(n int) string {
		return w.sign(jwk.HS256, `{"alg":"HS256","typ":"JWT"}`, strings.TrimSuffix(goodClaims, "}")+`,"fill":"`+strings.Repeat("x", n)+`"}`)
	}
	rest := len(fill(0))
	fits := fill((1<<20 - rest) * 3 / 4)
	if len(fits) > 1<<20 || len(fits) < 1<<20-4 {
		t.Fatal(len(fits))
	}
	good.with("token", fits).want(t, "accept", "a MiB")
	good.with("kind", "jws").with("token", fits).want(t, "accept", "a MiB")
	for name, token := range map[string]string{
		"a MiB and more": fill((1<<20-rest)*3/4 + 4), "dots": strings.Repeat(".", 3<<20), "a long line": strings.Repeat("A", 10<<20),
		"a huge header": strings.Repeat("A", 1<<20-8) + "..", "nested": encode(`{"alg":`+strings.Repeat("[", 500000)) + ".e30.AA",
	} {
		good.with("token", token).want(t, "reject", name)
		good.with("kind", "jws").with("token", token).want(t, "reject", name)
	}
	good.with("key", fields{"kty": "RSA", "alg": "RS256", "e": "AQAB", "n": strings.Repeat("_", 1<<20)}).want(t, "reject", "a key of 6 million bits")
}

// Keys of a set: several fit, one kid twice, kid unknown.
func TestSets(t *testing.T) {
	w := newWorld(t)
	good := w.good(jwk.ES256)
	var others []any
	for i := range 3 {
		k, err := jwk.Generate(jwk.ES256, fmt.Sprint("other-", i))
		if err != nil {
			t.Fatal(err)
		}
		var f fields
		_ = json.Unmarshal(must(k.MarshalJSON()), &f)
		others = append(others, f)
	}
	set := func(keys ...any) fields { return fields{"keys": keys} }
	mine := w.jwk(jwk.ES256, false)
	kid := func(kid string) string {
		return w.sign(jwk.ES256, string(must(json.Marshal(fields{"alg": "ES256", "kid": kid, "typ": "JWT"}))), goodClaims)
	}
	good.with("key", set(others[0], others[1], others[2], mine)).want(t, "accept", "the last of four that fit")
	good.with("key", set(others...)).want(t, "reject", "none of three that fit")
	for name, verdict := range map[string]string{"kid-ES256": "accept", "other-0": "reject", "../kid-ES256": "reject", "kid-es256": "reject", "__proto__": "reject", "": "accept"} {
		good.with("token", kid(name)).with("key", set(others[0], mine)).want(t, verdict, "kid "+name)
	}
	good.with("token", kid("any")).with("key", set(others[0], w.jwk(jwk.ES256, false, "kid"))).want(t, "accept", "a kid that no key has, and a key without one")
	good.with("key", set(mine, w.jwk(jwk.RS256, false).with("kid", "kid-ES256"))).with("token", kid("kid-ES256")).with("alg_allowed", []string{"ES256", "RS256"}).
		want(t, "accept", "one kid for keys of two types (RFC 7517 4.5)")
	good.with("key", set(mine, others[0].(fields).with("kid", "kid-ES256"))).with("token", kid("kid-ES256")).want(t, "reject", "one kid for two keys that fit")
}
