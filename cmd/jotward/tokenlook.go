package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwt"
	"github.com/jotward/jotward/jose/lint"
)

// exitDenied is the exit code for what a rule denies.
const exitDenied = 8

func tokenExplainCommand() *cobra.Command {
	f := verifyFlags{command: "token explain"}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain [TOKEN | -]",
		Short: "Run every check of a token and say what came of each",
		Long: "Run every check of token verify, with the same flags, instead of stopping at the first that fails, and say of each\n" +
			"what was expected, what was found and what to do. It exits as token verify does.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			verifier, token, err := f.prepare(cmd, args)
			if err != nil {
				return err
			}
			explanation := verifier.Explain(cmd.Context(), token)
			if err := printExplanation(cmd, explanation, asJSON); err != nil {
				return err
			}
			return explanation.Failure()
		},
	}
	f.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one line of JSON")
	return cmd
}

func printExplanation(cmd *cobra.Command, e *jwt.Explanation, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(e)
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	for _, c := range e.Checks {
		fmt.Fprintf(out, "%-11s %-15s %s\n", c.State, c.Name, c.Found)
		if c.State == jwt.CheckFailed {
			fmt.Fprintf(out, "%-27s expected: %s\n%-27s %s: %s\n", "", c.Expected, "", c.Reason, c.Remedy)
		}
	}
	return out.Flush()
}

// lintFlags say how a token is looked at.
type lintFlags struct {
	key, kind   string
	maxLifetime time.Duration
	asJSON      bool
}

func tokenLintCommand() *cobra.Command {
	var f lintFlags
	cmd := &cobra.Command{
		Use:   "lint [TOKEN | -]",
		Short: "Find the common mistakes in a token, verifying nothing",
		Long: "Find the common mistakes in a token: long life, missing claims, personal data, secrets, weak keys, the shape of\n" +
			"another kind. It verifies nothing, and shows no values. Each finding is explained in docs/reference/lint.md.\n" +
			"It exits with 0 when there is nothing to mend, with 8 for a finding that is an error or a warning, and with 3 for\n" +
			"what is no token.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.key, "key", "", "the key to look at beside: FILE, - or env:NAME")
	flags.StringVar(&f.kind, "kind", "", "what the token is used as: access, id or other (default by its typ)")
	flags.DurationVar(&f.maxLifetime, "max-lifetime", time.Hour, "the longest life, from iat to exp, that is no finding")
	flags.BoolVar(&f.asJSON, "json", false, "print one line of JSON")
	return cmd
}

func (f *lintFlags) run(cmd *cobra.Command, args []string) error {
	options := lint.Options{Now: time.Now(), MaxLifetime: f.maxLifetime}
	switch f.kind {
	case "", "access", "id", "other":
		options.Kind = lint.Kind(f.kind)
	default:
		return usage("token lint: --kind %q: is unknown: give access, id or other", f.kind)
	}
	if f.maxLifetime <= 0 {
		return usage("token lint: --max-lifetime is not above 0: give a duration such as 1h")
	}
	if f.key == "-" && (len(args) == 0 || args[0] == "-") {
		return usage("token lint: key and token cannot both come from standard input")
	}
	if f.key != "" {
		key, err := readSecret(cmd, f.key, "--key")
		if err != nil {
			return err
		}
		options.Key = key
	}
	token, err := readToken(cmd, args)
	if err != nil {
		return err
	}
	findings, err := lint.Check(token, options)
	if err != nil {
		return err
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "NOT VERIFIED: a token without findings can be a forgery")
	if err := printFindings(cmd, findings, f.asJSON); err != nil {
		return err
	}
	return lintVerdict(findings)
}

func printFindings(cmd *cobra.Command, findings []lint.Finding, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(struct {
			Findings []lint.Finding `json:"findings"`
		}{append([]lint.Finding{}, findings...)})
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	for _, x := range findings {
		fmt.Fprintf(out, "%-7s %s at %s: %s", x.Severity, x.Code, x.Where, x.Why)
		if x.Note != "" {
			fmt.Fprintf(out, " (%s)", x.Note)
		}
		fmt.Fprintf(out, "\n        fix: %s\n", x.Fix)
	}
	return out.Flush()
}

// lintVerdict is the exit code as an error: what is no token is malformed, and a
// finding to mend denies.
func lintVerdict(findings []lint.Finding) error {
	count := 0
	for _, x := range findings {
		switch {
		case x.Code == lint.NotAToken || x.Code == lint.HeaderUnreadable || x.Code == lint.ClaimsUnreadable || x.Code == lint.TokenHuge:
			return jose.NewError(jose.TokenMalformed, string(x.Code), nil)
		case x.Severity != lint.Info:
			count++
		}
	}
	if count > 0 {
		return &codedError{fmt.Sprintf("token lint: %d to mend: see docs/reference/lint.md", count), exitDenied}
	}
	return nil
}
