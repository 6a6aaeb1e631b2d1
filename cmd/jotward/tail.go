package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/internal/edge"
)

// tailFilter says which decisions are shown.
type tailFilter struct {
	denied, shadow bool
	route, reason  string
}

func tailCommand() *cobra.Command {
	var f adminFlags
	var filter tailFilter
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Follow what an edge decides, while it does",
		Long: `Follow what an edge decides, while it does, at the admin listener of the edge (edge.admin.listen).
A line has time, status, reason, method, route, client, address and request id; no token, path or
claim is in it. A reader that is too slow misses some, and is told how many. On the edge's own machine
no admin token is needed.`,
		Example: "  jotward tail --admin http://127.0.0.1:9090 --denied",
		Args:    exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, set := os.LookupEnv("JOTWARD_ADMIN_TOKEN"); !set && !cmd.Flags().Changed("admin-token") {
				f.local = true
			}
			body, err := f.stream(cmd, "/decisions")
			if err != nil {
				return err
			}
			defer body.Close()
			return filter.show(cmd.Context(), body, cmd.OutOrStdout(), asJSON)
		},
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&filter.denied, "denied", false, "only what was refused")
	flags.BoolVar(&filter.shadow, "shadow", false, "only what something that is watched would have decided otherwise")
	flags.StringVar(&filter.route, "route", "", "only this route")
	flags.StringVar(&filter.reason, "reason", "", "only this reason, also as a shadow's")
	flags.BoolVar(&asJSON, "json", false, "print the JSON lines as they come")
	return cmd
}

func (f *tailFilter) fits(d *edge.Decision) bool {
	return (!f.denied || !d.Allowed) && (!f.shadow || d.Shadow != "") && (f.route == "" || d.Route == f.route) &&
		(f.reason == "" || d.Reason == f.reason || d.Shadow == f.reason)
}

// show prints decisions until the edge ends the answer, or the person does.
func (f *tailFilter) show(ctx context.Context, from io.Reader, to io.Writer, asJSON bool) error {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		var d edge.Decision
		if len(lines.Bytes()) == 0 { // the connection stands
			continue
		}
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			return &codedError{"tail: an answer of another form: is this the admin listener of an edge?", exitNetwork}
		}
		if d.Missed > 0 && !asJSON {
			if _, err := fmt.Fprintf(to, "... %d missed\n", d.Missed); err != nil {
				return err
			}
		}
		if !f.fits(&d) {
			continue
		}
		text := lines.Text()
		if !asJSON {
			text = tailLine(&d)
		}
		if _, err := fmt.Fprintln(to, text); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return &codedError{"tail: the edge has ended the answer", exitNetwork}
}

func tailLine(d *edge.Decision) string {
	words := []string{d.Time.Local().Format("15:04:05.000"), fmt.Sprint(d.Status)}
	if d.Reason != "" {
		words = append(words, d.Reason)
	}
	words = append(words, d.Method)
	for _, part := range []struct{ name, value string }{
		{"route", d.Route}, {"rule", d.Rule}, {"client_id", d.ClientID}, {"from", d.Client}, {"upstream", d.Upstream}, {"shadow", d.Shadow}, {"shadow_rule", d.ShadowRule},
		{"detail", d.Detail},
	} {
		if part.value != "" {
			if strings.ContainsAny(part.value, " \"") {
				part.value = fmt.Sprintf("%q", part.value)
			}
			words = append(words, part.name+"="+part.value)
		}
	}
	return strings.Join(append(words, fmt.Sprintf("%.1fms", d.Millis), "id="+d.RequestID), " ")
}

// stream opens an answer that has no end of its own.
func (f *adminFlags) stream(cmd *cobra.Command, path string) (io.ReadCloser, error) {
	resp, err := f.do(cmd.Context(), cmd, http.MethodGet, path, nil, "")
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		answer, err := readBounded(resp.Body, "admin")
		if err != nil {
			return nil, err
		}
		return nil, adminRefusal(resp.StatusCode, answer)
	}
	return resp.Body, nil
}
