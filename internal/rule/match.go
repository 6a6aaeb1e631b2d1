package rule

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
)

// matcher asks the conditions of one request.
type matcher struct {
	request     *Request
	failed      error // of the first expression that could not be evaluated
	looked, odd bool  // see oddly
}

// hold reports whether all conditions hold. wide says which way doubt falls: a
// rule that forbids takes what may hold as holding.
func (c *conditions) hold(m *matcher, wide bool) bool {
	r := m.request
	if len(c.methods) > 0 && !slices.Contains(c.methods, r.Method) && !(wide && r.Method == "HEAD" && slices.Contains(c.methods, "GET")) {
		return false
	}
	if len(c.paths) > 0 && !slices.ContainsFunc(c.paths, func(t template) bool { return t.holds(r, c.parameters, wide) }) {
		return false
	}
	for i := range c.headers {
		if !c.headers[i].holds(m, wide) {
			return false
		}
	}
	if len(c.networks) > 0 && !c.fromNetwork(r, wide) {
		return false
	}
	if len(c.times) > 0 && !slices.ContainsFunc(c.times, func(s span) bool { return s.holds(r.Now) }) {
		return false
	}
	if len(c.issuers) > 0 && !slices.Contains(c.issuers, r.Issuer) {
		return false
	}
	return c.holdOfToken(r) && (c.cel == nil || c.cel.holds(m, c.paths, wide))
}

func (c *conditions) holdOfToken(r *Request) bool {
	for i := range c.lists {
		if !c.lists[i].holds(r) {
			return false
		}
	}
	for _, want := range c.claims {
		if !slices.Contains(want.want, plainValue(r.Claims[want.claim])) {
			return false
		}
	}
	for _, want := range c.contains {
		items, _ := r.Claims[want.claim].([]any)
		if !slices.ContainsFunc(items, func(item any) bool { return plainValue(item) == want.want[0] }) {
			return false
		}
	}
	return true
}

// plainValue is a claim's value where it can be compared: objects and lists
// equal nothing.
func plainValue(v any) any {
	switch v.(type) {
	case string, bool, float64:
		return v
	}
	return nil
}

func (l *list) holds(r *Request) bool {
	have := l.of(r)
	if !l.all {
		return slices.ContainsFunc(l.want, func(w string) bool { return slices.Contains(have, w) })
	}
	for _, w := range l.want {
		if !slices.Contains(have, w) {
			return false
		}
	}
	return true
}

func (c *conditions) fromNetwork(r *Request, wide bool) bool {
	if !r.Address.IsValid() {
		return wide
	}
	address := r.Address.Unmap()
	for _, p := range c.networks {
		if p.Contains(address) {
			return true
		}
	}
	return false
}

// canonicalHeader writes a name as net/http keys it.
func canonicalHeader(name string) string {
	b, upper := []byte(name), true
	for i, c := range b {
		switch {
		case upper && 'a' <= c && c <= 'z':
			b[i] = c - 32
		case !upper && 'A' <= c && c <= 'Z':
			b[i] = c + 32
		}
		upper = c == '-'
	}
	return string(b)
}

// A template is a path with parameters.
type template struct {
	text     string
	segments []string // {name}, * or a literal
	names    []string // of the parameters
	rest     bool     // ** at the end
}

func parseTemplate(text string) (template, error) {
	t := template{text: text}
	path, ok := strings.CutPrefix(text, "/")
	if !ok {
		return t, errors.New("does not begin with a slash")
	}
	if path, ok = strings.CutSuffix(path, "/**"); ok || path == "**" {
		t.rest = true
		if path == "**" {
			path = ""
		}
	}
	if path = strings.TrimSuffix(path, "/"); path == "" {
		return t, nil
	}
	for segment := range strings.SplitSeq(path, "/") {
		name, parameter := strings.CutPrefix(segment, "{")
		if parameter {
			name, parameter = strings.CutSuffix(name, "}")
			if !parameter || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || slices.Contains(t.names, name) {
				return t, errors.New("a parameter is not {name} with a name of a-z, 0-9 and _, each once")
			}
			t.names = append(t.names, name)
		} else if segment != "*" && (segment == "" || segment == "." || segment == ".." || strings.Trim(segment, nameBytes+"~") != "") {
			return t, errors.New("a segment is not of letters, digits, - . _ and ~")
		}
		t.segments = append(t.segments, segment)
	}
	return t, nil
}

