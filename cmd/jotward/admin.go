package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
)

// defaultAdmin is where the admin listener usually is.
const defaultAdmin = "http://127.0.0.1:8082"

// adminFlags say where the admin API is, and with which token.
type adminFlags struct {
	address, token string
	local          bool // no token: what is asked for is open to callers on the same machine
}

func (f *adminFlags) add(cmd *cobra.Command) {
	address := os.Getenv("JOTWARD_ADMIN")
	if address == "" {
		address = defaultAdmin
	}
	cmd.PersistentFlags().StringVar(&f.address, "admin", address, "the address of the admin listener (JOTWARD_ADMIN)")
	cmd.PersistentFlags().StringVar(&f.token, "admin-token", "env:JOTWARD_ADMIN_TOKEN", "the admin token: FILE, - or env:NAME")
}

// call sends one request and prints what comes back.
func (f *adminFlags) call(cmd *cobra.Command, method, path string, body any) error {
	answer, _, err := f.send(cmd, method, path, body, "")
	if err == nil {
		_, err = cmd.OutOrStdout().Write(answer)
	}
	return err
}

// send sends one request, under If-Match when a tag is given, and reads its answer.
func (f *adminFlags) send(cmd *cobra.Command, method, path string, body any, ifMatch string) (answer []byte, etag string, err error) {
	ctx, cancel := context.WithTimeout(cmd.Context(), 30*time.Second)
	defer cancel()
	resp, err := f.do(ctx, cmd, method, path, body, ifMatch)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	if answer, err = readBounded(resp.Body, "admin"); err != nil {
		return nil, "", err
	}
	if resp.StatusCode >= 300 {
		return nil, "", adminRefusal(resp.StatusCode, answer)
	}
	return answer, resp.Header.Get("ETag"), nil
}

// do sends one request. The token goes to loopback or over https only.
func (f *adminFlags) do(ctx context.Context, cmd *cobra.Command, method, path string, body any, ifMatch string) (*http.Response, error) {
	u, err := url.Parse(f.address)
	if err != nil || u.Host == "" || (u.Scheme != "https" && !(u.Scheme == "http" && config.Loopback(u.Hostname()))) {
		return nil, usage("--admin: %q is neither https nor http on loopback: the token would be readable on the way", f.address)
	}
	var token []byte
	if !f.local {
		if token, err = readSecret(cmd, f.token, "--admin-token"); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(f.address, "/")+path, nil)
	if err != nil {
		return nil, err
	}
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
		req.Header.Set("Content-Type", "application/json")
	}
	if ifMatch != "" {
		req.Header.Set("If-Match", ifMatch)
	}
	if !f.local {
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	client := &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return nil, &codedError{"admin: " + err.Error() + ": is the server running?", exitNetwork}
	}
	return resp, nil
}

func adminRefusal(status int, answer []byte) error {
	var problem struct {
		Code      reason.Code `json:"code"`
		Title     string      `json:"title"`
		Detail    string      `json:"detail"`
		RequestID string      `json:"request_id"`
	}
	_ = json.Unmarshal(answer, &problem)
	row, ok := reason.Lookup(problem.Code)
	if !ok {
		return fmt.Errorf("admin: status %d: is this the admin listener?", status)
	}
	return &codedError{fmt.Sprintf("%s: %s: %s (request %s)", problem.Code, problem.Title, problem.Detail, problem.RequestID), row.Exit}
}

// exitNetwork is the exit code for what cannot be reached.
const exitNetwork = 9

// A codedError knows its exit code.
type codedError struct {
	text string
	exit int
}

func (e *codedError) Error() string { return e.text }

