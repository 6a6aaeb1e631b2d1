package peers

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
)

// node asks npm jose, a line at a time.
type node struct {
	in  io.Writer
	out *bufio.Reader
}

func startNode(t *testing.T) peer {
	t.Helper()
	bin, err := exec.LookPath("node")
	if err != nil {
		skip(t, "node is missing")
	}
	if _, err := os.Stat("node_modules/jose"); err != nil {
		skip(t, "npm jose is missing: npm install in interop/peers")
	}
	cmd := exec.CommandContext(t.Context(), bin, "peer.mjs")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	return &node{in, bufio.NewReader(out)}
}

func (n *node) ask(op, alg, enc, key, token string) (string, error) {
	line, err := json.Marshal(map[string]any{"op": op, "alg": alg, "enc": enc, "jwk": json.RawMessage(key), "token": token, "payload": payload})
	if err != nil {
		return "", err
	}
	if _, err := n.in.Write(append(line, '\n')); err != nil {
		return "", err
	}
	text, err := n.out.ReadBytes('\n')
	if err != nil {
		return "", err
	}
	var answer struct{ Token, Payload, Error string }
	if err := json.Unmarshal(text, &answer); err != nil {
		return "", err
	}
	if answer.Error != "" {
		return "", errors.New(answer.Error)
	}
	return answer.Token + answer.Payload, nil
}

func (n *node) sign(alg, key string) (string, error) { return n.ask("sign", alg, "", key, "") }
func (n *node) verify(alg, key, token string) (string, error) {
	return n.ask("verify", alg, "", key, token)
}
func (n *node) encrypt(alg, enc, key string) (string, error) {
	return n.ask("encrypt", alg, enc, key, "")
}
func (n *node) decrypt(alg, enc, key, token string) (string, error) {
	return n.ask("decrypt", alg, enc, key, token)
}

// command is Debian's jose, which is written in C.
type command struct {
	t   *testing.T
	bin string
}

func startCommand(t *testing.T) peer {
	t.Helper()
	bin, err := exec.LookPath("jose")
	if err != nil {
		skip(t, "the command jose is missing")
	}
	return command{t, bin}
}

// file gives the command a text to read; it goes with the test.
func (c command) file(text string) string {
	f, err := os.CreateTemp(c.t.TempDir(), "")
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil || f.Close() != nil {
		c.t.Fatal(err)
	}
	return f.Name()
}

func (c command) run(args ...string) (string, error) {
	out, err := exec.Command(c.bin, args...).Output()
	if e := (*exec.ExitError)(nil); errors.As(err, &e) {
		err = errors.New("jose: " + string(e.Stderr))
	}
	return string(out), err
}

// bare leaves out alg and use: the command wants wrapKey and its like where the
// registry says enc.
func bare(key string) string {
	var m map[string]any
	if err := json.Unmarshal([]byte(key), &m); err != nil {
		panic(err)
	}
	delete(m, "use")
	delete(m, "alg")
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (c command) sign(alg, key string) (string, error) {
	return c.run("jws", "sig", "-c", "-I", c.file(payload), "-k", c.file(bare(key)), "-s", `{"protected":{"alg":"`+alg+`"}}`)
}

func (c command) verify(_, key, token string) (string, error) {
	return c.run("jws", "ver", "-i", c.file(token), "-k", c.file(key), "-O", "-")
}

func (c command) encrypt(alg, enc, key string) (string, error) {
	return c.run("jwe", "enc", "-c", "-i", `{"protected":{"alg":"`+alg+`","enc":"`+enc+`"}}`, "-I", c.file(payload), "-k", c.file(bare(key)))
}

func (c command) decrypt(_, _, key, token string) (string, error) {
	return c.run("jwe", "dec", "-i", c.file(token), "-O", "-", "-k", c.file(bare(key)))
}
