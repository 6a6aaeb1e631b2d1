package statuslist_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
	"github.com/jotward/jotward/jose/statuslist"
)

const (
	uri = "https://example.com/statuslists/1"
	// example is the claims set of section 5.1, with an iss as in section 8.2's.
	example = `{"exp":2291720170,"iat":1686920170,"iss":"https://example.com","status_list":{"bits":1,"lst":"eNrbuRgAAhcBXQ"},"sub":"https://example.com/statuslists/1","ttl":43200}`
)

// desk is a Verifier with a clock and the key of whoever may sign for it.
type desk struct {
	*statuslist.Verifier
	t   testing.TB
	now time.Time
	key *jwk.Key
}

func newDesk(t testing.TB, change func(*statuslist.Policy)) *desk {
	t.Helper()
	d := &desk{t: t, now: time.Unix(1686920270, 0)}
	var err error
	if d.key, err = jwk.Generate(jwk.ES256, "12"); err != nil {
		t.Fatal(err)
	}
	p := statuslist.Policy{
		Issuers: []string{"https://example.com"}, Algorithms: []jwk.Algorithm{jwk.ES256},
		MaxAge: 24 * time.Hour, Clock: func() time.Time { return d.now },
	}
	if change != nil {
		change(&p)
	}
	if d.Verifier, err = statuslist.NewVerifier(d.key, p); err != nil {
		t.Fatal(err)
	}
	return d
}

// verify signs a claims set as a status list and verifies it.
func (d *desk) verify(claims string) (*statuslist.Token, error) {
	return d.verifyAs("statuslist+jwt", claims)
}

func (d *desk) verifyAs(typ, claims string) (*statuslist.Token, error) {
	d.t.Helper()
	token, err := jws.Sign([]byte(claims), d.key, jws.SignOptions{Type: typ})
	if err != nil {
		d.t.Fatal(err)
	}
	return d.Verify(context.Background(), token, uri)
}

func wants(t *testing.T, name string, err error, r jose.Reason) {
	t.Helper()
	if !errors.Is(err, r) {
		t.Errorf("%s: got %v, want %s", name, err, r)
	}
}

// Section 4.1: the two byte arrays, bit by bit, and their compressed form.
func TestByteArrays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bits     int
		statuses []statuslist.Status
		json     string
	}{
		{1, []statuslist.Status{1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1}, `{"bits":1,"lst":"eNrbuRgAAhcBXQ"}`},
		{2, []statuslist.Status{1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3}, `{"bits":2,"lst":"eNo76fITAAPfAgc"}`},
	} {
		l, err := statuslist.NewList(c.bits, len(c.statuses))
		if err != nil {
			t.Fatal(err)
		}
		read, err := statuslist.ParseList([]byte(c.json), 0)
		if err != nil || read.Len() != len(c.statuses) {
			t.Fatal(err)
		}
		for i, s := range c.statuses {
			if err := l.Set(uint64(i), 3&statuslist.Status(1<<c.bits-1)); err != nil { // and back
				t.Fatal(err)
			}
			if err := l.Set(uint64(i), s); err != nil {
				t.Fatal(err)
			}
			if got, err := read.Status(uint64(i)); got != s || err != nil {
				t.Errorf("%d bits: status[%d] is %s, %v", c.bits, i, got, err)
			}
		}
		// zlib of another maker may differ in its bytes; ours is read again.
		text, err := l.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := statuslist.ParseList(text, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range c.statuses {
			if got, _ := again.Status(uint64(i)); got != s {
				t.Errorf("%d bits: status[%d] is %s after a round trip", c.bits, i, got)
			}
		}
	}
}

// Section 7.1.
func TestStatusTypes(t *testing.T) {
	t.Parallel()
	for s, name := range map[statuslist.Status]string{0: "VALID", 1: "INVALID", 2: "SUSPENDED", 3: "application-specific 3",
		4: "unregistered 4", 11: "unregistered 11", 12: "application-specific 12", 15: "application-specific 15", 16: "unregistered 16", 255: "unregistered 255"} {
		if s.String() != name || s.ApplicationSpecific() != strings.HasPrefix(name, "app") {
			t.Errorf("%d is %s, want %s", s, s, name)
		}
	}
}

