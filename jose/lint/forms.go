package lint

import (
	"strconv"
	"strings"

	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

func itoa(i int) string { return strconv.Itoa(i) }

// isPrivateJWK reports whether an object is a JWK with a private or secret member.
func isPrivateJWK(v strictjson.Value) bool {
	isKey, isPrivate := false, false
	for c := strictjson.Open(v); ; {
		m, more := c.Next()
		if !more {
			return isKey && isPrivate
		}
		isKey = isKey || m.Name == "kty"
		isPrivate = isPrivate || alg.IsPrivateMember(m.Name)
	}
}

// looksLikeJWK reports whether a string is a JWK that somebody put between quotes.
func looksLikeJWK(text string) bool {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") {
		return false
	}
	var doc strictjson.Doc
	return doc.Scan(text) == nil && isPrivateJWK(strictjson.Value{Kind: strictjson.Object, Raw: text})
}

// secretStarts are the beginnings that services give to their secrets, so that
// they are found where they should not be.
var secretStarts = []string{
	"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "xoxa-", "sk_live_", "rk_live_", "sk_test_", "npm_", "pypi-",
	"$2a$", "$2b$", "$2y$", "$argon2", "$scrypt$", "$pbkdf2", "$6$", "$5$",
}

func hasSecretForm(text string) bool {
	for _, start := range secretStarts {
		if strings.HasPrefix(text, start) && len(text) >= len(start)+8 {
			return true
		}
	}
	if (strings.HasPrefix(text, "AKIA") || strings.HasPrefix(text, "ASIA")) && len(text) == 20 {
		return strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
	}
	return false
}

// looksLikeToken reports whether a string is a JWT: a segment that begins with {"
// and two or four dots.
func looksLikeToken(text string) bool {
	dots := strings.Count(text, ".")
	return strings.HasPrefix(text, "eyJ") && (dots == 2 || dots == 4) && len(text) >= 40 && !strings.ContainsAny(text, " \t\r\n")
}

// holdsCard looks for a payment card's number in a text: a run of digits, with
// single blanks or hyphens between them, that is one.
func holdsCard(text string) bool {
	run := make([]byte, 0, 20)
	for i := 0; i <= len(text); i++ {
		switch {
		case i < len(text) && '0' <= text[i] && text[i] <= '9':
			run = append(run, text[i])
			if len(run) > 19 { // no card's: look on behind this run
				for i+1 < len(text) && '0' <= text[i+1] && text[i+1] <= '9' {
					i++
				}
				run = run[:0]
			}
		case i < len(text) && (text[i] == ' ' || text[i] == '-') && len(run) > 0 && text[i-1] != ' ' && text[i-1] != '-':
		default:
			if isCard(string(run)) {
				return true
			}
			run = run[:0]
		}
	}
	return false
}

// isCard reports whether digits are a payment card's number: of a length and a
// beginning that the networks give out (ISO/IEC 7812), with Luhn's check digit.
func isCard(digits string) bool {
	n := len(digits)
	if n < 13 || n > 19 {
		return false
	}
	switch digits[0] {
	case '3':
		if n < 14 || !strings.ContainsRune("0456789", rune(digits[1])) {
			return false
		}
	case '2', '5':
		if n != 16 {
			return false
		}
	case '4':
		if n != 13 && n != 16 && n != 19 {
			return false
		}
	case '6':
		if n < 16 {
			return false
		}
	default:
		return false
	}
	sum := 0
	for i := range n {
		c := digits[n-1-i]
		if c < '0' || c > '9' {
			return false
		}
		d := int(c - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0 && strings.Trim(digits, digits[:1]) != ""
}

// holdsEmail looks for an e-mail address in a text.
func holdsEmail(text string) bool {
	if strings.IndexByte(text, '@') < 0 {
		return false
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n<>()[],;:\"'", r) }) {
		local, domain, ok := strings.Cut(word, "@")
		if !ok || local == "" || len(local) > 64 || len(domain) > 255 || strings.ContainsAny(local, "/\\?=&") || strings.ContainsAny(domain, "@/\\?=&_") {
			continue
		}
		if dot := strings.LastIndexByte(domain, '.'); dot > 0 && len(domain)-dot > 2 && domain[0] != '.' && !strings.Contains(domain, "..") {
			return true
		}
	}
	return false
}

// looksLikePhone reports whether a string is a telephone number as ITU-T E.164
// writes it: a plus sign and 8 to 15 digits, with the usual marks between them.
func looksLikePhone(text string) bool {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(text, "tel:"), "+")
	if !ok || len(rest) > 32 {
		return false
	}
	digits := 0
	for i := range len(rest) {
		switch c := rest[i]; {
		case '0' <= c && c <= '9':
			digits++
		case !strings.ContainsRune(" ()-./", rune(c)):
			return false
		}
	}
	return digits >= 8 && digits <= 15
}
