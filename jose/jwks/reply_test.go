package jwks_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
)

const (
	openidAt = issuer + "/.well-known/openid-configuration"
	oauthAt  = issuer + "/.well-known/oauth-authorization-server"
)

// discovering builds a Remote that finds its set by way of the metadata.
func discovering(t testing.TB, w *world, iss string) *jwks.Remote {
	return remote(t, w, func(c *jwks.Config) { c.URL, c.Issuer = "", iss })
}

func TestDiscovery(t *testing.T) {
	good := `{"issuer":"` + issuer + `","jwks_uri":"` + keysAt + `"}`
	for _, c := range []struct {
		name, address string
		page          page
		reason        jose.Reason // "" when the set must be found
		detail        string
	}{
		{"openid connect", openidAt, page{body: good}, "", ""},
		{"rfc 8414 where the other is not found", oauthAt, page{body: good}, "", ""},
		{"another issuer", openidAt, metadata("https://evil.example", keysAt), jose.KeySetInvalid, "issuer is not the configured one"},
		{"a slash more", openidAt, metadata(issuer+"/", keysAt), jose.KeySetInvalid, "issuer is not the configured one"},
		{"another case", openidAt, metadata("https://Issuer.example", keysAt), jose.KeySetInvalid, "issuer is not the configured one"},
		{"a port more", openidAt, metadata(issuer+":443", keysAt), jose.KeySetInvalid, "issuer is not the configured one"},
		{"issuer missing", openidAt, page{body: `{"jwks_uri":"` + keysAt + `"}`}, jose.KeySetInvalid, "issuer is not the configured one"},
		{"issuer in a list", openidAt, page{body: `{"issuer":["` + issuer + `"],"jwks_uri":"` + keysAt + `"}`}, jose.KeySetInvalid, "issuer is not the configured one"},
		{"issuer twice", openidAt, page{body: `{"issuer":"https://evil.example","issuer":"` + issuer + `","jwks_uri":"` + keysAt + `"}`}, jose.KeySetInvalid, "duplicate"},
		{"folded name", openidAt, page{body: `{"Issuer":"` + issuer + `","jwks_uri":"` + keysAt + `"}`}, jose.KeySetInvalid, "issuer is not the configured one"},
		{"no jwks_uri", openidAt, page{body: `{"issuer":"` + issuer + `"}`}, jose.KeySetInvalid, "jwks_uri is missing"},
		{"jwks_uri null", openidAt, page{body: `{"issuer":"` + issuer + `","jwks_uri":null}`}, jose.KeySetInvalid, "jwks_uri is missing"},
		{"jwks_uri in clear", openidAt, metadata(issuer, "http://issuer.example/keys"), jose.KeySetInvalid, "is not https"},
		{"jwks_uri in clear on loopback", openidAt, metadata(issuer, "http://127.0.0.1/keys"), jose.KeySetInvalid, "is not https"},
		{"jwks_uri a file", openidAt, metadata(issuer, "file:///etc/passwd"), jose.KeySetInvalid, "no usable address"},
		{"jwks_uri with a password", openidAt, metadata(issuer, "https://user:pass@issuer.example/keys"), jose.KeySetInvalid, "no usable address"},
		{"jwks_uri relative", openidAt, metadata(issuer, "/keys"), jose.KeySetInvalid, "no usable address"},
		{"no json", openidAt, page{body: "<html>"}, jose.KeySetInvalid, "json"},
		{"too large", openidAt, page{body: good + strings.Repeat(" ", jwks.DefaultMaxBytes)}, jose.KeySetInvalid, "more than"},
		{"an error that is no 404 asks nowhere else", openidAt, page{status: 500, body: good}, jose.KeysUnavailable, "status 500"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				w.set(keysAt, page{body: publish(t, generate(t, "a"))})
				w.set(c.address, c.page)
				r := discovering(t, w, issuer)
				err := r.Refresh(t.Context())
				if c.reason == "" {
					if err != nil || !has(t, r, "a") {
						t.Errorf("not found: %v", err)
					}
					return
				}
				wants(t, err, c.reason)
				if err == nil || !strings.Contains(err.Error(), c.detail) || w.count(keysAt) != 0 {
					t.Errorf("%v does not name %q, or the set was fetched all the same", err, c.detail)
				}
				_, err = r.Lookup(t.Context(), "a", jwk.ES256)
				wants(t, err, jose.KeysUnavailable)
			})
		})
	}
}

func TestDiscoveryOfAnIssuerWithAPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const tenant = issuer + "/tenant/"
		for _, at := range []string{issuer + "/tenant/.well-known/openid-configuration", issuer + "/.well-known/oauth-authorization-server/tenant"} {
			w := &world{}
			w.set(keysAt, page{body: publish(t, generate(t, "a"))})
			w.set(at, metadata(tenant, keysAt))
			if r := discovering(t, w, tenant); !has(t, r, "a") {
				t.Errorf("%s: not found", at)
			}
		}
	})
}

// The metadata is asked again when the set that it named is gone.
func TestSetMovesHouse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.set(openidAt, metadata(issuer, keysAt))
		w.set(keysAt, page{body: publish(t, generate(t, "a"))})
		r := discovering(t, w, issuer)
		has(t, r, "a")
		w.set(keysAt, page{status: 410})
		w.set(openidAt, metadata(issuer, issuer+"/new"))
		w.set(issuer+"/new", page{body: publish(t, generate(t, "b"))})
		for range 2 {
			time.Sleep(jwks.DefaultCoolDown)
			_ = r.Refresh(t.Context())
		}
		if !has(t, r, "b") || w.count(openidAt) != 2 {
			t.Errorf("the new place was not found; the metadata was asked %d times", w.count(openidAt))
		}
	})
}

func TestCacheControl(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			control, age string
			want         time.Duration
		}{
			{"", "", jwks.DefaultAge},
			{"max-age=1200", "", 20 * time.Minute},
			{"public, max-age=1200, must-revalidate", "300", 15 * time.Minute},
			{`MAX-AGE="1200"`, "", 20 * time.Minute},
			{"max-age=1200", "9999", jwks.DefaultMinAge},
			{"max-age=0", "", jwks.DefaultMinAge},
			{"max-age=1", "", jwks.DefaultMinAge},
			{"max-age=1200, no-store", "", jwks.DefaultMinAge},
			{"no-cache", "", jwks.DefaultMinAge},
			{"max-age=31536000", "", jwks.DefaultMaxAge},
			{"max-age=99999999999999999999999", "", jwks.DefaultMaxAge},
			{"max-age=-1", "", jwks.DefaultAge},
			{"max-age=x", "x", jwks.DefaultAge},
			{"s-maxage=3000", "", jwks.DefaultAge},
		} {
			w := &world{}
			h := http.Header{"Cache-Control": {c.control}}
			if c.age != "" {
				h.Set("Age", c.age)
			}
			w.set(keysAt, page{body: publish(t, generate(t, "a")), header: h})
			r := remote(t, w, nil)
			has(t, r, "a")
			if got := r.Health(); got.Expires.Sub(got.Fetched) != c.want {
				t.Errorf("%q with Age %q: fresh for %s, want %s", c.control, c.age, got.Expires.Sub(got.Fetched), c.want)
			}
		}
	})
}

// hostile lists testdata/hostile: each file is a reply, and its name begins with
// what the error must say, blanks written as dashes.
func hostile(t testing.TB) map[string]string {
	files, err := filepath.Glob(filepath.Join("testdata", "hostile", "*"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	bodies := map[string]string{
		"a-reply-of-more-than--one-huge-key": `{"keys":[{"kty":"` + strings.Repeat("x", jwks.DefaultMaxBytes) + `"}]}`,
		"more-than-64-keys--of-no-use":       `{"keys":[` + strings.Repeat(`{"kty":"x"},`, 64) + `{"kty":"x"}]}`,
		"more-than-512-keys--of-no-use":      `{"keys":[` + strings.Repeat(`{"kty":"x"},`, 512) + `{"kty":"x"}]}`,
		"nested-too-deeply--arrays":          `{"keys":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`,
		"too-many-members--of-a-key":         `{"keys":[{` + manyMembers() + `"kty":"x"}]}`,
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bodies[strings.TrimSuffix(filepath.Base(file), ".json")] = string(text)
	}
	return bodies
}

func manyMembers() string {
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, `"%d":0,`, i)
	}
	return b.String()
}

// Whatever an issuer, or somebody in its place, answers with: keys that were
// good stay, and the reason is told.
func TestHostileRepliesKeepTheOldKeys(t *testing.T) {
	for name, body := range hostile(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				w.set(keysAt, page{body: publish(t, generate(t, "a"))})
				r := remote(t, w, nil)
				has(t, r, "a")
				good := r.Generation()
				w.set(keysAt, page{body: body})
				time.Sleep(jwks.DefaultCoolDown)
				err := r.Refresh(t.Context())
				wants(t, err, jose.KeySetInvalid)
				says, _, _ := strings.Cut(name, "--")
				says = strings.ReplaceAll(says, "-", " ")
				if h := r.Health(); !strings.Contains(h.Detail, says) || h.Reason != jose.KeySetInvalid || !h.Usable {
					t.Errorf("want %q: %+v", says, h)
				}
				if !has(t, r, "a") || r.Generation() != good {
					t.Error("the old keys are gone")
				}
			})
		})
	}
}

func TestBadStatusesKeepTheOldKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		good := publish(t, generate(t, "a"))
		w.set(keysAt, page{body: good})
		r := remote(t, w, nil)
		has(t, r, "a")
		for _, status := range []int{201, 204, 304, 400, 401, 403, 404, 429, 500, 503} {
			w.set(keysAt, page{status: status, body: publish(t, generate(t, "evil"))})
			time.Sleep(jwks.DefaultCoolDown)
			wants(t, r.Refresh(t.Context()), jose.KeysUnavailable)
			if !has(t, r, "a") || has(t, r, "evil") {
				t.Errorf("status %d changed the keys", status)
			}
		}
	})
}

// A set with one bad key serves its others, and the bad one serves nobody.
func TestBadKeyPoisonsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		private, err := generate(t, "bad").ExportPrivate()
		if err != nil {
			t.Fatal(err)
		}
		for reason, bad := range map[jose.Reason]string{
			jose.KeyMisuse:           string(private),
			jose.KeyWeak:             `{"kty":"RSA","kid":"bad","alg":"RS256","e":"AQAB","n":"sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1WlUzewbgBHod5pcM9H95GQRV3JDXboIRROSBigeC5yjU1hGzHHyXss8UDprecbAYxknTcQkhslANGRUZmdTOQ5qTRsLAt6BTYuyvVRdhS8exSZEy_c4"}`,
			jose.KeyInvalid:          `{"kty":"EC","kid":"bad","crv":"P-256","x":"AAAA","y":"AAAA"}`,
			jose.AlgorithmNotAllowed: `{"kty":"RSA","kid":"bad","alg":"none","n":"AQAB","e":"AQAB"}`,
			"":                       `{"kty":"oct","kid":"bad","alg":"HS256","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`,
		} {
			w := &world{}
			key := publish(t, generate(t, "a"))
			w.set(keysAt, page{body: strings.Replace(key, `{"keys":[`, `{"keys":[`+bad+`,`, 1)})
			r := remote(t, w, nil)
			if !has(t, r, "a") {
				t.Errorf("%s: the good key is gone: %+v", reason, r.Health())
			}
			for _, alg := range jwk.SignatureAlgorithms() {
				if keys, err := r.Lookup(t.Context(), "bad", alg); err == nil {
					t.Errorf("%s: %v is used", reason, keys[0])
				}
			}
			if h := r.Health(); len(h.Skipped) != 1 || !strings.Contains(h.Skipped[0], string(reason)) {
				t.Errorf("%s: %q", reason, h.Skipped)
			}
		}
	})
}

func TestRedirects(t *testing.T) {
	to := func(location string) page { return page{status: 302, header: http.Header{"Location": {location}}} }
	for _, c := range []struct {
		name, location string
		found          bool
	}{
		{"within the host", "/moved", true},
		{"to another host", "https://evil.example/keys", false},
		{"to a subdomain", "https://keys.issuer.example/keys", false},
		{"to another port", issuer + ":8443/keys", false},
		{"to plain http", "http://issuer.example/keys", false},
		{"to itself for ever", keysAt, false},
		{"to a file", "file:///etc/passwd", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				set := page{body: publish(t, generate(t, "a"))}
				for _, at := range []string{issuer + "/moved", "https://evil.example/keys", "https://keys.issuer.example/keys", issuer + ":8443/keys", "http://issuer.example/keys"} {
					w.set(at, set)
				}
				w.set(keysAt, to(c.location))
				// A client that says it would follow anything is held all the same.
				r := remote(t, w, func(cfg *jwks.Config) {
					cfg.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return nil }
				})
				err := r.Refresh(t.Context())
				if c.found != (err == nil) || !c.found && !errors.Is(err, jose.KeySetInvalid) {
					t.Errorf("got %v", err)
				}
				if len(w.asked) > 4 {
					t.Errorf("%d requests", len(w.asked))
				}
			})
		})
	}
}

func TestNoCookies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		w := &world{}
		w.set(keysAt, page{body: publish(t, generate(t, "a")), header: http.Header{"Set-Cookie": {"id=1; Path=/"}}})
		r := remote(t, w, func(c *jwks.Config) { c.Client.Jar = jar })
		has(t, r, "a")
		time.Sleep(jwks.DefaultCoolDown)
		_ = r.Refresh(t.Context())
		if len(w.asked) != 2 || len(w.asked[1].Header["Cookie"]) != 0 {
			t.Errorf("%d requests, the last with %v", len(w.asked), w.asked[len(w.asked)-1].Header)
		}
	})
}