// holds reports whether a path fits and its parameters equal their claims. A
// slash at the end says nothing. Read wide, the case of letters says nothing
// either: an origin may not tell /Admin from /admin.
func (t *template) holds(r *Request, parameters []pair, wide bool) bool {
	path := strings.TrimSuffix(strings.TrimPrefix(r.Path, "/"), "/")
	for _, want := range t.segments {
		if path == "" {
			return false
		}
		segment, rest, _ := strings.Cut(path, "/")
		path = rest
		if want == "*" {
			continue
		}
		if want[0] != '{' {
			if segment != want && !(wide && strings.EqualFold(segment, want)) {
				return false
			}
			continue
		}
		for _, p := range parameters {
			if p.name == want[1:len(want)-1] && !equalsClaim(segment, r.Claims[p.value]) {
				return false
			}
		}
	}
	return path == "" || t.rest
}

// equalsClaim compares a segment of a path with a claim that is a string or a
// whole number.
func equalsClaim(segment string, claim any) bool {
	text, err := url.PathUnescape(segment)
	if err != nil {
		return false
	}
	switch v := claim.(type) {
	case string:
		return v == text
	case float64:
		_, whole := Scalar(v)
		return whole && text == formatWhole(v)
	}
	return false
}

// parameters returns what a path has in the place of the template's parameters.
func (t *template) parameters(path string) map[string]any {
	out := map[string]any{}
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, want := range t.segments {
		if want[0] == '{' && i < len(segments) {
			out[want[1:len(want)-1]], _ = url.PathUnescape(segments[i])
		}
	}
	return out
}

// A span is a time of day on some days of the week. One that ends before it
// begins goes over midnight and belongs to the day on which it began.
type span struct {
	days     [7]bool
	from, to int // minutes
	zone     *time.Location
}

var dayNames = [7]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}

// parseSpan reads "Mon-Fri,Sun 08:00-18:00 Europe/Berlin"; days and zone may be
// left out: every day, UTC.
func parseSpan(text string) (span, error) {
	s := span{zone: time.UTC}
	fields := strings.Fields(text)
	if len(fields) > 0 && !strings.Contains(fields[0], ":") {
		if !s.parseDays(fields[0]) {
			return s, errors.New("its days are not like Mon-Fri,Sun")
		}
		fields = fields[1:]
	} else {
		s.days = [7]bool{true, true, true, true, true, true, true}
	}
	if len(fields) == 0 || len(fields) > 2 {
		return s, errors.New(`write it like "Mon-Fri 08:00-18:00 Europe/Berlin"`)
	}
	from, to, _ := strings.Cut(fields[0], "-")
	var ok1, ok2 bool
	s.from, ok1 = minutes(from)
	s.to, ok2 = minutes(to)
	if !ok1 || !ok2 || s.from == s.to {
		return s, errors.New("its hours are not like 08:00-18:00")
	}
	if len(fields) == 2 {
		zone, err := time.LoadLocation(fields[1])
		if err != nil || fields[1] == "Local" {
			return s, errors.New("its zone is not like Europe/Berlin")
		}
		s.zone = zone
	}
	return s, nil
}

func (s *span) parseDays(text string) bool {
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		from := slices.Index(dayNames[:], first)
		to := from
		if isRange {
			to = slices.Index(dayNames[:], last)
		}
		if from < 0 || to < 0 {
			return false
		}
		for day := from; ; day = (day + 1) % 7 {
			if s.days[day] = true; day == to {
				break
			}
		}
	}
	return true
}

// minutes reads 08:30; 24:00 is the end of a day.
func minutes(text string) (int, bool) {
	if text == "24:00" {
		return 24 * 60, true
	}
	t, err := time.Parse("15:04", text)
	return t.Hour()*60 + t.Minute(), err == nil && len(text) == 5
}

func (s *span) holds(now time.Time) bool {
	local := now.In(s.zone)
	minute, day := local.Hour()*60+local.Minute(), int(local.Weekday())
	if s.from < s.to {
		return s.days[day] && s.from <= minute && minute < s.to
	}
	return s.days[day] && minute >= s.from || s.days[(day+6)%7] && minute < s.to
}
