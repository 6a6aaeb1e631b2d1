package edge

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/jose/jwt"
)

// An oracle is issuer a's introspection endpoint.
type oracle struct {
	asked  atomic.Int64
	status int
	kind   string
	body   func(token string) string
	header http.Header
	check  func(*http.Request) error
}

func (o *oracle) answer(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/.well-known/oauth-authorization-server" {
		return reply(r, 200, "application/json", `{"issuer":"https://a.test","introspection_endpoint":"https://a.test/introspect"}`), nil
	}
	if r.URL.Path != "/introspect" {
		return reply(r, 404, "text/plain", ""), nil
	}
	o.asked.Add(1)
	if o.check != nil {
		if err := o.check(r); err != nil {
			return nil, err
		}
	}
	if id, secret, ok := r.BasicAuth(); !ok || id != "edge%201" && id != "edge+1" || secret != "s%3A" {
		return reply(r, 401, "application/json", `{"error":"invalid_client"}`), nil
	}
	if err := r.ParseForm(); err != nil || r.Form.Get("token_type_hint") != "access_token" {
		return reply(r, 400, "application/json", `{}`), nil
	}
	out := reply(r, o.status, o.kind, o.body(r.Form.Get("token")))
	maps.Copy(out.Header, o.header)
	return out, nil
}

func reply(r *http.Request, status int, kind, body string) *http.Response {
	return &http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, Request: r}
}

// asks configures issuer a to be asked, and its answer about every token.
func asks(o *oracle, change ...func(*config.EdgeIssuer)) func(*world, *config.Edge) {
	return func(w *world, c *config.Edge) {
		w.a.other = o.answer
		c.Issuers[0].Introspection = &config.EdgeIntrospection{ClientID: "edge 1", ClientSecret: config.Literal("s:")}
		for _, f := range change {
			f(&c.Issuers[0])
		}
		if o.body == nil {
			o.status, o.kind, o.body = 200, "application/json", func(string) string { return w.active(nil) }
		}
	}
}

// active is an answer that holds, but for the changes.
func (w *world) active(change map[string]any) string {
	m := map[string]any{"active": true, "token_type": "Bearer", "iss": w.a.name, "aud": "api", "sub": "usr_1", "client_id": "c", "jti": "j", "grant_id": "gr_1", "sid": "ses_1", "sub_ver": 1, "client_ver": 1,
		"scope": "read", "iat": w.now().Unix(), "exp": w.now().Add(30 * time.Minute).Unix()}
	maps.Copy(m, change)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == gone })
	text, err := json.Marshal(m)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

const ref = "2YotnFZFEjr1zCsicMWpAA"

