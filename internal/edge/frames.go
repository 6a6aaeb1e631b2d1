package edge

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// frames reads the data of server-sent events; ids and event names are not
// signed and therefore not read.
type frames struct{ lines *bufio.Scanner }

func newFrames(r io.Reader) *frames {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 64<<10), maxFrame+64)
	return &frames{lines: s}
}

// next returns one event's data: one line, as the feed writes it.
func (f *frames) next() (string, error) {
	data := ""
	for f.lines.Scan() {
		line := f.lines.Text()
		switch {
		case line == "" && data != "":
			return data, nil
		case strings.HasPrefix(line, "data:"):
			if data != "" {
				return "", errors.New("an event of several lines")
			}
			data = strings.TrimPrefix(line[len("data:"):], " ")
		}
	}
	if err := f.lines.Err(); err != nil {
		return "", err
	}
	return "", io.ErrUnexpectedEOF
}
