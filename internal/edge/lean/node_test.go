package lean

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os/exec"
	"strings"
	"testing"
)

// An origin by another hand, with another parser, takes what is sent and is
// understood; one connection carries it all.
func TestNode(t *testing.T) {
	t.Parallel()
	bin, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	cmd := exec.CommandContext(t.Context(), bin, "testdata/origin.mjs")
	in, _ := cmd.StdinPipe()
	pipe, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = cmd.Wait() }()
	out := bufio.NewReader(pipe)
	port, err := out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url, tr := "http://127.0.0.1:"+strings.TrimSpace(port), transport(t)
	large := strings.Repeat("0123456789abcdef", 20000)
	for range 3 {
		if body := send(t, tr, request("GET", url+"/length", nil)); body != "ok" {
			t.Error(body)
		}
		send(t, tr, request("HEAD", url+"/length", nil))
		send(t, tr, request("DELETE", url+"/none", nil))
		hints := ""
		r := request("GET", url+"/trailers", nil)
		answer, err := tr.RoundTrip(r.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, h textproto.MIMEHeader) error { hints += fmt.Sprint(code, h["Link"]); return nil }})))
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(answer.Body); string(body) != "one,two" || err != nil || answer.Trailer.Get("X-Sum") != "1" || hints != "103 [</a>; rel=preload]" {
			t.Error(string(body), err, answer.Trailer, hints)
		}
		for want, change := range map[string]func(*http.Request){
			"320000": func(*http.Request) {}, "chunked": func(r *http.Request) { r.ContentLength = unknown }, "320000 ": func(r *http.Request) { r.Header.Set("Expect", "100-continue") },
		} {
			r := request("POST", url+"/echo", strings.NewReader(large))
			change(r)
			answer, err := tr.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(answer.Body); string(body) != large || err != nil || answer.Header.Get("X-Framing") != strings.TrimSpace(want) {
				t.Error(want, len(body), err, answer.Header)
			}
		}
	}
	r := request("GET", url+"/", nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "echo")
	answer, err := tr.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	socket := answer.Body.(io.ReadWriteCloser)
	_, _ = io.WriteString(socket, "hello\n")
	if line, err := bufio.NewReader(socket).ReadString('\n'); line != "hello\n" || err != nil {
		t.Error(line, err)
	}
	_ = socket.Close()
	_, _ = io.WriteString(in, "?\n")
	if n, err := out.ReadString('\n'); n != "1\n" && n != "2\n" || err != nil { // an answer may come while the upload still returns from its last write
		t.Error(strings.TrimSpace(n), "connections", err)
	}
}
