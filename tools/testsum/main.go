// Command testsum reads `go test -json` on standard input, prints a line a
// package and all that failing tests said, and ends with the tests that
// skipped and why. With -strict a skip is a failure, but for the vectors that
// live outside the repository, and where a kernel lets nobody make networks.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
)

type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

func main() {
	strict := flag.Bool("strict", false, "fail when a test skips")
	flag.Parse()
	said := map[string]string{} // what a test, or a package outside its tests, printed
	var skipped []string
	failed, ran := false, 0
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			fmt.Println(in.Text()) // go's own words, such as a module that is downloaded
			continue
		}
		name := e.Package + " " + e.Test
		switch {
		case e.Action == "output" || e.Action == "build-output":
			said[name] += e.Output
		case e.Test != "" && e.Action == "fail":
			fmt.Print(said[name])
			failed = true
		case e.Test != "" && e.Action == "skip":
			skipped = append(skipped, name+": "+why(said[name]))
		case e.Test != "":
			if e.Action == "pass" {
				ran++
			}
			delete(said, name)
		case e.Action == "fail" || e.Action == "build-fail":
			fmt.Print(said[name])
			failed = true
		case e.Action == "pass":
			fmt.Printf("ok   %s %.1fs\n", e.Package, e.Elapsed)
		}
	}
	fmt.Printf("%d tests passed, %d skipped\n", ran, len(skipped))
	for _, s := range skipped {
		fmt.Println("SKIPPED", s)
		failed = failed || *strict && !strings.Contains(s, "JOTWARD_VECTORS") && !strings.Contains(s, "network namespaces are not to be had") && !strings.Contains(s, "processes are not to be traced here")
	}
	if in.Err() != nil || ran == 0 || failed {
		os.Exit(1)
	}
}

// why is the line in which a test says why it skips.
func why(output string) string {
	for line := range strings.Lines(output) {
		if _, text, ok := strings.Cut(line, ".go:"); ok {
			_, text, _ = strings.Cut(text, ": ")
			return strings.TrimSpace(text)
		}
	}
	return "without a reason"
}
