package jwt

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// known finds the claims that readRegistered reads by the key of their names, so
// that it leaves the others unread, however many there are.
var known = func() (t [64]struct {
	key strictjson.Key
	bit claimSet
}) {
	for i, name := range append(registered[:len(registered):len(registered)], "cnf", "scope") {
		key := strictjson.KeyOf(name)
		at := &t[key.Slot()]
		if at.bit != 0 || !key.Whole() {
			panic("jwt: " + name + " has no key or no slot of its own")
		}
		at.key, at.bit = key, 1<<i
	}
	return t
}()

// readRegistered takes the registered claims out of a scanned claims set, and
// aside what middleware asks of every token. It returns which claims were there.
func readRegistered(r *Registered, a *aside, doc *strictjson.Doc, l *lists) (claimSet, error) {
	var have claimSet
	for i := range doc.Len() {
		key := doc.Key(i)
		k := &known[key.Slot()]
		if k.key != key { // such short names are equal when their keys are
			continue
		}
		v, ok := doc.Value(i), true
		switch k.bit {
		case claimIss:
			r.Issuer, ok = stringClaim(v)
		case claimSub:
			r.Subject, ok = stringClaim(v)
		case claimJti:
			r.ID, ok = stringClaim(v)
		case claimAud:
			r.Audience, ok = audienceClaim(v, l)
		case claimExp:
			r.Expiry, ok = dateClaim(v)
		case claimNbf:
			r.NotBefore, ok = dateClaim(v)
		case claimIat:
			r.IssuedAt, ok = dateClaim(v)
		case claimCnf:
			a.bound = true
		case claimScope:
			if a.noScope = v.Kind != strictjson.String; !a.noScope {
				a.scope = v.Text()
			}
		}
		if !ok {
			name, _ := doc.Member(i)
			return 0, fail(jose.ClaimsInvalid, name+" has the wrong type or is out of range")
		}
		have |= k.bit
	}
	return have, nil
}

func stringClaim(v strictjson.Value) (string, bool) {
	if v.Kind != strictjson.String {
		return "", false
	}
	return v.Text(), true
}

func dateClaim(v strictjson.Value) (time.Time, bool) {
	if v.Kind != strictjson.Number {
		return time.Time{}, false
	}
	return parseDate(v.Raw)
}

// audienceClaim reads a string or an array of strings (RFC 7519 4.1.3).
func audienceClaim(v strictjson.Value, l *lists) ([]string, bool) {
	if v.Kind == strictjson.String {
		return append(l.take(1), v.Text()), true
	}
	return l.read(v)
}

// judge applies the policy to the claims, in an order that names the gravest
// reason first: whose token, for whom, and only then when.
func (p *policy) judge(r *Registered, have claimSet, doc *strictjson.Doc, now time.Time) error {
	if err := p.checkRequired(r, have, doc); err != nil {
		return err
	}
	if err := p.checkIssuer(r); err != nil {
		return err
	}
	if err := p.checkAudience(r); err != nil {
		return err
	}
	return p.checkTimes(r, have, now)
}

func (p *policy) checkIssuer(r *Registered) error {
	if !p.SkipIssuer && !slices.Contains(p.Issuers, r.Issuer) {
		return fail(jose.IssuerMismatch, "iss is "+show(r.Issuer))
	}
	return nil
}

func (p *policy) checkAudience(r *Registered) error {
	if !p.SkipAudience && !p.forUs(r.Audience) {
		return fail(jose.AudienceMismatch, "aud is "+showList(r.Audience))
	}
	return nil
}

func (p *policy) forUs(audience []string) bool {
	for _, a := range audience {
		if slices.Contains(p.Audiences, a) {
			return true
		}
	}
	return false
}

func (p *policy) checkRequired(r *Registered, have claimSet, doc *strictjson.Doc) error {
	have &^= emptyClaims(r, have)
	if missing := p.required &^ have; missing != 0 {
		for _, name := range registered {
			if missing&claimBit(name) != 0 {
				return fail(jose.ClaimMissing, name+" is required")
			}
		}
	}
	for _, name := range p.requiredOther {
		v, ok := doc.Find(name)
		if !ok || v.Kind == strictjson.Null || v.Raw == `""` {
			return fail(jose.ClaimMissing, name+" is required")
		}
	}
	return nil
}

