package jwt_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
)

// RFC 9449, figures 2, 13 and 9, and the access token of 7.1.
const (
	rfcHeader     = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19."
	rfcTokenProof = rfcHeader + "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ." +
		"2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
	rfcResourceProof = rfcHeader + "eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9." +
		"2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
	rfcThumbprint  = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	rfcAccessToken = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
)

func TestDPoPFiguresOfTheRFC(t *testing.T) {
	at := func(sec int64) *jwt.DPoPVerifier {
		v, err := jwt.NewDPoPVerifier(jwt.DPoPPolicy{Algorithms: []jwk.Algorithm{jwk.ES256}, MaxAge: time.Minute,
			Clock: func() time.Time { return time.Unix(sec, 0) }, SkipReplay: true, SkipNonce: true})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	p, err := at(1562262616).Verify(ctx, jwt.DPoPRequest{Proofs: []string{rfcTokenProof}, Method: "POST", URL: "https://server.example.com/token", NoAccessToken: true})
	if err != nil || p.Thumbprint != rfcThumbprint || p.ID != "-BwC3ESc6acc2lTc" || p.Key.Algorithm() != jwk.ES256 || p.Key.IsPrivate() {
		t.Errorf("%+v, %v", p, err)
	}
	p, err = at(1562262618).Verify(ctx, jwt.DPoPRequest{Proofs: []string{rfcResourceProof}, Method: "GET", URL: "https://resource.example.org/protectedresource",
		AccessToken: rfcAccessToken, Thumbprint: rfcThumbprint})
	if err != nil || p.Thumbprint != rfcThumbprint {
		t.Errorf("%+v, %v", p, err)
	}
}

const proofClaims = `{"jti":"p1","htm":"POST","htu":"https://id.example/token","iat":1700000090,"nonce":"n1","ath":"fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"}`

// proof signs claims under a header that holds k's public half.
func (k *kit) proof(key *jwk.Key, payload string) string {
	k.t.Helper()
	return forge(k.t, key, `{"typ":"dpop+jwt","alg":"`+string(key.Algorithm())+`","jwk":`+k.document(key)+`}`, payload)
}

func (k *kit) document(key *jwk.Key) string {
	k.t.Helper()
	text, err := json.Marshal(public(k.t, key))
	k.must(err)
	return string(text)
}

func (k *kit) dpop() kind {
	v, err := jwt.NewDPoPVerifier(jwt.DPoPPolicy{Algorithms: []jwk.Algorithm{jwk.ES256, jwk.RS256}, MaxAge: time.Minute, Leeway: 5 * time.Second, Clock: clock, Replay: k.store()})
	k.must(err)
	request := func(proofs ...string) jwt.DPoPRequest {
		return jwt.DPoPRequest{Proofs: proofs, Method: "POST", URL: "HTTPS://ID.example:443/x/../%74oken?q=1#f", Nonces: []string{"n1", "n0"}, AccessToken: rfcAccessToken, Thumbprint: k.key.Thumbprint()}
	}
	verify := func(s string) error {
		_, err := v.Verify(ctx, request(strings.Split(s, ",")...))
		if s == "" {
			_, err = v.Verify(ctx, request())
		}
		return err
	}
	good := k.proof(k.key, proofClaims)
	bad := map[string]string{
		"credential_missing: no field":       "",                 // 4.3, 1
		"credential_repeated: two fields":    good + "," + good,  // 4.3, 1
		"token_malformed: no JWT":            "x",                // 4.3, 2
		"token_malformed: JSON":              `{"payload":"eA"}`, // 4.3, 2
		"token_oversize: large":              good + strings.Repeat("A", 9000),
		"token_malformed: another spelling":  good + "=",
		"signature_invalid: of another text": good[:len(good)-86] + k.proof(k.key, strings.Replace(proofClaims, "p1", "p2", 1))[len(good)-86:], // 4.3, 6
	}
	for name, c := range map[string][2]string{
		"claim_missing: jti": {`"jti"`, `"jti2"`}, "claim_missing: htm": {`"htm"`, `"htm2"`}, "claim_missing: htu": {`"htu"`, `"htu2"`}, "claim_missing: iat": {`"iat"`, `"iat2"`}, // 4.3, 3
		"claim_mismatch: htm": {"POST", "GET"}, "claim_mismatch: htm has case": {"POST", "post"}, "claims_invalid: htm": {`"POST"`, `["POST"]`}, // 4.3, 8
		"claim_mismatch: htu path": {"/token", "/Token"}, "claim_mismatch: htu host": {"id.example", "evil.example"}, "claim_mismatch: htu scheme": {"https", "http"},
		"claim_mismatch: htu port": {"id.example", "id.example:8443"}, "claim_mismatch: htu userinfo": {"id.example", "a@id.example"}, "claims_invalid: htu": {`"https://id.example/token"`, `7`}, // 4.3, 9
		"claim_mismatch: htu escaped slash": {"/token", "/%2Ftoken"}, "claim_mismatch: htu is a path": {"https://id.example/token", "/token"},
		"nonce_mismatch: another": {`"n1"`, `"n2"`}, "nonce_mismatch: none": {`"nonce"`, `"nonce2"`}, "claims_invalid: nonce": {`"n1"`, `""`}, // 4.3, 10
		"token_expired: old": {"1700000090", "1700000034"}, "token_issued_in_future: iat": {"1700000090", "1700000106"}, // 4.3, 11
		"token_expired: exp": {`"jti"`, `"exp":1700000095,"jti"`}, "token_not_yet_valid: nbf": {`"jti"`, `"nbf":1700000200,"jti"`},
		"claim_missing: ath": {`"ath"`, `"ath2"`}, "claim_mismatch: ath": {"fUHyO2", "gUHyO2"}, "claims_invalid: ath": {`"fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"`, `null`}, // 4.3, 12
	} {
		bad[name] = k.proof(k.key, strings.Replace(proofClaims, c[0], c[1], 1))
	}
	stranger := generate(k.t, jwk.ES256, "s")
	bad["sender_mismatch: another key"] = k.proof(stranger, proofClaims) // 4.3, 12
	secret := generate(k.t, jwk.HS256, "s")
	other := generate(k.t, jwk.ES384, "s")
	private, err := k.key.ExportPrivate()
	k.must(err)
	for name, header := range map[string]string{
		"type_mismatch: no typ": `"alg":"ES256","jwk":` + k.document(k.key), "type_mismatch: JWT": `"typ":"JWT","alg":"ES256","jwk":` + k.document(k.key), // 4.3, 4
		"type_mismatch: access token": `"typ":"at+jwt","alg":"ES256","jwk":` + k.document(k.key),
		"algorithm_not_allowed: none": `"typ":"dpop+jwt","alg":"none","jwk":` + k.document(k.key), "algorithm_not_allowed: HMAC": `"typ":"dpop+jwt","alg":"HS256","jwk":` + k.document(k.key), // 4.3, 5
		"algorithm_not_allowed: policy":        `"typ":"dpop+jwt","alg":"ES384","jwk":` + k.document(other),
		"key_not_found: no jwk":                `"typ":"dpop+jwt","alg":"ES256","kid":"k"`,
		"header_invalid: jwk is null":          `"typ":"dpop+jwt","alg":"ES256","jwk":null`,
		"header_invalid: jwk is a string":      `"typ":"dpop+jwt","alg":"ES256","jwk":"x"`,
		"header_invalid: jwk is private":       `"typ":"dpop+jwt","alg":"ES256","jwk":` + string(private), // 4.3, 7
		"header_invalid: jwk is half private":  `"typ":"dpop+jwt","alg":"ES256","jwk":` + strings.Replace(k.document(k.key), `"crv"`, `"d":"","crv"`, 1),
		"header_invalid: jwk is a secret":      `"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`,
		"key_misuse: jwk for another alg":      `"typ":"dpop+jwt","alg":"RS256","jwk":` + k.document(k.key),
		"key_invalid: jwk off its curve":       `"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`,
		"header_invalid: two jwk":              `"typ":"dpop+jwt","alg":"ES256","jwk":` + k.document(k.key) + `,"jwk":` + k.document(k.key),
		"critical_unsupported: crit":           `"typ":"dpop+jwt","alg":"ES256","crit":["jwk"],"jwk":` + k.document(k.key),
		"signature_invalid: under another jwk": `"typ":"dpop+jwt","alg":"ES256","jwk":` + k.document(stranger), // 4.3, 6
	} {
		bad[name] = forge(k.t, k.key, "{"+header+"}", proofClaims)
	}
	bad["algorithm_not_allowed: a MAC"] = forge(k.t, secret, `{"typ":"dpop+jwt","alg":"HS256","jwk":{"kty":"EC"}}`, proofClaims)
	explain := func(s string) *jwt.Explanation {
		r := request(strings.Split(s, ",")...)
		if s == "" {
			r = request()
		}
		e, err := v.Explain(ctx, r)
		k.must(err)
		return e
	}
	return kind{"DPoP proof", good, verify, explain, bad}
}

// A key in the header is taken here and nowhere else: the same text under a
// generic Verifier that skips every check it may skip is refused.
func TestOnlyProofsBringTheirKey(t *testing.T) {
	k := newKit(t)
	v, err := jwt.NewVerifier[struct{}](public(t, generate(t, jwk.ES256, "k")), jwt.Policy{Algorithms: k.algorithms(), Required: []string{},
		SkipIssuer: true, SkipAudience: true, SkipType: true, SkipLifetime: true, SkipExpiry: true, Clock: clock})
	k.must(err)
	_, err = v.Verify(ctx, k.proof(k.key, proofClaims))
	wants(t, err, jose.SignatureInvalid)
}

func TestDPoPPoliciesRefuse(t *testing.T) {
	k := newKit(t)
	good := jwt.DPoPPolicy{Algorithms: k.algorithms(), MaxAge: time.Minute, Clock: clock, SkipReplay: true, SkipNonce: true}
	for name, change := range map[string]func(*jwt.DPoPPolicy){
		"nothing":       func(p *jwt.DPoPPolicy) { *p = jwt.DPoPPolicy{} },
		"no algorithms": func(p *jwt.DPoPPolicy) { p.Algorithms = nil },
		"symmetric":     func(p *jwt.DPoPPolicy) { p.Algorithms = []jwk.Algorithm{jwk.ES256, jwk.HS256} },
		"no age":        func(p *jwt.DPoPPolicy) { p.MaxAge = 0 },
		"no clock":      func(p *jwt.DPoPPolicy) { p.Clock = nil },
		"no store":      func(p *jwt.DPoPPolicy) { p.SkipReplay = false },
		"both":          func(p *jwt.DPoPPolicy) { p.Replay = k.store() },
	} {
		p := good
		change(&p)
		_, err := jwt.NewDPoPVerifier(p)
		if !errors.Is(err, jose.PolicyInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	v, err := jwt.NewDPoPVerifier(good)
	k.must(err)
	token := k.proof(k.key, proofClaims)
	whole := jwt.DPoPRequest{Proofs: []string{token}, Method: "POST", URL: proof, AccessToken: rfcAccessToken, Thumbprint: k.key.Thumbprint()}
	if _, err := v.Verify(ctx, whole); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*jwt.DPoPRequest){
		"no method": func(r *jwt.DPoPRequest) { r.Method = "" }, "no address": func(r *jwt.DPoPRequest) { r.URL = "" }, "a path": func(r *jwt.DPoPRequest) { r.URL = "/token" },
		"neither token nor none": func(r *jwt.DPoPRequest) { r.AccessToken = "" }, "token and none": func(r *jwt.DPoPRequest) { r.NoAccessToken = true },
		"a token bound to no key": func(r *jwt.DPoPRequest) { r.Thumbprint = "" }, "nonces beside SkipNonce": func(r *jwt.DPoPRequest) { r.Nonces = []string{"n"} },
	} {
		r := whole
		change(&r)
		_, err := v.Verify(ctx, r)
		if !errors.Is(err, jose.PolicyInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	long := whole
	long.URL += strings.Repeat("/x", 3000)
	if _, err := v.Verify(ctx, long); !errors.Is(err, jose.ClaimMismatch) {
		t.Errorf("a path that cannot be compared: %v", err)
	}
	if e, err := v.Explain(ctx, long); err != nil || !errors.Is(e.Failure(), jose.ClaimMismatch) {
		t.Errorf("a path that cannot be compared, explained: %v", err)
	}
	good.SkipNonce = false
	if v, err = jwt.NewDPoPVerifier(good); err != nil {
		t.Fatal(err)
	}
	for _, nonces := range [][]string{nil, {"n1", ""}} {
		r := whole
		r.Nonces = nonces
		_, err = v.Verify(ctx, r)
		wants(t, err, jose.PolicyInvalid)
	}
	// A code or refresh token that is bound to a key is asked for its proof as well (RFC 9449 5, 10).
	r := jwt.DPoPRequest{Proofs: []string{token}, Method: "POST", URL: proof, Nonces: []string{"n1"}, NoAccessToken: true, Thumbprint: rfcThumbprint}
	_, err = v.Verify(ctx, r)
	wants(t, err, jose.SenderMismatch)
	r.Thumbprint = k.key.Thumbprint()
	if _, err = v.Verify(ctx, r); err != nil {
		t.Error(err)
	}
}

// The same proof many times at once: one is accepted. The same jti of another
// client is another proof.
func TestDPoPReplay(t *testing.T) {
	k := newKit(t)
	var keys sync.Map
	inner := k.store()
	v, err := jwt.NewDPoPVerifier(jwt.DPoPPolicy{Algorithms: k.algorithms(), MaxAge: time.Minute, Leeway: 5 * time.Second, Clock: clock, SkipNonce: true,
		Replay: storeFunc(func(key string, until time.Time) (bool, error) {
			keys.Store(key, until)
			return inner.Seen(ctx, key, until)
		})})
	k.must(err)
	r := jwt.DPoPRequest{Method: "POST", URL: proof, NoAccessToken: true}
	for _, key := range []*jwk.Key{k.key, generate(t, jwk.ES256, "other")} {
		r.Proofs = []string{k.proof(key, proofClaims)}
		var good, bad atomic.Int32
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				switch _, err := v.Verify(ctx, r); jose.ReasonOf(err) {
				case "":
					good.Add(1)
				case jose.TokenReplayed:
					bad.Add(1)
				}
			})
		}
		wg.Wait()
		if good.Load() != 1 || bad.Load() != 15 {
			t.Errorf("%d accepted, %d refused", good.Load(), bad.Load())
		}
	}
	n := 0
	keys.Range(func(key, until any) bool {
		n++
		// iat, the greatest age, what is granted to the client's clock, and a minute.
		if len(key.(string)) != 43 || !until.(time.Time).Equal(time.Unix(1700000090+60+5+60, 0)) {
			t.Errorf("%v until %v", key, until)
		}
		return true
	})
	if n != 2 {
		t.Errorf("%d keys", n)
	}
	full, err := jwt.NewMemoryReplay(1, clock)
	k.must(err)
	if v, err = jwt.NewDPoPVerifier(jwt.DPoPPolicy{Algorithms: k.algorithms(), MaxAge: time.Minute, Clock: clock, SkipNonce: true, Replay: full}); err != nil {
		t.Fatal(err)
	}
	if _, err = v.Verify(ctx, r); err != nil {
		t.Fatal(err)
	}
	r.Proofs = []string{k.proof(k.key, proofClaims)}
	_, err = v.Verify(ctx, r)
	if !errors.Is(err, jose.StoreUnavailable) || !errors.Is(err, jwt.ErrReplayFull) {
		t.Errorf("%v", err)
	}
}

// RFC 7800 3.1, RFC 8705 3.1, RFC 9449 6.1.
func TestConfirmation(t *testing.T) {
	k := newKit(t)
	v, err := jwt.NewVerifier[struct{}](k.key, jwt.Policy{Algorithms: k.algorithms(), Required: []string{}, SkipIssuer: true, SkipAudience: true, SkipType: true, SkipLifetime: true, Clock: clock})
	k.must(err)
	const jkt, x5t = `"jkt":"` + rfcThumbprint + `"`, `"x5t#S256":"` + rfcThumbprint + `"`
	for payload, want := range map[string]jwt.Confirmation{
		`{}`:                                {},
		`{"cnf":{` + jkt + `}}`:             {Key: rfcThumbprint},
		`{"cnf":{` + x5t + `}}`:             {Certificate: rfcThumbprint},
		`{"cnf":{` + jkt + `,` + x5t + `}}`: {Key: rfcThumbprint, Certificate: rfcThumbprint},
		`{"cnf":{"kid":"x",` + jkt + `}}`:   {Key: rfcThumbprint, Other: true},
		`{"cnf":{}}`:                        {Other: true},
	} {
		token, err := v.Verify(ctx, k.sign("", payload))
		k.must(err)
		got, err := token.Confirmation()
		k.must(err)
		if got != want || token.Bound() != (want != jwt.Confirmation{}) {
			t.Errorf("%s: %+v", payload, got)
		}
	}
	for _, cnf := range []string{`"x"`, `null`, `[]`, `{"jkt":7}`, `{"jkt":""}`, `{"jkt":"short"}`, `{"jkt":"AAAA"}`, `{"x5t#S256":null}`, `{` + jkt + `,"x5t#S256":"short"}`,
		`{"jkt":"` + rfcThumbprint[:42] + `!"}`, `{"jkt":"` + rfcThumbprint + `AA"}`} {
		token, err := v.Verify(ctx, k.sign("", `{"cnf":`+cnf+`}`))
		k.must(err)
		got, err := token.Confirmation()
		if got != (jwt.Confirmation{}) {
			t.Errorf("%s: %+v", cnf, got)
		}
		wants(t, err, jose.ClaimsInvalid)
	}
}

// What the client's half makes, the server's half accepts, for every algorithm.
func TestDPoPSigner(t *testing.T) {
	for _, a := range jwk.SignatureAlgorithms() {
		key := generate(t, a, "k")
		s, err := jwt.NewDPoPSigner(key, clock)
		if a.IsSymmetric() {
			wants(t, err, jose.PolicyInvalid)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		v, err := jwt.NewDPoPVerifier(jwt.DPoPPolicy{Algorithms: []jwk.Algorithm{a}, MaxAge: time.Minute, Clock: clock, SkipReplay: true})
		if err != nil {
			t.Fatal(err)
		}
		text, err := s.Proof(jwt.DPoPTarget{Method: "GET", URL: "https://API.example/v1/a%7eb?q=1#f", AccessToken: "token", Nonce: "n"})
		if err != nil {
			t.Fatal(err)
		}
		p, err := v.Verify(ctx, jwt.DPoPRequest{Proofs: []string{text}, Method: "GET", URL: "https://api.example/v1/a~b", AccessToken: "token", Thumbprint: s.Thumbprint(), Nonces: []string{"n"}})
		if err != nil {
			t.Fatalf("%s: %v", a, err)
		}
		if strings.Contains(p.Payload, "q=1") || len(p.ID) < 22 || p.Thumbprint != key.Thumbprint() {
			t.Errorf("%s", p.Payload)
		}
		again, err := s.Proof(jwt.DPoPTarget{Method: "GET", URL: "https://api.example/"})
		if err != nil || strings.Contains(again, p.ID) || again == text {
			t.Errorf("%s, %v", again, err)
		}
		header, _, _, err := jws.Split(text)
		if err != nil || strings.Contains(string(decode(t, header)), `"d"`) {
			t.Errorf("%s, %v", decode(t, header), err)
		}
		for _, target := range []jwt.DPoPTarget{{}, {Method: "GET"}, {Method: "GET", URL: "/x"}, {URL: "https://a/"}} {
			_, err := s.Proof(target)
			wants(t, err, jose.PolicyInvalid)
		}
		_, err = jwt.NewDPoPSigner(public(t, key), clock)
		wants(t, err, jose.KeyMisuse)
	}
	_, err := jwt.NewDPoPSigner(nil, clock)
	wants(t, err, jose.PolicyInvalid)
	_, err = jwt.NewDPoPSigner(generate(t, jwk.ES256, "k"), nil)
	wants(t, err, jose.PolicyInvalid)
}

// The payload has one spelling, also under the signature of whoever bent it.
func TestDPoPPayloadSpelling(t *testing.T) {
	k := newKit(t)
	good := k.proof(k.key, proofClaims)
	header, payload, _, err := jws.Split(good)
	k.must(err)
	kind := k.dpop()
	k.must(kind.verify(good))
	for _, bent := range []string{payload + "=", payload + "==", payload + "\n", payload + "!", " " + payload} {
		input := header + "." + bent
		sig, err := jws.SignInput(k.key, []byte(input))
		k.must(err)
		wants(t, kind.verify(input+"."+encode(string(sig))), jose.TokenMalformed)
	}
}

// Whatever stands in the field, nothing panics, and what is accepted is of the
// key that it brings.
func FuzzDPoPProof(f *testing.F) {
	v, err := jwt.NewDPoPVerifier(jwt.DPoPPolicy{Algorithms: jwk.SignatureAlgorithms()[3:], MaxAge: time.Hour, SkipReplay: true, SkipNonce: true,
		Clock: func() time.Time { return time.Unix(1562262616, 0) }})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(rfcTokenProof)
	f.Add(rfcResourceProof)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := v.Verify(ctx, jwt.DPoPRequest{Proofs: []string{text}, Method: "POST", URL: "https://server.example.com/token", NoAccessToken: true, Thumbprint: rfcThumbprint})
		if err == nil && (text != rfcTokenProof || p.Key.IsPrivate()) {
			t.Fatalf("accepted: %s", text)
		}
	})
}
