package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jotward/jotward/jose/internal/strictjson"
)

// claims looks at a claims set of so many bytes.
func (l *linter) claims(doc *strictjson.Doc, size int) {
	kind := l.kind()
	l.names(doc, kind)
	l.times(doc, kind)
	if kind == Access {
		l.shape(doc)
	}
	l.parties(doc)
	if l.size > largeToken {
		l.large(doc, size)
	}
	l.search("claims", doc)
}

// names looks for claims that are missing: absent, null, or an empty string.
func (l *linter) names(doc *strictjson.Doc, kind Kind) {
	if kind == Other {
		return
	}
	for _, c := range []struct {
		name   string
		code   Code
		access bool // only access tokens are expected to have it
	}{
		{"iss", IssuerMissing, false}, {"sub", SubjectMissing, false}, {"aud", AudienceMissing, false}, {"exp", ExpiryMissing, false},
		{"iat", IssuedAtMissing, false}, {"jti", IDMissing, true},
	} {
		v, ok := doc.Find(c.name)
		empty := !ok || v.Kind == strictjson.Null || v.Raw == `""` || v.Raw == "[]"
		if empty && (kind == Access || !c.access) {
			l.add(c.code, "claims/"+c.name, "")
		}
	}
}

// dates are the claims that hold a NumericDate.
var dates = []string{"exp", "nbf", "iat", "auth_time", "updated_at", "toe"}

// times looks at the dates and at what they say together.
func (l *linter) times(doc *strictjson.Doc, kind Kind) {
	at := map[string]time.Time{}
	for _, name := range dates {
		if v, ok := doc.Find(name); ok && v.Kind != strictjson.Null {
			if t, ok := l.date(name, v); ok {
				at[name] = t
			}
		}
	}
	exp, hasExp := at["exp"]
	iat, hasIat := at["iat"]
	nbf, hasNbf := at["nbf"]
	if hasIat && iat.After(l.o.Now.Add(time.Minute)) {
		l.add(IssuedInFuture, "claims/iat", "by "+iat.Sub(l.o.Now).String())
	}
	if hasNbf && hasIat && nbf.Before(iat) {
		l.add(NotBeforeOdd, "claims/nbf", "")
	}
	if !hasExp {
		return
	}
	if hasNbf && !nbf.Before(exp) {
		l.add(NotBeforeAfterEnd, "claims/nbf", "")
	}
	from := l.o.Now
	if hasIat {
		from = iat
		if !exp.After(iat) {
			l.add(ExpiryBeforeIssue, "claims/exp", "")
		}
	}
	if life := exp.Sub(from); life > l.o.MaxLifetime && kind != Other {
		l.add(LifetimeLong, "claims/exp", fmt.Sprintf("%s, at most %s", life, l.o.MaxLifetime))
	}
}

// date reads one date, and says what is odd about it.
func (l *linter) date(name string, v strictjson.Value) (time.Time, bool) {
	const lastSecond, firstMillisecond = 253402300799, 1e11
	where := "claims/" + name
	if v.Kind != strictjson.Number {
		l.add(DateString, where, "")
		return time.Time{}, false
	}
	f, err := strconv.ParseFloat(v.Raw, 64)
	switch {
	case err != nil || f < 0 || f > lastSecond*1000:
		l.add(DateRange, where, "")
		return time.Time{}, false
	case f >= firstMillisecond:
		l.add(DateMilliseconds, where, "")
		return time.Time{}, false
	}
	if strings.ContainsAny(v.Raw, ".eE") {
		l.add(DateFraction, where, "")
	}
	return time.Unix(int64(f), 0), true
}

var refreshTypes = map[string]bool{"rt+jwt": true, "refresh+jwt": true, "refresh_token+jwt": true}

// shape looks for the signs of another kind in an access token's place.
func (l *linter) shape(doc *strictjson.Doc) {
	for _, name := range []string{"nonce", "at_hash", "c_hash", "s_hash"} {
		if _, ok := doc.Find(name); ok {
			l.add(IDTokenAsAccess, "claims/"+name, "")
			break
		}
	}
	if refreshTypes[strings.TrimPrefix(strings.ToLower(l.header.Type), "application/")] {
		l.add(RefreshAsAccess, "header/typ", "")
		return
	}
	for _, name := range []string{"typ", "type", "token_type", "token_use", "tokenType", "use"} {
		v, ok := doc.Find(name)
		if !ok || v.Kind != strictjson.String {
			continue
		}
		switch strings.ToLower(v.Text()) {
		case "refresh", "refresh_token", "refreshtoken", "offline":
			l.add(RefreshAsAccess, "claims/"+name, "")
			return
		case "id", "id_token", "idtoken":
			l.add(IDTokenAsAccess, "claims/"+name, "")
			return
		}
	}
}

// parties looks at iss, sub, aud and jti, and at who shares a secret with whom.
func (l *linter) parties(doc *strictjson.Doc) {
	iss := ""
	for _, name := range []string{"iss", "sub", "jti"} {
		v, ok := doc.Find(name)
		switch {
		case !ok:
		case v.Kind != strictjson.String:
			l.add(ClaimType, "claims/"+name, "")
		case name == "iss":
			iss = v.Text()
		}
	}
	aud, ok := doc.Find("aud")
	if !ok {
		return
	}
	var list []string
	if aud.Kind == strictjson.String {
		list = []string{aud.Text()}
	} else if list, ok = strictjson.AppendStrings(nil, aud); !ok {
		l.add(ClaimType, "claims/aud", "")
		return
	}
	if slices.Contains(list, "*") {
		l.add(AudienceAny, "claims/aud", "")
	}
	apart := slices.ContainsFunc(list, func(a string) bool { return a != iss })
	if l.header.Algorithm.IsSymmetric() && iss != "" && apart {
		l.add(AlgorithmSymmetric, "header/alg", "")
	}
}

// large names what makes a token large: up to three claims of a tenth or more.
func (l *linter) large(doc *strictjson.Doc, size int) {
	type part struct {
		name string
		size int
	}
	parts := make([]part, doc.Len())
	for i := range parts {
		name, v := doc.Member(i)
		parts[i] = part{name, len(name) + len(v.Raw) + len(`"":,`)}
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.size, a.size) })
	for _, p := range parts[:min(3, len(parts))] {
		if p.size*10 >= size {
			l.add(ClaimLarge, "claims/"+pointer(p.name), fmt.Sprintf("%d of %d bytes", p.size, size))
		}
	}
}

// pointer writes a member's name as a part of a JSON pointer (RFC 6901 3), cut,
// and without characters that would do something to a terminal.
func pointer(name string) string {
	const most = 64
	name = strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "..."
	}
	quoted := strconv.Quote(name)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
