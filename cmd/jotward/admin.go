package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/server/admin"
)

// defaultAdmin is where the admin listener usually is.
const defaultAdmin = "http://127.0.0.1:8082"

// adminFlags say where the admin API is, and with which token.
type adminFlags struct{ address, token string }

func (f *adminFlags) add(cmd *cobra.Command) {
	address := os.Getenv("JOTWARD_ADMIN")
	if address == "" {
		address = defaultAdmin
	}
	cmd.PersistentFlags().StringVar(&f.address, "admin", address, "the address of the admin listener (JOTWARD_ADMIN)")
	cmd.PersistentFlags().StringVar(&f.token, "admin-token", "env:JOTWARD_ADMIN_TOKEN", "the admin token: FILE, - or env:NAME")
}

// call sends one request and prints what comes back. The token goes to loopback
// or over https only.
func (f *adminFlags) call(cmd *cobra.Command, method, path string, body any) error {
	u, err := url.Parse(f.address)
	if err != nil || u.Host == "" || (u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname()))) {
		return usage("--admin: %q is neither https nor http on loopback: the token would be readable on the way", f.address)
	}
	token, err := readSecret(cmd, f.token, "--admin-token")
	if err != nil {
		return err
	}
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(f.address, "/")+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	client := &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return &codedError{"admin: " + err.Error() + ": is the server running?", exitNetwork}
	}
	defer resp.Body.Close()
	answer, err := readBounded(resp.Body, "admin")
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return adminRefusal(resp.StatusCode, answer)
	}
	_, err = cmd.OutOrStdout().Write(answer)
	return err
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

func isLoopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

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
		Args:  exactArgs(2, "a kind and an id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.call(cmd, "POST", "/admin/v1/revocations", map[string]string{"kind": args[0], "id": args[1]})
		},
	}
	f.add(cmd)
	return cmd
}

func clientCommand() *cobra.Command {
	var f adminFlags
	cmd := &cobra.Command{Use: "client", Short: "Manage clients", Args: exactArgs(0, "a subcommand"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	f.add(cmd)
	var in admin.Client
	create := &cobra.Command{Use: "create", Short: "Make a client; its secret is shown once", Args: exactArgs(0, "flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.call(cmd, "POST", "/admin/v1/clients", in) }}
	flags := create.Flags()
	flags.StringVar(&in.ID, "id", "", "the client_id (default: a new one)")
	flags.StringVar(&in.Name, "name", "", "the name that people see")
	flags.BoolVar(&in.Public, "public", false, "a client that cannot keep a secret")
	flags.StringSliceVar(&in.GrantTypes, "grant-type", nil, "the allowed grant types")
	flags.StringSliceVar(&in.RedirectURIs, "redirect-uri", nil, "the redirect URIs, exactly as they are sent")
	flags.StringSliceVar(&in.Scopes, "scope", nil, "the allowed scopes")
	flags.StringSliceVar(&in.Audiences, "audience", nil, "the allowed audiences")
	flags.Int64Var(&in.AccessTokenLifetime, "access-token-lifetime", 0, "seconds, 300 to 3600 (default 600)")
	flags.BoolVar(&in.SkipConsent, "skip-consent", false, "do not ask people: for clients of one's own")
	cmd.AddCommand(create, listCommand(&f, "clients"), idCommand(&f, "disable", "POST", "/admin/v1/clients/%s/disable"),
		idCommand(&f, "secret", "POST", "/admin/v1/clients/%s/secret"), idCommand(&f, "delete", "DELETE", "/admin/v1/clients/%s"))
	return cmd
}

func userCommand() *cobra.Command {
	var f adminFlags
	cmd := &cobra.Command{Use: "user", Short: "Manage people", Args: exactArgs(0, "a subcommand"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	f.add(cmd)
	var in admin.NewUser
	var password string
	create := &cobra.Command{Use: "create USERNAME", Short: "Make an account", Args: exactArgs(1, "a user name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readSecret(cmd, password, "--password")
			if err != nil {
				return err
			}
			in.Username, in.Password = args[0], strings.TrimRight(string(text), "\r\n")
			return f.call(cmd, "POST", "/admin/v1/users", in)
		}}
	create.Flags().StringVar(&password, "password", "-", "the password: FILE, - or env:NAME")
	create.Flags().StringVar(&in.Email, "email", "", "the e-mail address")
	create.Flags().StringVar(&in.Name, "name", "", "the full name")
	create.Flags().StringSliceVar(&in.Roles, "role", nil, "the roles")
	create.Flags().StringSliceVar(&in.Permissions, "permission", nil, "the permissions")
	cmd.AddCommand(create, listCommand(&f, "users"), idCommand(&f, "disable", "POST", "/admin/v1/users/%s/disable"),
		idCommand(&f, "delete", "DELETE", "/admin/v1/users/%s"))
	return cmd
}

func listCommand(f *adminFlags, what string) *cobra.Command {
	var after string
	cmd := &cobra.Command{Use: "list", Short: "List " + what, Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.call(cmd, "GET", "/admin/v1/"+what+"?after="+url.QueryEscape(after), nil)
		}}
	cmd.Flags().StringVar(&after, "after", "", "the cursor: next of the page before")
	return cmd
}

func idCommand(f *adminFlags, name, method, path string) *cobra.Command {
	return &cobra.Command{Use: name + " ID", Short: strings.ToUpper(name[:1]) + name[1:] + " it", Args: exactArgs(1, "an id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.call(cmd, method, fmt.Sprintf(path, url.PathEscape(args[0])), nil)
		}}
}

func keysCommand() *cobra.Command {
	var f adminFlags
	var purpose string
	cmd := &cobra.Command{Use: "keys", Short: "Manage the issuer's signing keys", Args: exactArgs(0, "a subcommand"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	f.add(cmd)
	cmd.PersistentFlags().StringVar(&purpose, "purpose", "token", "what the keys sign: token or feed")
	cmd.AddCommand(
		&cobra.Command{Use: "list", Short: "List keys and their states", Args: exactArgs(0, "no arguments"),
			RunE: func(cmd *cobra.Command, _ []string) error {
				return f.call(cmd, "GET", "/admin/v1/keys/"+url.PathEscape(purpose), nil)
			}},
		&cobra.Command{Use: "rotate", Short: "Publish the next key; it signs once every verifier can know it", Args: exactArgs(0, "no arguments"),
			RunE: func(cmd *cobra.Command, _ []string) error {
				return f.call(cmd, "POST", "/admin/v1/keys/"+url.PathEscape(purpose)+"/rotate", nil)
			}},
		&cobra.Command{Use: "retire KID", Short: "Revoke a key at once: all that it signed dies at every edge", Args: exactArgs(1, "a kid"),
			RunE: func(cmd *cobra.Command, args []string) error {
				return f.call(cmd, "POST", "/admin/v1/keys/"+url.PathEscape(purpose)+"/"+url.PathEscape(args[0])+"/retire", nil)
			}},
	)
	return cmd
}
