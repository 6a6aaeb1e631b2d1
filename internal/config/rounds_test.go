package config

import (
	"errors"
	"strings"
	"testing"
)

// What is wrong is said at once, however it is wrong: by an unknown key, a key that is
// there twice, a secret in the open, and by what only compiling finds.
func TestAllThatIsWrong(t *testing.T) {
	t.Parallel()
	text := strings.Join([]string{
		"issuer:",
		"  listen: 127.0.0.1:1",
		"  lissten: x",
		"  issuer: http://id.example",
		"  listen: 127.0.0.1:2",
		"  master_key: abc",
		"edge:",
		"  listen: 127.0.0.1:3",
		"  lissten: x",
		"  routes:",
		"    - {name: a, path: /a, upstream: ftp://x}",
	}, "\n")
	f, err := Parse("f", []byte(text), nil)
	err = f.More(err, func(f *File) error {
		if f.Edge == nil || len(f.Edge.Routes) != 1 || f.Edge.Listen != "127.0.0.1:3" {
			t.Errorf("what could be read was not: %+v", f.Edge)
		}
		return &Problem{"edge.routes[0]", "compiled"}
	})
	all, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatal(err)
	}
	for _, want := range []string{"f:3: lissten" + noKey, "f:4: issuer.issuer: is not https: plain http is for loopback only", `f:5: mapping key "listen" already defined at line 2` + doubled,
		"f:6: " + openSecret, "f:9: lissten" + noKey, "f:11: edge.routes[0]: compiled"} {
		n := 0
		for _, p := range all.Problems {
			if p == want {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%q is said %d times in\n%s", want, n, strings.Join(all.Problems, "\n"))
		}
	}
	// What stands in the wrong place hides what belongs there: nothing is made up about it.
	f, err = Parse("f", []byte("edge:\n  listen: [a]\n"), nil)
	if err = f.More(err, func(*File) error { return errors.New("compiled") }); err == nil || strings.Contains(err.Error(), "compiled") || strings.Contains(err.Error(), "missing") {
		t.Error(err)
	}
}