// What an issuer signs is verified; only VALID is no error.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	l, err := statuslist.NewList(2, 100)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range []statuslist.Status{statuslist.Valid, statuslist.Invalid, statuslist.Suspended, 3} {
		if err := l.Set(uint64(i), s); err != nil {
			t.Fatal(err)
		}
	}
	s, err := statuslist.NewSigner(d.key, statuslist.SignerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	info := statuslist.Info{URI: uri, Issuer: "https://example.com", IssuedAt: d.now, Expiry: d.now.Add(time.Hour), TTL: 10 * time.Minute, AggregationURI: "https://example.com/statuslists"}
	text, err := s.Sign(l, info)
	if err != nil {
		t.Fatal(err)
	}
	token, err := d.Verify(context.Background(), text, uri)
	if err != nil {
		t.Fatal(err)
	}
	if token.URI != uri || token.Issuer != info.Issuer || !token.IssuedAt.Equal(info.IssuedAt) || !token.Expiry.Equal(info.Expiry) ||
		token.TTL != info.TTL || token.AggregationURI != info.AggregationURI || token.Len() != 100 {
		t.Errorf("%+v", token.Info)
	}
	for i, want := range []statuslist.Status{statuslist.Valid, statuslist.Invalid, statuslist.Suspended, 3, statuslist.Valid} {
		got, err := d.Check(token, statuslist.Reference{Index: uint64(i), URI: uri})
		if got != want || (err == nil) != (want == statuslist.Valid) {
			t.Errorf("%d: %s, %v", i, got, err)
		}
		if err != nil {
			wants(t, got.String(), err, jose.StatusNotValid)
		}
	}
	// Without the optional parts.
	if text, err = s.Sign(l, statuslist.Info{URI: uri, IssuedAt: d.now}); err != nil {
		t.Fatal(err)
	}
	free, err := statuslist.NewVerifier(d.key, statuslist.Policy{SkipIssuer: true, SkipMaxAge: true, Algorithms: []jwk.Algorithm{jwk.ES256},
		Clock: func() time.Time { return d.now.AddDate(10, 0, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	if token, err = free.Verify(context.Background(), text, uri); err != nil || token.TTL != 0 || !token.Expiry.IsZero() || free.Due(token) {
		t.Errorf("%+v, %v", token, err)
	}
}

func TestIssuerMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]int{{0, 8}, {3, 8}, {16, 8}, {-1, 8}, {1, 0}, {1, -1}, {8, 1 << 30}} {
		_, err := statuslist.NewList(c[0], c[1])
		wants(t, fmt.Sprint(c), err, jose.PolicyInvalid)
	}
	l, err := statuslist.NewList(2, 5)
	if err != nil || l.Len() != 8 {
		t.Fatal(err)
	}
	wants(t, "index", l.Set(8, 0), jose.StatusUnknown)
	wants(t, "value", l.Set(0, 4), jose.PolicyInvalid)
	_, err = new(statuslist.List).Status(0)
	wants(t, "zero list", err, jose.StatusUnknown)

	d := newDesk(t, nil)
	s, err := statuslist.NewSigner(d.key, statuslist.SignerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	good := statuslist.Info{URI: uri, IssuedAt: d.now}
	for name, change := range map[string]func(*statuslist.Info, **statuslist.List){
		"no list":             func(_ *statuslist.Info, l **statuslist.List) { *l = nil },
		"the zero list":       func(_ *statuslist.Info, l **statuslist.List) { *l = new(statuslist.List) },
		"no address":          func(i *statuslist.Info, _ **statuslist.List) { i.URI = "" },
		"relative address":    func(i *statuslist.Info, _ **statuslist.List) { i.URI = "/statuslists/1" },
		"aggregation address": func(i *statuslist.Info, _ **statuslist.List) { i.AggregationURI = "x" },
		"no iat":              func(i *statuslist.Info, _ **statuslist.List) { i.IssuedAt = time.Time{} },
		"exp at iat":          func(i *statuslist.Info, _ **statuslist.List) { i.Expiry = i.IssuedAt },
		"negative ttl":        func(i *statuslist.Info, _ **statuslist.List) { i.TTL = -time.Second },
		"half a second":       func(i *statuslist.Info, _ **statuslist.List) { i.TTL = time.Second / 2 },
		"iat before 1970":     func(i *statuslist.Info, _ **statuslist.List) { i.IssuedAt = time.Unix(-1, 0) },
	} {
		i, l := good, l
		change(&i, &l)
		_, err := s.Sign(l, i)
		wants(t, name, err, jose.ClaimsInvalid)
	}
	public, err := d.key.Public()
	if err != nil {
		t.Fatal(err)
	}
	_, err = statuslist.NewSigner(public, statuslist.SignerOptions{})
	wants(t, "public key", err, jose.KeyMisuse)
}

func TestPolicyRefuses(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	_, err := statuslist.NewVerifier(d.key, statuslist.Policy{})
	wants(t, "the zero value", err, jose.PolicyInvalid)
	_, err = statuslist.NewVerifier(nil, statuslist.Policy{Issuers: []string{"a"}, Algorithms: []jwk.Algorithm{jwk.ES256}, MaxAge: 1, Clock: time.Now})
	wants(t, "no keys", err, jose.PolicyInvalid)
	for name, change := range map[string]func(*statuslist.Policy){
		"no issuer":        func(p *statuslist.Policy) { p.Issuers = nil },
		"issuer twice":     func(p *statuslist.Policy) { p.SkipIssuer = true },
		"no algorithms":    func(p *statuslist.Policy) { p.Algorithms = nil },
		"no age":           func(p *statuslist.Policy) { p.MaxAge = 0 },
		"age twice":        func(p *statuslist.Policy) { p.SkipMaxAge = true },
		"negative age":     func(p *statuslist.Policy) { p.MaxAge = -1 },
		"negative ttl":     func(p *statuslist.Policy) { p.MinTTL = -1 },
		"negative bytes":   func(p *statuslist.Policy) { p.MaxBytes = -1 },
		"negative size":    func(p *statuslist.Policy) { p.MaxSize = -1 },
		"negative leeway":  func(p *statuslist.Policy) { p.Leeway = -1 },
		"no clock":         func(p *statuslist.Policy) { p.Clock = nil },
		"unsafe algorithm": func(p *statuslist.Policy) { p.Algorithms = []jwk.Algorithm{"none"} },
	} {
		p := statuslist.Policy{Issuers: []string{"https://example.com"}, Algorithms: []jwk.Algorithm{jwk.ES256}, MaxAge: time.Hour, Clock: time.Now}
		change(&p)
		_, err := statuslist.NewVerifier(d.key, p)
		wants(t, name, err, jose.PolicyInvalid)
	}
}

// zip compresses as an issuer would.
func zip(plain []byte) string {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write(plain)
	_ = w.Close()
	return base64.RawURLEncoding.EncodeToString(out.Bytes())
}

// Every rule of sections 4.2, 5.1 and 8.3 has a list that breaks it.
func TestAttackList(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(p *statuslist.Policy) { p.MaxBytes = 1000 })
	if _, err := d.verify(example); err != nil {
		t.Fatal(err)
	}
	lst := func(s string) string { return strings.Replace(example, `"eNrbuRgAAhcBXQ"`, s, 1) }
	raw, _ := base64.RawURLEncoding.DecodeString("eNrbuRgAAhcBXQ")
	spoiled := bytes.Clone(raw)
	spoiled[len(spoiled)-1]++ // the checksum's last byte
	encode := func(b []byte) string { return `"` + base64.RawURLEncoding.EncodeToString(b) + `"` }
	for _, c := range []struct {
		name, claims string
		reason       jose.Reason
	}{
		{"another list", strings.Replace(example, "statuslists/1", "statuslists/2", 1), jose.ClaimMismatch},
		{"another case", strings.Replace(example, "https://example.com/statuslists", "https://Example.com/statuslists", 1), jose.ClaimMismatch},
		{"no sub", strings.Replace(example, `"sub"`, `"subject"`, 1), jose.ClaimMissing},
		{"no iat", strings.Replace(example, `"iat"`, `"at"`, 1), jose.ClaimMissing},
		{"no status_list", strings.Replace(example, `"status_list"`, `"statuslist"`, 1), jose.ClaimMissing},
		{"status_list null", `{"iat":1686920170,"iss":"https://example.com","sub":"` + uri + `","status_list":null}`, jose.ClaimMissing},
		{"status_list a string", `{"iat":1686920170,"iss":"https://example.com","sub":"` + uri + `","status_list":"{}"}`, jose.StatusUnknown},
		{"status_list empty", `{"iat":1686920170,"iss":"https://example.com","sub":"` + uri + `","status_list":{}}`, jose.StatusUnknown},
		{"another issuer", strings.Replace(example, `"iss":"https://example.com"`, `"iss":"https://evil.example"`, 1), jose.IssuerMismatch},
		{"no issuer", strings.Replace(example, `"iss":"https://example.com",`, ``, 1), jose.ClaimMissing},
		{"expired", strings.Replace(example, "2291720170", "1686920270", 1), jose.TokenExpired},
		{"from the future", strings.Replace(example, "1686920170", "1686920271", 1), jose.TokenFromFuture},
		{"too old", strings.Replace(example, "1686920170", "1686833869", 1), jose.StatusUnknown},
		{"ttl zero", strings.Replace(example, "43200", "0", 1), jose.StatusUnknown},
		{"ttl negative", strings.Replace(example, "43200", "-1", 1), jose.StatusUnknown},
		{"ttl a string", strings.Replace(example, "43200", `"43200"`, 1), jose.StatusUnknown},
		{"ttl null", strings.Replace(example, "43200", "null", 1), jose.StatusUnknown},
		{"bits 3", strings.Replace(example, `"bits":1`, `"bits":3`, 1), jose.StatusUnknown},
		{"bits 0", strings.Replace(example, `"bits":1`, `"bits":0`, 1), jose.StatusUnknown},
		{"bits 16", strings.Replace(example, `"bits":1`, `"bits":16`, 1), jose.StatusUnknown},
		{"bits 1.0", strings.Replace(example, `"bits":1`, `"bits":1.0`, 1), jose.StatusUnknown},
		{"bits a string", strings.Replace(example, `"bits":1`, `"bits":"1"`, 1), jose.StatusUnknown},
		{"bits missing", strings.Replace(example, `"bits"`, `"bit"`, 1), jose.StatusUnknown},
		{"bits twice", strings.Replace(example, `"bits":1`, `"bits":1,"bits":2`, 1), jose.ClaimsInvalid},
		{"lst missing", strings.Replace(example, `"lst"`, `"list"`, 1), jose.StatusUnknown},
		{"lst a number", lst(`1`), jose.StatusUnknown},
		{"lst padded", lst(`"eNrbuRgAAhcBXQ=="`), jose.StatusUnknown},
		{"lst no zlib", lst(`"AAAA"`), jose.StatusUnknown},
		{"lst empty", lst(`""`), jose.StatusUnknown},
		{"lst bare deflate", lst(encode(raw[2 : len(raw)-4])), jose.StatusUnknown},
		{"lst without its end", lst(encode(raw[:len(raw)-1])), jose.StatusUnknown},
		{"lst with another checksum", lst(encode(spoiled)), jose.StatusUnknown},
		{"lst with a byte more", lst(encode(append(bytes.Clone(raw), 0))), jose.StatusUnknown},
		{"lst twice", lst(encode(append(bytes.Clone(raw), raw...))), jose.StatusUnknown},
		{"lst one byte too large", lst(`"` + zip(make([]byte, 1001)) + `"`), jose.StatusUnknown},
		{"lst a bomb", lst(`"` + zip(make([]byte, 1<<22)) + `"`), jose.StatusUnknown},
		{"aggregation a number", strings.Replace(example, `"bits":1`, `"bits":1,"aggregation_uri":1`, 1), jose.StatusUnknown},
		{"aggregation relative", strings.Replace(example, `"bits":1`, `"bits":1,"aggregation_uri":"x"`, 1), jose.StatusUnknown},
	} {
		d := d
		if c.name == "lst a bomb" { // four KiB that want four MiB
			d = newDesk(t, nil)
		}
		_, err := d.verify(c.claims)
		wants(t, c.name, err, c.reason)
	}
	for _, typ := range []string{"", "JWT", "at+jwt", "statuslist+cwt", "statuslist"} {
		_, err := d.verifyAs(typ, example)
		wants(t, "typ "+typ, err, jose.TypeMismatch)
	}
	if _, err := d.verifyAs("application/statuslist+jwt", example); err != nil {
		t.Error(err)
	}
	if _, err := d.verify(lst(`"` + zip(make([]byte, 1000)) + `"`)); err != nil {
		t.Errorf("as large as allowed: %v", err)
	}
	other := newDesk(t, nil)
	forged, err := jws.Sign([]byte(example), other.key, jws.SignOptions{Type: "statuslist+jwt"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Verify(context.Background(), forged, uri)
	wants(t, "another key", err, jose.SignatureInvalid)
}

// A bomb costs what the bound allows, not what it holds.
func TestInflationIsBounded(t *testing.T) {
	bomb := `{"bits":1,"lst":"` + zip(make([]byte, 4<<20)) + `"}`
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := statuslist.ParseList([]byte(bomb), 1<<16)
	runtime.ReadMemStats(&after)
	wants(t, "bomb", err, jose.StatusUnknown)
	allocated := after.TotalAlloc - before.TotalAlloc
	if allocated > 1<<20 {
		t.Errorf("%d bytes for a list of at most 65536", allocated)
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(p *statuslist.Policy) { p.Leeway = time.Second })
	token, err := d.verify(example)
	if err != nil {
		t.Fatal(err)
	}
	ref := statuslist.Reference{Index: 1, URI: uri}
	if s, err := d.Check(token, ref); s != statuslist.Valid || err != nil {
		t.Fatal(s, err)
	}
	check := func(name string, token *statuslist.Token, ref statuslist.Reference, r jose.Reason) {
		t.Helper()
		s, err := d.Check(token, ref)
		wants(t, name, err, r)
		if s == statuslist.Valid {
			t.Errorf("%s: VALID beside an error", name)
		}
	}
	check("revoked", token, statuslist.Reference{Index: 0, URI: uri}, jose.StatusNotValid)
	check("behind the end", token, statuslist.Reference{Index: 16, URI: uri}, jose.StatusUnknown)
	check("far behind", token, statuslist.Reference{Index: 1<<64 - 1, URI: uri}, jose.StatusUnknown)
	check("another list", token, statuslist.Reference{Index: 1, URI: uri + "0"}, jose.ClaimMismatch)
	check("no reference", token, statuslist.Reference{}, jose.ClaimMismatch)
	check("no list", nil, ref, jose.StatusUnknown)
	check("a list of nobody", new(statuslist.Token), statuslist.Reference{}, jose.StatusUnknown)
	other, err := newDesk(t, nil).verify(example)
	if err != nil {
		t.Fatal(err)
	}
	check("another verifier's", other, ref, jose.StatusUnknown)

	d.now = time.Unix(1686920170, 0).Add(24*time.Hour + time.Second) // with the leeway the last moment
	if _, err := d.Check(token, ref); err != nil {
		t.Error(err)
	}
	d.now = d.now.Add(time.Second)
	check("kept for too long", token, ref, jose.StatusUnknown)

	short := newDesk(t, nil)
	token, err = short.verify(strings.Replace(example, "2291720170", "1686920300", 1))
	if err != nil {
		t.Fatal(err)
	}
	short.now = time.Unix(1686920300, 0)
	_, err = short.Check(token, ref)
	wants(t, "expired meanwhile", err, jose.StatusUnknown)
}

// Sections 8.3 and 11.5: ttl within bounds.
func TestDue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ttl   string
		after time.Duration
		due   bool
	}{
		{"43200", 12*time.Hour - 1, false}, {"43200", 12 * time.Hour, true},
		{"1", time.Second, false}, {"1", time.Minute - 1, false}, {"1", time.Minute, true}, {"0.000000000001", time.Minute, true},
		{"1e300", 23 * time.Hour, false}, {"1e300", 24 * time.Hour, true}, // too old then
		{"90.5", 90 * time.Second, false}, {"90.5", 91 * time.Second, true},
	} {
		d := newDesk(t, nil)
		token, err := d.verify(strings.Replace(example, "43200", c.ttl, 1))
		if err != nil {
			t.Error(c.ttl, err)
			continue
		}
		d.now = d.now.Add(c.after)
		if d.Due(token) != c.due {
			t.Errorf("ttl %s after %s: due %v", c.ttl, c.after, !c.due)
		}
	}
	d := newDesk(t, nil)
	if !d.Due(nil) || !d.Due(new(statuslist.Token)) {
		t.Error("no list is not due")
	}
	if token, err := d.verify(strings.Replace(example, `,"ttl":43200`, "", 1)); err != nil || d.Due(token) {
		t.Error("without ttl", err)
	}
}

// Section 6.2.
func TestReadReference(t *testing.T) {
	t.Parallel()
	good := `{"status":{"status_list":{"idx":18446744073709551615,"uri":"https://example.com/statuslists/1","x":1},"other":{}}}`
	ref, err := statuslist.ReadReference(good)
	if want := (statuslist.Reference{Index: 1<<64 - 1, URI: uri}); err != nil || ref != want {
		t.Errorf("%+v, %v", ref, err)
	}
	in := func(s string) string { return `{"status":{"status_list":` + s + `}}` }
	for _, c := range []struct {
		payload string
		reason  jose.Reason
	}{
		{`{}`, jose.ClaimMissing}, {`{"Status":{}}`, jose.ClaimMissing}, {`[]`, jose.ClaimsInvalid},
		{`{"status":{},"status":{}}`, jose.ClaimsInvalid}, {`{"status":null}`, jose.StatusUnknown}, {`{"status":"x"}`, jose.StatusUnknown},
		{`{"status":{}}`, jose.StatusUnknown}, {`{"status":{"other":{}}}`, jose.StatusUnknown}, {in(`null`), jose.StatusUnknown},
		{in(`[]`), jose.StatusUnknown}, {in(`{}`), jose.StatusUnknown}, {in(`{"idx":0}`), jose.StatusUnknown},
		{in(`{"uri":"https://a"}`), jose.StatusUnknown}, {in(`{"idx":-1,"uri":"https://a"}`), jose.StatusUnknown},
		{in(`{"idx":-0,"uri":"https://a"}`), jose.StatusUnknown}, {in(`{"idx":1.0,"uri":"https://a"}`), jose.StatusUnknown},
		{in(`{"idx":1e0,"uri":"https://a"}`), jose.StatusUnknown}, {in(`{"idx":"1","uri":"https://a"}`), jose.StatusUnknown},
		{in(`{"idx":18446744073709551616,"uri":"https://a"}`), jose.StatusUnknown}, {in(`{"idx":0,"uri":1}`), jose.StatusUnknown},
		{in(`{"idx":0,"uri":""}`), jose.StatusUnknown}, {in(`{"idx":0,"uri":"statuslists/1"}`), jose.StatusUnknown}, {in(`{"idx":0,"uri":"https://a b"}`), jose.StatusUnknown},
	} {
		_, err := statuslist.ReadReference(c.payload)
		wants(t, c.payload, err, c.reason)
	}
	if _, err := json.Marshal(statuslist.Reference{}); !errors.Is(err, jose.ClaimsInvalid) {
		t.Error(err)
	}
	text, err := json.Marshal(map[string]any{"status": statuslist.Reference{Index: 7, URI: uri}})
	if want := `{"status":{"status_list":{"idx":7,"uri":"https://example.com/statuslists/1"}}}`; err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}

// A Reference can be a field of the caller's claims.
func TestReferenceAsAClaim(t *testing.T) {
	t.Parallel()
	type claims struct {
		Status statuslist.Reference `json:"status"`
	}
	key, err := jwk.Generate(jwk.ES256, "k")
	if err != nil {
		t.Fatal(err)
	}
	v, err := jwt.NewVerifier[claims](key, jwt.Policy{SkipIssuer: true, SkipAudience: true, SkipType: true, SkipLifetime: true, Required: []string{},
		Algorithms: []jwk.Algorithm{jwk.ES256}, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	read := func(payload string) (statuslist.Reference, error) {
		token, err := jws.Sign([]byte(payload), key, jws.SignOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.Verify(context.Background(), token)
		if err != nil {
			return statuslist.Reference{}, err
		}
		return got.Claims.Status, nil
	}
	if ref, err := read(`{"status":{"status_list":{"idx":7,"uri":"` + uri + `"}}}`); err != nil || ref.Index != 7 || ref.URI != uri {
		t.Errorf("%+v, %v", ref, err)
	}
	_, err = read(`{"status":{"status_list":{"idx":-7,"uri":"` + uri + `"}}}`)
	wants(t, "negative", err, jose.ClaimsInvalid)
	if ref, err := read(`{}`); err != nil || ref != (statuslist.Reference{}) {
		t.Errorf("%+v, %v", ref, err)
	}
}
