package jwt_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// nestedKinds are the profiles whose tokens may be encrypted.
func nestedKinds(t *testing.T) (*kit, []kind) {
	k := newKit(t)
	k.box = generate(t, jwk.ECDHESA256KW, "e")
	return k, []kind{k.access(), k.id(), k.logout(), k.event(), k.introspection()}
}

// A profile refuses in an encryption what it refuses outside, for the same reason,
// and Explain says so; what is not both encrypted and signed never passes.
func TestNestedProfiles(t *testing.T) {
	k, kinds := nestedKinds(t)
	for _, kind := range kinds {
		tries := map[string]string{
			"token_malformed: signed alone":                      kind.good,
			"token_malformed: claims that nobody signed":         seal(t, k.box, string(decode(t, strings.Split(kind.good, ".")[1])), "", "JWT"),
			"type_mismatch: no cty":                              seal(t, k.box, kind.good, "", ""),
			"decryption_failed: to another key":                  seal(t, generate(t, jwk.ECDHESA256KW, "e"), kind.good, "", "JWT"),
			"token_oversize: too long, and looked at no further": strings.Repeat("x", 2*jwt.DefaultMaxSize+1),
			"token_malformed: encrypted twice":                   seal(t, k.box, seal(t, k.box, kind.good, "", "JWT"), "", "JWT"),
			"algorithm_not_allowed: alg none (2026-29000)":       seal(t, k.box, encode(`{"alg":"none"}`)+"."+strings.Split(kind.good, ".")[1]+".", "", "JWT"),
			"signature_invalid: signed by somebody else":         seal(t, k.box, strings.Split(kind.good, ".")[0]+"."+strings.Split(kind.good, ".")[1]+"."+strings.Repeat("A", 86), "", "JWT"),
		}
		for name, token := range kind.bad {
			tries[name] = seal(t, k.box, token, "", "JWT")
		}
		for name, token := range tries {
			err := kind.verify(token)
			if want, _, _ := strings.Cut(name, ":"); string(jose.ReasonOf(err)) != want {
				t.Errorf("%s, %s: %v", kind.name, name, err)
			}
			if got := kind.explain(token).Failure(); jose.ReasonOf(got) != jose.ReasonOf(err) {
				t.Errorf("%s, %s: Verify says %v, Explain %v", kind.name, name, err, got)
			}
		}
		good := seal(t, k.box, kind.good, "", "JWT")
		e := kind.explain(good)
		for _, c := range e.Checks {
			if c.State != jwt.CheckOK {
				t.Errorf("%s: %+v", kind.name, c)
			}
		}
		bad := kind.explain(tries["decryption_failed: to another key"])
		if !slices.EqualFunc(e.Checks, bad.Checks, func(a, b jwt.Check) bool { return a.Name == b.Name }) {
			t.Errorf("%s: other checks when nothing opens: %+v", kind.name, bad.Checks)
		}
		if err := kind.verify(good); err != nil {
			t.Errorf("%s: %v", kind.name, err)
		}
	}
}

// What stands in the header beside is held to the claims, before a token that may
// be used once is used (RFC 7519 5.3, OpenID Connect Back-Channel Logout 2.4).
func TestNestedProfilesReplicated(t *testing.T) {
	k := newKit(t)
	var direct func(header, text string) string
	k.box, direct = directBox(t)
	logout, err := jwt.NewLogoutTokenVerifier(k.key, jwt.LogoutTokenPolicy{Issuer: party, ClientID: party, Algorithms: k.algorithms(),
		MaxLifetime: time.Hour, Clock: k.clock, Replay: k.store()})
	k.must(err)
	v, err := jwt.NewNestedLogoutTokenVerifier(k.box, directOnly, logout)
	k.must(err)
	signed := k.sign("logout+jwt", logoutClaims)
	for _, c := range []struct {
		header string
		want   jose.Reason
	}{{`"iss":"https://other.example"`, jose.ClaimMismatch}, {`"iss":"` + party + `"`, ""}, {`"iss":"` + party + `"`, jose.TokenReplayed}} {
		token := direct(c.header+`,"cty":"JWT"`, signed)
		explained := v.Explain(ctx, token).Failure()
		if _, err := v.Verify(ctx, token); jose.ReasonOf(err) != c.want || c.want != jose.TokenReplayed && jose.ReasonOf(explained) != c.want {
			t.Errorf("%s: %v, explained %v, want %q", c.header, err, explained, c.want)
		}
	}
}

