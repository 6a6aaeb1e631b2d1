package rule

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// maxReadings bounds the ways in which a request is read for one expression. Nobody honest
// sends a header that often.
const maxReadings = 64

var errTooManyReadings = errors.New("its repeated headers can be read in too many ways")

// A doubt is a header that servers may read in several ways: as none, and as each of these.
type doubt struct {
	name  string
	texts []string
}

// readings are the requests that one may be taken for where it goes, as far as an expression
// can tell them apart: any mixture of the ways to read each header, for each path.
type readings struct {
	paths  []string
	doubts []doubt
}

// readings fails when they are too many to ask about. A path is read otherwise for a ban alone:
// what an expression allows may be an identifier in which the case of letters counts.
func (e *expression) readings(m *matcher, wide bool) (x readings, err error) {
	x.paths = []string{m.request.Path}
	if wide && e.reads.path {
		x.paths = e.reads.pathsLike(m.request.Path)
	}
	ways := len(x.paths)
	for d := range e.doubts(m) {
		x.doubts = append(x.doubts, d)
		if ways *= 1 + len(d.texts); ways > maxReadings {
			return x, errTooManyReadings
		}
	}
	return x, nil
}

// each calls yield with every reading until it says no. choice[n] is how the n-th doubt is
// read: 0 is a header that is not there.
func (x *readings) each(yield func(path string, choice []int) bool) {
	choice := make([]int, len(x.doubts))
	for _, path := range x.paths {
		for more := true; more; {
			if !yield(path, choice) {
				return
			}
			more = false
			for n := range choice { // count, as with digits
				if choice[n]++; choice[n] <= len(x.doubts[n].texts) {
					more = true
					break
				}
				choice[n] = 0
			}
		}
	}
}

// doubts are the headers that an expression may look at and that have more than one reading.
func (e *expression) doubts(m *matcher) func(yield func(doubt) bool) {
	return func(yield func(doubt) bool) {
		if !e.reads.any {
			for i := range e.reads.headers {
				if d, ok := m.doubtOf(&e.reads.headers[i]); ok && !yield(d) {
					return
				}
			}
			return
		}
		groups := map[string][]string{} // spellings of one name; once: a stranger chooses how many there are
		for spelled := range m.request.Header {
			folded := foldName(spelled)
			groups[folded] = append(groups[folded], spelled)
		}
		for folded, spelled := range groups {
			names := map[string]bool{folded: true}
			for _, s := range spelled {
				names[lower(s)] = true
			}
			for _, literal := range e.reads.spellings[folded] {
				names[literal] = true
			}
			for name := range names {
				if d, ok := m.request.doubt(name, spelled); ok && !yield(d) {
					return
				}
			}
		}
	}
}

// doubtOf says in which ways a header can be read, if in more than one.
func (m *matcher) doubtOf(n *headerName) (doubt, bool) {
	if n.sole(m) {
		return doubt{}, false
	}
	return m.request.doubt(n.lower, n.spelled(m.request))
}

// doubt says in which ways what came under spellings of a name can be read under that name.
func (r *Request) doubt(name string, spelled []string) (doubt, bool) {
	slices.Sort(spelled)
	var lines []string
	for _, s := range spelled {
		lines = append(lines, r.Header[s]...)
	}
	if len(lines) == 0 || len(lines) == 1 && len(spelled) == 1 && lower(spelled[0]) == name && !r.dropped(name) {
		return doubt{}, false
	}
	d := doubt{name: name}
	for _, text := range append(slices.Clone(lines), strings.Join(lines, separator(name))) { // RFC 9110 5.3
		if !slices.Contains(d.texts, text) {
			if d.texts = append(d.texts, text); len(d.texts) > maxReadings {
				break // too many in any case
			}
		}
	}
	return d, true
}

// separator is what stands between lines that a server makes one of (RFC 9110 5.3, RFC 9113 8.2.3).
func separator(name string) string {
	if name == "cookie" {
		return "; "
	}
	return ", "
}

// dropped says whether a client has the header end here, by naming it in Connection (RFC 9110
// 7.6.1). One that is so long that asking it about each name would take time may name any.
func (r *Request) dropped(name string) bool {
	n := 0
	for _, v := range r.Header["Connection"] {
		for item := range strings.SplitSeq(v, ",") {
			if n++; n > maxReadings || sameName(strings.TrimSpace(item), name) {
				return true
			}
		}
	}
	return false
}

// pathsLike are the spellings of a path that servers may take for it: in lower case, in the
// case in which the expression writes what the path has, and without a slash at the end.
func (x *reads) pathsLike(path string) []string {
	paths := []string{path}
	small := lower(path)
	cased := small
	for _, text := range x.cased {
		cased = recase(cased, text)
	}
	for _, p := range []string{small, strings.TrimRight(small, "/"), cased, strings.TrimRight(cased, "/")} {
		if p != "" && !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	return paths
}

// recase writes a text as it is wherever a path has it in another case.
func recase(path, text string) string {
	for from, small := 0, lower(text); ; {
		at := strings.Index(lower(path[from:]), small)
		if at < 0 {
			return path
		}
		path = path[:from+at] + text + path[from+at+len(text):]
		from += at + len(text)
	}
}

// headersOf are those of a request that an expression sees, each with its one value; of
// several, none is the one.
func (e *expression) headersOf(r *Request) map[string]any {
	if !e.reads.any {
		headers := make(map[string]any, len(e.reads.headers))
		for i := range e.reads.headers {
			if n := &e.reads.headers[i]; len(r.Header[n.canonical]) == 1 {
				headers[n.lower] = r.Header[n.canonical][0]
			}
		}
		return headers
	}
	headers := make(map[string]any, len(r.Header))
	for name, values := range r.Header {
		if len(values) == 1 {
			headers[lower(name)] = values[0]
		}
	}
	return headers
}

// as returns headers with each doubt read as choice says.
func (x *readings) as(headers map[string]any, choice []int) map[string]any {
	out := maps.Clone(headers)
	for n, c := range choice {
		if delete(out, x.doubts[n].name); c > 0 {
			out[x.doubts[n].name] = x.doubts[n].texts[c-1]
		}
	}
	return out
}
