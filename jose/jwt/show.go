package jwt

import (
	"fmt"
	"strings"

	"github.com/jotward/jotward/jose/internal/strictjson"
)

// found shows the claim that a rule is about.
func (r *rule) found(f *facts) string {
	v, ok := f.doc.Find(r.claim)
	switch {
	case !ok:
		return "absent"
	case r.hidden:
		return "there"
	}
	return showValue(v)
}

// time shows one of the three times.
func (f *facts) time(bit claimSet) string {
	switch {
	case f.have&bit == 0:
		return "absent"
	case bit == claimExp:
		return stamp(f.reg.Expiry)
	case bit == claimNbf:
		return stamp(f.reg.NotBefore)
	}
	return stamp(f.reg.IssuedAt)
}

func orAny(skipped bool, field, expected string) string {
	if skipped {
		return "any (" + field + ")"
	}
	return expected
}

// requiredNames lists the claims that the policy requires.
func (p *policy) requiredNames() []string {
	names := []string{}
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"} {
		if p.required&claimBit(name) != 0 {
			names = append(names, name)
		}
	}
	return append(names, p.requiredOther...)
}

// namesOf lists the names of the claims, as many as a line can bear.
func namesOf(doc *strictjson.Doc) string {
	const most = 32
	var names []string
	for i := range min(doc.Len(), most) {
		name, _ := doc.Member(i)
		names = append(names, strings.Trim(show(name), `"`))
	}
	if doc.Len() > most {
		names = append(names, fmt.Sprintf("and %d more", doc.Len()-most))
	}
	return strings.Join(names, ", ")
}

// showValue quotes a value that is short, and names the kind of any other.
func showValue(v strictjson.Value) string {
	switch v.Kind {
	case strictjson.String:
		return show(v.Text())
	case strictjson.Array:
		return "an array"
	case strictjson.Object:
		return "an object"
	}
	return v.Raw // a number, which the scanner has bounded, true, false or null
}