func TestNestedProfilesMustBeWhole(t *testing.T) {
	k := newKit(t)
	box := generate(t, jwk.ECDHESA256KW, "e")
	id, err := jwt.NewIDTokenVerifier[claims](k.key, jwt.IDTokenPolicy{Issuer: party, ClientID: party, Algorithms: k.algorithms(), MaxLifetime: time.Hour, Clock: k.clock})
	k.must(err)
	intro, err := jwt.NewIntrospectionVerifier[claims](k.key, jwt.IntrospectionPolicy{Issuer: party, Audience: party, Algorithms: k.algorithms(), MaxAge: time.Minute, Clock: k.clock})
	k.must(err)
	logout, err := jwt.NewLogoutTokenVerifier(k.key, jwt.LogoutTokenPolicy{Issuer: party, ClientID: party, Algorithms: k.algorithms(), MaxLifetime: time.Hour, Clock: k.clock, SkipReplay: true})
	k.must(err)
	event, err := jwt.NewSecurityEventVerifier(k.key, jwt.SecurityEventPolicy{Issuers: []string{party}, Audiences: []string{party}, Algorithms: k.algorithms(), MaxAge: time.Minute, Clock: k.clock})
	k.must(err)
	wants := func(name string, build func(jwe.KeySource, jwe.DecryptOptions, bool) error, again error) {
		for what, err := range map[string]error{
			"no keys": build(nil, outer, true), "no lists": build(box, jwe.DecryptOptions{}, true), "no verifier": build(box, outer, false), "nested twice": again,
		} {
			if jose.ReasonOf(err) != jose.PolicyInvalid {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
	nestedID, err := jwt.NewNestedIDTokenVerifier(box, outer, id)
	k.must(err)
	_, again := jwt.NewNestedIDTokenVerifier(box, outer, nestedID)
	wants("ID token", func(keys jwe.KeySource, o jwe.DecryptOptions, inner bool) error {
		_, err := jwt.NewNestedIDTokenVerifier(keys, o, pick(inner, id))
		return err
	}, again)
	nestedIntro, err := jwt.NewNestedIntrospectionVerifier(box, outer, intro)
	k.must(err)
	_, again = jwt.NewNestedIntrospectionVerifier(box, outer, nestedIntro)
	wants("introspection response", func(keys jwe.KeySource, o jwe.DecryptOptions, inner bool) error {
		_, err := jwt.NewNestedIntrospectionVerifier(keys, o, pick(inner, intro))
		return err
	}, again)
	nestedLogout, err := jwt.NewNestedLogoutTokenVerifier(box, outer, logout)
	k.must(err)
	_, again = jwt.NewNestedLogoutTokenVerifier(box, outer, nestedLogout)
	wants("logout token", func(keys jwe.KeySource, o jwe.DecryptOptions, inner bool) error {
		_, err := jwt.NewNestedLogoutTokenVerifier(keys, o, pick(inner, logout))
		return err
	}, again)
	nestedEvent, err := jwt.NewNestedSecurityEventVerifier(box, outer, event)
	k.must(err)
	_, again = jwt.NewNestedSecurityEventVerifier(box, outer, nestedEvent)
	wants("security event", func(keys jwe.KeySource, o jwe.DecryptOptions, inner bool) error {
		_, err := jwt.NewNestedSecurityEventVerifier(keys, o, pick(inner, event))
		return err
	}, again)
}

func pick[T any](given bool, v *T) *T {
	if given {
		return v
	}
	return nil
}

// away is a key in a service that does not answer, or that says something else.
type away struct {
	public crypto.PublicKey
	err    error
}

func (a away) Public() crypto.PublicKey                                        { return a.public }
func (a away) Decrypt(io.Reader, []byte, crypto.DecrypterOpts) ([]byte, error) { return nil, a.err }

// A client sees that its key service is down, and a token's maker sees nothing else
// of what the service says.
func TestNestedKeyIsAway(t *testing.T) {
	k := newKit(t)
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	k.must(err)
	id, err := jwt.NewIDTokenVerifier[claims](k.key, jwt.IDTokenPolicy{Issuer: party, ClientID: party, Algorithms: k.algorithms(), MaxLifetime: time.Hour, Clock: k.clock})
	k.must(err)
	for _, c := range []struct {
		err  error
		want jose.Reason
	}{{fmt.Errorf("dial: %w", jose.KeysUnavailable), jose.KeysUnavailable}, {errors.New("bad padding"), jose.DecryptionFailed}} {
		box, err := jwk.New(away{&private.PublicKey, c.err}, jwk.RSAOAEP256, "e")
		k.must(err)
		v, err := jwt.NewNestedIDTokenVerifier(box, jwe.DecryptOptions{Algorithms: []jwk.Algorithm{jwk.RSAOAEP256}, Encryptions: []jwk.Algorithm{jwk.A256GCM}}, id)
		k.must(err)
		token := seal(t, box, k.sign("JWT", idClaims), "", "JWT")
		_, err = v.Verify(ctx, token, idRequest)
		if jose.ReasonOf(err) != c.want || strings.Contains(err.Error(), "padding") || strings.Contains(err.Error(), "dial") {
			t.Errorf("%v: %v", c.err, err)
		}
		e, err := v.Explain(ctx, token, idRequest)
		k.must(err)
		if first := e.Checks[0]; first.Reason != c.want || first.Remedy == "" || strings.Contains(first.Found, "padding") {
			t.Errorf("%v: %+v", c.err, first)
		}
	}
}
