package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// vectorsDir finds the published vectors: JOTWARD_VECTORS, or beside the repository.
func vectorsDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("JOTWARD_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("NO PUBLISHED VECTORS: nothing at %s; set JOTWARD_VECTORS", dir)
	}
	return dir
}

// published is one case and what its publisher says about it.
type published struct {
	ID           string   `json:"id"`
	Kind         string   `json:"kind"`
	Token        any      `json:"token"`
	Key          any      `json:"key"`
	Inner        any      `json:"inner_key,omitempty"`
	Allowed      []string `json:"alg_allowed"`
	InnerAllowed []string `json:"inner_alg_allowed,omitempty"`
	Require      []string `json:"require,omitempty"`
	Now          int      `json:"now,omitempty"`
	Detached     *string  `json:"detached_payload_b64,omitempty"`

	source string
	want   string // accept, reject or unsupported
}

// disagreements are the cases that we judge differently from their publisher on
// purpose, each with its reason.
var disagreements = map[string]string{
	"cookbook/4.2.hmac-sha2_b64_false.json/json":      "b64 without crit, which RFC 7797 6 forbids",
	"cookbook/4.2.hmac-sha2_b64_false.json/json_flat": "b64 without crit, which RFC 7797 6 forbids",
	"json_web_crypto_test/17":                         "a JSON serialization is a JWS; the case is meant for a compact-only reader, which jwt.Verify is",
	"json_web_signature_test/346":                     "the key says PS256, the token PS384: a key is bound to one algorithm",
	"json_web_signature_test/350":                     "the key says PS256, the token PS384: a key is bound to one algorithm",
	"json_web_signature_test/347":                     "the key says ES521, which is no algorithm",
	"json_web_signature_test/351":                     "the key says ES521, which is no algorithm",
	"json_web_signature_test/367":                     "byte for byte the valid case 357: its padding got lost at the publisher's",
	"json_web_signature_test/370":                     "byte for byte the valid case 357: its padding got lost at the publisher's",
	"json_web_signature_test/372":                     "a character outside the alphabet, which RFC 7515 2 does not allow",
	"json_web_signature_test/373":                     "a character outside the alphabet, which RFC 7515 2 does not allow",
	"json_web_encryption_test/22":                     "a JSON serialization is a JWE; the case is meant for a compact-only reader, which jwe.Decrypt is",
	"json_web_encryption_test/135":                    compressed,
	"cookbook/5_9.compressed_content.json/json_flat":  compressed,
	"cookbook/5_9.compressed_content.json/compact":    compressed,
	"cookbook/5_9.compressed_content.json/json":       compressed,
	"latchset/rfc7520_5.9.jwec/rfc7520_5.9.jwk":       compressed,
	"latchset/rfc7520_5.9.jwef/rfc7520_5.9.jwk":       compressed,
	"latchset/rfc7520_5.9.jweg/rfc7520_5.9.jwk":       compressed,
	"latchset/rfc7520_5.13.jweg/rfc7520_5.13.1.jwk":   "the recipient's RSA1_5, which does not exist here; the message's other two recipients open it",
}

const compressed = "compressed content, which is refused unless asked for (RFC 8725 3.6)"

