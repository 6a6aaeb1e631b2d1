package lint

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// Bounds.
const (
	// MaxSize is the longest token that is looked into, in bytes.
	MaxSize = 64 << 10
	// MaxFindings bounds the list that Check returns.
	MaxFindings = 64
	// largeToken is where header limits of servers and proxies begin to matter.
	largeToken = 4 << 10
	maxText    = 16 << 10 // of one string that is searched
)

// DefaultMaxLifetime is what a token may live when Options.MaxLifetime is 0.
const DefaultMaxLifetime = time.Hour

// A Kind is what a token is used as.
type Kind string

// The kinds.
const (
	// Auto: what typ says: another kind with a type of its own is Other, and
	// everything else is looked at as an access token.
	Auto   Kind = ""
	Access Kind = "access"
	ID     Kind = "id" // personal data is what an ID token is for
	Other  Kind = "other"
)

// Options say how a token is looked at.
type Options struct {
	// Now is the time. It is required: the library reads no clock of its own.
	Now time.Time
	// Kind is what the token is used as.
	Kind Kind
	// MaxLifetime bounds exp minus iat. 0 means DefaultMaxLifetime.
	MaxLifetime time.Duration
	// Key is the key that the token is verified with, as a JWK, a JWK Set or PEM, to
	// look at its strength. It verifies nothing. nil means none.
	Key []byte
}

// A Finding is one mistake. It says where, and holds no value from the token.
type Finding struct {
	Rule
	// Where is "token", "key", or a member of header or claims, as "header" or
	// "claims" and a JSON pointer (RFC 6901): "claims/address/email".
	Where string `json:"where"`
	// Note has the figures, such as sizes and times, "" when there are none.
	Note string `json:"note,omitempty"`
}

// Check looks for the mistakes in one token, the gravest first; none found is an
// empty list. What is no token at all is a finding, not an error: it fails with
// PolicyInvalid only, when Options.Now is missing, Kind unknown or MaxLifetime
// negative.
func Check(token string, o Options) ([]Finding, error) {
	if o.Now.IsZero() || o.MaxLifetime < 0 || !slices.Contains([]Kind{Auto, Access, ID, Other}, o.Kind) {
		return nil, jose.NewError(jose.PolicyInvalid, "lint: no time is given, a kind that is none, or a negative lifetime", nil)
	}
	if o.MaxLifetime == 0 {
		o.MaxLifetime = DefaultMaxLifetime
	}
	l := &linter{o: o, rules: map[Code]Rule{}}
	for _, r := range Rules() {
		l.rules[r.Code] = r
	}
	l.token(token)
	rank := map[Severity]int{Error: 0, Warning: 1, Info: 2}
	slices.SortStableFunc(l.found, func(a, b Finding) int { return rank[a.Severity] - rank[b.Severity] })
	return l.found, nil
}

// linter collects the findings about one token.
type linter struct {
	o      Options
	rules  map[Code]Rule
	found  []Finding
	header jws.Header
	size   int // of the token
}

func (l *linter) add(code Code, where, note string) {
	switch n := len(l.found); {
	case n < MaxFindings-1:
	case n == MaxFindings-1:
		code, where, note = FindingsLeftOut, "token", ""
	default:
		return
	}
	l.found = append(l.found, Finding{Rule: l.rules[code], Where: where, Note: note})
}

func (l *linter) token(token string) {
	l.size = len(token)
	if l.size > MaxSize {
		l.add(TokenHuge, "token", fmt.Sprintf("%d bytes", l.size))
		return
	}
	if l.size > largeToken {
		l.add(TokenLarge, "token", fmt.Sprintf("%d bytes", l.size))
	}
	if strings.Count(token, ".") == 4 {
		l.add(TokenEncrypted, "token", "")
		return
	}
	header, payload, signature, err := jws.Split(token)
	if err != nil {
		l.add(NotAToken, "token", "")
		return
	}
	if _, err := b64.Bytes(signature); err != nil {
		l.add(NotAToken, "token", "the signature: "+err.Error())
	}
	l.head(header)
	l.key(token[:len(header)+1+len(payload)], signature)
	text, err := b64.Bytes(payload)
	if err != nil {
		l.add(NotAToken, "token", "the claims: "+err.Error())
		return
	}
	var doc strictjson.Doc
	if err := doc.Scan(string(text)); err != nil {
		l.add(ClaimsUnreadable, "claims", err.Error())
		return
	}
	l.claims(&doc, len(text))
}