// emptyClaims are those that are there and say nothing.
func emptyClaims(r *Registered, have claimSet) (empty claimSet) {
	if r.Issuer == "" {
		empty |= claimIss
	}
	if r.Subject == "" {
		empty |= claimSub
	}
	if r.ID == "" {
		empty |= claimJti
	}
	if len(r.Audience) == 0 {
		empty |= claimAud
	}
	return empty & have
}

func (p *policy) checkTimes(r *Registered, have claimSet, now time.Time) error {
	if err := p.checkExpiry(r, have, now); err != nil {
		return err
	}
	if err := p.checkNotBefore(r, have, now); err != nil {
		return err
	}
	if err := p.checkIssuedAt(r, have, now); err != nil {
		return err
	}
	return p.checkLifetime(r, have, now)
}

// shift is now.Add, and nothing for the usual leeway of none.
func shift(now time.Time, by time.Duration) time.Time {
	if by == 0 {
		return now
	}
	return now.Add(by)
}

func (p *policy) checkExpiry(r *Registered, have claimSet, now time.Time) error {
	// "on or after which the JWT MUST NOT be accepted" (RFC 7519 4.1.4).
	if !p.SkipExpiry && have&claimExp != 0 && !shift(now, -p.Leeway).Before(r.Expiry) {
		return fail(jose.TokenExpired, stampNow("exp was ", r.Expiry, now))
	}
	return nil
}

func (p *policy) checkNotBefore(r *Registered, have claimSet, now time.Time) error {
	if have&claimNbf != 0 && shift(now, p.Leeway).Before(r.NotBefore) {
		return fail(jose.TokenNotYetValid, stampNow("nbf is ", r.NotBefore, now))
	}
	return nil
}

func (p *policy) checkIssuedAt(r *Registered, have claimSet, now time.Time) error {
	if have&claimIat != 0 && shift(now, p.Leeway).Before(r.IssuedAt) {
		return fail(jose.TokenFromFuture, stampNow("iat is ", r.IssuedAt, now))
	}
	return nil
}

func (p *policy) checkLifetime(r *Registered, have claimSet, now time.Time) error {
	if p.SkipLifetime {
		return nil
	}
	if have&claimExp == 0 {
		return fail(jose.ClaimMissing, "exp is required, for a maximum lifetime is set")
	}
	from := now
	if have&claimIat != 0 {
		from = r.IssuedAt
	}
	if r.Expiry.After(from.Add(p.MaxLifetime)) {
		return fail(jose.LifetimeExceeded, p.tooLong(r.Expiry.Sub(from)))
	}
	return nil
}

// tooLong says how long a token lives, in seconds that are rounded up. It is one
// allocation, for the reason of stampNow.
func (p *policy) tooLong(life time.Duration) string {
	var room [80]byte
	b := append(room[:0], "lives "...)
	b = strconv.AppendInt(b, int64((life+time.Second-1)/time.Second), 10)
	b = append(b, "s, at most "...)
	return string(append(append(b, p.longest...), " are accepted"...))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// stampNow writes a time and the present one. A refusal must not cost more than
// an acceptance, hence one allocation for the whole text.
func stampNow(what string, t, now time.Time) string {
	var room [80]byte
	b := append(room[:0], what...)
	b = t.UTC().AppendFormat(b, time.RFC3339)
	b = append(b, ", now is "...)
	return string(now.UTC().AppendFormat(b, time.RFC3339))
}

// show quotes a claim for a detail, cut to a length that a log can bear.
func show(s string) string {
	if len(s) > 128 {
		return strconv.Quote(s[:128]) + "..."
	}
	if !strings.ContainsFunc(s, unusual) {
		return `"` + s + `"` // as strconv.Quote would, in a tenth of the time
	}
	return strconv.Quote(s)
}

func unusual(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }

func showList(list []string) string {
	if len(list) == 1 {
		return show(list[0])
	}
	if len(list) > 4 {
		return "a list of " + strconv.Itoa(len(list))
	}
	out := "["
	for i, s := range list {
		if i > 0 {
			out += " "
		}
		out += show(s)
	}
	return out + "]"
}
