package account_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/reason"
)

// Names that look alike to a person are one name; what RFC 8265 forbids is none.
func TestUsernameKey(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"ann": "ann", "Ann": "ann", "ANN@Example.com": "ann@example.com", "\uff21nn": "ann", "Ju\u0308rgen": "j\u00fcrgen", "J\u00dcRGEN": "j\u00fcrgen", "a.b-c_d": "a.b-c_d",

		"": "", "a b": "", "a\tb": "", "a\x00b": "", "a\u202eb": "", "a\u200bb": "", "\u2163": "", "ann\u00a0": "", strings.Repeat("x", 257): "", "\xff": "",
	} {
		key, err := account.UsernameKey(name)
		if key != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, reason.New(reason.RequestInvalid, nil)) {
			t.Errorf("%q has the key %q: %v", name, key, err)
		}
	}
}
