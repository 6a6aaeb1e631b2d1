package edge

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// forge writes any header over the claims of a good token, signed by sign.
func (w *world) forge(header map[string]any, sign func(input string) []byte) string {
	claims := map[string]any{"iss": w.a.name, "aud": "api", "sub": "usr_1", "client_id": "c", "jti": "j", "scope": "read", "iat": w.now().Unix(), "exp": w.now().Add(time.Minute).Unix()}
	h := map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": "k1"}
	maps.Copy(h, header)
	maps.DeleteFunc(h, func(_ string, v any) bool { return v == gone })
	one, _ := json.Marshal(h)
	two, _ := json.Marshal(claims)
	input := base64.RawURLEncoding.EncodeToString(one) + "." + base64.RawURLEncoding.EncodeToString(two)
	return input + "." + base64.RawURLEncoding.EncodeToString(sign(input))
}

// by signs as the key's owner would, so that nothing but the header is wrong.
func by(t *testing.T, key *jwk.Key) func(string) []byte {
	return func(input string) []byte {
		sig, err := jws.SignInput(key, []byte(input))
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
}

// What a token says of its own key or algorithm decides nothing (RFC 8725 2.1,
// 2.2, 3.1, 3.5, 3.11).
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	w := build(t, optional)
	evil := newKey(t, "k1")
	text, err := evil.MarshalJSON() // its public half
	if err != nil {
		t.Fatal(err)
	}
	set := *w.a.set.Load()
	mac := func(secret []byte) func(string) []byte {
		return func(input string) []byte {
			m := hmac.New(sha256.New, secret)
			m.Write([]byte(input))
			return m.Sum(nil)
		}
	}
	nobody := func(string) []byte { return nil }
	theirs, ours := by(t, evil), by(t, w.a.key)
	for name, token := range map[string]string{
		"none": w.forge(map[string]any{"alg": "none"}, nobody), "None": w.forge(map[string]any{"alg": "None"}, nobody), "no alg": w.forge(map[string]any{"alg": gone}, ours), "a list of algs": w.forge(map[string]any{"alg": []any{"ES256"}}, ours),
		"HS256 with the public set": w.forge(map[string]any{"alg": "HS256"}, mac(set)), "HS256 with nothing": w.forge(map[string]any{"alg": "HS256"}, mac(nil)), "ES384": w.forge(map[string]any{"alg": "ES384"}, ours), "es256": w.forge(map[string]any{"alg": "es256"}, ours),
		"embedded key": w.forge(map[string]any{"jwk": json.RawMessage(text)}, theirs), "embedded key alone": w.forge(map[string]any{"jwk": json.RawMessage(text), "kid": gone}, theirs),
		"key address": w.forge(map[string]any{"jku": "https://b.test/jwks"}, by(t, w.b.key)), "certificate": w.forge(map[string]any{"x5c": []any{"MIIB"}}, theirs), "certificate address": w.forge(map[string]any{"x5u": "https://b.test/"}, theirs),
		"path in kid": w.forge(map[string]any{"kid": "../../dev/null"}, mac(nil)), "number for kid": w.forge(map[string]any{"kid": 1}, ours), "crit": w.forge(map[string]any{"crit": []any{"exp"}, "exp": 1}, ours), "b64": w.forge(map[string]any{"crit": []any{"b64"}, "b64": false}, ours),
		"no typ": w.forge(map[string]any{"typ": gone}, ours), "an ID token's typ": w.forge(map[string]any{"typ": "JWT"}, ours), "a logout token's typ": w.forge(map[string]any{"typ": "logout+jwt"}, ours), "the feed's typ": w.forge(map[string]any{"typ": revoke.Type}, ours),
		"empty signature": w.forge(nil, nobody), "half a signature": w.forge(nil, func(in string) []byte { return ours(in)[:32] }), "zeros": w.forge(nil, func(string) []byte { return make([]byte, 64) }),
	} {
		for _, path := range []string{"/api/x", "/maybe"} {
			if a := w.get(path, "Authorization: Bearer "+token+"\r\n"); a.status != 401 || w.origin.hits.Load() != 0 || a.event.Issuer != "" {
				t.Errorf("%s: %s", name, a)
			}
		}
	}
	if w.b.visits.Load() != 0 {
		t.Error("an address out of a token was asked")
	}
	if a := w.get("/api/x", "Authorization: Bearer "+w.forge(nil, ours)+"\r\n"); a.status != 200 {
		t.Error("the forge makes no good token:", a)
	}
}

// Whoever stole a revoked key cannot hide which one it is. Where nothing can be
// revoked a kid is not asked for.
func TestRevokedKeyHasNoOtherName(t *testing.T) {
	t.Parallel()
	w := build(t)
	nameless := "Authorization: Bearer " + w.forge(map[string]any{"kid": gone}, by(t, w.a.key)) + "\r\n"
	if a := w.get("/api/x", nameless); a.status != 200 {
		t.Fatal(a)
	}
	w = build(t)
	w.revoke(revoke.Entry{Kind: "key", ID: "k1"})
	for header, code := range map[any]string{gone: "key_not_found", "": "key_not_found", "k1": "key_revoked", "K1": "key_not_found"} {
		token := w.forge(map[string]any{"kid": header}, by(t, w.a.key))
		if a := w.get("/api/x", "Authorization: Bearer "+token+"\r\n"); a.status != 401 || a.code() != code && header != "" {
			t.Errorf("kid %v: %s", header, a)
		}
	}
	w = build(t, func(_ *world, c *config.Edge) { c.Issuers[0].Feed = follow("serve") })
	if a := w.get("/api/x", "Authorization: Bearer "+w.forge(map[string]any{"kid": gone}, by(t, w.a.key))+"\r\n"); a.code() != "key_not_found" {
		t.Error("before the first word of the feed:", a)
	}
}