func TestPublishedVectors(t *testing.T) {
	dir := vectorsDir(t)
	cases := slices.Concat(wycheproof(t, dir), cookbook(t, dir), latchset(t, dir), postQuantum(t, dir), encryption(t, dir))
	var in, out bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, c := range cases {
		if err := enc.Encode(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(&in, &out); err != nil {
		t.Fatal(err)
	}
	got := map[string]map[string]int{}
	for i, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
		var v verdict
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		c := cases[i]
		if got[c.source] == nil {
			got[c.source] = map[string]int{}
		}
		got[c.source][v.Verdict]++
		_, known := disagreements[c.ID]
		if (v.Verdict != c.want) != known {
			t.Errorf("%s: %s (%s), published as %s, known disagreement: %v", c.ID, v.Verdict, v.Error, c.want, known)
		}
	}
	got["x25519_jwk_test"], got["keys in files"] = agreement(t, dir), keyFiles(t, dir)
	checkPage(t, got)
}

// checkPage holds docs/spec/vectors.md to what was counted: a change there is a
// change of behaviour.
func checkPage(t *testing.T, got map[string]map[string]int) {
	t.Helper()
	var page strings.Builder
	page.WriteString("# Published vectors\n\nWhat the library answers to every vector that was published by others, as `interop/verdict` puts them to it.\n" +
		"The test that counts (`cd interop && GOWORK=off go test ./verdict`) holds this page to the count and each case to its\n" +
		"publisher's word, but for those named below. The vectors are not in this repository: `JOTWARD_VECTORS` names their folder.\n\n" +
		"| source | accepted | refused | unsupported |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(got)) {
		fmt.Fprintf(&page, "| %s | %d | %d | %d |\n", name, got[name]["accept"], got[name]["reject"], got[name]["unsupported"])
	}
	page.WriteString("\nUnsupported are RSA1_5, which will not be there (RFC 8725 3.2), and nothing else.\n\n## Judged otherwise than published\n\n| case | why |\n|---|---|\n")
	for _, id := range slices.Sorted(maps.Keys(disagreements)) {
		fmt.Fprintf(&page, "| %s | %s |\n", id, disagreements[id])
	}
	path := filepath.Join("..", "..", "docs", "spec", "vectors.md")
	if os.Getenv("JOTWARD_UPDATE_DOCS") != "" {
		if err := os.WriteFile(path, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != page.String() {
		t.Errorf("docs/spec/vectors.md is not what was counted: run this test with JOTWARD_UPDATE_DOCS=1 and read the change (%v)", err)
	}
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

var every = []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

func wycheproof(t *testing.T, dir string) (cases []published) {
	for _, name := range []string{"json_web_crypto_test", "json_web_signature_test", "json_web_key_test"} {
		var file struct {
			TestGroups []struct {
				Public, Private map[string]any
				Tests           []struct {
					TcID   int
					Jws    any
					Jwe    any
					Result string
				}
			}
		}
		readJSON(t, filepath.Join(dir, "wycheproof", name+".json"), &file)
		for _, g := range file.TestGroups {
			key := g.Public
			if key == nil {
				key = g.Private
			}
			for _, c := range g.Tests {
				if c.Jws == nil {
					continue
				}
				p := published{ID: name + "/" + strconv.Itoa(c.TcID), Kind: "jws", Token: text(c.Jws), Key: key,
					Allowed: algorithmsOf(key), source: name, want: "reject"}
				if c.Result == "valid" {
					p.want = "accept"
				}
				cases = append(cases, p)
			}
		}
	}
	return cases
}

// algorithmsOf allows what the key names, and everything when it names nothing.
func algorithmsOf(key map[string]any) []string {
	keys := []any{key}
	if list, ok := key["keys"].([]any); ok {
		keys = list
	}
	allowed := []string{}
	for _, k := range keys {
		if m, ok := k.(map[string]any); ok {
			if alg, ok := m["alg"].(string); ok && slices.Contains(every, alg) && !slices.Contains(allowed, alg) {
				allowed = append(allowed, alg)
			}
		}
	}
	if len(allowed) == 0 {
		return every
	}
	return allowed
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// text gives a token the form it has in a case: compact, or JSON text.
func text(token any) string {
	if s, ok := token.(string); ok {
		return s
	}
	return string(must(json.Marshal(token)))
}

// cookbook reads RFC 7520 4, RFC 8037 appendix A and the RFC 7797 examples.
func cookbook(t *testing.T, dir string) (cases []published) {
	paths, err := filepath.Glob(filepath.Join(dir, "rfc7520", "jws", "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no cookbook", err)
	}
	paths = append(paths, filepath.Join(dir, "rfc7520", "curve25519", "jws.json"))
	plain := len(paths)
	more, _ := filepath.Glob(filepath.Join(dir, "rfc7520", "rfc7797", "*.json"))
	for i, path := range append(paths, more...) {
		var file struct {
			Input struct {
				Payload string
				Key     any
				Alg     any
			}
			Output map[string]any
		}
		readJSON(t, path, &file)
		key, allowed := file.Input.Key, []string{}
		if list, ok := key.([]any); ok {
			key = map[string]any{"keys": list}
		}
		switch a := file.Input.Alg.(type) {
		case string:
			allowed = append(allowed, a)
		case []any:
			for _, x := range a {
				allowed = append(allowed, x.(string))
			}
		}
		for form, token := range file.Output {
			p := published{ID: "cookbook/" + filepath.Base(path) + "/" + form, Kind: "jws", Token: text(token),
				Key: key, Allowed: allowed, source: "cookbook", want: "accept"}
			if i >= plain {
				p.source = "rfc7797"
			} else if strings.HasPrefix(filepath.Base(path), "4_5.") {
				d := encode(file.Input.Payload)
				p.Detached = &d
			}
			cases = append(cases, p)
		}
	}
	return cases
}

// latchset reads the figures of RFC 7515 appendix A and RFC 7520 4 in files.
func latchset(t *testing.T, dir string) (cases []published) {
	root := filepath.Join(dir, "rfc75xx-latchset")
	paths, err := filepath.Glob(filepath.Join(root, "*.jws[cfg]"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no latchset figures", err)
	}
	for _, path := range paths {
		name := filepath.Base(path)
		stem := strings.TrimSuffix(strings.TrimSuffix(path, filepath.Ext(path)), ".")
		token, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p := published{ID: "latchset/" + name, Kind: "jws", Token: strings.TrimSpace(string(token)),
			source: "latchset", want: "accept"}
		var key map[string]any
		for _, ext := range []string{".jwk", ".jwkset"} {
			if _, err := os.Stat(stem + ext); err == nil {
				readJSON(t, followed(t, stem+ext), &key)
			}
		}
		if key == nil { // A.5: alg none
			key = map[string]any{"kty": "oct", "alg": "HS256", "k": strings.Repeat("A", 43)}
			p.want = "reject"
		}
		p.Key, p.Allowed = key, latchsetAlgorithms(name)
		if payload, err := os.ReadFile(stem + ".payl"); err == nil {
			d := encode(string(payload))
			p.Detached = &d
		}
		cases = append(cases, p)
	}
	return cases
}

// followed resolves a file that holds only the name of another, which is what
// becomes of a symbolic link where there are none.
func followed(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if name := strings.TrimSpace(string(text)); len(name) < 64 && !strings.HasPrefix(name, "{") {
		return followed(t, filepath.Join(filepath.Dir(path), name))
	}
	return path
}

// latchsetAlgorithms are the algorithms that each figure says it uses.
func latchsetAlgorithms(name string) []string {
	for prefix, allowed := range map[string][]string{
		"rfc7515_A.1": {"HS256"}, "rfc7515_A.2": {"RS256"}, "rfc7515_A.3": {"ES256"}, "rfc7515_A.4": {"ES512"},
		"rfc7515_A.5": {"HS256"}, "rfc7515_A.6": {"RS256", "ES256"}, "rfc7515_A.7": {"ES256"},
		"rfc7520_4.1": {"RS256"}, "rfc7520_4.2": {"PS384"}, "rfc7520_4.3": {"ES512"}, "rfc7520_4.4": {"HS256"},
		"rfc7520_4.5": {"HS256"}, "rfc7520_4.6": {"HS256"}, "rfc7520_4.7": {"HS256"}, "rfc7520_4.8": {"RS256", "ES512", "HS256"},
	} {
		if strings.HasPrefix(name, prefix+".") {
			return allowed
		}
	}
	return every
}

// postQuantum reads RFC 9964 appendix A.
func postQuantum(t *testing.T, dir string) (cases []published) {
	mldsa, _ := filepath.Glob(filepath.Join(dir, "mldsa", "*.json"))
	for _, path := range mldsa {
		var file struct {
			Jwk map[string]any
			Jws string
		}
		readJSON(t, path, &file)
		cases = append(cases, published{ID: "mldsa/" + filepath.Base(path), Kind: "jws", Token: file.Jws, Key: file.Jwk,
			Allowed: []string{file.Jwk["alg"].(string)}, source: "mldsa", want: "accept"})
	}
	return cases
}
