package config

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRejected reads the folder of files that must fail: each says what it
// wants to hear, with the line.
func TestRejected(t *testing.T) {
	files, err := filepath.Glob("testdata/reject/*.yaml")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Load(name)
			if err == nil {
				t.Fatal("was accepted")
			}
			for line := range strings.Lines(string(text)) {
				want, ok := strings.CutPrefix(strings.TrimSpace(line), "# wants: ")
				if ok && !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("%q tells a secret", err)
			}
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%q does not name the file", err)
			}
		})
	}
}

const good = `
issuer:
  issuer: https://id.example
  listen: ":8443"
  tls: {certificate: c, key: k}
  master_key: env:M
  admin: {token: env:T}
edge:
  listen: 127.0.0.1:8081
  trusted_proxies: [10.0.0.0/8]
  issuers:
  - issuer: https://id.example
    feed: {client_id: e, client_secret: "env:JOTWARD_EDGE_CLIENT_SECRET"}
    audience: api
    algorithms: [ES256]
    max_lifetime: 1h
`

func environ(t *testing.T, more ...string) []string {
	t.Setenv("M", strings.Repeat("0f", 32))
	t.Setenv("T", strings.Repeat("t", 32))
	t.Setenv("JOTWARD_EDGE_CLIENT_SECRET", "swordfish")
	return append([]string{"JOTWARD_EDGE_CLIENT_SECRET=swordfish", "JOTWARD_ADMIN_TOKEN=x", "HOME=/"}, more...)
}

func TestEnvironmentStandsOverTheFile(t *testing.T) {
	f, err := Parse("f", []byte(good), environ(t, "JOTWARD_EDGE_LISTEN=127.0.0.1:9", "JOTWARD_ISSUER_ADMIN_LISTEN=127.0.0.1:10",
		"JOTWARD_EDGE_TRUSTED_PROXIES=10.1.0.0/16,10.2.0.0/16", "JOTWARD_ISSUER_SESSION_LIFETIME=1h", "JOTWARD_EDGE_REFUSE_INSECURE=true",
		"JOTWARD_ISSUER_ADMIN_TOKEN="+strings.Repeat("x", 32)))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(f.Edge.Listen, f.Issuer.Admin.Listen, f.Edge.TrustedProxies, f.Issuer.SessionLifetime, f.Edge.RefuseInsecure, f.Issuer.Admin.Token.Reveal())
	want := "127.0.0.1:9 127.0.0.1:10 [10.1.0.0/16 10.2.0.0/16] 1h0m0s true " + strings.Repeat("x", 32)
	if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
		t.Errorf("got %s, want %s", got, want)
	}
	if f.Edge.Issuers[0].Feed.ClientSecret.Reveal() != "swordfish" || f.Issuer.Database == "" {
		t.Error("the reference was not read, or a default is missing")
	}
}

func TestEnvironmentThatNamesNothing(t *testing.T) {
	_, err := Parse("f", []byte(good), environ(t, "JOTWARD_EDGE_LISEN=1", "JOTWARD_ISSUER_SESSION_LIFETIME=soon"))
	if err == nil || !strings.Contains(err.Error(), "JOTWARD_EDGE_LISEN names no key") || !strings.Contains(err.Error(), "JOTWARD_ISSUER_SESSION_LIFETIME does not fit") {
		t.Errorf("got %v", err)
	}
}

// Who runs one section of a file reads no secret of the other: an edge has no
// use for the issuer's master key, and the issuer starts before its edges have
// clients. A key that does not exist is a mistake wherever it stands.
func TestOneSectionAlone(t *testing.T) {
	t.Setenv("JOTWARD_EDGE_CLIENT_SECRET", "swordfish")
	f, err := Parse("f", []byte(good), nil, EdgeSection)
	if err != nil || f.Issuer != nil || f.Edge.Issuers[0].Feed.ClientSecret.Reveal() != "swordfish" {
		t.Fatalf("the edge: %v", err)
	}
	environ(t)
	t.Setenv("JOTWARD_EDGE_CLIENT_SECRET", "")
	if f, err = Parse("f", []byte(good), nil, IssuerSection); err != nil || f.Edge != nil || f.Issuer.Admin.Token.Reveal() == "" {
		t.Fatalf("the issuer: %v", err)
	}
	for _, sections := range [][]string{nil, {IssuerSection, EdgeSection}} {
		if _, err = Parse("f", []byte(good), nil, sections...); err == nil || !strings.Contains(err.Error(), "JOTWARD_EDGE_CLIENT_SECRET is not set") {
			t.Errorf("both: %v", err)
		}
	}
	if _, err = Parse("f", []byte(good+"  lisen: x\n"), nil, IssuerSection); err == nil || !strings.Contains(err.Error(), "lisen: is no key here") {
		t.Errorf("an unknown key of the other section: %v", err)
	}
}

