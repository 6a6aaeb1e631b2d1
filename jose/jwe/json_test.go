package jwe_test

import (
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
)

// The JSON form is held to the same options as the compact one.
func TestJSONOptionsRefuse(t *testing.T) {
	t.Parallel()
	key := generate(t, jwk.A128KW)
	text, err := jwe.EncryptJSON([]byte("x"), nil, []*jwk.Key{key}, jwe.EncryptOptions{Encryption: jwk.A128GCM})
	if err != nil {
		t.Fatal(err)
	}
	kw, gcm := algorithms("A128KW"), algorithms("A128GCM")
	for _, c := range []struct {
		name string
		keys jwe.KeySource
		o    jwe.DecryptOptions
		want jose.Reason
	}{
		{"whole", key, jwe.DecryptOptions{Algorithms: kw, Encryptions: gcm, MaxSize: len(text)}, ""},
		{"the zero value", key, jwe.DecryptOptions{}, jose.PolicyInvalid},
		{"no algorithms", key, jwe.DecryptOptions{Encryptions: gcm}, jose.PolicyInvalid},
		{"no encryptions", key, jwe.DecryptOptions{Algorithms: kw}, jose.PolicyInvalid},
		{"no key source", nil, everything(), jose.PolicyInvalid},
		{"another algorithm", key, jwe.DecryptOptions{Algorithms: algorithms("A256KW"), Encryptions: gcm}, jose.AlgorithmNotAllowed},
		{"negative size", key, jwe.DecryptOptions{Algorithms: kw, Encryptions: gcm, MaxSize: -1}, jose.PolicyInvalid},
		{"oversize", key, jwe.DecryptOptions{Algorithms: kw, Encryptions: gcm, MaxSize: len(text) - 1}, jose.TokenOversize},
	} {
		if _, err := jwe.DecryptJSON(ctx, text, c.keys, c.o); jose.ReasonOf(err) != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// crit and zip are under the tag or nowhere, and a member of the wrong type is refused
// in whichever header it stands, also where alg and enc stand there with it.
func TestUnprotectedMembersRefused(t *testing.T) {
	t.Parallel()
	key := mustParse(t, kwKey)
	rest := `"iv":"` + iv12 + `","ciphertext":"AAAA","tag":"` + tag16 + `"}`
	wrapped := `"encrypted_key":"` + enc24 + `"`
	for _, member := range []string{`"crit":["x"],"x":1`, `"crit":[]`, `"zip":"DEF"`, `"kid":1`, `"typ":[]`, `"cty":null`, `"epk":1`, `"p2c":"1"`, `"b64":false`, `"x5c":[]`} {
		header := `{"alg":"A128KW","enc":"A128GCM",` + member + `}`
		for place, text := range map[string]string{
			"header":                   `{"header":` + header + `,` + wrapped + `,` + rest,
			"unprotected":              `{"unprotected":` + header + `,` + wrapped + `,` + rest,
			"unprotected, with header": `{"unprotected":{` + member + `},"header":{"alg":"A128KW","enc":"A128GCM"},` + wrapped + `,` + rest,
			"recipients":               `{"recipients":[{"header":` + header + `,` + wrapped + `}],` + rest,
			"unprotected of many":      `{"unprotected":` + header + `,"recipients":[{` + wrapped + `},{` + wrapped + `}],` + rest,
		} {
			if _, err := jwe.DecryptJSON(ctx, []byte(text), key, everything()); jose.ReasonOf(err) != jose.HeaderInvalid {
				t.Errorf("%s in %s: %v", member, place, err)
			}
			without := strings.NewReplacer(`"unprotected":{`+member+`},`, "", `,`+member, "").Replace(text)
			if _, err := jwe.DecryptJSON(ctx, []byte(without), key, everything()); jose.ReasonOf(err) != jose.DecryptionFailed {
				t.Errorf("%s without %s: %v", place, member, err)
			}
		}
	}
}

// The protected header is held to its types as well, whoever has alg and enc.
func TestProtectedMembersRefused(t *testing.T) {
	t.Parallel()
	for member, want := range map[string]jose.Reason{`"other":1`: jose.DecryptionFailed, `"kid":1`: jose.HeaderInvalid, `"typ":[]`: jose.HeaderInvalid, `"cty":null`: jose.HeaderInvalid,
		`"zip":"def"`: jose.HeaderInvalid, `"b64":true`: jose.HeaderInvalid, `"apu":1`: jose.HeaderInvalid, `"crit":["other"],"other":1`: jose.CriticalUnsupported} {
		text := `{"protected":"` + encode("{"+member+"}") + `","header":{"alg":"A128KW","enc":"A128GCM"},"encrypted_key":"` + enc24 + `","iv":"` + iv12 + `","ciphertext":"AAAA","tag":"` + tag16 + `"}`
		if _, err := jwe.DecryptJSON(ctx, []byte(text), mustParse(t, kwKey), everything()); jose.ReasonOf(err) != want {
			t.Errorf("%s: %v, want %s", member, err, want)
		}
	}
}

// An object whose members look like recipients is no list of them.
func TestRecipientsAreAList(t *testing.T) {
	t.Parallel()
	key := mustParse(t, kwKey)
	one := `{"header":{"alg":"A128KW","enc":"A128GCM"},"encrypted_key":"` + enc24 + `"}`
	for list, want := range map[string]jose.Reason{
		"[" + one + "]": jose.DecryptionFailed, `{"a":` + one + `}`: jose.TokenMalformed, one: jose.TokenMalformed, `null`: jose.TokenMalformed, `"x"`: jose.TokenMalformed,
	} {
		text := `{"recipients":` + list + `,"iv":"` + iv12 + `","ciphertext":"AAAA","tag":"` + tag16 + `"}`
		if _, err := jwe.DecryptJSON(ctx, []byte(text), key, everything()); jose.ReasonOf(err) != want {
			t.Errorf("%s: %v, want %s", list, err, want)
		}
	}
}
