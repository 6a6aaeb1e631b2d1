package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkDevStart is how long `jotward dev` takes, as a process of its own,
// until it says that everything answers, and the most memory that it has had by
// then. The test's binary stands in for the built one.
func BenchmarkDevStart(b *testing.B) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	peak := 0.0
	for b.Loop() {
		cmd := &exec.Cmd{Path: self, Args: []string{"jotward", "dev", "--json"}}
		said, err := cmd.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		_, err = bufio.NewReader(said).ReadString('\n')
		peak = max(peak, mebibytes(cmd.Process.Pid))
		_ = cmd.Process.Signal(os.Interrupt) // it removes its folder
		_ = cmd.Wait()
		if err != nil {
			b.Fatalf("it said nothing: %v", err)
		}
	}
	b.ReportMetric(peak, "MiB")
}

// mebibytes is the peak of a process's resident memory; 0 where nobody tells.
func mebibytes(pid int) float64 {
	text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseFloat(fields[0], 64)
	return kib / 1024
}
