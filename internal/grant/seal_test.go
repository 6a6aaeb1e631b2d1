package grant

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/jotward/jotward/internal/secret"
)

// The successor that is kept for a retry opens with the token that was
// presented, and with nothing that the database has.
func TestSealedSuccessorCannotBeOpenedFromTheDatabase(t *testing.T) {
	t.Parallel()
	presented, successor := secret.New("rt_"), secret.New("rt_")
	sealed, err := seal(presented, successor)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := unseal(presented, sealed); err != nil || text != successor {
		t.Fatalf("the token that was presented does not open its successor: %v", err)
	}
	for _, under := range []string{string(secret.Hash(presented)), fmt.Sprintf("%x", secret.Hash(presented)), string(secret.Hash(successor)), presented[:len(presented)-1], ""} {
		if _, err := unseal(under, sealed); err == nil {
			t.Errorf("%q opens it", under)
		}
	}
	for i := range sealed {
		bad := append([]byte{}, sealed...)
		bad[i] ^= 1
		if _, err := unseal(presented, bad); err == nil {
			t.Fatalf("byte %d may be changed", i)
		}
	}
}

func FuzzScope(f *testing.F) {
	allowed := []string{"openid", "read", "write"}
	for _, v := range []string{"", "read", "read write", "write read read", " read", "read  write", "read\twrite", "admin", "read\u00a0write"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := scopes(text, allowed)
		if err != nil {
			if list != nil {
				t.Fatal("a refused scope has a list")
			}
			return
		}
		for i, v := range list {
			if v != "openid" && v != "read" && v != "write" || i > 0 && list[i-1] >= v {
				t.Fatalf("%q read as %q", text, list)
			}
		}
	})
}

func FuzzVerifier(f *testing.F) {
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636 appendix B
	for _, v := range []string{verifier, verifier + "\n", " " + verifier, verifier + "%", "", verifier[:42]} {
		f.Add(v, challenge)
	}
	f.Add(verifier, challenge+"\n")
	f.Fuzz(func(t *testing.T, v, c string) {
		if verifierFits(v, c) && (len(v) < 43 || len(v) > 128 || !challengeFits(c) || c == challenge && v != verifier) {
			t.Fatalf("%q fits %q", v, c)
		}
	})
}

// RFC 7636 4.1: unreserved characters only, even when the hash would fit.
func TestVerifierCharacters(t *testing.T) {
	t.Parallel()
	for _, v := range []string{" ", "\n", "%", "+", "/", "=", "é", "\x00", "\x7f"} {
		verifier := strings.Repeat("a", 50) + v
		sum := sha256.Sum256([]byte(verifier))
		if verifierFits(verifier, base64.RawURLEncoding.EncodeToString(sum[:])) {
			t.Errorf("%q was taken", v)
		}
	}
	for length, want := range map[int]bool{42: false, 43: true, 128: true, 129: false} {
		verifier := strings.Repeat("~", length)
		sum := sha256.Sum256([]byte(verifier))
		if verifierFits(verifier, base64.RawURLEncoding.EncodeToString(sum[:])) != want {
			t.Errorf("length %d", length)
		}
	}
}
