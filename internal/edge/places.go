package edge

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
)

// A place is where a credential came from.
type place int

const (
	nowhere place = iota
	inHeader
	inCookie
	inQuery
	inProtocol
)

// places are where a route's credential may be; the zero value reads the
// Authorization header alone.
type places struct {
	noHeader       bool
	cookie         string
	cookieFolded   string // as underscored writes it
	cookieForward  bool
	cookieShared   bool            // browsers may send it to other hosts, too
	origins        map[string]bool // whose pages may send the cookie, beside the route's own
	query          string
	queryFolded    string
	protocol       string // the subprotocol's name
	protocolPrefix string // what stands before the token, in lower case
}

// longestName bounds the names of cookies and parameters.
const longestName = 64

func compilePlaces(c *config.Credentials) (places, error) {
	p := places{}
	if c == nil {
		return p, nil
	}
	if !c.Header && c.Cookie == nil && c.Query == nil && c.Subprotocol == nil {
		return p, errors.New("credentials: name a place: header, cookie, query or subprotocol")
	}
	p.noHeader = !c.Header
	if k := c.Cookie; k != nil {
		if !plainName(k.Name) {
			return p, errors.New("credentials.cookie.name: write letters, digits, - and _, 64 at most")
		}
		if !k.OfOneHost() && !strings.HasPrefix(k.Name, "__Secure-") && !k.Unprefixed {
			return p, errors.New("credentials.cookie.name: any host of the domain can set it, also over plain HTTP: name it __Host-" + k.Name + ", or say unprefixed: true")
		}
		p.cookie, p.cookieFolded, p.cookieForward, p.cookieShared, p.origins = k.Name, underscored(k.Name), k.Forward, !k.OfOneHost(), map[string]bool{}
		for _, o := range k.TrustedOrigins {
			u, err := url.Parse(o)
			if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || o != u.Scheme+"://"+strings.ToLower(u.Host) {
				return p, errors.New("credentials.cookie.trusted_origins: is not scheme://host[:port] in lower case")
			}
			p.origins[o] = true
		}
	}
	if q := c.Query; q != nil {
		if p.query = q.Parameter; p.query == "" {
			p.query = parameter
		}
		if !plainName(p.query) {
			return p, errors.New("credentials.query.parameter: write letters, digits, - and _, 64 at most")
		}
		p.queryFolded = underscored(p.query)
	}
	if w := c.Subprotocol; w != nil {
		if p.protocol = w.Name; p.protocol == "" {
			p.protocol = "jotward.bearer"
		}
		if !plainName(strings.ReplaceAll(p.protocol, ".", "")) {
			return p, errors.New("credentials.subprotocol.name: write letters, digits, dots, - and _, 64 at most")
		}
		p.protocolPrefix = lower(p.protocol) + "."
	}
	return p, nil
}

func plainName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !wordByte(lowerByte(c)) && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= longestName
}

// elsewhere says whether any place but the header is read.
func (pl *places) elsewhere() bool { return pl.cookie+pl.query+pl.protocol != "" }

// A search is what was found outside the Authorization header.
type search struct {
	token string // of the last that was found; "" for one that is none
	from  place
	count int    // in places that are read, in the spelling that is read
	stray string // where some server could read one that the edge does not
}

func (s *search) found(from place, token string) { s.token, s.from, s.count = token, from, s.count+1 }

func (pl *places) search(in *http.Request) (s search) {
	for pair := range strings.SplitSeq(in.URL.RawQuery, "&") {
		switch name, value, _ := strings.Cut(pair, "="); {
		case pair == "":
		case pl.query != "" && name == pl.query:
			s.found(inQuery, unescapeToken(value))
		case pl.strayPair(pair):
			s.stray = "in the query"
		}
	}
	if pl.cookie != "" {
		pl.searchCookies(in.Header["Cookie"], &s)
	}
	if pl.protocol != "" {
		pl.searchProtocols(in, &s)
	}
	return s
}

// strayPair says whether a part of a query that is not the credential could be
// one to somebody, who also takes ";" for a separator.
func (pl *places) strayPair(pair string) bool {
	for part := range strings.SplitSeq(pair, ";") {
		name, _, _ := strings.Cut(part, "=")
		if namesToken(name) || pl.query != "" && names(name, pl.queryFolded) {
			return true
		}
	}
	return false
}

// unescapeToken reads a token's one spelling in a query: what RFC 3986 2.3 leaves
// as it is stands as it is, and "+", which forms take for a blank, is escaped. It
// returns "" for another.
func unescapeToken(value string) string {
	if strings.Contains(value, "+") {
		return ""
	}
	if !strings.Contains(value, "%") {
		return value
	}
	out := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c == '%' {
			if i+2 >= len(value) {
				return ""
			}
			h, ok1 := hexDigit(value[i+1])
			l, ok2 := hexDigit(value[i+2])
			if c = h<<4 | l; !ok1 || !ok2 || c != '+' && c != '/' && c != '=' {
				return ""
			}
			i += 2
		}
		out = append(out, c)
	}
	return string(out)
}

