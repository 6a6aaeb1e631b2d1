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

// startNode starts one of the programs of this folder.
func startNode(t *testing.T, program, module string) *node {
	t.Helper()
	bin, err := exec.LookPath("node")
	if err != nil {
		skip(t, "node is missing")
	}
	if _, err := os.Stat("node_modules/" + module); err != nil {
		skip(t, "npm "+module+" is missing: npm install in interop/peers")
	}
	cmd := exec.CommandContext(t.Context(), bin, program)
	cmd.Stderr = t.Output() // not ours: node would make it non-blocking, and what the test says would be lost
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

// ask sends one question and returns the answer.
func (n *node) ask(question map[string]any) (string, error) {
	line, err := json.Marshal(question)
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
	var answer struct{ Answer, Error string }
	if err := json.Unmarshal(text, &answer); err != nil {
		return "", err
	}
	if answer.Error != "" {
		return "", errors.New(answer.Error)
	}
	return answer.Answer, nil
}

func (n *node) message(op string, s shape, enc, token string, keys []holder) (string, error) {
	var list []map[string]any
	for _, h := range keys {
		list = append(list, map[string]any{"alg": h.alg, "jwk": json.RawMessage(h.jwk)})
	}
	return n.ask(map[string]any{"op": op, "enc": enc, "token": token, "payload": payload, "keys": list,
		"shape": map[string]any{"json": s.json, "detached": s.detached, "unencoded": s.unencoded, "aad": s.aad, "zip": s.zip}})
}

func (n *node) sign(s shape, keys ...holder) (string, error) {
	return n.message("sign", s, "", "", keys)
}
func (n *node) verify(s shape, key holder, token string) (string, error) {
	return n.message("verify", s, "", token, []holder{key})
}
func (n *node) encrypt(s shape, enc string, keys ...holder) (string, error) {
	return n.message("encrypt", s, enc, "", keys)
}
func (n *node) decrypt(s shape, enc string, key holder, token string) (string, error) {
	return n.message("decrypt", s, enc, token, []holder{key})
}
