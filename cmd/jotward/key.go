package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/jose/jwk"
)

func keyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "Make keys and look at them", Args: exactArgs(0, "a subcommand"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(keyNewCommand(), keyPublicCommand(), keyThumbprintCommand())
	return cmd
}

func keyNewCommand() *cobra.Command {
	var algorithm, keyID string
	var asPEM bool
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Print a new private key as a JWK",
		Args:  exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := parseAlgorithms([]string{algorithm})
			if err != nil {
				return err
			}
			key, err := jwk.Generate(list[0], keyID)
			if err != nil {
				return err
			}
			export := key.ExportPrivate
			if asPEM {
				export = key.ExportPrivatePEM
			}
			return printKey(cmd, export)
		},
	}
	cmd.Flags().StringVar(&algorithm, "alg", "ES256", "the algorithm that the key is for")
	cmd.Flags().StringVar(&keyID, "kid", "", "the kid (default: the RFC 7638 thumbprint)")
	cmd.Flags().BoolVar(&asPEM, "pem", false, "print PKCS #8 PEM in place of a JWK")
	return cmd
}

// keyFlags read an existing key.
type keyFlags struct {
	key        string
	algorithms []string
}

func (f *keyFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.key, "key", "-", "the key: FILE, - or env:NAME")
	cmd.Flags().StringSliceVar(&f.algorithms, "alg", nil, "the algorithm, for a key that names none")
}

func (f *keyFlags) read(cmd *cobra.Command) (*jwk.Key, error) {
	list, err := parseAlgorithms(f.algorithms)
	if err != nil {
		return nil, err
	}
	data, err := readSecret(cmd, f.key, "--key")
	if err != nil {
		return nil, err
	}
	return parseKey(data, list)
}

func keyPublicCommand() *cobra.Command {
	var f keyFlags
	var asPEM bool
	cmd := &cobra.Command{
		Use:   "public",
		Short: "Print the public half of a key",
		Args:  exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := f.read(cmd)
			if err != nil {
				return err
			}
			public, err := key.Public()
			if err != nil {
				return err
			}
			export := public.MarshalJSON
			if asPEM {
				export = public.MarshalPEM
			}
			return printKey(cmd, export)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&asPEM, "pem", false, "print PEM in place of a JWK")
	return cmd
}

func keyThumbprintCommand() *cobra.Command {
	var f keyFlags
	cmd := &cobra.Command{
		Use:   "thumbprint",
		Short: "Print the RFC 7638 SHA-256 thumbprint of a key",
		Args:  exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := f.read(cmd)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), key.Thumbprint())
			return err
		},
	}
	f.add(cmd)
	return cmd
}

func printKey(cmd *cobra.Command, export func() ([]byte, error)) error {
	data, err := export()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", data)
	return err
}
