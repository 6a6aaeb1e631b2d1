package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const decisionLines = `{"time":"2026-11-27T10:00:00Z","request_id":"A","allowed":true,"status":200,"method":"GET","route":"api","client_addr":"192.0.2.1","cache_hit":true,"ms":1.25}

{"time":"2026-11-27T10:00:01Z","request_id":"B","allowed":false,"reason":"token_revoked","status":401,"method":"GET","route":"api","client_addr":"192.0.2.1","cache_hit":true,"ms":0.5,"missed":3}
{"time":"2026-11-27T10:00:02Z","request_id":"C","allowed":true,"status":200,"method":"GET","route":"new","client_addr":"192.0.2.2","cache_hit":false,"shadow":"scope_missing","detail":"a b","ms":0.5}
`

func TestTail(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/decisions" || r.Header.Get("Authorization") != "Bearer token" {
			http.Error(w, `{"code":"admin_unauthorized"}`, http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(decisionLines))
	}))
	defer s.Close()
	t.Setenv("TAIL_TOKEN", "token")
	for flags, want := range map[string]string{
		"":                       "A missed B C",
		"--denied":               "missed B",
		"--shadow":               "missed C",
		"--route new":            "missed C",
		"--reason token_revoked": "missed B",
		"--reason scope_missing": "missed C",
	} {
		cmd := tailCommand()
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		cmd.SilenceUsage, cmd.SilenceErrors = true, true
		cmd.SetArgs(append([]string{"--admin", s.URL, "--admin-token", "env:TAIL_TOKEN"}, strings.Fields(flags)...))
		err := cmd.ExecuteContext(t.Context())
		var got []string
		for _, line := range strings.Split(out.String(), "\n") {
			switch _, id, found := strings.Cut(line, "id="); {
			case strings.Contains(line, "3 missed"):
				got = append(got, "missed")
			case found:
				got = append(got, id)
			}
		}
		if strings.Join(got, " ") != want || err == nil || !strings.Contains(err.Error(), "has ended") {
			t.Errorf("%s: %q, %v\n%s", flags, got, err, out.String())
		}
	}
	for _, args := range [][]string{{"--admin", s.URL, "--admin-token", "env:NOWHERE"}, {"--admin", "http://198.51.100.1"}} {
		cmd := tailCommand()
		cmd.SilenceUsage, cmd.SilenceErrors = true, true
		cmd.SetArgs(args)
		if cmd.ExecuteContext(t.Context()) == nil {
			t.Error(args)
		}
	}
}