func TestSecretsShowTheirReferenceOnly(t *testing.T) {
	f, err := Parse("f", []byte(good), environ(t))
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", f.Edge.Issuers[0].Feed.ClientSecret, "all", f.Edge.Issuers)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", *f.Issuer, *f.Edge.Issuers[0].Feed, f.Edge.Issuers[0].Feed.ClientSecret, f.Issuer.MasterKey), log.String()} {
		if strings.Contains(text, "swordfish") || strings.Contains(text, "0f0f") {
			t.Errorf("a secret shows: %s", text)
		}
	}
	for _, bad := range []string{"issuer:\n  master_key: hunter2", "issuer:\n  master_key: [hunter2]", "issuer:\n  admin: {token: hunter2}"} {
		if _, err := Parse("f", []byte(bad), nil); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestProblemsOfOthersGetTheirLine(t *testing.T) {
	f, err := Parse("f", []byte(good), environ(t))
	if err != nil {
		t.Fatal(err)
	}
	err = f.Locate(fmt.Errorf("wrapped: %w", &Problem{"edge.issuers[0].feed.stale", "is neither refuse nor serve"}))
	if err == nil || err.Error() != "f:13: edge.issuers[0].feed.stale: is neither refuse nor serve" {
		t.Errorf("got %v", err)
	}
}

func TestMasterKeyForms(t *testing.T) {
	for text, ok := range map[string]bool{
		strings.Repeat("0f", 32): true, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=": true, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8": true,
		"": false, strings.Repeat("0f", 16): false, strings.Repeat("x", 32): false, strings.Repeat("0f", 33): false,
	} {
		if key, err := MasterKey(Literal(text)); (err == nil) != ok || ok && len(key) != 32 {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzParse: no text crashes the reader, and none of its secrets comes back.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(Starter))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("issuer: {<<: {listen: x}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("f", data, nil)
		if err == nil && file.Issuer == nil && file.Edge == nil {
			t.Error("an empty configuration was accepted")
		}
	})
}

// Keys that do not exist and values of the wrong kind hide nothing else that is wrong.
func TestAllMistakesAtOnce(t *testing.T) {
	_, err := Parse("x.yaml", []byte(`issuer:
  isuer: https://x
  issuer: http://id.example
  listen: 0.0.0.0:80
  session_lifetime: [1]
edge:
  routes: 7
  issuers:
    - issuer: http://id.example
`), nil)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"x.yaml:2: isuer", "x.yaml:3: issuer.issuer", "x.yaml:4: issuer.listen", "x.yaml:5: a list stands where a duration", "x.yaml:7: a single value",
		"x.yaml:9: edge.issuers[0].issuer"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said in\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "is missing") {
		t.Errorf("what was not read is called missing:\n%v", err)
	}
}

func TestWarnings(t *testing.T) {
	proxied := Issuer{Service: Service{Listen: "127.0.0.1:8080"}, Issuer: "https://id.example"}
	if got := proxied.Warnings(); len(got) != 1 || !strings.Contains(got[0], "trusted_proxies") {
		t.Errorf("behind a proxy that nobody trusts: %q", got)
	}
	for name, change := range map[string]func(*Issuer){
		"trusted": func(i *Issuer) { i.TrustedProxies = []string{"127.0.0.1/32"} }, "its own TLS": func(i *Issuer) { i.TLS.Certificate = "c" },
		"no proxy": func(i *Issuer) { i.Issuer = "http://127.0.0.1:8080" }, "PROXY protocol": func(i *Issuer) { i.ProxyProtocol = []string{"127.0.0.1/32"} },
	} {
		i := proxied
		if change(&i); len(i.Warnings()) > 0 {
			t.Errorf("%s: %q", name, i.Warnings())
		}
	}
	slow := Issuer{Limits: IssuerLimits{Network: Budget{Rate: "1000/s"}, Client: Budget{Rate: "10/m", Burst: 100}, Subject: Budget{Rate: "1/m"}}}
	if got := slow.Warnings(); len(got) != 1 || !strings.HasPrefix(got[0], "issuer.limits.client is slower than one in 5s") {
		t.Errorf("a limit that makes thieves: %q", got)
	}
	e := Edge{Issuers: []EdgeIssuer{{Issuer: "https://i", Feed: &EdgeFeed{}}, {Issuer: "https://j"}}, Routes: []Route{{Name: "a"},
		{Name: "b", Credentials: &Credentials{Cookie: &CredentialCookie{Name: "session"}}}, {Name: "c", Credentials: &Credentials{Cookie: &CredentialCookie{Name: "__Host-s"}}},
		{Name: "e", Credentials: &Credentials{Cookie: &CredentialCookie{Name: "__Secure-sso"}}}, {Name: "d", Credentials: &Credentials{Query: &CredentialQuery{}}}}}
	got := e.Warnings()
	if len(got) != 4 || !strings.Contains(got[0], "https://j") || !strings.Contains(got[1], "__Host-session") || !strings.Contains(got[2], "__Host-sso") || !strings.Contains(got[3], "route d") {
		t.Errorf("%q", got)
	}
}
