package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
)

func tokenCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Decode, verify, explain, ask about, lint, sign, encrypt and decrypt tokens", Args: exactArgs(0, "a subcommand"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(tokenDecodeCommand(), tokenVerifyCommand(), tokenExplainCommand(), tokenAskCommand(), tokenLintCommand(), tokenSignCommand(), tokenEncryptCommand(), tokenDecryptCommand())
	return cmd
}

func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage("%s takes at most one argument: see %s --help", cmd.CommandPath(), cmd.CommandPath())
	}
	return nil
}

func tokenDecodeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "decode [TOKEN | -]",
		Short: "Show header and claims of a token, verifying nothing",
		Args:  atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			token, err := readToken(cmd, args)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "NOT VERIFIED: use jotward token verify before you believe this")
			return decodeToken(cmd, token)
		},
	}
}

// decodeToken prints both parts as they are, so that what a strict parser
// would refuse can still be looked at.
func decodeToken(cmd *cobra.Command, token string) error {
	parts := strings.SplitN(token, ".", 6)
	var shown struct {
		Header json.RawMessage `json:"header"`
		Claims json.RawMessage `json:"claims,omitempty"`
	}
	readable, check := []*json.RawMessage{&shown.Header, &shown.Claims}, func() error { _, err := jws.ParseHeader(parts[0]); return err }
	switch len(parts) {
	case 3:
	case 5:
		fmt.Fprintln(cmd.ErrOrStderr(), "the content is encrypted: jotward token decrypt opens it")
		readable, check = readable[:1], func() error { _, err := jwe.ParseHeader(parts[0]); return err }
	default:
		return jose.NewError(jose.TokenMalformed, "a signed token has three parts, an encrypted one five", nil)
	}
	for i, part := range readable {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || !json.Valid(data) {
			return jose.NewError(jose.TokenMalformed, fmt.Sprintf("part %d is not base64url of JSON", i+1), nil)
		}
		*part = data
	}
	if err := check(); err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "the header would be refused: %v\n", err)
	}
	out := json.NewEncoder(cmd.OutOrStdout())
	out.SetIndent("", "  ")
	return out.Encode(shown)
}

// verifyFlags are the expectations of `token verify` and `token explain`.
type verifyFlags struct {
	command              string // for what is said of flags
	key, jwksURL, issuer string
	noIssuer, noType     bool
	noMaxLifetime        bool
	audience, typ        string
	algorithms           []string
	maxLifetime, leeway  time.Duration
	require              []string
}

func tokenVerifyCommand() *cobra.Command {
	f := verifyFlags{command: "token verify"}
	cmd := &cobra.Command{
		Use:   "verify [TOKEN | -]",
		Short: "Verify a token and print its claims",
		Long: "Verify a token against a key and explicit expectations. The algorithm is never taken from the token:\n" +
			"name it with --alg, or let the key's own alg say it.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.register(cmd)
	return cmd
}

func (f *verifyFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.key, "key", "", "the key or key set: FILE, - or env:NAME")
	flags.StringVar(&f.jwksURL, "jwks", "", "the address of the key set; without --key and --jwks it is found at the issuer")
	flags.StringVar(&f.issuer, "issuer", "", "the expected iss")
	flags.BoolVar(&f.noIssuer, "no-issuer", false, "accept any issuer and audience")
	flags.StringVar(&f.audience, "audience", "", "the expected aud")
	flags.StringVar(&f.typ, "type", "at+jwt", "the expected typ")
	flags.BoolVar(&f.noType, "no-type", false, "accept any typ, and none")
	flags.StringSliceVar(&f.algorithms, "alg", nil, "the allowed algorithms")
	flags.DurationVar(&f.maxLifetime, "max-lifetime", time.Hour, "the longest accepted lifetime, from iat to exp")
	flags.BoolVar(&f.noMaxLifetime, "no-max-lifetime", false, "accept any lifetime")
	flags.DurationVar(&f.leeway, "leeway", 0, "the clock difference that is forgiven")
	flags.StringSliceVar(&f.require, "require", nil, "the claims that must be there (default exp,iat,iss,aud,sub)")
}

func (f *verifyFlags) run(cmd *cobra.Command, args []string) error {
	verifier, token, err := f.prepare(cmd, args)
	if err != nil {
		return err
	}
	verified, err := verifier.Verify(cmd.Context(), token)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", verified.Payload)
	return err
}

