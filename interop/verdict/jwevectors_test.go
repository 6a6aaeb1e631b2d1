package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose/jwk"
)

// management allows what a key names, or all that the library has and RSA1_5.
func management(key any) []string {
	if m, ok := key.(map[string]any); ok {
		if alg, ok := m["alg"].(string); ok {
			if jwk.Algorithm(alg).IsContentEncryption() {
				return []string{"dir"}
			}
			return []string{alg}
		}
	}
	all := []string{"RSA1_5"}
	for _, a := range jwk.KeyManagementAlgorithms() {
		all = append(all, string(a))
	}
	return all
}

// lacking is how cases are judged that a library with RSA1_5 would accept.
func lacking(allowed []string, want string) string {
	if want == "accept" && slices.Contains(allowed, "RSA1_5") {
		return "unsupported"
	}
	return want
}

func encryption(t *testing.T, dir string) []published {
	return slices.Concat(wycheproofJWE(t, dir), cookbookJWE(t, dir), latchsetJWE(t, dir), nesting(t, dir))
}

func wycheproofJWE(t *testing.T, dir string) (cases []published) {
	const name = "json_web_encryption_test"
	var file struct {
		TestGroups []struct {
			Private map[string]any
			Tests   []struct {
				TcID   int
				Jwe    any
				Result string
			}
		}
	}
	readJSON(t, filepath.Join(dir, "wycheproof", name+".json"), &file)
	for _, group := range file.TestGroups {
		allowed := management(group.Private)
		for _, c := range group.Tests {
			p := published{ID: name + "/" + strconv.Itoa(c.TcID), Kind: "jwe", Token: text(c.Jwe), Key: group.Private,
				Allowed: allowed, source: name, want: "reject"}
			if c.Result == "valid" {
				p.want = lacking(allowed, "accept")
			} else if strings.Contains(string(must(json.Marshal(group.Private))), "RSA1_5") {
				p.want = "unsupported" // the refusal is for the algorithm
			}
			cases = append(cases, p)
		}
	}
	return cases
}

// cookbookJWE reads RFC 7520 5 and RFC 8037 appendix A.6.
func cookbookJWE(t *testing.T, dir string) (cases []published) {
	paths, err := filepath.Glob(filepath.Join(dir, "rfc7520", "jwe", "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no cookbook", err)
	}
	for _, path := range append(paths, filepath.Join(dir, "rfc7520", "curve25519", "ecdh-es.json")) {
		var file struct {
			Input struct {
				Key any
				Pwd string
				Alg any
			}
			Output map[string]any
		}
		readJSON(t, path, &file)
		var allowed []string
		switch a := file.Input.Alg.(type) {
		case string:
			allowed = []string{a}
		case []any:
			for _, x := range a {
				allowed = append(allowed, x.(string))
			}
		}
		key := file.Input.Key
		if list, ok := key.([]any); ok {
			key = map[string]any{"keys": list}
		} else if file.Input.Pwd != "" {
			key = map[string]any{"kty": "oct", "k": encode(file.Input.Pwd)}
		}
		for form, token := range file.Output {
			p := published{ID: "cookbook/" + filepath.Base(path) + "/" + form, Kind: "jwe", Token: text(token), Key: key,
				Allowed: allowed, source: "cookbook-jwe", want: "accept"}
			if len(allowed) == 1 {
				p.want = lacking(allowed, p.want)
			}
			cases = append(cases, p)
		}
	}
	return cases
}

// latchsetJWE reads the same figures of RFC 7520 5 in files, with keys that have
// been written by another hand.
func latchsetJWE(t *testing.T, dir string) (cases []published) {
	paths, err := filepath.Glob(filepath.Join(dir, "rfc75xx-latchset", "*.jwe[cfg]"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no latchset figures", err)
	}
	for _, path := range paths {
		stem := strings.TrimSuffix(path, filepath.Ext(path))
		token, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		stems := []string{stem + ".jwk"}
		if _, err := os.Stat(stems[0]); err != nil { // several recipients, a key each
			stems, _ = filepath.Glob(stem + ".*.jwk")
		}
		for _, file := range stems {
			var key map[string]any
			readJSON(t, followed(t, file), &key)
			allowed := management(key)
			p := published{ID: "latchset/" + filepath.Base(path) + "/" + filepath.Base(file), Kind: "jwe", Token: strings.TrimSpace(string(token)), Key: key,
				Allowed: allowed, source: "latchset-jwe", want: "accept"}
			if strings.HasPrefix(filepath.Base(path), "rfc7520_5.1.") {
				p.want = "unsupported" // RSA1_5
			}
			cases = append(cases, p)
		}
	}
	return cases
}

// nesting is RFC 7520 6.
func nesting(t *testing.T, dir string) []published {
	var file struct {
		Sign, Encrypt struct {
			Input  struct{ Key map[string]any }
			Output map[string]any
		}
	}
	readJSON(t, filepath.Join(dir, "rfc7520", "6.nesting_signatures_and_encryption.json"), &file)
	return []published{{
		ID: "cookbook/6", Kind: "nested", Token: text(file.Encrypt.Output["compact"]), Key: file.Encrypt.Input.Key, Inner: file.Sign.Input.Key,
		Allowed: []string{"RSA-OAEP"}, InnerAllowed: []string{"PS256"}, Require: []string{"iss", "exp"}, Now: 1300819000, source: "cookbook-jwe", want: "accept",
	}}
}
