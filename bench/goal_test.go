package bench

import (
	"os"
	"testing"
	"time"
)

// TestGoals compares, in turns within one process, the library with the raw
// operation and with golang-jwt, and prints the ratios of the fastest turns. What
// it measures is a machine, so it runs only when asked and judges nothing.
func TestGoals(t *testing.T) {
	if os.Getenv("JOTWARD_GOALS") == "" {
		t.Skip("set JOTWARD_GOALS=1 to measure")
	}
	for _, alg := range algorithms {
		s := newSubject(t, alg)
		fastest := [3]time.Duration{}
		for range 5 {
			for i, f := range []func(*testing.B, *subject){raw, ours, golang} {
				r := testing.Benchmark(func(b *testing.B) { f(b, s) })
				if d := time.Duration(r.NsPerOp()); fastest[i] == 0 || d < fastest[i] {
					fastest[i] = d
				}
			}
		}
		t.Logf("%s: raw %s, jotward %s (%.2f times, %s more), golang-jwt %s (%.2f times jotward's)", alg, fastest[0], fastest[1],
			float64(fastest[1])/float64(fastest[0]), fastest[1]-fastest[0], fastest[2], float64(fastest[2])/float64(fastest[1]))
	}
}
