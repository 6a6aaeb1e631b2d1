package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/server/admin"
	"github.com/jotward/jotward/internal/store/sqlite"
	"github.com/jotward/jotward/jose/jwk"
)

// configure gives the ring its policy. An algorithm that a client asks for must
// not go: it would get no more tokens.
func configure(ctx context.Context, ring *keyring.Ring, store *sqlite.Store, i *config.Issuer) error {
	c := i.Signing
	p := keyring.Policy{Own: i.OwnKeys(), Ahead: c.PublishAhead, Every: c.RotateEvery, Manual: c.Manual, Wait: c.WaitForEdges}
	for _, name := range c.Algorithms {
		p.Algorithms = append(p.Algorithms, jwk.Algorithm(name))
	}
	asked, err := store.AlgorithmsAsked(ctx)
	if err != nil {
		return err
	}
	for alg, id := range asked {
		if !slices.Contains(p.Algorithms, alg) {
			return fmt.Errorf("issuer.signing.algorithms: client %s asks for %s, which is not there: add it, or update the client first", id, alg)
		}
	}
	return ring.Configure(p)
}

// tend makes the keys what the configuration wants, and says what is late.
func (i *issuer) tend(ctx context.Context) {
	if err := i.ring.Tend(ctx, audit.Actor{Kind: "system", ID: "signing"}); err != nil && ctx.Err() == nil {
		i.log.Error("signing keys not looked after: what signed goes on signing", "cause", err.Error())
	}
	purposes, _ := i.ring.Purposes(ctx) // what is wrong was said
	for _, purpose := range purposes {
		report, err := i.ring.Report(ctx, purpose)
		if err != nil {
			continue // it was said
		}
		i.metrics.Keys(purpose, report, time.Now())
		for _, k := range report {
			switch {
			case k.Overdue:
				i.warn(k.ID, "a signing key is overdue: rotate it", "purpose", purpose, "kid", k.ID, "algorithm", string(k.Algorithm), "due", k.Due)
			case len(k.Lacking) > 0:
				signs := k.Activates
				if k.Leads.After(signs) { // it does already, where it is asked for
					signs = k.Leads
				}
				i.warn(k.ID, "edges do not have the next key yet", "purpose", purpose, "kid", k.ID, "edges", k.Lacking, "signs", signs, "at_the_latest", k.Limit)
			}
		}
	}
}

// warn says a thing of a key once an hour.
func (i *issuer) warn(kid, text string, detail ...any) {
	i.warning.Lock()
	defer i.warning.Unlock()
	if now := time.Now(); now.Sub(i.warned[kid]) >= time.Hour {
		i.warned[kid] = now
		i.log.Warn(text, detail...)
	}
}

func keysCommand() *cobra.Command {
	var f adminFlags
	var purpose, algorithm string
	cmd := &cobra.Command{Use: "keys", Short: "Manage the issuer's signing keys", Args: exactArgs(0, "a subcommand"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	f.add(cmd)
	cmd.PersistentFlags().StringVar(&purpose, "purpose", "token", "what the keys sign: token, token-NAME for a resource with a key_name, or feed")
	ask := func(use, short, method, path string, of bool) *cobra.Command {
		n, what := 0, "no arguments"
		if _, arg, some := strings.Cut(use, " "); some {
			n, what = 1, "a "+strings.ToLower(arg)
		}
		sub := &cobra.Command{Use: use, Short: short, Args: exactArgs(n, what), RunE: func(cmd *cobra.Command, args []string) error {
			var body any
			if of && algorithm != "" {
				body = map[string]string{"algorithm": algorithm}
			}
			return f.call(cmd, method, fill("/admin/v1/keys/%s"+path, append([]string{purpose}, args...)), body)
		}}
		if of {
			sub.Flags().StringVar(&algorithm, "algorithm", "", "the algorithm whose keys are meant (default: what the purpose signs with by itself)")
		}
		return sub
	}
	cmd.AddCommand(
		ask("list", "List keys and their states, newest first", "GET", "", false),
		ask("status", "Show which key signs, which comes when, and which edges know it", "GET", "/status", false),
		ask("rotate", "Publish the next key; it signs once every verifier can know it", "POST", "/rotate", true),
		ask("retire KID", "Revoke a key at once: all that it signed dies at every edge", "POST", "/%s/retire", false),
		keysReplace(&f, &purpose),
		ask("rollback", "Take the last rotation back, while the key before is still published", "POST", "/rollback", true),
	)
	return cmd
}

// keysReplace says what it leaves: in an emergency nobody thinks of the keys beside.
func keysReplace(f *adminFlags, purpose *string) *cobra.Command {
	var all bool
	cmd := &cobra.Command{Use: "replace KID", Short: "Revoke a key that others may have, and the next one with it; a new one signs at once", Args: exactArgs(1, "a kid"),
		RunE: func(cmd *cobra.Command, args []string) error {
			answer, _, err := f.send(cmd, "POST", fill("/admin/v1/keys/%s/%s/replace", []string{*purpose, args[0]}), map[string]bool{"all": all}, "")
			if err != nil {
				return err
			}
			var got admin.ReplacedKey
			if err := json.Unmarshal(answer, &got); err != nil {
				return err
			}
			if len(got.Beside) > 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "These keys go on. They lay in the same store: if others may have all of it, replace them too, at once with --all.")
			}
			for _, k := range got.Beside {
				fmt.Fprintf(cmd.ErrOrStderr(), "  %s %s %s %s\n", k.Purpose, k.Algorithm, k.State, k.ID)
			}
			_, err = cmd.OutOrStdout().Write(answer)
			return err
		}}
	cmd.Flags().BoolVar(&all, "all", false, "replace every other key of the store too, whatever its purpose: all tokens die, and people go on by refresh")
	return cmd
}
