package header_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/header"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
)

// read gives one member to the reader, as a header with it alone.
func read(t *testing.T, member string) error {
	t.Helper()
	var d strictjson.Doc
	if err := header.Scan(&d, b64.Encode([]byte("{"+member+"}"))); err != nil {
		t.Fatal(member, err)
	}
	var text string
	var a jwk.Algorithm
	_, err := header.Common{Algorithm: &a, KeyID: &text, Type: &text, ContentType: &text}.Read(d.Members()[0])
	return err
}

// RFC 7515 4.1.2 to 4.1.8: what names or brings a key has a form, and is never a private key.
func TestReferences(t *testing.T) {
	t.Parallel()
	sha1, sha256 := strings.Repeat("A", 27), strings.Repeat("A", 43)
	// WSO2's own example, the digits of a digest of SHA-256; the digits alone.
	const wso2, digits = "MzYxMmFkOGYwMWI0ZWNmNDcxNGYwYmM4ZTA3MWI2NDAzZGQzNGM0ZGRlNjJkODFkZDRiOTFkMWFhMzU2ZGVlNg", "3612AD8F01B4ECF4714F0BC8E071B6403DD34C4D"
	for _, good := range []string{
		`"jku":"https://a.example/keys?x=1#y"`, `"x5u":"urn:a:b"`, `"x5t":"` + sha1 + `"`, `"x5t":"` + digits + `"`, `"x5t":"` + wso2 + `"`, `"x5t#S256":"` + sha256 + `"`, `"x5t#S256":"` + wso2 + `"`,
		`"x5c":["QQ=="]`, `"x5c":["QQ==","QUE="]`, `"jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`, `"jwk":{"kty":"unheard of"}`,
	} {
		if err := read(t, good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		`"jku":""`, `"jku":"x"`, `"jku":":x"`, `"jku":"https:"`, `"jku":"1a:b"`, `"jku":"a b:c"`, `"jku":"https://a b"`, `"jku":"https://a/\u00e4"`, `"jku":"https://a/{x}"`, `"jku":7`,
		`"x5u":"x"`, `"x5u":null`, `"x5t":"!!"`, `"x5t":"A"`, `"x5t":"` + sha1 + `="`, `"x5t":1`,
		`"x5t#S256":"="`, `"x5t#S256":"` + sha256 + `="`, `"x5t#S256":{}`,
		`"x5c":[]`, `"x5c":{}`, `"x5c":[1]`, `"x5c":["QQ==",1]`, `"x5c":[""]`, `"x5c":["QQ"]`, `"x5c":["!!"]`, `"x5c":["QQ==\n"]`, `"x5c":["-_8="]`,
		`"jwk":"x"`, `"jwk":{}`, `"jwk":{"kty":1}`, `"jwk":{"x":"AA"}`,
	} {
		if err := read(t, bad); jose.ReasonOf(err) != jose.HeaderInvalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if err := read(t, `"jwk":{"kty":"oct"}`); jose.ReasonOf(err) != jose.HeaderInvalid {
		t.Errorf("of a shared secret: %v", err)
	}
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		if err := read(t, `"jwk":{"kty":"x","`+name+`":"AA"}`); jose.ReasonOf(err) != jose.HeaderInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type odd struct{}

func (odd) MarshalJSON() ([]byte, error) { return []byte(`{"a":1,"a":2}`), nil }

// Parameters are written after what was decided, and none can decide it again.
func TestWrite(t *testing.T) {
	t.Parallel()
	key, err := jwk.Generate(jwk.ES256, "k")
	if err != nil {
		t.Fatal(err)
	}
	members := struct {
		Alg string `json:"alg,omitempty"`
	}{"ES256"}
	segment, err := header.Write(members, "", "", map[string]any{"url": "https://a.example", "jwk": key, "aud": []string{"b"}})
	if err != nil {
		t.Fatal(err)
	}
	var d strictjson.Doc
	if err := header.Scan(&d, segment); err != nil {
		t.Fatal(err)
	}
	public, err := json.Marshal(key)
	if err != nil || strings.Contains(string(public), `"d"`) {
		t.Fatal(string(public), err)
	}
	if want := `{"alg":"ES256","aud":["b"],"jwk":` + string(public) + `,"url":"https://a.example"}`; d.Text() != want {
		t.Errorf("got  %s\nwant %s", d.Text(), want)
	}
	members.Alg = "" // a JSON serialization whose recipients have it
	if segment, err = header.Write(members, "", "", map[string]any{"a": 1}); err != nil || segment != b64.Encode([]byte(`{"a":1}`)) {
		t.Errorf("%s, %v", segment, err)
	}
	private, err := key.ExportPrivate()
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]any{
		"alg": "none", "enc": "A128GCM", "kid": "x", "typ": "x", "cty": "x", "zip": "DEF", "crit": []string{"x"}, "b64": true, "epk": 1, "apu": 1, "apv": 1, "iv": 1, "tag": 1, "p2s": 1, "p2c": 1,
		"x5c": "x", "jku": "x", "x5t": "x", "a": math.NaN(), "b": "\xff", "c": odd{}, "big": strings.Repeat("x", header.MaxSize),
	} {
		if segment, err := header.Write(members, "", "", map[string]any{name: value}); segment != "" || jose.ReasonOf(err) != jose.HeaderInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := header.Write(members, "", "", map[string]any{"fine": 1, "url": "\xff"}); !strings.Contains(jose.DetailOf(err), `"url"`) {
		t.Errorf("which it was: %v", err)
	}
	if _, err := header.Write(members, "", "", map[string]any{"jwk": json.RawMessage(private)}); jose.ReasonOf(err) != jose.HeaderInvalid {
		t.Errorf("a private key: %v", err)
	}
	for _, bad := range [][2]string{{"\xff", ""}, {"", "\xff"}} {
		if _, err := header.Write(members, bad[0], bad[1], nil); jose.ReasonOf(err) != jose.HeaderInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
