package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// cryptFlags name a key and the algorithms of an encryption.
type cryptFlags struct {
	key  string
	algs []string
	encs []string
}

func (f *cryptFlags) read(cmd *cobra.Command) (key *jwk.Key, encryptions []jwk.Algorithm, err error) {
	algorithms, err := parseNames(f.algs, keyAlgorithms())
	if err != nil {
		return nil, nil, err
	}
	if encryptions, err = parseNames(f.encs, jwk.ContentEncryptionAlgorithms()); err != nil {
		return nil, nil, err
	}
	data, err := readSecret(cmd, f.key, "--key")
	if err != nil {
		return nil, nil, err
	}
	key, err = namedKey(data, algorithms)
	return key, encryptions, err
}

func tokenEncryptCommand() *cobra.Command {
	var f cryptFlags
	var enc, typ string
	var nested bool
	cmd := &cobra.Command{
		Use:   "encrypt [FILE | -]",
		Short: "Encrypt a file, or a signed token, to a key",
		Long: "Encrypt what the file holds to a key, with its algorithm. With --nested the file holds a signed token,\n" +
			"and the result says so (cty JWT): readers then verify what is inside. Without it nobody vouches for the content.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.encs = []string{enc}
			ref := "-"
			if len(args) == 1 {
				ref = args[0]
			}
			if ref == "-" && f.key == "-" {
				return usage("token encrypt: key and content cannot both come from standard input")
			}
			key, encryptions, err := f.read(cmd)
			if err != nil {
				return err
			}
			content, err := contentOf(cmd, ref, nested)
			if err != nil {
				return err
			}
			o := jwe.EncryptOptions{Encryption: encryptions[0], Type: typ}
			var token string
			if nested {
				token, err = jwt.Encrypt(string(content), key, o)
			} else {
				token, err = jwe.Encrypt(content, key, o)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
			return err
		},
	}
	cmd.Flags().StringVar(&f.key, "key", "", "the public key or secret: FILE, - or env:NAME")
	cmd.Flags().StringSliceVar(&f.algs, "alg", nil, "the key's algorithm, for a key that names none")
	cmd.Flags().StringVar(&enc, "enc", "A256GCM", "the encryption of the content")
	cmd.Flags().StringVar(&typ, "type", "", "the typ of the header")
	cmd.Flags().BoolVar(&nested, "nested", false, "the content is a signed token")
	return cmd
}

// contentOf reads bytes as they are, or a token without what surrounds it.
func contentOf(cmd *cobra.Command, ref string, isToken bool) ([]byte, error) {
	if !isToken {
		return readSecret(cmd, ref, "content")
	}
	if ref != "-" {
		data, err := readSecret(cmd, ref, "token")
		if err != nil {
			return nil, err
		}
		ref = string(data)
	}
	token, err := readToken(cmd, []string{ref})
	return []byte(token), err
}

func tokenDecryptCommand() *cobra.Command {
	var f cryptFlags
	var iterations int
	cmd := &cobra.Command{
		Use:   "decrypt [TOKEN | -]",
		Short: "Decrypt a token and print its content, which nobody vouches for",
		Long: "Decrypt a token with a key. The algorithm is the key's, never the token's. Whoever has the public key can\n" +
			"encrypt to it: verify what comes out, if it is a token, with jotward token verify.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			key, encryptions, err := f.read(cmd)
			if err != nil {
				return err
			}
			if iterations <= 0 {
				return usage("token decrypt: --max-iterations is not above 0: give a number such as %d", jwe.DefaultMaxIterations)
			}
			if !key.CanDecrypt() {
				return jose.NewError(jose.KeyMisuse, "the key is public, or its algorithm, use or key_ops do not allow decrypting", nil)
			}
			if len(encryptions) == 0 {
				encryptions = jwk.ContentEncryptionAlgorithms()
			}
			token, err := readToken(cmd, args)
			if err != nil {
				return err
			}
			alg := key.Algorithm()
			if alg.IsContentEncryption() {
				alg = jwk.Direct
			}
			m, err := jwe.Decrypt(cmd.Context(), token, key, jwe.DecryptOptions{
				Algorithms: []jwk.Algorithm{alg}, Encryptions: encryptions, MaxIterations: iterations,
			})
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "NOT VERIFIED: anybody with the public key can have written this")
			_, err = cmd.OutOrStdout().Write(m.Plaintext)
			return err
		},
	}
	cmd.Flags().StringVar(&f.key, "key", "", "the private key or secret: FILE, - or env:NAME")
	cmd.Flags().StringSliceVar(&f.algs, "alg", nil, "the key's algorithm, for a key that names none")
	cmd.Flags().StringSliceVar(&f.encs, "enc", nil, "the accepted encryptions of the content (default: all)")
	cmd.Flags().IntVar(&iterations, "max-iterations", jwe.DefaultMaxIterations, "the work that a password-based token may ask for")
	return cmd
}
