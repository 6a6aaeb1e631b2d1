package jwt_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
)

// The parties of the tests. One key signs everything, and issuer, client, server
// and resource share names wherever a profile lets them, so that nothing but the
// kind of a token can keep it out.
const (
	party = "https://id.example"
	proof = "https://id.example/token"
)

// A kind is one profile with its good token and its bad ones.
type kind struct {
	name    string
	good    string
	verify  func(token string) error
	explain func(token string) *jwt.Explanation
	bad     map[string]string // by "reason: what is wrong"
}

type kit struct {
	t     *testing.T
	key   *jwk.Key
	box   *jwk.Key // tokens are encrypted to it, when it is there
	clock func() time.Time
}

func newKit(t *testing.T) *kit {
	return &kit{t: t, key: generate(t, jwk.ES256, "k"), clock: clock}
}

func (k *kit) sign(typ, payload string) string {
	k.t.Helper()
	token, err := jws.Sign([]byte(payload), k.key, jws.SignOptions{Type: typ})
	if err != nil {
		k.t.Fatal(err)
	}
	return token
}

func (k *kit) store() jwt.ReplayStore {
	s, err := jwt.NewMemoryReplay(1000, clock)
	if err != nil {
		k.t.Fatal(err)
	}
	return s
}

// change makes bad tokens of a good claims set: each key is "reason: what", each
// value pairs of old and new text, the first replaced once.
func (k *kit) change(typ, good string, list map[string][2]string) map[string]string {
	out := map[string]string{}
	for name, c := range list {
		if !strings.Contains(good, c[0]) {
			k.t.Fatalf("%s: %q is not in the claims", name, c[0])
		}
		out[name] = k.sign(typ, strings.Replace(good, c[0], c[1], 1))
	}
	return out
}

// types are bad tokens of every other typ.
func (k *kit) types(bad map[string]string, good string, allowed ...string) map[string]string {
	for _, typ := range []string{"", "JWT", "at+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "client-authentication+jwt", "token-introspection+jwt", "application/at+jwt", "statuslist+jwt", "jose"} {
		if !slices.Contains(allowed, typ) {
			bad[fmt.Sprintf("type_mismatch: typ %q", typ)] = k.sign(typ, good)
		}
	}
	return bad
}

const (
	accessClaims  = `{"iss":"https://id.example","sub":"alice","aud":"https://id.example","client_id":"https://id.example","iat":1700000000,"exp":1700000600,"jti":"a1","scope":"read write","auth_time":1699999999,"acr":"1"}`
	idClaims      = `{"iss":"https://id.example","sub":"alice","aud":"https://id.example","iat":1700000000,"exp":1700000600,"nonce":"n-0S6_WzA2Mj","auth_time":1700000000,"acr":"2","at_hash":"77QmUPtjPfzWtF2AnpK9RQ","c_hash":"LDktKdoQak3Pk0cnXxCltA"}`
	logoutClaims  = `{"iss":"https://id.example","sub":"alice","aud":"https://id.example","iat":1700000000,"exp":1700000120,"jti":"bWJq","sid":"08a5019c","events":{"http://schemas.openid.net/event/backchannel-logout":{}}}`
	eventClaims   = `{"iss":"https://id.example","aud":["https://id.example"],"iat":1700000050,"jti":"4d3559ec","sub_id":{"format":"opaque","id":"x"},"txn":"t","toe":1700000000,"events":{"urn:example:a":{"x":1},"https://b.example/e":{}}}`
	clientClaims  = `{"iss":"https://id.example","sub":"https://id.example","aud":"https://id.example","iat":1700000090,"exp":1700000150,"jti":"c1"}`
	introClaims   = `{"iss":"https://id.example","aud":"https://id.example","iat":1700000090,"token_introspection":{"active":true,"sub":"alice","scope":"read"}}`
	accessInToken = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
	codeInToken   = "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk"
)

var idRequest = jwt.IDTokenRequest{Nonce: "n-0S6_WzA2Mj", AccessToken: accessInToken, Code: codeInToken, MaxAge: 5 * time.Minute, ACR: []string{"2", "3"}}

