package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/edge"
	"github.com/jotward/jotward/internal/reason"
)

func ruleCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "rule", Short: "Try the edge's routes and rules", Args: exactArgs(0, "a subcommand"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(ruleTestCommand(), ruleReplayCommand())
	return cmd
}

// ruleCase is one row of the table that `rule test` runs.
type ruleCase struct {
	Name    string            `yaml:"name"`
	Method  string            `yaml:"method"` // GET
	Host    string            `yaml:"host"`   // edge.example
	Path    string            `yaml:"path"`   // with its query, if it has one
	Headers map[string]string `yaml:"headers"`
	Address string            `yaml:"address"` // of the client; unknown
	At      time.Time         `yaml:"at"`      // now
	Claims  map[string]any    `yaml:"claims"`  // no token
	Want    string            `yaml:"want"`    // allow, deny, challenge, or a reason
	Route   string            `yaml:"route"`   // not asked
	Rule    string            `yaml:"rule"`    // not asked
	Shadow  string            `yaml:"shadow"`  // not asked
}

func ruleTestCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "test FILE",
		Short: "Run a table of requests against the edge's configuration, with no network and no signature",
		Long: `Run a table of requests against the edge's configuration, with no network and no signature.
FILE is a YAML list, - is standard input. A case has path and want (allow, deny, challenge, or a
reason such as scope_missing), and may have name, method (GET), host, headers, address of the
client, at (a time; now), claims (none: no token), and route, rule and shadow as they are expected:

  - path: /customers/c-1/orders
    claims: {sub: c-1, scope: orders:read}
    want: allow
    rule: own

The claims are taken as verified; iss and aud may be left out for those of the route's issuer.
It fails when a case comes out otherwise.`,
		Args: exactArgs(1, "a file of cases"),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := loadConfig(path, config.EdgeSection)
			if err != nil {
				return err
			}
			if file.Edge == nil {
				return usage("rule test: %s has no edge", path)
			}
			e, err := newEdge(file.Edge, newProcess(slog.New(slog.DiscardHandler)))
			if err != nil {
				return file.Locate(err)
			}
			defer e.Close()
			cases, err := readRuleCases(cmd, args[0])
			if err != nil {
				return err
			}
			return runRuleCases(cmd.OutOrStdout(), e, cases)
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// readRuleCases refuses a case that it does not understand whole: a misspelt key
// would let a test pass that tests nothing.
func readRuleCases(cmd *cobra.Command, name string) ([]ruleCase, error) {
	var text []byte
	var err error
	if name == "-" {
		text, err = io.ReadAll(cmd.InOrStdin())
	} else {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, usage("rule test: %v: name a file of cases", err)
	}
	var cases []ruleCase
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&cases); err != nil {
		return nil, usage("rule test: %s: %v", name, err)
	}
	for i, c := range cases {
		known := c.Want == "allow" || c.Want == "deny" || c.Want == "challenge"
		if _, isReason := reason.Lookup(reason.Code(c.Want)); c.Path == "" || !known && !isReason {
			return nil, usage("rule test: %s: case %d needs a path, and want: allow, deny, challenge or a reason", name, i+1)
		}
	}
	if len(cases) == 0 {
		return nil, usage("rule test: %s: there is no case", name)
	}
	return cases, nil
}

func runRuleCases(out io.Writer, e *edge.Edge, cases []ruleCase) error {
	failed := 0
	for i, c := range cases {
		name := c.Name
		if name == "" {
			name = fmt.Sprintf("case %d", i+1)
		}
		v := e.Try(c.trial())
		var wrong string
		switch {
		case c.Want != string(v.Outcome()) && c.Want != string(v.Reason):
			wrong = "want " + c.Want
		case c.Route != "" && c.Route != v.Route:
			wrong = "want route " + c.Route
		case c.Rule != "" && c.Rule != v.Rule:
			wrong = "want rule " + c.Rule
		case c.Shadow != "" && c.Shadow != v.Shadow && c.Shadow != v.ShadowRule:
			wrong = "want shadow " + c.Shadow
		}
		line := fmt.Sprintf("%s: %s", name, v.Outcome())
		for _, part := range [][2]string{{"reason", string(v.Reason)}, {"route", v.Route}, {"rule", v.Rule}, {"detail", v.Detail}, {"shadow", v.Shadow}, {"shadow rule", v.ShadowRule}} {
			if part[1] != "" {
				line += ", " + part[0] + " " + part[1]
			}
		}
		if wrong != "" {
			failed++
			fmt.Fprintf(out, "FAIL %s: %s\n", line, wrong)
			continue
		}
		fmt.Fprintf(out, "ok   %s\n", line)
	}
	if failed > 0 {
		return fmt.Errorf("rule test: %d of %d cases came out otherwise: change the rules or the cases", failed, len(cases))
	}
	return nil
}

func (c *ruleCase) trial() edge.Trial {
	t := edge.Trial{Method: c.Method, Host: c.Host, Target: c.Path, Header: http.Header{}, Address: c.Address, Now: c.At, Claims: numbers(c.Claims)}
	if t.Method == "" {
		t.Method = http.MethodGet
	}
	if t.Host == "" {
		t.Host = "edge.example"
	}
	if t.Now.IsZero() {
		t.Now = time.Now()
	}
	for name, value := range c.Headers {
		t.Header.Set(name, value)
	}
	return t
}

// numbers gives claims the types that JSON gives them: every number is a float64.
func numbers(claims map[string]any) map[string]any {
	if claims == nil {
		return nil
	}
	out := make(map[string]any, len(claims))
	for name, v := range claims {
		out[name] = number(v)
	}
	return out
}

func number(v any) any {
	switch x := v.(type) {
	case int:
		return float64(x)
	case int64:
		return float64(x)
	case uint64:
		return float64(x)
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = number(x[i])
		}
		return out
	case map[string]any:
		return numbers(x)
	}
	return v
}
