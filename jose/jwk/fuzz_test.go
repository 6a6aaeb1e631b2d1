package jwk_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

func seed(f *testing.F, folder string, more ...string) {
	files, _ := filepath.Glob(filepath.Join("testdata", folder, "*"))
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && len(text) < 8192 {
			f.Add(text)
		}
	}
	for _, text := range more {
		f.Add([]byte(text))
	}
}

// FuzzParse: what is accepted can be written and read again as the same key,
// and every refusal carries a reason.
func FuzzParse(f *testing.F) {
	seed(f, "reject", rfc7520EC, rfc7517A2RSA, rfc8037Public, rfc8037Private, `{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`)
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := jwk.Parse(text, jwk.Options{Algorithms: rsaList})
		if err != nil {
			if k != nil || jose.ReasonOf(err) == "" {
				t.Fatalf("%v, %v", k, err)
			}
			return
		}
		out, err := json.Marshal(k)
		if k.IsSymmetric() {
			out, err = k.ExportPrivate()
		}
		if err != nil {
			t.Fatal(err)
		}
		back, err := jwk.Parse(out, jwk.Options{})
		if err != nil || back.Thumbprint() != k.Thumbprint() || back.Algorithm() != k.Algorithm() || back.KeyID() != k.KeyID() {
			t.Fatalf("%s came back as %v, %v", out, back, err)
		}
	})
}

func FuzzParseSet(f *testing.F) {
	seed(f, "reject-set", rfc7517A1, rfc7517A3, `{"keys":[`+rfc8037Public+`]}`)
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := jwk.ParseSet(text, jwk.Options{Algorithms: rsaList})
		if err != nil {
			if s != nil || jose.ReasonOf(err) == "" {
				t.Fatalf("%v, %v", s, err)
			}
			return
		}
		if _, err := json.Marshal(s); err != nil {
			t.Fatal(err)
		}
		for _, err := range s.Skipped() {
			if jose.ReasonOf(err) == "" {
				t.Fatal(err)
			}
		}
	})
}

func FuzzParsePEM(f *testing.F) {
	seed(f, "reject-pem")
	k, err := jwk.Generate(jwk.ES256, "")
	if err != nil {
		f.Fatal(err)
	}
	public, _ := k.MarshalPEM()
	private, _ := k.ExportPrivatePEM()
	f.Add(public)
	f.Add(private)
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := jwk.ParsePEM(text, jwk.ES256, "")
		if err != nil {
			if k != nil || jose.ReasonOf(err) == "" {
				t.Fatalf("%v, %v", k, err)
			}
			return
		}
		out, err := k.MarshalPEM()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := jwk.ParsePEM(out, jwk.ES256, ""); err != nil || back.Thumbprint() != k.Thumbprint() {
			t.Fatal(back, err)
		}
	})
}