func (k *kit) algorithms() []jwk.Algorithm { return []jwk.Algorithm{jwk.ES256} }

func (k *kit) must(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

// kinds are all profiles. Proofs have a file of their own.
func (k *kit) kinds() []kind {
	return []kind{k.access(), k.id(), k.logout(), k.event(), k.client(), k.introspection(), k.dpop()}
}

func (k *kit) access() kind {
	v, err := jwt.NewAccessTokenVerifier[claims](k.key, jwt.AccessTokenPolicy{Issuers: []string{party}, Audiences: []string{party},
		Algorithms: k.algorithms(), MaxLifetime: time.Hour, Clock: k.clock})
	k.must(err)
	verify, explain := v.Verify, v.Explain
	if k.box != nil {
		nested, err := jwt.NewNestedVerifier(k.box, outer, v)
		k.must(err)
		verify, explain = nested.Verify, nested.Explain
	}
	return kind{"access token", k.sign("at+jwt", accessClaims), func(s string) error { _, err := verify(ctx, s); return err },
		func(s string) *jwt.Explanation { return explain(ctx, s) },
		k.types(k.change("at+jwt", accessClaims, map[string][2]string{
			"claim_missing: iss": {`"iss"`, `"iss2"`}, "claim_missing: exp": {`"exp"`, `"exp2"`}, "claim_missing: aud": {`"aud"`, `"aud2"`},
			"claim_missing: sub": {`"sub"`, `"sub2"`}, "claim_missing: client_id": {`"client_id"`, `"client_id2"`},
			"claim_missing: iat": {`"iat"`, `"iat2"`}, "claim_missing: jti": {`"jti"`, `"jti2"`},
			"claims_invalid: client_id": {`"client_id":"https://id.example"`, `"client_id":["a"]`},
			"claims_invalid: scope":     {`"read write"`, `["read"]`}, "claims_invalid: scope is a number": {`"read write"`, `1`}, "claims_invalid: two blanks": {"read write", "read  write"},
			"claims_invalid: a quote": {"read write", `re\"ad`}, "claims_invalid: a blank at the end": {"read write", "read "},
			"claims_invalid: acr": {`"acr":"1"`, `"acr":1`}, "claims_invalid: auth_time": {"1699999999", `"1699999999"`},
			"issuer_mismatch: iss": {party, "https://evil.example"}, "audience_mismatch: aud": {`"aud":"https://id.example"`, `"aud":"b"`},
			"token_expired: exp": {"1700000600", "1700000100"}, "lifetime_exceeded: exp": {"1700000600", "1700009999"},
		}), accessClaims, "at+jwt", "application/at+jwt")}
}

func (k *kit) id() kind {
	v, err := jwt.NewIDTokenVerifier[claims](k.key, jwt.IDTokenPolicy{Issuer: party, ClientID: party, TrustedAudiences: []string{"friend"},
		Algorithms: k.algorithms(), MaxLifetime: time.Hour, Clock: k.clock})
	k.must(err)
	if k.box != nil {
		v, err = jwt.NewNestedIDTokenVerifier(k.box, outer, v)
		k.must(err)
	}
	several := `"aud":["https://id.example","friend"]`
	return kind{"ID token", k.sign("JWT", idClaims), func(s string) error { _, err := v.Verify(ctx, s, idRequest); return err },
		func(s string) *jwt.Explanation {
			e, err := v.Explain(ctx, s, idRequest)
			k.must(err)
			return e
		},
		k.types(k.change("JWT", idClaims, map[string][2]string{
			"nonce_mismatch: another nonce": {"n-0S6_WzA2Mj", "n-0S6_WzA2Mk"}, "nonce_mismatch: no nonce": {`"nonce"`, `"nonce2"`},
			"claims_invalid: nonce": {`"n-0S6_WzA2Mj"`, `null`}, "claims_invalid: empty nonce": {`"n-0S6_WzA2Mj"`, `""`},
			"claim_mismatch: at_hash": {"77QmUPtjPfzWtF2AnpK9RQ", "77QmUPtjPfzWtF2AnpK9RA"}, "claim_missing: at_hash": {`"at_hash"`, `"at_hash2"`},
			"claims_invalid: at_hash": {`"77QmUPtjPfzWtF2AnpK9RQ"`, `true`}, "claim_mismatch: at_hash of code": {"77QmUPtjPfzWtF2AnpK9RQ", "LDktKdoQak3Pk0cnXxCltA"},
			"claim_mismatch: c_hash": {"LDktKdoQak3Pk0cnXxCltA", "MDktKdoQak3Pk0cnXxCltA"}, "claim_missing: c_hash": {`"c_hash"`, `"c_hash2"`},
			"claim_missing: azp": {`"aud":"https://id.example"`, several}, "claim_mismatch: azp": {`"nonce"`, `"azp":"friend","nonce"`},
			"claims_invalid: azp":                 {`"nonce"`, `"azp":["https://id.example"],"nonce"`},
			"audience_mismatch: not trusted":      {`"aud":"https://id.example"`, `"azp":"https://id.example","aud":["https://id.example","stranger"]`},
			"audience_mismatch: aud":              {`"aud":"https://id.example"`, `"aud":"friend"`},
			"claim_mismatch: auth_time too old":   {`"auth_time":1700000000`, `"auth_time":1699999799`},
			"claim_mismatch: auth_time to come":   {`"auth_time":1700000000`, `"auth_time":1700000101`},
			"claim_missing: auth_time":            {`"auth_time"`, `"auth_time2"`},
			"claims_invalid: auth_time":           {`"auth_time":1700000000`, `"auth_time":"1700000000"`},
			"claim_mismatch: acr":                 {`"acr":"2"`, `"acr":"1"`},
			"claim_missing: acr":                  {`"acr"`, `"acr2"`},
			"type_mismatch: events":               {`"nonce"`, `"events":{},"nonce"`},
			"type_mismatch: introspection":        {`"nonce"`, `"token_introspection":{},"nonce"`},
			"claim_missing: sub":                  {`"sub"`, `"sub2"`},
			"token_issued_in_future: iat to come": {`"iat":1700000000`, `"iat":1700000200`},
		}), idClaims, "", "JWT")}
}

func (k *kit) logout() kind {
	v, err := jwt.NewLogoutTokenVerifier(k.key, jwt.LogoutTokenPolicy{Issuer: party, ClientID: party, Algorithms: k.algorithms(),
		MaxLifetime: time.Hour, Clock: k.clock, Replay: k.store()})
	k.must(err)
	if k.box != nil {
		v, err = jwt.NewNestedLogoutTokenVerifier(k.box, outer, v)
		k.must(err)
	}
	event := `{"http://schemas.openid.net/event/backchannel-logout":{}}`
	return kind{"logout token", k.sign("logout+jwt", logoutClaims), func(s string) error { _, err := v.Verify(ctx, s); return err },
		func(s string) *jwt.Explanation { return v.Explain(ctx, s) },
		k.types(k.change("logout+jwt", logoutClaims, map[string][2]string{
			"claim_missing: events": {`"events"`, `"events2"`}, "claims_invalid: events": {event, `"x"`}, "claims_invalid: no events": {event, `{}`},
			"type_mismatch: another event": {event, `{"urn:other":{}}`}, "claims_invalid: event is no object": {event, `{"http://schemas.openid.net/event/backchannel-logout":true}`},
			"type_mismatch: nonce": {`"sid"`, `"nonce":"n","sid"`}, "claim_missing: neither sub nor sid": {`"sub":"alice","aud":"https://id.example","iat":1700000000,"exp":1700000120,"jti":"bWJq","sid"`, `"aud":"https://id.example","iat":1700000000,"exp":1700000120,"jti":"bWJq","sid2"`},
			"claims_invalid: sid": {`"08a5019c"`, `7`}, "claim_missing: jti": {`"jti"`, `"jti2"`}, "claim_missing: iat": {`"iat"`, `"iat2"`},
			"claim_missing: exp": {`"exp"`, `"exp2"`},
		}), logoutClaims, "logout+jwt")}
}

func (k *kit) event() kind {
	v, err := jwt.NewSecurityEventVerifier(k.key, jwt.SecurityEventPolicy{Issuers: []string{party}, Audiences: []string{party}, Algorithms: k.algorithms(),
		MaxAge: time.Minute, Clock: k.clock})
	k.must(err)
	if k.box != nil {
		v, err = jwt.NewNestedSecurityEventVerifier(k.box, outer, v)
		k.must(err)
	}
	events := `{"urn:example:a":{"x":1},"https://b.example/e":{}}`
	return kind{"security event", k.sign("secevent+jwt", eventClaims), func(s string) error { _, err := v.Verify(ctx, s); return err },
		func(s string) *jwt.Explanation { return v.Explain(ctx, s) },
		k.types(k.change("secevent+jwt", eventClaims, map[string][2]string{
			"claim_missing: events": {`"events"`, `"events2"`}, "claims_invalid: no events": {events, "{}"}, "claims_invalid: a list": {events, "[]"},
			"claims_invalid: an event is no object": {events, `{"urn:example:a":1}`}, "claims_invalid: an event without name": {events, `{"":{}}`},
			"claim_missing: jti": {`"jti"`, `"jti2"`}, "claim_missing: iat": {`"iat"`, `"iat2"`}, "type_mismatch: exp": {`"jti"`, `"exp":1700000600,"jti"`},
			"type_mismatch: nonce": {`"jti"`, `"nonce":"n","jti"`}, "claim_mismatch: two subjects": {`"jti"`, `"sub":"alice","jti"`},
			"claims_invalid: sub_id": {`{"format":"opaque","id":"x"}`, `"x"`}, "claims_invalid: sub_id without format": {`"format"`, `"form"`},
			"claims_invalid: txn": {`"txn":"t"`, `"txn":1`}, "claims_invalid: toe": {`"toe":1700000000`, `"toe":"then"`},
			"token_expired: too old": {"1700000050", "1700000039"},
		}), eventClaims, "secevent+jwt")}
}

func (k *kit) client() kind {
	v, err := jwt.NewClientAssertionVerifier(k.key, jwt.ClientAssertionPolicy{Issuer: party, ClientID: party, Algorithms: k.algorithms(),
		MaxLifetime: 2 * time.Minute, Clock: k.clock, Replay: k.store()})
	k.must(err)
	return kind{"client assertion", k.sign("client-authentication+jwt", clientClaims), func(s string) error { _, err := v.Verify(ctx, s); return err },
		func(s string) *jwt.Explanation { return v.Explain(ctx, s) },
		k.types(k.change("client-authentication+jwt", clientClaims, map[string][2]string{
			"audience_mismatch: a list":           {`"aud":"https://id.example"`, `"aud":["https://id.example"]`},
			"audience_mismatch: a second":         {`"aud":"https://id.example"`, `"aud":["https://id.example","https://evil.example"]`},
			"audience_mismatch: the endpoint":     {`"aud":"https://id.example"`, `"aud":"https://id.example/token"`},
			"claim_mismatch: sub":                 {`"sub":"https://id.example"`, `"sub":"mallory"`},
			"issuer_mismatch: iss":                {`"iss":"https://id.example"`, `"iss":"mallory"`},
			"claim_missing: jti":                  {`"jti"`, `"jti2"`},
			"claim_missing: exp":                  {`"exp"`, `"exp2"`},
			"lifetime_exceeded: exp":              {"1700000150", "1700000211"},
			"lifetime_exceeded: from now":         {`"iat":1700000090,"exp":1700000150`, `"exp":1700000221`},
			"type_mismatch: events":               {`"jti"`, `"events":{},"jti"`},
			"token_issued_in_future: iat to come": {`"iat":1700000090`, `"iat":1700000101`},
		}), clientClaims, "client-authentication+jwt")}
}

func (k *kit) introspection() kind {
	v, err := jwt.NewIntrospectionVerifier[claims](k.key, jwt.IntrospectionPolicy{Issuer: party, Audience: party, Algorithms: k.algorithms(),
		MaxAge: time.Minute, Clock: k.clock})
	k.must(err)
	if k.box != nil {
		v, err = jwt.NewNestedIntrospectionVerifier(k.box, outer, v)
		k.must(err)
	}
	member := `{"active":true,"sub":"alice","scope":"read"}`
	return kind{"introspection response", k.sign("token-introspection+jwt", introClaims), func(s string) error { _, err := v.Verify(ctx, s); return err },
		func(s string) *jwt.Explanation { return v.Explain(ctx, s) },
		k.types(k.change("token-introspection+jwt", introClaims, map[string][2]string{
			"claim_missing: token_introspection": {`"token_introspection"`, `"tokenintrospection"`}, "claims_invalid: no object": {member, `"x"`},
			"claim_missing: active": {`"active"`, `"ACTIVE"`}, "claims_invalid: active": {`"active":true`, `"active":"true"`},
			"type_mismatch: exp": {`"iat"`, `"exp":1700000600,"iat"`}, "type_mismatch: sub": {`"iat"`, `"sub":"alice","iat"`},
			"token_expired: too old": {"1700000090", "1700000039"}, "claim_missing: aud": {`"aud"`, `"aud2"`}, "claim_missing: iat": {`"iat"`, `"iat2"`},
		}), introClaims, "token-introspection+jwt")}
}

func TestProfilesAccept(t *testing.T) {
	for _, kind := range newKit(t).kinds() {
		if kind.explain != nil {
			if err := kind.explain(kind.good).Failure(); err != nil {
				t.Errorf("%s: %v", kind.name, err)
			}
		}
		if err := kind.verify(kind.good); err != nil {
			t.Errorf("%s: %v", kind.name, err)
		}
	}
}

// "If the scope parameter was in the request": not every access token has one (RFC 9068 2.2.3).
func TestAccessTokenWithoutScope(t *testing.T) {
	k := newKit(t)
	for _, scope := range []string{"", `"scope":"",`} {
		payload := strings.Replace(accessClaims, `"scope":"read write",`, scope, 1)
		if err := k.access().verify(k.sign("at+jwt", payload)); err != nil || payload == accessClaims {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

func TestProfilesRefuse(t *testing.T) {
	for _, kind := range newKit(t).kinds() {
		for _, name := range slices.Sorted(maps.Keys(kind.bad)) {
			reason, _, _ := strings.Cut(name, ": ")
			if err := kind.verify(kind.bad[name]); !errors.Is(err, jose.Reason(reason)) {
				t.Errorf("%s, %s: %v", kind.name, name, err)
			}
		}
	}
}

// No token of one kind passes for another (RFC 8725 3.11, 3.12; RFC 9068 4; RFC
// 8417 4; OpenID Connect Back-Channel Logout 2.4; RFC 9701 8.1).
func TestNoKindPassesForAnother(t *testing.T) {
	kinds := newKit(t).kinds()
	for _, from := range kinds {
		for _, to := range kinds {
			if err := to.verify(from.good); (err == nil) != (from.name == to.name) {
				t.Errorf("%s as %s: %v", from.name, to.name, err)
			}
		}
	}
}

// Where a kind had no typ of its own before, and its policy allows that, what
// keeps it from the others is in its claims.
func TestUntypedKindsStayApart(t *testing.T) {
	k := newKit(t)
	logout, err := jwt.NewLogoutTokenVerifier(k.key, jwt.LogoutTokenPolicy{Issuer: party, ClientID: party, Algorithms: k.algorithms(),
		MaxLifetime: time.Hour, Clock: clock, SkipReplay: true, AllowUntyped: true})
	k.must(err)
	client, err := jwt.NewClientAssertionVerifier(k.key, jwt.ClientAssertionPolicy{Issuer: party, ClientID: party, Algorithms: k.algorithms(),
		MaxLifetime: time.Hour, Clock: clock, Replay: k.store(), AllowUntyped: true})
	k.must(err)
	id := k.id()
	for _, typ := range []string{"", "JWT", "application/jwt"} {
		if _, err := logout.Verify(ctx, k.sign(typ, logoutClaims)); err != nil {
			t.Errorf("logout token of typ %q: %v", typ, err)
		}
		if _, err := client.Verify(ctx, k.sign(typ, strings.Replace(clientClaims, "c1", "c"+typ, 1))); err != nil {
			t.Errorf("client assertion of typ %q: %v", typ, err)
		}
		if err := id.verify(k.sign(typ, idClaims)); err != nil {
			t.Errorf("ID token of typ %q: %v", typ, err)
		}
		for _, payload := range []string{idClaims, clientClaims} {
			if _, err := logout.Verify(ctx, k.sign(typ, payload)); err == nil {
				t.Errorf("passes for a logout token: %s", payload)
			}
		}
		for _, payload := range []string{idClaims, logoutClaims} {
			if _, err := client.Verify(ctx, k.sign(typ, payload)); err == nil {
				t.Errorf("passes for a client assertion: %s", payload)
			}
		}
		for _, payload := range []string{logoutClaims, clientClaims} {
			if err := id.verify(k.sign(typ, payload)); err == nil {
				t.Errorf("passes for an ID token: %s", payload)
			}
		}
	}
	for _, typ := range []string{"at+jwt", "secevent+jwt", "dpop+jwt"} {
		_, err := logout.Verify(ctx, k.sign(typ, logoutClaims))
		wants(t, err, jose.TypeMismatch)
		_, err = client.Verify(ctx, k.sign(typ, clientClaims))
		wants(t, err, jose.TypeMismatch)
	}
}

// A client that sent no nonce, max_age or acr demands none; and an answer to
// somebody else's request, which a nonce shows, is refused.
func TestIDTokenRequests(t *testing.T) {
	k := newKit(t)
	v, err := jwt.NewIDTokenVerifier[claims](k.key, jwt.IDTokenPolicy{Issuer: party, ClientID: party, TrustedAudiences: []string{"friend"},
		Algorithms: k.algorithms(), MaxLifetime: time.Hour, Clock: clock})
	k.must(err)
	plain := `{"iss":"https://id.example","sub":"alice","aud":"https://id.example","iat":1700000000,"exp":1700000600}`
	for _, c := range []struct {
		payload string
		request jwt.IDTokenRequest
		want    jose.Reason
	}{
		{plain, jwt.IDTokenRequest{NoNonce: true}, ""},
		{plain, jwt.IDTokenRequest{NoNonce: true, AccessToken: "a"}, jose.ClaimMissing},
		{plain, jwt.IDTokenRequest{NoNonce: true, AccessToken: "a", AllowMissingHash: true}, ""},
		{idClaims, jwt.IDTokenRequest{NoNonce: true}, jose.NonceMismatch},
		{idClaims, jwt.IDTokenRequest{Nonce: "n-0S6_WzA2Mj"}, ""},
		{idClaims, jwt.IDTokenRequest{Nonce: "n-0S6_WzA2Mj", AccessToken: "another", AllowMissingHash: true}, jose.ClaimMismatch},
		{strings.Replace(plain, `"aud":"https://id.example"`, `"azp":"https://id.example","aud":["friend","https://id.example"]`, 1), jwt.IDTokenRequest{NoNonce: true}, ""},
		{strings.Replace(plain, `"aud"`, `"azp":"https://id.example","aud"`, 1), jwt.IDTokenRequest{NoNonce: true}, ""},
		{strings.Replace(plain, `"aud"`, `"auth_time":1699999800,"aud"`, 1), jwt.IDTokenRequest{NoNonce: true, MaxAge: 5 * time.Minute}, ""},
	} {
		if _, err := v.Verify(ctx, k.sign("", c.payload), c.request); jose.ReasonOf(err) != c.want {
			t.Errorf("%s, %+v: %v", c.payload, c.request, err)
		}
	}
}

// OpenID Connect Core A.3 and A.4, and figures for the other hashes; CVE-2026-28498:
// an unknown one is refused, not skipped.
func TestTokenHash(t *testing.T) {
	const v = "dNZX1hEZ9wBCzNL40Upu646bdzQA"
	for _, c := range []struct {
		alg         jwk.Algorithm
		value, want string
	}{
		{jwk.RS256, accessInToken, "77QmUPtjPfzWtF2AnpK9RQ"}, {jwk.RS256, codeInToken, "LDktKdoQak3Pk0cnXxCltA"},
		{jwk.HS256, v, "wfgvmE9VxjAudsl9lc6TqA"}, {jwk.ES256, v, "wfgvmE9VxjAudsl9lc6TqA"}, {jwk.PS256, v, "wfgvmE9VxjAudsl9lc6TqA"},
		{jwk.RS384, v, "phZaPQJosyg-qi-OIYyQ3xJB9wsHYEEz"}, {jwk.ES384, v, "phZaPQJosyg-qi-OIYyQ3xJB9wsHYEEz"},
		{jwk.PS512, v, "8xltSlOGYrWy8W9yNvRlEth1i_bXW-JROWPLvCv5zog"}, {jwk.EdDSA, v, "8xltSlOGYrWy8W9yNvRlEth1i_bXW-JROWPLvCv5zog"},
		{jwk.Ed25519, v, "8xltSlOGYrWy8W9yNvRlEth1i_bXW-JROWPLvCv5zog"},
	} {
		if got, err := jwt.TokenHash(c.alg, c.value); err != nil || got != c.want {
			t.Errorf("%s: %s, %v", c.alg, got, err)
		}
	}
	for _, a := range []jwk.Algorithm{"", "none", "XX256", "HS257", jwk.RSAOAEP256, jwk.A128GCM, jwk.Direct} {
		got, err := jwt.TokenHash(a, v)
		if got != "" {
			t.Errorf("%s: %s", a, got)
		}
		wants(t, err, jose.AlgorithmNotAllowed)
	}
	for _, a := range jwk.SignatureAlgorithms() {
		if _, err := jwt.TokenHash(a, v); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
}

// What may be used once is accepted once, also by many at the same time, and not
// at all when nobody can say.
func TestSingleUse(t *testing.T) {
	k := newKit(t)
	for _, kind := range []kind{k.logout(), k.client(), k.dpop()} {
		for name, token := range kind.bad {
			if kind.verify(token) == nil {
				t.Errorf("%s: %s", kind.name, name)
			}
		}
		k.must(kind.verify(kind.good)) // what was refused has used up nothing
		wants(t, kind.verify(kind.good), jose.TokenReplayed)
	}
	failing := func(err error) jwt.ReplayStore {
		return storeFunc(func(string, time.Time) (bool, error) { return false, err })
	}
	broken := errors.New("the disk is gone")
	logout, err := jwt.NewLogoutTokenVerifier(k.key, jwt.LogoutTokenPolicy{Issuer: party, ClientID: party, Algorithms: k.algorithms(), MaxLifetime: time.Hour, Clock: clock, Replay: failing(broken)})
	k.must(err)
	_, err = logout.Verify(ctx, k.sign("logout+jwt", logoutClaims))
	wants(t, err, jose.StoreUnavailable)
	wants(t, err, jose.StoreUnavailable)
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	client, err := jwt.NewClientAssertionVerifier(k.key, jwt.ClientAssertionPolicy{Issuer: party, ClientID: party, Algorithms: k.algorithms(), MaxLifetime: time.Hour, Clock: clock, Replay: failing(broken)})
	k.must(err)
	_, err = client.Verify(ctx, k.sign("client-authentication+jwt", clientClaims))
	wants(t, err, jose.StoreUnavailable)
}

type storeFunc func(string, time.Time) (bool, error)

func (f storeFunc) Seen(_ context.Context, key string, until time.Time) (bool, error) {
	return f(key, until)
}

func TestProfileResults(t *testing.T) {
	k := newKit(t)
	logout, err := jwt.NewLogoutTokenVerifier(k.key, jwt.LogoutTokenPolicy{Issuer: party, ClientID: party, Algorithms: k.algorithms(), MaxLifetime: time.Hour, Clock: clock, SkipReplay: true})
	k.must(err)
	for range 2 { // SkipReplay
		l, err := logout.Verify(ctx, k.sign("logout+jwt", logoutClaims))
		k.must(err)
		if l.SessionID != "08a5019c" || l.Subject != "alice" || l.ID != "bWJq" {
			t.Errorf("%+v", l)
		}
	}
	l, err := logout.Verify(ctx, k.sign("logout+jwt", strings.Replace(logoutClaims, `"sub":"alice",`, "", 1)))
	if err != nil || l.Subject != "" {
		t.Errorf("%+v, %v", l, err)
	}
	events, err := jwt.NewSecurityEventVerifier(k.key, jwt.SecurityEventPolicy{Issuers: []string{party}, SkipAudience: true, SkipAge: true, AllowExpiry: true, Algorithms: k.algorithms(), Clock: clock})
	k.must(err)
	e, err := events.Verify(ctx, k.sign("secevent+jwt", strings.Replace(eventClaims, `"aud":["https://id.example"],"iat":1700000050`, `"exp":1700000600,"iat":1`, 1)))
	k.must(err)
	if len(e.Events) != 2 || string(e.Events["urn:example:a"]) != `{"x":1}` || string(e.Events["https://b.example/e"]) != `{}` {
		t.Errorf("%s", e.Events)
	}
	_, err = events.Verify(ctx, k.sign("secevent+jwt", strings.Replace(eventClaims, `"jti"`, `"exp":1700000100,"jti"`, 1)))
	wants(t, err, jose.TokenExpired)
	// RFC 8417 2.2: the subject may be sub.
	e, err = events.Verify(ctx, k.sign("secevent+jwt", strings.Replace(eventClaims, `"sub_id":{"format":"opaque","id":"x"}`, `"sub":"alice"`, 1)))
	if err != nil || e.Subject != "alice" {
		t.Errorf("%+v, %v", e, err)
	}
	type said struct {
		Subject string `json:"sub"`
		Scope   string `json:"scope"`
	}
	intro, err := jwt.NewIntrospectionVerifier[said](k.key, jwt.IntrospectionPolicy{Issuer: party, Audience: party, Algorithms: k.algorithms(), MaxAge: time.Minute, Clock: clock})
	k.must(err)
	i, err := intro.Verify(ctx, k.sign("token-introspection+jwt", introClaims))
	if err != nil || !i.Active || i.Claims != (said{"alice", "read"}) || i.Subject != "" {
		t.Errorf("%+v, %v", i, err)
	}
	// Of a token that gives no access, nothing is told.
	i, err = intro.Verify(ctx, k.sign("token-introspection+jwt", strings.Replace(introClaims, "true", "false", 1)))
	if err != nil || i.Active || i.Claims != (said{}) {
		t.Errorf("%+v, %v", i, err)
	}
	_, err = intro.Verify(ctx, k.sign("token-introspection+jwt", strings.Replace(introClaims, `"read"`, `7`, 1)))
	wants(t, err, jose.ClaimsInvalid)
}

func TestUnverifiedClientID(t *testing.T) {
	k := newKit(t)
	if id, err := jwt.UnverifiedClientID(k.sign("", clientClaims)); err != nil || id != party {
		t.Errorf("%s, %v", id, err)
	}
	for token, want := range map[string]jose.Reason{
		"":                               jose.TokenMalformed,
		"a.b":                            jose.TokenMalformed,
		"a.b.c":                          jose.TokenMalformed,
		"a." + encode("[]") + ".":        jose.ClaimsInvalid,
		"a." + encode(`{"iss":1}`) + ".": jose.ClaimsInvalid,
		"a." + encode(`{"iss":"a","iss":"b"}`) + ".":    jose.ClaimsInvalid,
		"a." + encode(`{}`) + ".":                       jose.ClaimMissing,
		strings.Repeat("a", jwt.DefaultMaxSize) + ".b.": jose.TokenOversize,
	} {
		_, err := jwt.UnverifiedClientID(token)
		wants(t, err, want)
	}
}
