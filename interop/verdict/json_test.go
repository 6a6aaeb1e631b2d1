package main

import (
	"encoding/json"
	"testing"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// signature makes one signature of a JSON serialization; protected "" is none.
func (w *world) signature(a jwk.Algorithm, protected, payload string, header any) fields {
	segment := ""
	if protected != "" {
		segment = encode(protected)
	}
	sig := must(jws.SignInput(w.keys[a], []byte(segment+"."+encode(payload))))
	f := fields{"signature": encode(string(sig))}
	if protected != "" {
		f["protected"] = segment
	}
	if header != nil {
		f["header"] = header
	}
	return f
}

// The JSON serializations of RFC 7515 7.2, for signatures alone.
func TestJSONSerializations(t *testing.T) {
	w := newWorld(t)
	const text = "any payload, \x00 not JSON"
	every := []string{"ES256", "HS256", "RS256"}
	es, hs := w.jwk(jwk.ES256, false), w.jwk(jwk.HS256, false)
	flat := w.signature(jwk.ES256, `{"alg":"ES256"}`, text, nil).with("payload", encode(text))
	general := func(parts ...any) fields { return fields{"payload": encode(text), "signatures": parts} }
	one := w.signature(jwk.ES256, `{"alg":"ES256"}`, text, nil)
	two := w.signature(jwk.HS256, `{"alg":"HS256"}`, text, nil)
	bad := w.signature(jwk.ES256, `{"alg":"ES256"}`, text+".", nil)
	base := fields{"id": "x", "kind": "jws", "key": es, "alg_allowed": every}
	for _, c := range []struct {
		name  string
		token any
		key   any
		want  string
	}{
		{"flattened", flat, es, "accept"},
		{"flattened as text", string(must(json.Marshal(flat))), es, "accept"},
		{"flattened with blanks", "\n " + string(must(json.MarshalIndent(flat, " ", "\t"))) + "\n", es, "accept"},
		{"unprotected kid", w.signature(jwk.ES256, `{"alg":"ES256"}`, text, fields{"kid": "kid-ES256"}).with("payload", encode(text)), es, "accept"},
		{"unprotected everything", w.signature(jwk.ES256, "", text, fields{"alg": "ES256", "kid": "kid-ES256"}).with("payload", encode(text)), es, "accept"},
		{"unknown header members", w.signature(jwk.ES256, `{"alg":"ES256","x":{"a":[1]},"exp":1}`, text, fields{"y": nil}).with("payload", encode(text)), es, "accept"},
		{"unknown members", flat.with("z", fields{"a": 1}), es, "accept"},
		{"empty unprotected header", flat.with("header", fields{}), es, "reject"},
		{"general, one", general(one), es, "accept"},
		{"general, two, key of the first", general(one, two), es, "accept"},
		{"general, two, key of the second", general(one, two), hs, "accept"},
		{"general, the second holds", general(bad, one), es, "accept"},
		{"general, none holds", general(bad, bad), es, "reject"},
		{"general, another algorithm first", general(two.with("protected", encode(`{"alg":"ES256K"}`)), one), es, "accept"},
		{"general, crit first", general(w.signature(jwk.ES256, `{"alg":"ES256","crit":["x"],"x":1}`, text, nil), one), es, "accept"},
		{"general, empty", general(), es, "reject"},
		{"general and flattened", general(one).with("signature", one["signature"]), es, "reject"},
		{"general and protected", general(one).with("protected", one["protected"]), es, "reject"},
		{"a name in both headers", w.signature(jwk.ES256, `{"alg":"ES256","kid":"kid-ES256"}`, text, fields{"kid": "kid-ES256"}).with("payload", encode(text)), es, "reject"},
		{"alg in both headers", flat.with("header", fields{"alg": "ES256"}), es, "reject"},
		{"no alg", w.signature(jwk.ES256, `{"kid":"kid-ES256"}`, text, nil).with("payload", encode(text)), es, "reject"},
		{"unprotected crit", flat.with("header", fields{"crit": []string{"x"}, "x": 1}), es, "reject"},
		{"unprotected b64", flat.with("header", fields{"b64": false}), es, "reject"},
		{"protected crit", w.signature(jwk.ES256, `{"alg":"ES256","crit":["x"],"x":1}`, text, nil).with("payload", encode(text)), es, "reject"},
		{"no payload", one, es, "reject"},
		{"payload null", flat.with("payload", json.RawMessage("null")), es, "reject"},
		{"payload changed", flat.with("payload", encode("x")), es, "reject"},
		{"payload with padding", flat.with("payload", encode(text)+"="), es, "reject"},
		{"signature missing", flat.with("signature", nil), es, "reject"},
		{"signature empty", flat.with("signature", ""), es, "reject"},
		{"protected an object", flat.with("protected", fields{"alg": "ES256"}), es, "reject"},
		{"header a string", flat.with("header", "x"), es, "reject"},
		{"signatures an object", fields{"payload": encode(text), "signatures": one}, es, "reject"},
		{"polyglot", `{"payload":"` + encode(text) + `","protected":"` + encode(`{"alg":"ES256"}`) + `","signature":"a.b.c"}`, es, "reject"},
		{"trailing data", string(must(json.Marshal(flat))) + "{}", es, "reject"},
		{"a member twice", `{"payload":"` + encode(text) + `",` + string(must(json.Marshal(flat)))[1:], es, "reject"},
		{"an array", "[" + string(must(json.Marshal(flat))) + "]", es, "reject"},
	} {
		base.with("token", c.token).with("key", c.key).want(t, c.want, c.name)
		base.with("token", c.token).with("key", c.key).with("alg_allowed", []string{}).want(t, "reject", c.name+", nothing allowed")
		base.with("kind", "jwt").with("token", c.token).with("key", c.key).want(t, "reject", c.name+" as a JWT, which is compact (RFC 7519 7.2)")
	}
}

func TestDetachedPayload(t *testing.T) {
	w := newWorld(t)
	for _, text := range []string{"", "x", "\x00\xff", `{"a":1}`} {
		part := w.signature(jwk.ES256, `{"alg":"ES256"}`, text, nil)
		header, sig := part["protected"].(string), part["signature"].(string)
		detached := fields{"id": "x", "kind": "jws", "key": w.jwk(jwk.ES256, false), "alg_allowed": []string{"ES256"}, "detached_payload_b64": encode(text)}
		for name, token := range map[string]any{"compact": header + ".." + sig, "flattened": part, "general": fields{"signatures": []any{part}}} {
			v := detached.with("token", token).ask(t)
			if v.Verdict != "accept" || v.Payload == nil || *v.Payload != encode(text) {
				t.Errorf("%s %q: %+v", name, text, v)
			}
			detached.with("token", token).with("detached_payload_b64", encode(text+"x")).want(t, "reject", name+" with another payload")
			detached.with("token", token).with("detached_payload_b64", encode(text)+"=").want(t, "reject", name+" with a payload that is no base64url")
			if text != "" {
				detached.with("token", token).with("detached_payload_b64", nil).want(t, "reject", name+" without its payload")
			}
		}
		if text != "" {
			attached := header + "." + encode(text) + "." + sig
			detached.with("token", attached).want(t, "reject", "a payload in two places")
			// An empty field is what a writer without optional fields writes: no value.
			detached.with("token", attached).with("detached_payload_b64", "").want(t, "accept", "an empty field")
			detached.with("token", part.with("payload", encode(text))).with("detached_payload_b64", "").want(t, "accept", "an empty field")
		}
	}
}