// searchCookies reads cookie-pairs (RFC 6265 4.2.1). What another reader could take
// for the cookie is stray: other spellings of the name, a name alone, what a comma
// or a quote ends for servers that still read RFC 2109, and all of those readers'
// own words ($Version), which change how they read the rest.
func (pl *places) searchCookies(lines []string, s *search) {
	count := s.count
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			pair = strings.Trim(pair, " \t")
			if value, ok := strings.CutPrefix(pair, pl.cookie+"="); ok {
				s.found(inCookie, value)
			} else if namesCookie(pair, pl.cookieFolded) {
				s.stray = "in another spelling of the cookie"
			}
		}
	}
	// Two lines are one to some servers and not to others (RFC 6265 5.4: a client
	// "MUST NOT attach more than one"); net/http joins those of HTTP/2.
	if s.count > count && (len(lines) > 1 || strings.Contains(lines[0], "$") && legacy(lines[0])) {
		s.stray = "in several Cookie headers, or in one of RFC 2109"
	}
}

// legacy finds a name that begins with "$".
func legacy(line string) bool {
	for pair := range strings.SplitSeq(line, ";") {
		if strings.HasPrefix(strings.Trim(pair, " \t"), "$") {
			return true
		}
	}
	return false
}

// namesCookie says whether some server would find a cookie of that name, as
// underscored writes it, in one pair.
func namesCookie(pair, folded string) bool {
	if name, _, _ := strings.Cut(pair, "="); names(strings.TrimRight(name, " \t"), folded) {
		return true
	}
	for part := range strings.FieldsFuncSeq(pair, func(c rune) bool { return c == ',' || c == '"' || c <= ' ' }) {
		if name, _, named := strings.Cut(strings.TrimLeft(part, "="), "="); named && names(name, folded) {
			return true
		}
	}
	return false
}

// searchProtocols reads what a WebSocket's client offers (RFC 6455 11.3.4): several
// headers are one list.
func (pl *places) searchProtocols(in *http.Request, s *search) {
	for _, line := range in.Header["Sec-Websocket-Protocol"] {
		for offer := range strings.SplitSeq(line, ",") {
			offer = strings.Trim(offer, " \t")
			text, exact := strings.CutPrefix(offer, pl.protocol+".")
			switch {
			case exact && webSocket(in):
				token, err := base64.RawURLEncoding.Strict().DecodeString(text)
				if err != nil {
					token = nil
				}
				s.found(inProtocol, string(token))
			case pl.ownProtocol(offer) && offer != pl.protocol:
				s.stray = "in a subprotocol"
			}
		}
	}
}

// ownProtocol says whether an offer is for the edge: the name, or with a token.
func (pl *places) ownProtocol(offer string) bool {
	return strings.HasPrefix(lower(offer)+".", pl.protocolPrefix)
}

func webSocket(in *http.Request) bool {
	return in.Method == http.MethodGet && len(in.Header["Upgrade"]) == 1 && strings.EqualFold(in.Header["Upgrade"][0], "websocket")
}

// foreign refuses a cookie that a page of another origin had sent, where that
// could do something: as net/http's CrossOriginProtection does, and for whatever
// would change the protocol. A WebSocket begins with a GET, and whoever opens it may
// read it (RFC 6455 10.2).
func (pl *places) foreign(in *http.Request, p *passage) *refusal {
	safe := in.Method == http.MethodGet || in.Method == http.MethodHead || in.Method == http.MethodOptions
	if p.credential.from != inCookie || safe && len(in.Header["Upgrade"]) == 0 || pl.sameOrigin(in.Header, &p.way) {
		return nil
	}
	return &refusal{code: reason.CrossOrigin, detail: "the credential is a cookie"}
}

// sameOrigin believes what pages cannot write. Without either header it was no
// browser's page: all that send cookies send one of them with these requests.
func (pl *places) sameOrigin(h http.Header, w *way) bool {
	site, origin := h["Sec-Fetch-Site"], h["Origin"]
	switch {
	case len(site) > 1 || len(origin) > 1:
		return false
	case len(origin) == 1 && pl.origins[origin[0]]:
		return true
	case len(site) == 1:
		return site[0] == "same-origin" || site[0] == "none"
	case len(origin) == 0:
		return true
	}
	u, err := url.Parse(origin[0])
	return err == nil && u.Host == w.host && u.Host != "" && (u.Scheme == "https" || !w.secure)
}

// hideCookies has every route remove the cookies that are a credential on a route
// of the same hosts: browsers send them there as well. To which hosts they send one
// that was set with Domain the edge cannot know (RFC 6265 5.1.3): it is removed on all.
func (s *state) hideCookies() {
	for _, r := range s.routes {
		for _, o := range s.routes {
			if o.places.cookie != "" && (o.places.cookieShared || overlap(r.hosts, o.hosts)) && !(r.places.cookie == o.places.cookie && r.places.cookieForward) {
				r.hidden = append(r.hidden, o.places.cookieFolded)
			}
		}
	}
}
