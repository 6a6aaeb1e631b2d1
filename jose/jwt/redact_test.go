package jwt_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose/jwt"
)

// No spelling of a request that fmt, JSON or a log knows shows what is secret in it.
func TestRequestsAreRedacted(t *testing.T) {
	const secret = "s3cr3t-of-the-request"
	type inside struct{ Request any }
	for _, v := range []any{jwt.IDTokenRequest{Nonce: secret, AccessToken: secret, Code: secret},
		jwt.DPoPRequest{Method: "GET", Proofs: []string{secret}, Nonces: []string{secret}, AccessToken: secret}, jwt.DPoPTarget{Method: "GET", AccessToken: secret, Nonce: secret}} {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			fmt.Fprintf(&out, verb+verb+verb, v, &v, inside{v})
		}
		_ = json.NewEncoder(&out).Encode(v)
		_ = json.NewEncoder(&out).Encode(inside{v})
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v, "in", inside{v})
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v, "in", inside{v})
		if text := out.String(); strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
			t.Errorf("%T shows it: %s", v, text)
		}
	}
}