// A token that says nothing is judged by its issuer, and the answer by us, as
// strictly as a JWT's claims (RFC 7662 2.2).
func TestIntrospection(t *testing.T) {
	t.Parallel()
	o := &oracle{}
	w := build(t, asks(o))
	now := w.now().Unix()
	for n, c := range []struct {
		change map[string]any
		code   string
	}{
		{nil, ""}, {map[string]any{"iss": gone}, ""}, {map[string]any{"aud": []string{"x", "api"}}, ""}, {map[string]any{"token_type": "bearer"}, ""}, {map[string]any{"jti": gone, "sid": gone, "grant_id": gone, "client_id": gone}, ""},
		{map[string]any{"active": false}, "token_inactive"}, {map[string]any{"active": "true"}, "introspection_unavailable"}, {map[string]any{"active": 1}, "introspection_unavailable"}, {map[string]any{"active": gone}, "introspection_unavailable"}, {map[string]any{"active": gone, "Active": true}, "introspection_unavailable"},
		{map[string]any{"iss": "https://b.test"}, "issuer_mismatch"}, {map[string]any{"iss": []string{"https://a.test"}}, "claims_invalid"},
		{map[string]any{"aud": "other"}, "audience_mismatch"}, {map[string]any{"aud": gone}, "claim_missing"}, {map[string]any{"aud": []string{}}, "claim_missing"}, {map[string]any{"aud": 1}, "claims_invalid"}, {map[string]any{"aud": []any{1}}, "claims_invalid"}, {map[string]any{"aud": ""}, "audience_mismatch"},
		{map[string]any{"exp": now}, "token_expired"}, {map[string]any{"exp": gone}, "claim_missing"}, {map[string]any{"exp": "1900000000"}, "claims_invalid"}, {map[string]any{"exp": now + 7200}, "lifetime_exceeded"}, {map[string]any{"exp": -1}, "claims_invalid"}, {map[string]any{"exp": 1e300}, "claims_invalid"},
		{map[string]any{"iat": gone}, "claim_missing"}, {map[string]any{"iat": now + 1}, "token_issued_in_future"}, {map[string]any{"nbf": now + 1}, "token_not_yet_valid"}, {map[string]any{"iat": now - 7200}, "lifetime_exceeded"},
		{map[string]any{"sub": gone}, "claim_missing"}, {map[string]any{"sub": 1}, "claims_invalid"}, {map[string]any{"jti": 1}, "claims_invalid"}, {map[string]any{"sid": []string{"x"}}, "claims_invalid"}, {map[string]any{"sub_ver": "1"}, "claims_invalid"},
		{map[string]any{"token_type": gone}, "claim_missing"}, {map[string]any{"token_type": "refresh_token"}, "type_mismatch"}, {map[string]any{"token_type": "DPoP"}, "type_mismatch"}, {map[string]any{"token_type": "N_A"}, "type_mismatch"},
		{map[string]any{"cnf": map[string]any{"jkt": strings.Repeat("A", 43)}}, "sender_proof_unchecked"}, {map[string]any{"cnf": nil}, "sender_proof_unchecked"}, {map[string]any{"token_type": "DPoP", "cnf": map[string]any{"jkt": strings.Repeat("A", 43)}}, "sender_proof_unchecked"},
		{map[string]any{"scope": "other"}, "scope_missing"}, {map[string]any{"scope": []string{"read"}}, "claims_invalid"}, {map[string]any{"sub": "a\nb"}, "claims_invalid"},
	} {
		o.body = func(string) string { return w.active(c.change) }
		hits := w.origin.hits.Load()
		a := w.get("/api/x", auth(fmt.Sprint(ref, n)))
		if a.code() != c.code || (w.origin.hits.Load() > hits) != (c.code == "") {
			t.Errorf("%v: %s %s", c.change, a, a.event.Detail)
		}
		if c.code == "" && (w.origin.last.Load().Header.Get("X-User") != "usr_1" || a.event.Issuer != w.a.name) {
			t.Error(w.origin.last.Load().Header, a.event)
		}
	}
	o.body = func(string) string { return w.active(map[string]any{"aud": "other"}) }
	for _, want := range []bool{true, false} { // no route wants it: it is not asked about again
		if a, asked := w.askAbout(o, ref); a.code() != "audience_mismatch" || asked != want || a.event.Issuer != "" {
			t.Error(a, asked)
		}
	}
	if strings.Contains(w.log.String(), ref) || strings.Contains(w.scrape(), ref) {
		t.Error("the token is in the log or the metrics")
	}
	if m := w.scrape(); !strings.Contains(m, "jotward_edge_introspections_total") {
		t.Error(m)
	}
}

