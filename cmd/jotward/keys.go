package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/store/sqlite"
	"github.com/jotward/jotward/jose/jwk"
)

// configure gives the ring its policy. An algorithm that a client asks for must
// not go: it would get no more tokens.
func configure(ctx context.Context, ring *keyring.Ring, store *sqlite.Store, c config.Signing) error {
	p := keyring.Policy{Ahead: c.PublishAhead}
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

// tend makes the keys what the configuration wants.
func (i *issuer) tend(ctx context.Context) {
	if err := i.ring.Arrange(ctx, audit.Actor{Kind: "system", ID: "signing"}); err != nil && ctx.Err() == nil {
		i.log.Error("signing keys not arranged: what signed goes on signing", "cause", err.Error())
	}
}

func keysCommand() *cobra.Command {
	var f adminFlags
	var purpose, algorithm string
	cmd := &cobra.Command{Use: "keys", Short: "Manage the issuer's signing keys", Args: exactArgs(0, "a subcommand"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	f.add(cmd)
	cmd.PersistentFlags().StringVar(&purpose, "purpose", "token", "what the keys sign: token or feed")
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
		ask("rotate", "Publish the next key; it signs once every verifier can know it", "POST", "/rotate", true),
		ask("retire KID", "Revoke a key at once: all that it signed dies at every edge", "POST", "/%s/retire", false),
		ask("replace KID", "Revoke a key that others may have, and the next one with it; a new one signs at once", "POST", "/%s/replace", false),
		ask("rollback", "Take the last rotation back, while the key before is still published", "POST", "/rollback", true),
	)
	return cmd
}
