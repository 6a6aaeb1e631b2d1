package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const replayConfig = `
edge:
  listen: 127.0.0.1:0
  issuers:
    - {issuer: "https://id.example", audience: api, algorithms: [ES256], max_lifetime: 1h}
  routes:
    - {name: things, path: /things, upstream: "http://127.0.0.1:1", scopes: [write]}
    - {name: open, path: /open, upstream: "http://127.0.0.1:1", auth: none}
`

const replayLines = `{"time":"2026-11-27T10:00:00Z","request_id":"A","allowed":true,"status":200,"method":"GET","client_id":"c1","host":"edge.example","path":"/things/1","claims":{"iss":"https://id.example","aud":"api","scope":"read"}}
{"time":"2026-11-27T10:00:01Z","request_id":"B","allowed":true,"status":200,"method":"GET","client_id":"c1","host":"edge.example","path":"/things/2","claims":{"iss":"https://id.example","aud":"api","scope":"read"}}
{"time":"2026-11-27T10:00:02Z","request_id":"C","allowed":false,"reason":"rule_denied","status":403,"method":"GET","client_id":"c2","host":"edge.example","path":"/things/3","claims":{"iss":"https://id.example","aud":"api","scope":"write"}}
{"time":"2026-11-27T10:00:03Z","request_id":"D","allowed":true,"status":200,"method":"GET","client_id":"c2","host":"edge.example","path":"/things/4","claims":{"iss":"https://id.example","aud":"api","scope":"write"}}

{"time":"2026-11-27T10:00:04Z","request_id":"E","allowed":false,"reason":"token_expired","status":401,"method":"GET","host":"edge.example","path":"/things/4"}
{"time":"2026-11-27T10:00:05Z","request_id":"F","allowed":true,"status":200,"method":"GET","host":"edge.example","path":"/open/x"}
`

func TestRuleReplay(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "edge.yaml")
	if err := os.WriteFile(config, []byte(replayConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(lines string) (string, error) {
		cmd := ruleReplayCommand()
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetIn(strings.NewReader(lines))
		cmd.SilenceUsage, cmd.SilenceErrors = true, true
		cmd.SetArgs([]string{"--config", config, "-"})
		err := cmd.ExecuteContext(t.Context())
		return out.String(), err
	}
	out, err := run(replayLines)
	if err == nil || !strings.Contains(err.Error(), "2 that were let in would be refused") {
		t.Error(err)
	}
	for _, want := range []string{
		"2 would be refused: scope_missing, route things, client_id c1, such as request A\n",
		"1 would be let in, refused then: rule_denied, route things, client_id c2, such as request C\n",
		"2 as before, 2 would be refused, 1 would be let in, 1 not asked\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	held := strings.Split(replayLines, "\n")[3] + "\n"
	if out, err := run(held); err != nil || out != "1 as before, 0 would be refused, 0 would be let in, 0 not asked\n" {
		t.Error(out, err)
	}
	for _, lines := range []string{"", "\n", "{}", "nonsense", `{"time":"2026-11-27T10:00:00Z"}`} {
		if out, err := run(lines); err == nil || out != "" {
			t.Errorf("%q: %q, %v", lines, out, err)
		}
	}
}
