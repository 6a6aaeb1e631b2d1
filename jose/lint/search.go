package lint

import (
	"strings"

	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// maxValues bounds how many values of one document are searched.
const maxValues = 8192

// search looks through every value of a document, at every depth, for what should
// not be in a token. where is "header" or "claims". Each value is read once, and a place is
// spelled out where something is found.
func (l *linter) search(where string, doc *strictjson.Doc) {
	s := searcher{linter: l, at: []byte(where), left: maxValues}
	for i := range doc.Len() {
		name, v := doc.Member(i)
		c := strictjson.At(v)
		s.inside(name, name, &c)
	}
}

type searcher struct {
	*linter
	at   []byte // the place: grown and cut
	left int
}

// inside looks at the value that c stands before, a step further down.
func (s *searcher) inside(step, name string, c *strictjson.Cursor) {
	back := len(s.at)
	s.at = append(append(s.at, '/'), pointer(step)...)
	s.value(name, c)
	s.at = s.at[:back]
}

func (s *searcher) found(code Code) { s.add(code, string(s.at), "") }

// value looks at the value that c stands before, under its name, and at those inside it.
// The depth is bounded by strictjson.MaxDepth.
func (s *searcher) value(name string, c *strictjson.Cursor) {
	if s.left--; s.left < 0 || len(s.linter.found) >= MaxFindings {
		return
	}
	kind := c.Kind()
	if kind == strictjson.Object || kind == strictjson.Array {
		empty := *c
		empty.Enter()
		_, _, more := empty.Step()
		if s.named(name, kind == strictjson.Object || more) {
			return
		}
		if kind == strictjson.Object {
			s.object(c)
		} else {
			s.array(name, c)
		}
		return
	}
	v := c.Value()
	if s.scalar(name, v) || s.named(name, v.Kind == strictjson.String && v.Raw != `""` || v.Kind == strictjson.Number) {
		return
	}
	switch v.Kind {
	case strictjson.String:
		if text := v.Text(); len(text) <= maxText {
			s.text(text)
		}
	case strictjson.Number:
		if isCard(v.Raw) {
			s.found(PaymentCard)
		}
	}
}

// object looks at the members of an object. One that turns out to be a private key is one
// finding, whatever was found in it.
func (s *searcher) object(c *strictjson.Cursor) {
	before, left, isKey, isPrivate := len(s.linter.found), s.left, false, false
	for c.Enter(); ; {
		name, _, more := c.Step()
		if !more {
			break
		}
		isKey, isPrivate = isKey || name == "kty", isPrivate || alg.IsPrivateMember(name)
		s.inside(name, name, c)
	}
	if isKey && isPrivate {
		s.linter.found, s.left = s.linter.found[:before], left
		s.found(KeyMaterial)
	}
}

func (s *searcher) array(name string, c *strictjson.Cursor) {
	c.Enter()
	for i := 0; ; i++ {
		if _, _, more := c.Step(); !more {
			return
		}
		s.inside(itoa(i), name, c)
	}
}

// plainName is a name without case, underscores, hyphens, dots and blanks.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case r == '_' || r == '-' || r == '.' || r == ' ':
			return -1
		}
		return r
	}, name)
}

// scalar judges a text or a number by its name: it may be a secret. It reports whether
// that said enough.
func (s *searcher) scalar(name string, v strictjson.Value) bool {
	plain := plainName(name)
	says := v.Kind == strictjson.String && v.Raw != `""` || v.Kind == strictjson.Number
	if says && (secretNames[plain] || v.Kind == strictjson.String && hasSuffix(plain, secretEnds)) {
		s.found(SecretInClaims)
		return true
	}
	return false
}

// named judges a value that says something by its name: it may be about a person. It
// reports whether that said enough.
func (s *searcher) named(name string, says bool) bool {
	if code, ok := personalNames[plainName(name)]; ok && says && s.o.Kind != ID {
		s.found(code)
		return true
	}
	return false
}

func hasSuffix(name string, ends []string) bool {
	for _, end := range ends {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// Names without case, underscores, hyphens, dots and blanks.
var (
	secretNames = map[string]bool{"pin": true, "pincode": true, "otp": true, "cvv": true, "cvc": true, "totpseed": true, "otpseed": true, "pwd": true, "pass": true}
	secretEnds  = []string{"password", "passwd", "passphrase", "secret", "apikey", "privatekey", "accesskey", "signingkey", "refreshtoken", "passwordhash", "credentials"}

	personalNames = map[string]Code{
		"email": PersonalEmail, "mail": PersonalEmail, "emailaddress": PersonalEmail, "emails": PersonalEmail,
		"phone": PersonalPhone, "phonenumber": PersonalPhone, "mobile": PersonalPhone, "mobilephone": PersonalPhone, "telephone": PersonalPhone, "tel": PersonalPhone,
		"birthdate": PersonalData, "birthday": PersonalData, "dateofbirth": PersonalData, "dob": PersonalData, "address": PersonalData, "streetaddress": PersonalData,
		"postaladdress": PersonalData, "ssn": PersonalData, "socialsecuritynumber": PersonalData, "nationalid": PersonalData, "passport": PersonalData,
		"passportnumber": PersonalData, "taxid": PersonalData, "iban": PersonalData, "givenname": PersonalData, "familyname": PersonalData,
		"firstname": PersonalData, "lastname": PersonalData, "fullname": PersonalData, "middlename": PersonalData, "gender": PersonalData, "ipaddress": PersonalData,
	}
)

// text judges a string by what it looks like; the gravest guess is the one told.
func (s *searcher) text(text string) {
	switch {
	case strings.Contains(text, "-----BEGIN ") && strings.Contains(text, "PRIVATE KEY-----") || looksLikeJWK(text):
		s.found(KeyMaterial)
	case hasSecretForm(text):
		s.found(SecretInClaims)
	case holdsCard(text):
		s.found(PaymentCard)
	case looksLikeToken(text):
		s.found(TokenInClaims)
	case s.o.Kind == ID:
	case holdsEmail(text):
		s.found(PersonalEmail)
	case looksLikePhone(text):
		s.found(PersonalPhone)
	}
}
