package lean

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// wanted reads a file of testdata/reject: why it is refused, and what an upstream
// says, quoted as in Go, piece by piece.
func wanted(t testing.TB, file string) (why malformed, text string) {
	t.Helper()
	all, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(all)), "\n")
	for _, line := range lines[1:] {
		piece, err := strconv.Unquote(line)
		if err != nil {
			t.Fatal(file, line, err)
		}
		text += piece
	}
	return malformed(strings.TrimPrefix(lines[0], "# wants: ")), text
}

// Every answer in the folder is refused for the rule that it breaks, however its
// bytes come, and its connection carries nothing else.
func TestReject(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("testdata/reject/*.txt")
	if len(files) < 80 {
		t.Fatal("the folder is not there:", len(files))
	}
	for _, file := range files {
		why, text := wanted(t, file)
		for _, step := range []int{1, 7, 1 << 20} {
			s := saying(text, step, false)
			_, _, err := exchangeOver(t, s, request("GET", "http://up.test/", nil))
			if !errors.Is(err, why) || !s.isClosed() {
				t.Errorf("%s in steps of %d: %v, closed %v", filepath.Base(file), step, err, s.isClosed())
			}
		}
	}
}

// What is long or many is refused before it is gathered.
func TestRejectTooMuch(t *testing.T) {
	t.Parallel()
	const head, chunked = "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	long, limit := strings.Repeat("x", 70<<10), config().MaxHeader
	fields := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "X-%d: y\r\n", i)
		}
		return b.String()
	}
	last := head + "Content-Length: 0\r\n\r\n"
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"a line without end":     {head + long, tooLong},
		"a value":                {head + "X: " + long + "\r\n\r\n", tooLong},
		"a status line":          {"HTTP/1.1 200 " + long + "\r\n\r\n", tooLong},
		"one byte too many":      {head + "X: " + long[:limit-len(head)-len("X: \r\n\r\n")+1] + "\r\n\r\n", tooLong},
		"informational ones":     {strings.Repeat("HTTP/1.1 103 E\r\nX: "+long[:20<<10]+"\r\n\r\n", 4) + last, tooLong},
		"fields":                 {head + fields(maxFields+1) + "\r\n", tooMany},
		"many informational":     {strings.Repeat("HTTP/1.1 102 P\r\n\r\n", maxInformational+1) + last, tooInforming},
		"a chunk's line":         {chunked + "1;" + long, tooLong},
		"a chunk's line, ended":  {chunked + "1;" + long[:maxChunkLine] + "\r\nx\r\n0\r\n\r\n", tooLong},
		"all extensions":         {chunked + strings.Repeat("1;"+long[:1000]+"\r\nx\r\n", 9) + "0\r\n\r\n", tooExtended},
		"trailers":               {chunked + "0\r\nX: " + long[:maxTrailers] + "\r\n\r\n", tooLong},
		"fields of a trailer":    {chunked + "0\r\n" + strings.Repeat("X:\r\n", maxFields+1) + "\r\n", tooMany},
		"the last that may pass": {head + "Content-Length: 0\r\nX: " + long[:limit-len(head)-len("Content-Length: 0\r\nX: \r\n\r\n")] + "\r\n\r\n", nil},
		"as many fields as may":  {head + "Content-Length: 0\r\n" + fields(maxFields-1) + "\r\n", nil},
		"as many informational":  {strings.Repeat("HTTP/1.1 102 P\r\n\r\n", maxInformational) + last, nil},
		"as many extensions":     {chunked + strings.Repeat("1;"+long[:1000]+"\r\nx\r\n", 8) + "0\r\n\r\n", nil},
	} {
		s := saying(c.text, 1<<20, false)
		if _, _, err := exchangeOver(t, s, request("GET", "http://up.test/", nil)); !errors.Is(err, c.want) || c.want != nil && !s.isClosed() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An error says what rule was broken, and nothing of what an upstream said.
func TestErrorsTellNothing(t *testing.T) {
	t.Parallel()
	_, _, err := exchangeOver(t, saying("HTTP/1.1 200 OK\r\nSecret sesame\r\n\r\n", 99, false), request("GET", "http://up.test/?token=sesame", nil))
	if err == nil || strings.Contains(err.Error(), "esam") {
		t.Error(err)
	}
}