// A browser sends cookies of itself: none is a credential here, so that no other
// site can spend one, not by a WebSocket either.
func TestCookieIsNoCredential(t *testing.T) {
	t.Parallel()
	w := build(t, optional)
	cookie := ""
	for _, name := range []string{"access_token", "token", "jwt", "Authorization", "__Host-access_token"} {
		cookie += fmt.Sprintf("Cookie: %s=%s\r\n", name, w.a.token(nil))
	}
	if a := w.get("/api/x", cookie); a.code() != "credential_missing" {
		t.Error(a)
	}
	socket := "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	protocol := "Sec-WebSocket-Protocol: bearer, " + w.a.token(nil) + "\r\n"
	if a := w.raw("GET /api/x HTTP/1.1\r\nHost: e\r\nOrigin: https://evil.example\r\n" + cookie + socket + protocol + "\r\n"); a.code() != "credential_missing" || w.origin.hits.Load() != 0 {
		t.Error("a WebSocket of another site:", a)
	}
	if a := w.get("/maybe", cookie); a.status != 200 || w.origin.last.Load().Header.Get("X-User") != "" {
		t.Error("a cookie has an identity:", a)
	}
}

// Each of these would move the view but for the one thing that its name says.
func TestFeedPins(t *testing.T) {
	t.Parallel()
	good := func(f *following) map[string]any {
		text, err := func() ([]byte, error) {
			m := snapshot("l", 9, revokes(9, "g9"))
			m.Issuer, m.IssuedAt, m.ID = f.name, time.Now(), "x"
			return m.Encode()
		}()
		f.must(err)
		var claims map[string]any
		f.must(json.Unmarshal(text, &claims))
		return claims
	}
	for name, c := range map[string]struct {
		typ    string
		change map[string]any
		moves  bool
	}{
		"":                  {revoke.Type, nil, true},
		"type":              {"at+jwt", nil, false},
		"no type":           {"", nil, false},
		"issuer":            {revoke.Type, map[string]any{"iss": "https://b.test"}, false},
		"audience":          {revoke.Type, map[string]any{"aud": "jotward:other"}, false},
		"a second audience": {revoke.Type, map[string]any{"aud": []any{revoke.Audience, "x"}}, false},
		"the future":        {revoke.Type, map[string]any{"iat": time.Date(2000, 1, 1, 0, 1, 0, 0, time.UTC).Unix()}, false},
	} {
		inBubble(t, "", func(f *following) {
			<-f.asked
			s := <-f.streams
			f.must(s.say(snapshot("l", 4)))
			synctest.Wait()
			claims := good(f)
			maps.Copy(claims, c.change)
			f.must(s.write(f.signClaims(c.typ, claims)))
			synctest.Wait()
			if _, seq := f.source().view.Position(); (seq == 9) != c.moves || f.revoked("g9") != c.moves {
				t.Errorf("%s: the view is at %d", name, seq)
			}
		})
	}
}

// The feed verifier holds what it is built with, and nothing that Decode checks
// once more stands in for it.
func TestFeedVerifier(t *testing.T) {
	t.Parallel()
	inBubble(t, "", func(f *following) {
		claims := map[string]any{"iss": f.name, "aud": revoke.Audience, "iat": time.Now().Unix(), "jti": "x", "events": map[string]any{revoke.TypeHeartbeat: map[string]any{}}}
		for name, c := range map[string]struct {
			typ    string
			change map[string]any
			holds  bool
		}{
			"good": {revoke.Type, nil, true}, "no audience": {revoke.Type, map[string]any{"aud": gone}, false}, "late": {revoke.Type, map[string]any{"iat": time.Now().Add(-24 * time.Hour).Unix()}, true},
			"no events": {revoke.Type, map[string]any{"events": gone}, false}, "expiry": {revoke.Type, map[string]any{"exp": time.Now().Add(time.Hour).Unix()}, false}, "type": {"at+jwt", nil, false}, "issuer": {revoke.Type, map[string]any{"iss": "https://b.test"}, false},
			"audience": {revoke.Type, map[string]any{"aud": "x"}, false}, "no jti": {revoke.Type, map[string]any{"jti": gone}, false}, "no time": {revoke.Type, map[string]any{"iat": gone}, false},
			"tomorrow": {revoke.Type, map[string]any{"iat": time.Now().Add(24 * time.Hour).Unix()}, false},
		} {
			m := maps.Clone(claims)
			maps.Copy(m, c.change)
			maps.DeleteFunc(m, func(_ string, v any) bool { return v == gone })
			if _, err := f.source().follower.verifier.Verify(f.t.Context(), f.signClaims(c.typ, m)); (err == nil) != c.holds {
				t.Errorf("%s: %v", name, err)
			}
		}
		<-f.asked
	})
}
