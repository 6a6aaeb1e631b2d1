package edge

import (
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
)

// withhold takes out of a request what is a credential outside the header, whatever
// was decided about it: a route that is only watched forwards what it refuses.
func (r *route) withhold(p *passage, pr *httputil.ProxyRequest) {
	h := pr.Out.Header
	if pl := &r.places; pl.query != "" {
		if kept := keep(pr.In.URL.RawQuery, "&", func(pair string) bool { return !pl.strayPair(pair) }); kept != pr.In.URL.RawQuery {
			pr.Out.URL.RawQuery, p.bare = kept, true
		}
	}
	if len(r.hidden) > 0 {
		withholdFrom(h, "Cookie", ";", func(pair string) bool {
			return !slices.ContainsFunc(r.hidden, func(name string) bool { return namesCookie(pair, name) })
		})
	}
	if pl := &r.places; pl.protocol != "" {
		withholdFrom(h, "Sec-Websocket-Protocol", ",", func(offer string) bool {
			if offer == pl.protocol {
				p.offered = offer
			}
			return !pl.ownProtocol(offer)
		})
	}
}

// keep leaves out the parts of a list that are not kept. What loses nothing stays
// as it was, byte for byte.
func keep(list, separator string, kept func(string) bool) string {
	if list == "" {
		return ""
	}
	parts := strings.Split(list, separator)
	all := len(parts)
	if parts = slices.DeleteFunc(parts, func(part string) bool { return !kept(part) }); len(parts) == all {
		return list
	}
	return strings.Join(parts, separator)
}

func withholdFrom(h http.Header, name, separator string, kept func(string) bool) {
	var lines []string
	for _, line := range h[name] {
		if line = strings.Trim(keep(line, separator, func(part string) bool { return kept(strings.Trim(part, " \t")) }), " \t"); line != "" {
			lines = append(lines, line)
		}
	}
	if h[name] = lines; len(lines) == 0 {
		delete(h, name)
	}
}

// conceal keeps an answer out of caches whose key would be a token (RFC 6750 2.3,
// RFC 9213), and the token out of the next request's Referer. It answers a
// WebSocket's offer for an upstream that chose nothing of it: a browser that offered
// something takes no silence.
func (p *passage) conceal(answer *http.Response) {
	h := answer.Header
	if p.bare {
		for name := range h {
			if strings.HasSuffix(name, "-Cache-Control") || name == "Surrogate-Control" {
				delete(h, name)
			}
		}
		h["Cache-Control"] = []string{"private, no-store"}
		h["Referrer-Policy"] = []string{"no-referrer"}
	}
	if p.offered != "" && answer.StatusCode == http.StatusSwitchingProtocols && len(h["Sec-Websocket-Protocol"]) == 0 {
		h["Sec-Websocket-Protocol"] = []string{p.offered}
	}
}