// head looks at the header, also at one that jws.ParseHeader refuses.
func (l *linter) head(segment string) {
	text, err := b64.Bytes(segment)
	if err != nil {
		l.add(NotAToken, "token", "the header: "+err.Error())
		return
	}
	var doc strictjson.Doc
	if err := doc.Scan(string(text)); err != nil {
		l.add(HeaderUnreadable, "header", err.Error())
		return
	}
	for _, c := range []struct {
		name string
		code Code
	}{{"crit", HeaderCritical}, {"b64", HeaderCritical}, {"jwk", HeaderKey}, {"x5c", HeaderKey}, {"jku", HeaderKeyAddress}, {"x5u", HeaderKeyAddress}} {
		if _, ok := doc.Find(c.name); ok {
			l.add(c.code, "header/"+c.name, "")
		}
	}
	l.search("header", &doc)
	h, err := jws.ParseHeader(segment)
	if err != nil {
		if jose.ReasonOf(err) != jose.CriticalUnsupported {
			l.add(HeaderUnreadable, "header", "")
		}
		return
	}
	l.header = h
	switch {
	case strings.EqualFold(strings.TrimSpace(string(h.Algorithm)), "none"):
		l.add(AlgorithmNone, "header/alg", "")
	case !h.Algorithm.IsSignature():
		l.add(AlgorithmUnknown, "header/alg", "")
	}
	if h.KeyID == "" && h.Algorithm.IsSignature() && !h.Algorithm.IsSymmetric() {
		l.add(KeyIDMissing, "header/kid", "")
	}
	if h.Type == "" && l.kind() != ID {
		l.add(TypeMissing, "header/typ", "")
	}
}

// kind resolves Auto.
func (l *linter) kind() Kind {
	if l.o.Kind != Auto {
		return l.o.Kind
	}
	typ := strings.TrimPrefix(strings.ToLower(l.header.Type), "application/")
	if strings.HasSuffix(typ, "+jwt") && typ != "at+jwt" && !refreshTypes[typ] {
		return Other
	}
	return Access
}

// key looks at the key that was given, and tries the secrets of tutorials.
func (l *linter) key(input, signature string) {
	a := l.header.Algorithm
	if l.guessable(input, signature) {
		l.add(SecretGuessable, "key", "")
	}
	if len(l.o.Key) == 0 {
		return
	}
	var options jwk.Options
	if a.IsSignature() {
		options.Algorithms = []jwk.Algorithm{a}
	}
	text := strings.TrimSpace(string(l.o.Key))
	var errs []error
	var keys []*jwk.Key
	switch {
	case strings.HasPrefix(text, "-----BEGIN"):
		k, err := jwk.ParsePEM([]byte(text), a, "")
		keys, errs = append(keys, k), append(errs, err)
	case strings.Contains(text, `"keys"`):
		set, err := jwk.ParseSet([]byte(text), options)
		if errs = append(errs, err); err == nil {
			keys, errs = set.Keys(), set.Skipped()
		}
	default:
		k, err := jwk.Parse([]byte(text), options)
		keys, errs = append(keys, k), append(errs, err)
	}
	l.keyErrors(errs)
	fits := func(k *jwk.Key) bool { return k != nil && k.Accepts(a) }
	if len(l.found) == 0 || !slices.ContainsFunc(l.found, func(f Finding) bool { return f.Where == "key" }) {
		if a != "" && !slices.ContainsFunc(keys, fits) {
			l.add(KeyMismatch, "key", "")
		}
	}
}

func (l *linter) keyErrors(errs []error) {
	for _, err := range errs {
		switch jose.ReasonOf(err) {
		case "":
		case jose.KeyWeak:
			l.add(KeyWeak, "key", "")
		case jose.KeyMisuse, jose.KeyAmbiguous, jose.AlgorithmNotAllowed:
			l.add(KeyMismatch, "key", "")
		default:
			l.add(KeyUnusable, "key", "")
		}
	}
}

// tutorials are secrets that stand in documents, tools and forgotten defaults.
var tutorials = []string{
	"", "secret", "Secret", "SECRET", "password", "changeme", "change-me", "your-256-bit-secret", "your-384-bit-secret", "your-512-bit-secret",
	"a-string-secret-at-least-256-bits-long", "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long", "secretkey", "secret-key", "secret_key",
	"mysecret", "my-secret", "mysecretkey", "my-secret-key", "supersecret", "super-secret", "supersecretkey", "your_secret_key", "your-secret-key", "jwt_secret",
	"jwt-secret", "JWT_SECRET", "AllYourBase", "shhhhh", "shhhhhhared-secret", "keyboard cat", "test", "key", "12345678", "123456", "admin", "example", "default",
}

// guessable reports whether a MAC is made with one of them. Each costs one pass
// over a token of at most MaxSize.
func (l *linter) guessable(input, signature string) bool {
	var h func() hash.Hash
	switch l.header.Algorithm {
	case jwk.HS256:
		h = sha256.New
	case jwk.HS384:
		h = sha512.New384
	case jwk.HS512:
		h = sha512.New
	default:
		return false
	}
	mac, err := b64.Bytes(signature)
	if err != nil {
		return false
	}
	for _, secret := range tutorials {
		m := hmac.New(h, []byte(secret))
		m.Write([]byte(input))
		if hmac.Equal(m.Sum(nil), mac) {
			return true
		}
	}
	return false
}
