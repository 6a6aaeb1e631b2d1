package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/jose/jwk"
)

func keyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "Make keys and look at them", Args: exactArgs(0, "a subcommand"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(keyNewCommand(), keyPublicCommand(), keyThumbprintCommand(), keyConvertCommand())
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
			list, err := parseNames([]string{algorithm}, keyAlgorithms())
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
	list, err := parseNames(f.algorithms, keyAlgorithms())
	if err != nil {
		return nil, err
	}
	data, err := readSecret(cmd, f.key, "--key")
	if err != nil {
		return nil, err
	}
	return namedKey(data, list)
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
	var asURI bool
	cmd := &cobra.Command{
		Use:   "thumbprint",
		Short: "Print the RFC 7638 SHA-256 thumbprint of a key",
		Args:  exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := f.read(cmd)
			if err != nil {
				return err
			}
			text := key.Thumbprint()
			if asURI {
				text = key.ThumbprintURI()
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
			return err
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&asURI, "uri", false, "print it as a URI (RFC 9278)")
	return cmd
}

func keyConvertCommand() *cobra.Command {
	var f keyFlags
	var to string
	cmd := &cobra.Command{
		Use:   "convert",
		Short: "Print a key in another form, private when it is private",
		Long: "Print a key, which may be a JWK, PEM or DER, in another form: jwk, pem or der. A private key stays\n" +
			"private: key public prints the other half.",
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := f.read(cmd)
			if err != nil {
				return err
			}
			return convert(cmd, key, to)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&to, "to", "jwk", "the form: jwk, pem or der")
	return cmd
}

func convert(cmd *cobra.Command, key *jwk.Key, to string) error {
	forms := map[string][2]func() ([]byte, error){
		"jwk": {key.MarshalJSON, key.ExportPrivate}, "pem": {key.MarshalPEM, key.ExportPrivatePEM}, "der": {key.MarshalDER, key.ExportPrivateDER},
	}
	form, ok := forms[to]
	if !ok {
		return usage("--to %q: is no form of a key: use jwk, pem or der", to)
	}
	export := form[0]
	if key.IsPrivate() {
		export = form[1]
	}
	if to != "der" {
		return printKey(cmd, export)
	}
	data, err := export()
	if err != nil {
		return err
	}
	_, err = cmd.OutOrStdout().Write(data)
	return err
}

func printKey(cmd *cobra.Command, export func() ([]byte, error)) error {
	data, err := export()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", data)
	return err
}