// What is no answer says nothing of the token, and is not remembered.
func TestIntrospectionAnswers(t *testing.T) {
	t.Parallel()
	o := &oracle{}
	w := build(t, asks(o, func(i *config.EdgeIssuer) { i.Introspection.Endpoint = "https://a.test/introspect" }))
	good := w.active(nil)
	for name, c := range map[string]struct {
		status     int
		kind, body string
		header     http.Header
	}{
		"HTML": {200, "text/html", good, nil}, "HTML that says JSON": {200, "application/json", "<html>", nil}, "no type": {200, "", good, nil}, "a JWT's type": {200, signedType, good, nil},
		"two types": {200, "application/json", good, http.Header{"Content-Type": {"application/json", "text/html"}}}, "an array": {200, "application/json", "[" + good + "]", nil}, "null": {200, "application/json", "null", nil}, "empty": {200, "application/json", "", nil},
		"a member twice": {200, "application/json", strings.Replace(good, `"active":true`, `"active":false,"active":true`, 1), nil}, "twice below": {200, "application/json", strings.Replace(good, `"active"`, `"act":{"sub":"a","sub":"b"},"active"`, 1), nil}, "twice, escaped": {200, "application/json", strings.Replace(good, `"active":true`, `"active":true,"\u0061ctive":true`, 1), nil},
		"something behind": {200, "application/json", good + "{}", nil}, "cut off": {200, "application/json", good[:len(good)-1], nil}, "no UTF-8": {200, "application/json", strings.Replace(good, "usr_1", "usr_\xff", 1), nil}, "deep": {200, "application/json", strings.Replace(good, `"active"`, `"x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`,"active"`, 1), nil},
		"half a pair": {200, "application/json", strings.Replace(good, "usr_1", `usr_\ud800`, 1), nil}, "half a pair in a name": {200, "application/json", strings.Replace(good, `"active"`, `"\udfff":1,"active"`, 1), nil},
		"huge": {200, "application/json", strings.Replace(good, "usr_1", strings.Repeat("x", maxAnswer), 1), nil}, "huge, of blanks": {200, "application/json", good + strings.Repeat(" ", maxAnswer), nil}, "error": {500, "application/json", good, nil}, "refused": {401, "application/json", good, nil}, "created": {201, "application/json", good, nil},
		"redirect": {302, "application/json", good, http.Header{"Location": {"https://a.test/introspect"}}}, "redirect with the body": {307, "application/json", good, http.Header{"Location": {"https://b.test/introspect"}}},
	} {
		o.status, o.kind, o.header, o.body = c.status, c.kind, c.header, func(string) string { return c.body }
		for range 2 {
			asked := o.asked.Load()
			if a := w.get("/api/x", auth(ref)); a.status != 503 || a.code() != "introspection_unavailable" || a.header.Get("Retry-After") == "" || o.asked.Load() != asked+1 || w.origin.hits.Load() != 0 {
				t.Errorf("%s: %s, asked %d times", name, a, o.asked.Load()-asked)
			}
		}
	}
	if w.b.visits.Load() != 0 {
		t.Error("a redirect was followed")
	}
	o.check = func(r *http.Request) error { return fmt.Errorf("no way there") }
	if a := w.get("/api/x", auth(ref)); a.code() != "introspection_unavailable" {
		t.Error(a)
	}
	o.check = func(r *http.Request) error { <-r.Context().Done(); return r.Context().Err() }
	next := w.config
	next.Issuers = []config.EdgeIssuer{w.config.Issuers[0]}
	patient := *next.Issuers[0].Introspection
	patient.Timeout = time.Millisecond
	next.Issuers[0].Introspection = &patient
	if err := w.edge.Reload(next); err != nil {
		t.Fatal(err)
	}
	if a := w.get("/api/x", auth(ref)); a.code() != "introspection_unavailable" {
		t.Error("silence:", a)
	}
}

// Answers that have to be signed are held to RFC 9701, and no other is believed.
func TestSignedIntrospection(t *testing.T) {
	t.Parallel()
	o := &oracle{}
	w := build(t, asks(o, func(i *config.EdgeIssuer) { i.Introspection.Signed = true }))
	sign := func(key string, change map[string]any, inner string) func(string) string {
		return func(string) string {
			k := w.a.key
			if key == "b" {
				k = newKey(t, "k1")
			}
			var members any
			_ = json.Unmarshal([]byte(inner), &members)
			claims := map[string]any{"iss": w.a.name, "aud": "edge 1", "iat": w.now().Unix(), "token_introspection": members}
			maps.Copy(claims, change)
			s, err := jwt.NewSigner(k, jwt.SignerOptions{Type: "token-introspection+jwt"})
			if err != nil {
				t.Fatal(err)
			}
			text, err := s.Sign(claims)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
	}
	o.status = 200
	accept := ""
	o.check = func(r *http.Request) error { accept = r.Header.Get("Accept"); return nil }
	for n, c := range []struct {
		kind string
		body func(string) string
		code string
	}{
		{signedType, sign("a", nil, w.active(nil)), ""}, {signedType, sign("a", nil, w.active(map[string]any{"active": false})), "token_inactive"}, {signedType, sign("a", nil, w.active(map[string]any{"aud": "other"})), "audience_mismatch"},
		{"application/json", func(string) string { return w.active(nil) }, "introspection_unavailable"}, {"application/json", sign("a", nil, w.active(nil)), "introspection_unavailable"}, {signedType, sign("b", nil, w.active(nil)), "introspection_unavailable"},
		{signedType, sign("a", map[string]any{"aud": "another client"}, w.active(nil)), "introspection_unavailable"}, {signedType, sign("a", map[string]any{"iss": "https://b.test"}, w.active(nil)), "introspection_unavailable"},
		{signedType, sign("a", map[string]any{"iat": w.now().Add(-2 * time.Minute).Unix()}, w.active(nil)), "introspection_unavailable"}, {signedType, func(string) string { return w.a.token(nil) }, "introspection_unavailable"},
	} {
		o.kind, o.body = c.kind, c.body
		if a := w.get("/api/x", auth(fmt.Sprint(ref, n))); a.code() != c.code || accept != signedType || (c.code == "") != (a.status == 200) {
			t.Errorf("%d: %s %s", n, a, a.event.Detail)
		}
	}
}
