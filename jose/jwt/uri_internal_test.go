package jwt

import (
	"strings"
	"testing"
)

// RFC 3986 6.2.2 and 6.2.3: the figures are those of the clauses, under http and
// https, and one for each rule.
func TestNormalURI(t *testing.T) {
	for _, group := range [][]string{
		// 6.2.2.1, 6.2.2.2 and 6.2.2.3: example://a/b/c/%7Bfoo%7D and eXAMPLE://a/./b/../b/%63/%7bfoo%7d.
		{"https://a/b/c/%7Bfoo%7D", "hTTPS://a/./b/../b/%63/%7bfoo%7d"},
		// 6.2.3: http://example.com, http://example.com/, http://example.com:/, http://example.com:80/.
		{"http://example.com/", "http://example.com", "http://example.com:/", "http://example.com:80/", "HTTP://EXAMPLE.com:080/../"},
		{"https://www.example.com/", "https://www.EXAMPLE.com/", "https://www.example.com:443"},
		{"https://example.com/~smith/home.html", "https://example.com/%7Esmith/home.html", "https://example.com:443/%7esmith/home.html?q#f"},
		// 5.2.4: /a/b/c/./../../g and mid/content=5/../6.
		{"https://a/a/g", "https://a/a/b/c/./../../g"}, {"https://a/mid/6", "https://a/mid/content=5/../6"},
		{"https://a/b/", "https://a/b/.", "https://a/b/c/.."}, {"https://a//b", "https://a/x/..//b"},
		// What browsers and net/http leave as it is, and no path may hold.
		{"https://a/i%5B1%5D", "https://a/i[1]", "https://a/i%5b1]"}, {"https://a/%22%3C%3E%5E%60%7B%7C%7D", "https://a/\"<>^`{|}"},
		{"https://[2001:db8::1]:8443/x", "https://[2001:DB8::1]:08443/x"},
	} {
		for _, text := range group {
			if got, err := normalURI(text); err != nil || got != group[0] {
				t.Errorf("%s: got %q, %v, want %s", text, got, err, group[0])
			}
		}
	}
	// Two addresses stay two: an escaped slash is no slash, a path has case, a blank
	// end is an end.
	for _, text := range []string{"https://a/b%2Fc", "https://a/B/c", "https://a/b/c/", "https://a:8443/b/c", "http://a/b/c", "https://a//b/c", "https://a/b;c"} {
		if got, err := normalURI(text); err != nil || got == "https://a/b/c" {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "a", "https:a", "https:/a", "ftp://a/", "//a/", "https://", "https:///x", "https://a@b/", "https://a:b@c/", "https://a\\b/", "https://a/b\\c", "https://a b/",
		"https://a/b c", "https://a/%", "https://a/%4", "https://a/%zz", "https://\u00e4/", "https://a/\u00e4", "https://a:x/", "https://a:123456/", "https://a:1:2/", "https://[::1/", "https://::1]/",
		"https://[x]/", "https://a/\x00", " https://a/", "https://\u212a/", "\u017fttps://a/", "https://a/" + strings.Repeat("x", maxURI),
	} {
		if got, err := normalURI(text); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// What is normal stays as it is, and holds nothing that has a second reading.
func FuzzNormalURI(f *testing.F) {
	f.Add("https://server.example.com/token?a=b#c")
	f.Add("HTTP://[::1]:0080/%7e/../%2e%2E/a//b/.")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := normalURI(text)
		if err != nil {
			return
		}
		if again, err := normalURI(got); err != nil || again != got {
			t.Fatalf("%q: %q, then %q, %v", text, got, again, err)
		}
		_, path, _ := strings.Cut(got[8:], "/")
		for segment := range strings.SplitSeq(path, "/") {
			if segment == "." || segment == ".." {
				t.Fatalf("%q: %q", text, got)
			}
		}
		if strings.ContainsAny(got, "?#\\@ \x00") && !strings.Contains(path, "@") {
			t.Fatalf("%q: %q", text, got)
		}
	})
}
