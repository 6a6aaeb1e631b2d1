package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwt"
)

// tokenAskCommand asks the issuer what the console would show: token explain sees the token
// alone, the issuer also what took it back.
func tokenAskCommand() *cobra.Command {
	var f adminFlags
	var q grant.Question
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ask [TOKEN | -]",
		Short: "Ask the issuer about a token of its own: every check, the common mistakes, and what took it back",
		Long: "Ask the issuer's admin API what its console shows of a token: every check, the common mistakes, what it says, and whether\n" +
			"it was taken back. Opaque and encrypted tokens are known by what was stored of them. It exits as token verify does, and\n" +
			"with 7 for a token that was taken back.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if (q.Audience != "") == q.AnyAudience {
				return usage("token ask: give --audience, or --any-audience alone to leave it unchecked")
			}
			if f.token == "-" && (len(args) == 0 || args[0] == "-") {
				return usage("token ask: admin token and token cannot both come from standard input")
			}
			if q.Token, err = readToken(cmd, args); err != nil {
				return err
			}
			answer, _, err := f.send(cmd, "POST", "/admin/v1/tokens/explain", q, "")
			if err != nil {
				return err
			}
			var got grant.Explained
			if err := json.Unmarshal(answer, &got); err != nil {
				return err
			}
			if asJSON {
				_, err = cmd.OutOrStdout().Write(answer)
			} else {
				err = printAsked(cmd, got)
			}
			if err != nil {
				return err
			}
			return askedVerdict(got)
		},
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&q.Kind, "kind", "", "what it is looked at as: access_token or id_token (default: access_token)")
	flags.StringVar(&q.Audience, "audience", "", "the expected aud")
	flags.BoolVar(&q.AnyAudience, "any-audience", false, "leave the audience unchecked")
	flags.BoolVar(&asJSON, "json", false, "print one line of JSON")
	return cmd
}

func printAsked(cmd *cobra.Command, got grant.Explained) error {
	if err := printExplanation(cmd, &jwt.Explanation{Checks: got.Checks}, false); err != nil {
		return err
	}
	if len(got.Findings) > 0 {
		if err := printFindings(cmd, got.Findings, false); err != nil {
			return err
		}
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	if got.Hint != "" {
		fmt.Fprintln(out, got.Hint)
	}
	if got.Claims != nil {
		fmt.Fprintf(out, "claims      %s\n", got.Claims)
		printEnding(out, got.Ended)
	}
	return out.Flush()
}

func printEnding(out io.Writer, ended reason.Code) {
	if ended == "" {
		fmt.Fprintln(out, "taken back  no")
		return
	}
	row, _ := reason.Lookup(ended)
	fmt.Fprintf(out, "taken back  %s: %s: %s\n", ended, row.Meaning, row.Remedy)
}

// askedVerdict is the exit code as an error: of the first check that failed, else of what
// took the token back.
func askedVerdict(got grant.Explained) error {
	code := got.Ended
	if failed := got.Refused(); failed != nil {
		code = reason.Code(failed.Reason)
	}
	if code == "" {
		return nil
	}
	row, _ := reason.Lookup(code)
	exit := row.Exit
	if exit == 0 {
		exit = exitInternal
	}
	return &codedError{fmt.Sprintf("%s: %s: %s", code, row.Meaning, row.Remedy), exit}
}
