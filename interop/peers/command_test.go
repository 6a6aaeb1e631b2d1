package peers

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"testing"
)

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

func (c command) sign(s shape, keys ...holder) (string, error) {
	if s.unencoded { // it would write b64 if told to, and sign the encoded payload all the same
		return "", errors.New("jose: no RFC 7797")
	}
	args := []string{"jws", "sig", "-I", c.file(payload)}
	if !s.json {
		args = append(args, "-c")
	}
	if s.detached {
		args = append(args, "-O", os.DevNull)
	}
	for _, h := range keys {
		args = append(args, "-k", c.file(bare(h.jwk)), "-s", `{"protected":{"alg":"`+h.alg+`"}}`)
	}
	return c.run(args...)
}

func (c command) verify(s shape, key holder, token string) (string, error) {
	args := []string{"jws", "ver", "-i", c.file(token), "-k", c.file(key.jwk)}
	if s.detached {
		_, err := c.run(append(args, "-I", c.file(payload))...)
		return payload, err
	}
	return c.run(append(args, "-O", "-")...)
}

func (c command) encrypt(s shape, enc string, keys ...holder) (string, error) {
	args := []string{"jwe", "enc", "-I", c.file(payload)}
	if !s.json {
		args = append(args, "-c")
	}
	protected := map[string]string{"enc": enc}
	if len(keys) == 1 {
		protected["alg"] = keys[0].alg
	}
	if s.zip {
		protected["zip"] = "DEF"
	}
	template := map[string]any{"protected": protected}
	if s.aad != "" {
		template["aad"] = base64.RawURLEncoding.EncodeToString([]byte(s.aad))
	}
	text, err := json.Marshal(template)
	if err != nil {
		return "", err
	}
	args = append(args, "-i", string(text))
	for _, h := range keys {
		if len(keys) > 1 {
			args = append(args, "-r", `{"header":{"alg":"`+h.alg+`"}}`)
		}
		args = append(args, "-k", c.file(bare(h.jwk)))
	}
	return c.run(args...)
}

func (c command) decrypt(_ shape, _ string, key holder, token string) (string, error) {
	return c.run("jwe", "dec", "-i", c.file(token), "-O", "-", "-k", c.file(bare(key.jwk)))
}
