package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
)

func jwksCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "jwks", Short: "Fetch and check remote key sets", Args: exactArgs(0, "a subcommand"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(
		jwksFetchCommand("get", "Fetch a key set and print its usable keys", printSet),
		jwksFetchCommand("check", "Fetch a key set and report what a verifier makes of it", printHealth),
	)
	return cmd
}

// jwksFetchCommand reads a set the way a verifier does: bounded, without
// following a redirect to another host.
func jwksFetchCommand(name, short string, show func(*cobra.Command, *jwks.Remote) error) *cobra.Command {
	var discover bool
	cmd := &cobra.Command{
		Use:   name + " URL",
		Short: short,
		Long:  short + ".\nURL is the address of the set itself, or of an issuer with --issuer.",
		Args:  exactArgs(1, "one address"),
		RunE: func(cmd *cobra.Command, args []string) error {
			config := jwks.Config{Clock: time.Now, AllowHTTP: true}
			for _, a := range jwk.SignatureAlgorithms() {
				if !a.IsSymmetric() {
					config.Algorithms = append(config.Algorithms, a)
				}
			}
			if discover {
				config.Issuer = args[0]
			} else {
				config.URL = args[0]
			}
			remote, err := jwks.NewRemote(config)
			if err != nil {
				return usage("jwks %s: %v", name, err)
			}
			defer remote.Close()
			if err := remote.Refresh(cmd.Context()); err != nil {
				return err
			}
			return show(cmd, remote)
		},
	}
	cmd.Flags().BoolVar(&discover, "issuer", false, "URL is an issuer: find its key set by discovery")
	return cmd
}

func printSet(cmd *cobra.Command, remote *jwks.Remote) error {
	var keys []*jwk.Key
	for _, kid := range remote.Health().KeyIDs {
		for _, a := range jwk.SignatureAlgorithms() {
			if a.IsSymmetric() {
				continue
			}
			found, err := remote.Lookup(cmd.Context(), kid, a)
			if err != nil {
				continue
			}
			for _, k := range found {
				if k.Algorithm() == a {
					keys = append(keys, k)
				}
			}
		}
	}
	return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"keys": keys})
}

func printHealth(cmd *cobra.Command, remote *jwks.Remote) error {
	h := remote.Health()
	fmt.Fprintf(cmd.OutOrStdout(), "usable keys: %s\nfresh until: %s\n", strings.Join(h.KeyIDs, " "), h.Expires.UTC().Format(time.RFC3339))
	for _, s := range h.Skipped {
		fmt.Fprintf(cmd.OutOrStdout(), "left out: %s\n", s)
	}
	return nil
}
