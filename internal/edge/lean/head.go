package lean

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// malformed is a rule that an answer breaks. It tells nothing of the answer.
type malformed string

// Error implements error.
func (m malformed) Error() string { return "lean: the upstream's answer has " + string(m) }

// Where RFC 9112 lets a reader mend what it reads, this one refuses: what is read
// after it, by a client or a cache, may mend it otherwise.
const (
	bareLF        malformed = "a line that ends in a bare LF"                        // 2.2
	tooLong       malformed = "a head, a line or trailers that are too long"         //
	tooMany       malformed = "too many fields"                                      //
	noStatusLine  malformed = "no status line of HTTP/1.0 or 1.1"                    // 4
	badName       malformed = "a field name that is no token"                        // 5.1, with a blank before the colon
	badValue      malformed = "a control character in a field or the reason"         // RFC 9110 5.5
	folded        malformed = "a folded line"                                        // 5.2
	badLength     malformed = "a Content-Length that is no number"                   // 6.3
	twoLengths    malformed = "two Content-Lengths"                                  // 6.3
	badCoding     malformed = "a Transfer-Encoding that is not chunked alone"        // 6.1
	oldCoding     malformed = "a Transfer-Encoding where there is none"              // 6.1: HTTP/1.0, 1xx, 204
	twoFramings   malformed = "a Content-Length and a Transfer-Encoding"             // 6.3
	badSwitch     malformed = "another protocol than the request asked for"          // RFC 9110 7.8
	tooInforming  malformed = "too many informational answers before it"             //
	badChunkSize  malformed = "a chunk size that is no number"                       // 7.1
	badChunkEnd   malformed = "a chunk that does not end where it should"            // 7.1
	tooExtended   malformed = "too many bytes of chunk extensions"                   // 7.1.1
	badTrailer    malformed = "a trailer that frames or routes messages"             // RFC 9110 6.5.1
	brokenOff     malformed = "no end: the connection was closed before it"          // 8
	unfinishedFor malformed = "begun a new protocol before the request's body ended" //
)

const (
	maxFields        = 512
	maxInformational = 64
)

// A head is the status line and the headers of an answer.
type head struct {
	minor   int // of HTTP/1
	status  int
	text    string // the status with its reason
	header  http.Header
	length  int64 // unknown: not said
	chunked bool
	close   bool // the connection ends with this answer
}

// parseHead reads what lines returned: n lines, the last one empty.
func parseHead(text string, n int) (*head, error) {
	line, text, _ := strings.Cut(text, "\r\n")
	h := &head{length: unknown}
	if err := h.statusLine(line); err != nil {
		return nil, err
	}
	var err error
	if h.header, err = parseFields(text, n-2); err != nil {
		return nil, err
	}
	return h, h.frame()
}

// statusLine is HTTP-version SP status-code SP reason (RFC 9112 4). The second
// blank may be missing: many leave it out with the reason.
func (h *head) statusLine(line string) error {
	const version = "HTTP/1.x "
	if len(line) < len(version)+3 || line[:7] != version[:7] || line[7] != '0' && line[7] != '1' || line[8] != ' ' {
		return noStatusLine
	}
	h.minor = int(line[7] - '0')
	h.text = line[len(version):]
	for _, c := range []byte(h.text[:3]) {
		if c < '0' || c > '9' {
			return noStatusLine
		}
		h.status = 10*h.status + int(c-'0')
	}
	if h.status < 100 || len(h.text) > 3 && h.text[3] != ' ' {
		return noStatusLine
	}
	if !isValue(h.text) {
		return badValue
	}
	return nil
}

// parseFields reads n header lines and the empty line after them.
func parseFields(text string, n int) (http.Header, error) {
	if n > maxFields {
		return nil, tooMany
	}
	h := make(http.Header, n)
	values := make([]string, n) // one array for all
	for i := range n {
		var line string
		line, text, _ = strings.Cut(text, "\r\n")
		if line[0] == ' ' || line[0] == '\t' {
			return nil, folded
		}
		name, value, found := strings.Cut(line, ":")
		if !found || !isToken(name) {
			return nil, badName
		}
		if value = strings.Trim(value, " \t"); !isValue(value) {
			return nil, badValue
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		if before, ok := h[name]; ok {
			h[name] = append(before, value)
			continue
		}
		values[i] = value
		h[name] = values[i : i+1 : i+1]
	}
	return h, nil
}

// frame finds how the body ends, in the one way that there may be (RFC 9112 6).
func (h *head) frame() error {
	if lengths := h.header["Content-Length"]; len(lengths) > 1 {
		return twoLengths
	} else if len(lengths) == 1 {
		var ok bool
		if h.length, ok = number(lengths[0]); !ok {
			return badLength
		}
	}
	if codings, ok := h.header["Transfer-Encoding"]; ok {
		switch {
		case len(codings) != 1 || !strings.EqualFold(codings[0], "chunked"):
			return badCoding
		case h.minor == 0 || h.status < 200 || h.status == http.StatusNoContent:
			return oldCoding
		case h.length != unknown:
			return twoFramings
		}
		h.chunked = true
		delete(h.header, "Transfer-Encoding")
	}
	h.close = h.minor == 0 || hasToken(h.header["Connection"], "close")
	if h.close && h.minor == 1 {
		delete(h.header, "Connection")
	}
	return nil
}

// number reads 1*DIGIT (RFC 9110 8.6): no sign, no blank, no list.
func number(s string) (int64, bool) {
	if s == "" || len(s) > 18 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// trailers takes the announced names out of the headers, as net/http does.
func (h *head) trailers() (http.Header, error) {
	announced, ok := h.header["Trailer"]
	if !ok || !h.chunked {
		return nil, nil
	}
	delete(h.header, "Trailer")
	out := http.Header{}
	for _, v := range announced {
		for v != "" {
			var name string
			name, v, _ = strings.Cut(v, ",")
			if name = textproto.CanonicalMIMEHeaderKey(strings.Trim(name, " \t")); name == "" {
				continue
			}
			if !isToken(name) || framesOrRoutes(name) {
				return nil, badTrailer
			}
			out[name] = nil
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

func framesOrRoutes(name string) bool {
	return framing(name) || name == "Connection" || name == "Upgrade"
}

// bodiless says whether an answer ends with its head (RFC 9112 6.3).
func (h *head) bodiless(method string) bool {
	return method == http.MethodHead || h.status < 200 || h.status == http.StatusNoContent || h.status == http.StatusNotModified
}
