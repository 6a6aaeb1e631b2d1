// Verdict reads cases as JSON lines on standard input and writes, for each, one
// line that says whether the library accepts the token. It uses the library's
// documented defaults except as a case says; a check for which a case gives no
// value is skipped by the field of that name. It is how vectors written by
// others are put to the library.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "verdict:", err)
		os.Exit(1)
	}
}

// run answers every line. A line that is no case is answered too, so that the
// output has as many lines as the input.
func run(in io.Reader, out io.Writer) error {
	lines := bufio.NewReaderSize(in, 1<<20)
	w := bufio.NewWriter(out)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 && string(line) != "\n" {
			if err := enc.Encode(answer(context.Background(), line)); err != nil {
				return err
			}
			// One answer a line, at once: whoever asks may wait for it.
			if err := w.Flush(); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
