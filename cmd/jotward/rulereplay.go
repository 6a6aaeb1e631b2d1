package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/edge"
	"github.com/jotward/jotward/internal/reason"
)

func ruleReplayCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "replay FILE",
		Short: "Ask a configuration about recorded decisions, and show who would break",
		Long: `Ask a configuration about recorded decisions, with no network and no signature, and show whom it
would refuse that was let in, and whom it would let in that a route or rule refused. FILE is what
"jotward tail --json" printed of an edge whose edge.decisions has paths and the claims that the
rules ask for; - is standard input. A claim that was not recorded counts as absent. Limits, proofs
and revocations are not asked. It fails when anybody who was let in would be refused.`,
		Example: `  jotward tail --admin http://127.0.0.1:9090 --json > decisions.jsonl
  jotward rule replay --config next.yaml decisions.jsonl`,
		Args: exactArgs(1, "a file of decisions"),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := loadConfig(path, config.EdgeSection)
			if err != nil {
				return err
			}
			if file.Edge == nil {
				return usage("rule replay: %s has no edge", path)
			}
			e, err := newEdge(file.Edge, newProcess(slog.New(slog.DiscardHandler)))
			if err != nil {
				return file.Locate(err)
			}
			defer e.Close()
			in := cmd.InOrStdin()
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return usage("rule replay: %v: name a file of decisions", err)
				}
				defer f.Close()
				in = f
			}
			r := replay{edge: e, changed: map[change]*difference{}}
			if err := r.read(in); err != nil {
				return usage("rule replay: %s: %v", args[0], err)
			}
			return r.show(cmd.OutOrStdout())
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// replay is what became of decisions.
type replay struct {
	edge            *edge.Edge
	same, unasked   int
	refused, opened int
	changed         map[change]*difference
}

// A change is one kind of difference, for one client.
type change struct{ was, is, route, rule, client string }

type difference struct {
	change
	times int
	first string // its request id
}

// policy are the refusals that routes and rules make, which are asked again.
var policy = map[reason.Code]bool{reason.ScopeMissing: true, reason.RoleMissing: true, reason.ClaimMismatch: true, reason.RuleDenied: true,
	reason.AuthenticationInsufficient: true, reason.IssuerMismatch: true, reason.AudienceMismatch: true, reason.RouteNotFound: true}

const maxDecision = 1 << 20

func (r *replay) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxDecision)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var d edge.Decision
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil || d.Time.IsZero() || d.Method == "" {
			return fmt.Errorf("line %d is no decision of jotward tail --json", n)
		}
		r.ask(&d)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if r.same+r.unasked+r.refused+r.opened == 0 {
		return errors.New("there is no decision")
	}
	return nil
}

// ask asks again about what a route or rule decided. What had no path, or was refused
// for another reason, says nothing about them.
func (r *replay) ask(d *edge.Decision) {
	if d.Path == "" || !d.Allowed && !policy[reason.Code(d.Reason)] {
		r.unasked++
		return
	}
	v := r.edge.Try(edge.Trial{Method: d.Method, Host: d.Host, Target: d.Path, Header: http.Header{}, Address: d.Client, Now: d.Time, Claims: d.Claims})
	now := v.Reason == ""
	switch {
	case d.Allowed == now:
		r.same++
		return
	case d.Allowed:
		r.refused++
	default:
		r.opened++
	}
	k := change{was: d.Reason, is: string(v.Reason), route: v.Route, rule: v.Rule, client: d.ClientID}
	if r.changed[k] == nil {
		r.changed[k] = &difference{change: k, first: d.RequestID}
	}
	r.changed[k].times++
}

func (r *replay) show(out io.Writer) error {
	list := make([]*difference, 0, len(r.changed))
	for _, c := range r.changed {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *difference) int { return cmp.Or(b.times-a.times, cmp.Compare(a.first, b.first)) })
	for _, c := range list {
		line := fmt.Sprintf("%d would be refused: %s", c.times, c.is)
		if c.is == "" {
			line = fmt.Sprintf("%d would be let in, refused then: %s", c.times, c.was)
		}
		for _, part := range [][2]string{{"route", c.route}, {"rule", c.rule}, {"client_id", c.client}} {
			if part[1] != "" {
				line += ", " + part[0] + " " + part[1]
			}
		}
		if _, err := fmt.Fprintf(out, "%s, such as request %s\n", line, c.first); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(out, "%d as before, %d would be refused, %d would be let in, %d not asked\n", r.same, r.refused, r.opened, r.unasked); err != nil {
		return err
	}
	if r.refused > 0 {
		return fmt.Errorf("rule replay: %d that were let in would be refused", r.refused)
	}
	return nil
}