// prepare builds the verifier that the flags describe, and reads the token.
func (f *verifyFlags) prepare(cmd *cobra.Command, args []string) (*jwt.Verifier[struct{}], string, error) {
	if f.noIssuer == (f.issuer != "" || f.audience != "") {
		return nil, "", usage("%s: give --issuer and --audience, or --no-issuer alone to accept any of both", f.command)
	}
	if !f.noIssuer && (f.issuer == "" || f.audience == "") {
		return nil, "", usage("%s: --issuer and --audience go together: give both", f.command)
	}
	if f.typ == "" || f.maxLifetime <= 0 {
		return nil, "", usage("%s: --type is empty or --max-lifetime is not above 0: to accept any, say --no-type or --no-max-lifetime", f.command)
	}
	algorithms, err := parseAlgorithms(f.algorithms)
	if err != nil {
		return nil, "", err
	}
	keys, algorithms, err := f.keySource(cmd, algorithms)
	if err != nil {
		return nil, "", err
	}
	token, err := readToken(cmd, args)
	if err != nil {
		return nil, "", err
	}
	policy := jwt.Policy{
		Algorithms: algorithms, Type: f.typ, Required: f.require, Leeway: f.leeway, MaxLifetime: f.maxLifetime, Clock: time.Now,
		SkipIssuer: f.noIssuer, SkipAudience: f.noIssuer,
	}
	if f.noType {
		policy.Type, policy.SkipType = "", true
	}
	if f.noMaxLifetime {
		policy.MaxLifetime, policy.SkipLifetime = 0, true
	}
	if f.noIssuer && f.require == nil {
		policy.Required = []string{"exp"}
	}
	if !f.noIssuer {
		policy.Issuers, policy.Audiences = []string{f.issuer}, []string{f.audience}
	}
	verifier, err := jwt.NewVerifier[struct{}](keys, policy)
	return verifier, token, err
}

// keySource returns the keys, and the algorithms they may be used with: those
// given, or for a key of one's own the algorithm it is bound to.
func (f *verifyFlags) keySource(cmd *cobra.Command, algorithms []jwk.Algorithm) (jwt.KeySource, []jwk.Algorithm, error) {
	if f.key == "" {
		if len(algorithms) == 0 {
			algorithms = []jwk.Algorithm{jwk.ES256, jwk.ES384, jwk.ES512, jwk.EdDSA, jwk.Ed25519, jwk.RS256, jwk.PS256}
		}
		config := jwks.Config{URL: f.jwksURL, Algorithms: algorithms, Clock: time.Now, AllowHTTP: true}
		if f.jwksURL == "" {
			if f.issuer == "" {
				return nil, nil, usage("%s: no key: give --key, --jwks or --issuer", f.command)
			}
			config.Issuer = f.issuer
		}
		remote, err := jwks.NewRemote(config)
		return remote, algorithms, err
	}
	data, err := readSecret(cmd, f.key, "--key")
	if err != nil {
		return nil, nil, err
	}
	if strings.Contains(string(data), `"keys"`) {
		set, err := jwk.ParseSet(data, jwk.Options{Algorithms: algorithms})
		if err != nil {
			return nil, nil, err
		}
		if len(algorithms) == 0 {
			for _, k := range set.Keys() {
				if k.CanVerify() {
					algorithms = append(algorithms, k.Algorithm())
				}
			}
		}
		return set, algorithms, nil
	}
	key, err := parseKey(data, algorithms)
	if err != nil {
		return nil, nil, err
	}
	if len(algorithms) == 0 {
		algorithms = []jwk.Algorithm{key.Algorithm()}
	}
	return key, algorithms, nil
}

func tokenSignCommand() *cobra.Command {
	var keyRef, typ string
	var algorithms []string
	cmd := &cobra.Command{
		Use:   "sign [CLAIMS-FILE | -]",
		Short: "Sign a claims set, byte for byte as given",
		Args:  atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := parseAlgorithms(algorithms)
			if err != nil {
				return err
			}
			ref := "-"
			if len(args) == 1 {
				ref = args[0]
			}
			if ref == "-" && keyRef == "-" {
				return usage("token sign: key and claims cannot both come from standard input")
			}
			secret, err := readSecret(cmd, keyRef, "--key")
			if err != nil {
				return err
			}
			key, err := namedKey(secret, list)
			if err != nil {
				return err
			}
			signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: typ})
			if err != nil {
				return err
			}
			claims, err := readSecret(cmd, ref, "claims")
			if err != nil {
				return err
			}
			token, err := signer.Sign(claims)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
			return err
		},
	}
	cmd.Flags().StringVar(&keyRef, "key", "", "the private key or secret: FILE, - or env:NAME")
	cmd.Flags().StringVar(&typ, "type", "at+jwt", "the typ of the header")
	cmd.Flags().StringSliceVar(&algorithms, "alg", nil, "the algorithm, for a key that names none")
	return cmd
}
