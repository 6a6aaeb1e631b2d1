package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose"
)

// version is set by the release build.
var version = "devel"

// Exit codes that do not come from the list of reasons.
const (
	exitInternal = 1
	exitUsage    = 2
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "jotward",
		Short:         "Issues, guards and takes back JSON Web Tokens",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          exactArgs(0, "a command"),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{fmt.Sprintf("%v: see %s --help", err, cmd.CommandPath())}
	})
	root.AddCommand(devCommand(), serveCommand(), edgeCommand(), configCommand(), clientCommand(), registrationCommand(), userCommand(), sessionCommand(), grantCommand(), keysCommand(), revokeCommand(),
		edgesCommand(), auditCommand(),
		tokenCommand(), keyCommand(), jwksCommand(), ruleCommand(), tailCommand(), versionCommand())
	return root
}

// A usageError is a command line that cannot be understood: exit code 2.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// exactArgs is cobra.ExactArgs with a usage error.
func exactArgs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usage("%s takes %s: see %s --help", cmd.CommandPath(), what, cmd.CommandPath())
		}
		return nil
	}
}

// report writes an error as "what: why: what to do" and returns the exit code.
func report(w io.Writer, err error) int {
	if err == nil {
		return 0
	}
	if code := jose.ReasonOf(err); code != "" {
		row, _ := reason.Lookup(reason.Code(code))
		fmt.Fprintf(w, "jotward: %v: %s\n", err, row.Remedy)
		if row.Exit != 0 {
			return row.Exit
		}
		return exitInternal
	}
	fmt.Fprintf(w, "jotward: %v\n", err)
	if e, ok := errors.AsType[*codedError](err); ok {
		return e.exit
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*config.Error](err); ok {
		return exitUsage
	}
	return exitInternal
}

// versions is what `jotward version --json` and /version say.
func versions() map[string]string {
	return map[string]string{"version": version, "go": runtime.Version()}
}

func versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(versions())
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), version)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one line of JSON")
	return cmd
}
