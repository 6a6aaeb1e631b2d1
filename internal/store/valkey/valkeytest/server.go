// Package valkeytest starts a real Valkey or Redis for tests.
package valkeytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/rueidis"
)

// A Server is one server of a test's own, on a socket, without a disk.
type Server struct {
	t      testing.TB
	path   string // of the program
	socket string
	cmd    *exec.Cmd
}

// Program is the path of a server, or skips the test where none is installed.
func Program(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("neither valkey-server nor redis-server is installed")
	return ""
}

// Start starts a server, or skips the test where none is installed.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, path: Program(t)}
	// A socket's path must be short.
	dir, err := os.MkdirTemp("", "vk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s.socket = filepath.Join(dir, "s")
	s.Up()
	t.Cleanup(s.Down)
	return s
}

// URL is where the server is.
func (s *Server) URL() string { return "unix://" + s.socket }

// Up starts the server again, with nothing in it, and returns when it listens.
func (s *Server) Up() {
	s.t.Helper()
	s.cmd = exec.Command(s.path, "--port", "0", "--unixsocket", s.socket, "--save", "", "--appendonly", "no", "--loglevel", "notice")
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	text := ""
	for buf := make([]byte, 4096); !strings.Contains(text, "ready to accept connections"); {
		n, err := out.Read(buf)
		if text += string(buf[:n]); err != nil {
			s.t.Fatalf("%s does not start: %v\n%s", s.path, err, text)
		}
	}
	go func() { // what it says from here on is of no interest, but must be read
		for buf := make([]byte, 4096); ; {
			if _, err := out.Read(buf); err != nil {
				return
			}
		}
	}()
}

// Down kills the server.
func (s *Server) Down() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Command runs one command that a test needs.
func Command(t testing.TB, url string, args ...string) string {
	t.Helper()
	o := rueidis.MustParseURL(url)
	o.DisableCache = true
	c, err := rueidis.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := c.Do(t.Context(), c.B().Arbitrary(args...).Build()).ToAny()
	if err != nil && !rueidis.IsRedisNil(err) {
		t.Fatal(args, err)
	}
	if list, ok := got.([]any); ok {
		var texts []string
		for _, v := range list {
			if text, ok := v.(string); ok {
				texts = append(texts, text)
			}
		}
		return strings.Join(texts, "\n")
	}
	text, _ := got.(string)
	return text
}
