package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/internal/config"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Make and check configuration files", Args: exactArgs(0, "a subcommand"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(configInitCommand(), configCheckCommand())
	return cmd
}

func configInitCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a commented configuration to begin with, to stdout or a new file",
		Args:  atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] == "-" {
				_, err := io.WriteString(cmd.OutOrStdout(), config.Starter)
				return err
			}
			file, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			switch {
			case errors.Is(err, fs.ErrExist):
				return usage("config init: %v: name a file that does not exist yet", err)
			case errors.Is(err, fs.ErrNotExist):
				return usage("config init: %v: make the folder first", err)
			case err != nil:
				return fmt.Errorf("config init: %w", err)
			}
			if _, err := io.WriteString(file, config.Starter); err != nil {
				return err
			}
			return file.Close()
		},
	}
}

func configCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "Read a configuration as serve and edge would, and say all that is wrong",
		Args:  atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			path := defaultConfig
			if len(args) == 1 {
				path = args[0]
			}
			file, err := loadConfig(path)
			if err := file.More(err, compiled); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if i := file.Issuer; i != nil {
				fmt.Fprintf(out, "issuer %s on %s, admin on %s\n", i.Issuer, i.Listen, i.Admin.Listen)
				warn(cmd, i.Warnings())
			}
			if e := file.Edge; e != nil {
				fmt.Fprintf(out, "edge on %s, routes: %d, issuers: %d\n", e.Listen, len(e.Routes), len(e.Issuers))
				warn(cmd, e.Warnings())
			}
			return nil
		},
	}
}

func warn(cmd *cobra.Command, warnings []string) {
	for _, w := range warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", w)
	}
}

// compiled is what serve and edge would find wrong beside.
func compiled(file *config.File) error {
	err := checkCertificates(file)
	if file.Edge != nil {
		_, more := newEdge(file.Edge, newProcess(slog.New(slog.DiscardHandler)))
		err = errors.Join(err, more)
	}
	return err
}

// checkCertificates reads every certificate as the listeners would.
func checkCertificates(file *config.File) error {
	var errs []error
	check := func(at string, t config.TLS) {
		if !t.Files() {
			return
		}
		if err := (&certificate{files: t}).load(); err != nil {
			errs = append(errs, &config.Problem{Path: at, Text: err.Error()})
		}
	}
	if i := file.Issuer; i != nil {
		check("issuer.tls", i.TLS)
		check("issuer.admin.tls", i.Admin.TLS)
	}
	if e := file.Edge; e != nil {
		check("edge.tls", e.TLS)
		check("edge.admin.tls", e.Admin.TLS)
	}
	return errors.Join(errs...)
}
