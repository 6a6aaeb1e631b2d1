package lint

import (
	"strings"

	"github.com/jotward/jotward/jose/internal/strictjson"
)

// maxValues bounds how many values of one document are searched.
const maxValues = 8192

// search looks through every value of a document, at every depth, for what should
// not be in a token. where is "header" or "claims".
func (l *linter) search(where string, doc *strictjson.Doc) {
	left := maxValues
	for i := range doc.Len() {
		name, v := doc.Member(i)
		l.value(where+"/"+pointer(name), name, v, &left)
	}
}

// value looks at one value under its name, and at those inside it. The depth is
// bounded by strictjson.MaxDepth.
func (l *linter) value(where, name string, v strictjson.Value, left *int) {
	if *left--; *left < 0 || len(l.found) >= MaxFindings {
		return
	}
	if l.named(where, name, v) {
		return
	}
	switch v.Kind {
	case strictjson.String:
		if text := v.Text(); len(text) <= maxText {
			l.text(where, text)
		}
	case strictjson.Number:
		if isCard(v.Raw) {
			l.add(PaymentCard, where, "")
		}
	case strictjson.Object:
		if isPrivateJWK(v) {
			l.add(KeyMaterial, where, "")
			return
		}
		for c := strictjson.Open(v); ; {
			m, more := c.Next()
			if !more {
				return
			}
			l.value(where+"/"+pointer(m.Name), m.Name, m.Value, left)
		}
	case strictjson.Array:
		c := strictjson.Open(v)
		for i := 0; ; i++ {
			m, more := c.Next()
			if !more {
				return
			}
			l.value(where+"/"+itoa(i), name, m.Value, left)
		}
	}
}

// named judges a value by its name. It reports whether that said enough.
func (l *linter) named(where, name string, v strictjson.Value) bool {
	plain := strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case r == '_' || r == '-' || r == '.' || r == ' ':
			return -1
		}
		return r
	}, name)
	says := v.Kind == strictjson.String && v.Raw != `""` || v.Kind == strictjson.Number
	if says && (secretNames[plain] || v.Kind == strictjson.String && hasSuffix(plain, secretEnds)) {
		l.add(SecretInClaims, where, "")
		return true
	}
	if l.o.Kind == ID {
		return false
	}
	says = says || v.Kind == strictjson.Object || v.Kind == strictjson.Array && v.Raw != "[]"
	if code, ok := personalNames[plain]; ok && says {
		l.add(code, where, "")
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
func (l *linter) text(where, text string) {
	switch {
	case strings.Contains(text, "-----BEGIN ") && strings.Contains(text, "PRIVATE KEY-----") || looksLikeJWK(text):
		l.add(KeyMaterial, where, "")
	case hasSecretForm(text):
		l.add(SecretInClaims, where, "")
	case holdsCard(text):
		l.add(PaymentCard, where, "")
	case looksLikeToken(text):
		l.add(TokenInClaims, where, "")
	case l.o.Kind == ID:
	case holdsEmail(text):
		l.add(PersonalEmail, where, "")
	case looksLikePhone(text):
		l.add(PersonalPhone, where, "")
	}
}