func revokeCommand() *cobra.Command {
	var f adminFlags
	cmd := &cobra.Command{
		Use:   "revoke KIND ID",
		Short: "Revoke a token (jti), grant, session, subject, client or key (kid)",
		Long: `Take back, at every edge, what is named:

  token JTI        one access token
  grant ID         what a person allowed a client: its refresh tokens and all they yield
  session ID       a sign-in and all it led to
  subject USER_ID  every session, grant and token of a person, who may sign in again
  client ID        the client's access tokens; a refresh yields new ones, unless it is disabled
  key KID          all that a signing key has signed

A user's ids are in "jotward user list --username NAME", "session list USER_ID" and "grant list USER_ID".`,
		Args: exactArgs(2, "a kind and an id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.call(cmd, "POST", "/admin/v1/revocations", map[string]string{"kind": args[0], "id": args[1]})
		},
	}
	f.add(cmd)
	return cmd
}

// group is a command that only holds others.
func (f *adminFlags) group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short, Args: exactArgs(0, "a subcommand"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	f.add(cmd)
	cmd.AddCommand(commands...)
	return cmd
}

// lister prints one page of a list; path has a %s for each argument.
func (f *adminFlags) lister(use, short, path string, filters ...string) *cobra.Command {
	var after string
	var limit int
	values := make([]string, len(filters))
	_, what, some := strings.Cut(use, " ")
	n := 0
	if some {
		n = 1
	}
	cmd := &cobra.Command{Use: use, Short: short, Args: exactArgs(n, map[bool]string{true: "a " + what, false: "no arguments"}[some]),
		RunE: func(cmd *cobra.Command, args []string) error {
			query := url.Values{"after": {after}, "limit": {strconv.Itoa(limit)}}
			for i, name := range filters {
				if cmd.Flags().Changed(strings.ReplaceAll(name, "_", "-")) {
					query.Set(name, values[i])
				}
			}
			return f.call(cmd, "GET", fill(path, args)+"?"+query.Encode(), nil)
		}}
	cmd.Flags().StringVar(&after, "after", "", "the cursor: next of the page before")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most, 1 to 1000")
	for i, name := range filters {
		text := "only those with this " + strings.ReplaceAll(name, "_", " ")
		switch name {
		case "from":
			text = "only those at or after this time (RFC 3339)"
		case "until":
			text = "only those before this time (RFC 3339)"
		}
		cmd.Flags().StringVar(&values[i], strings.ReplaceAll(name, "_", "-"), "", text)
	}
	return cmd
}

// byID sends a request without a body about what one argument names.
func (f *adminFlags) byID(name, short, method, path string) *cobra.Command {
	return &cobra.Command{Use: name + " ID", Short: short, Args: exactArgs(1, "an id"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.call(cmd, method, fill(path, args), nil) }}
}

func fill(path string, args []string) string {
	for _, a := range args {
		path = strings.Replace(path, "%s", url.PathEscape(a), 1)
	}
	return path
}

func sessionCommand() *cobra.Command {
	f := new(adminFlags)
	return f.group("session", "Manage people's sign-ins",
		f.lister("list USER_ID", "List the sessions of a user", "/admin/v1/users/%s/sessions"),
		f.byID("end", "End a session with its grants and tokens", "DELETE", "/admin/v1/sessions/%s"))
}

func grantCommand() *cobra.Command {
	f := new(adminFlags)
	return f.group("grant", "Manage what people allowed clients",
		f.lister("list USER_ID", "List the grants of a user", "/admin/v1/users/%s/grants"),
		f.byID("revoke", "Revoke a grant with all it minted", "DELETE", "/admin/v1/grants/%s"))
}

func edgesCommand() *cobra.Command {
	f := new(adminFlags)
	return f.group("edges", "Watch the edges", f.lister("list", "List how far each edge has followed the revocation log", "/admin/v1/edges"))
}

func auditCommand() *cobra.Command {
	f := new(adminFlags)
	return f.group("audit", "Read the audit trail", f.lister("list", "List what was done, newest first", "/admin/v1/audit",
		"actor_kind", "actor_id", "request_id", "action", "target_kind", "target_id", "from", "until"))
}
