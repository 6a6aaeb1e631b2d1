package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A machine is a network namespace without a name. Sockets and processes that are
// made inside stay inside, and the kernel takes it away with the last of them.
type machine struct {
	testing.TB
	name, address string
	namespace     string // its file
	work          chan func()
	http          *http.Client
}

// A network is a switch in a namespace of its own, and the machines on it.
type network struct {
	*machine
	machines int
}

// newMachine makes a namespace, or skips where that is not allowed. Its thread is
// not given back: it ends with the test.
func newMachine(t testing.TB, name string) *machine {
	m := &machine{TB: t, name: name, work: make(chan func())}
	made := make(chan error)
	go func() {
		runtime.LockOSThread()
		m.namespace = fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), unix.Gettid())
		made <- unix.Unshare(unix.CLONE_NEWNET)
		for f := range m.work {
			f()
		}
	}()
	t.Cleanup(func() { close(m.work) })
	if err := <-made; err != nil {
		t.Skip("network namespaces need root: ", err)
	}
	m.run("ip", "link", "set", "lo", "up")
	m.http = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (c net.Conn, err error) {
		m.inside(func() { c, err = (&net.Dialer{}).DialContext(ctx, network, address) })
		return c, err
	}}}
	t.Cleanup(m.http.CloseIdleConnections)
	return m
}

// inside runs f on the thread that lives in the namespace.
func (m *machine) inside(f func()) {
	done := make(chan struct{})
	m.work <- func() { defer close(done); f() }
	<-done
}

// run runs a program inside to its end.
func (m *machine) run(args ...string) string {
	m.Helper()
	var out, said bytes.Buffer
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &said
	var err error
	if m.inside(func() { err = cmd.Start() }); err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		m.Fatalf("%s: %v: %v\n%s", m.name, args, err, said.String())
	}
	return out.String()
}

// newNetwork makes a switch, or skips where none can be made.
func newNetwork(t testing.TB) *network {
	t.Helper()
	for _, name := range []string{"ip", "tc"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip("iproute2 is not installed: ", err)
		}
	}
	n := &network{machine: newMachine(t, "switch")}
	n.run("ip", "link", "add", "name", "switch", "type", "bridge")
	n.run("ip", "link", "set", "dev", "switch", "up")
	return n
}

// add adds one to the switch, by a cable with an end that has its name.
func (n *network) add(name string) *machine {
	n.Helper()
	m := newMachine(n.TB, name)
	n.machines++
	m.address = fmt.Sprint("10.77.0.", n.machines)
	n.run("ip", "link", "add", "name", name, "type", "veth", "peer", "name", "eth0", "netns", m.namespace)
	n.run("ip", "link", "set", "dev", name, "master", "switch", "up")
	m.run("ip", "address", "add", m.address+"/24", "dev", "eth0")
	m.run("ip", "link", "set", "dev", "eth0", "up")
	return m
}

// cut pulls a machine's cable out of the switch, and heal plugs it in again.
func (n *network) cut(m *machine)  { n.Helper(); n.run("ip", "link", "set", "dev", m.name, "down") }
func (n *network) heal(m *machine) { n.Helper(); n.run("ip", "link", "set", "dev", m.name, "up") }

// slow lets so much through a machine's cable each way, and makes the rest wait. It is
// a token bucket (tc-tbf), for netem, which delays, is missing from many kernels.
func (n *network) slow(m *machine, rate string) {
	n.Helper()
	bucket := []string{"root", "tbf", "rate", rate, "burst", "1600", "limit", "1mb"}
	n.run(append([]string{"tc", "qdisc", "replace", "dev", m.name}, bucket...)...)
	m.run(append([]string{"tc", "qdisc", "replace", "dev", "eth0"}, bucket...)...)
}

func (n *network) fast(m *machine) {
	n.Helper()
	n.run("tc", "qdisc", "del", "dev", m.name, "root")
	m.run("tc", "qdisc", "del", "dev", "eth0", "root")
}

// said is what a process wrote, to be read while it runs.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *said) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), text)
}

// start runs a program inside until the test ends, and shows what it said if that fails.
func (m *machine) start(environment []string, args ...string) *said {
	m.Helper()
	out := new(said)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Env = out, out, append(os.Environ(), environment...)
	var err error
	if m.inside(func() { err = cmd.Start() }); err != nil {
		m.Fatal(m.name, err)
	}
	m.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if m.Failed() {
			text := out.text.String()
			m.Logf("%s said:\n%s", m.name, text[max(0, len(text)-8000):])
		}
	})
	return out
}

// serve runs a handler inside, and returns its address.
func (m *machine) serve(h http.Handler) string {
	m.Helper()
	s := httptest.NewUnstartedServer(h)
	_ = s.Listener.Close()
	var err error
	if m.inside(func() { s.Listener, err = net.Listen("tcp", "127.0.0.1:0") }); err != nil {
		m.Fatal(err)
	}
	s.Start()
	m.Cleanup(s.Close)
	return s.URL
}

// get asks inside, with a token when there is one. Status 0: nobody answers.
func (m *machine) get(url, token string) (status int, body string, header http.Header) {
	m.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		m.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := m.http.Do(r)
	if err != nil {
		return 0, err.Error(), nil
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), answer.Header
}

// await asks until it is so, and gives up after a time that no machine needs.
func await(t testing.TB, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !so(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("never: ", what)
		}
	}
}
