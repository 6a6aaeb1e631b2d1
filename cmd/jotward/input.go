package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/jose/jwk"
)

// maxInput bounds what is read from a file or standard input: 1 MiB.
const maxInput = 1 << 20

// readBounded reads all of r, and refuses more than maxInput.
func readBounded(r io.Reader, what string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if len(data) > maxInput {
		return nil, usage("%s: more than %d bytes: is it the right file?", what, maxInput)
	}
	return data, nil
}

// readSecret reads what a flag refers to: FILE, - for standard input, or
// env:NAME. Secrets are never flag values, for those show in process lists.
func readSecret(cmd *cobra.Command, ref, flag string) ([]byte, error) {
	switch name, isEnv := strings.CutPrefix(ref, "env:"); {
	case ref == "":
		return nil, usage("%s: is missing: give FILE, - or env:NAME", flag)
	case isEnv:
		value, ok := os.LookupEnv(name)
		if !ok {
			return nil, usage("%s: environment variable %s is not set: set it, or give FILE or -", flag, name)
		}
		return []byte(value), nil
	case ref == "-":
		return readBounded(cmd.InOrStdin(), flag)
	}
	file, err := os.Open(ref)
	if err != nil {
		// The name is not repeated: it may be the secret itself, given by mistake.
		if cause, ok := errors.AsType[*fs.PathError](err); ok {
			err = cause.Err
		}
		return nil, usage("%s: what is given is no file: %v: give FILE, - or env:NAME", flag, err)
	}
	defer file.Close()
	return readBounded(file, flag)
}

// readToken returns the token of the command line: the argument, or standard
// input for - and for none. A leading "Bearer " is stripped.
func readToken(cmd *cobra.Command, args []string) (string, error) {
	text := ""
	if len(args) == 1 && args[0] != "-" {
		text = args[0]
	} else {
		data, err := readBounded(cmd.InOrStdin(), "token")
		if err != nil {
			return "", err
		}
		text = string(data)
	}
	text = strings.TrimSpace(text)
	if len(text) > 7 && strings.EqualFold(text[:7], "bearer ") {
		text = strings.TrimLeft(text[7:], " ")
	}
	if text == "" {
		return "", usage("token: is missing: give it as the argument or on standard input")
	}
	return text, nil
}

// parseAlgorithms reads a list of signature algorithms.
func parseAlgorithms(names []string) ([]jwk.Algorithm, error) {
	return parseNames(names, jwk.SignatureAlgorithms())
}

// parseNames reads a list of names, each of which must be among the known ones.
func parseNames(names []string, known []jwk.Algorithm) ([]jwk.Algorithm, error) {
	var list []jwk.Algorithm
	for _, name := range names {
		a := jwk.Algorithm(name)
		if !slices.Contains(known, a) {
			return nil, usage("algorithm %q: is unknown here: use one of %v", name, known)
		}
		list = append(list, a)
	}
	return list, nil
}

// keyAlgorithms are all that a key can be bound to.
func keyAlgorithms() []jwk.Algorithm {
	return slices.Concat(jwk.SignatureAlgorithms(), jwk.KeyManagementAlgorithms(), jwk.ContentEncryptionAlgorithms())
}

// namedKey is parseKey for a key that is used with its own algorithm. One that
// --alg does not name is not the key that was asked for.
func namedKey(data []byte, algorithms []jwk.Algorithm) (*jwk.Key, error) {
	key, err := parseKey(data, algorithms)
	if err != nil || len(algorithms) == 0 || slices.ContainsFunc(algorithms, func(a jwk.Algorithm) bool { return one(a) == one(key.Algorithm()) }) {
		return key, err
	}
	return nil, usage("--alg %v: the key is for %s: leave --alg out, or give another key", algorithms, key.Algorithm())
}

// one makes one name of the two of Ed25519 (RFC 9864 2.2).
func one(a jwk.Algorithm) jwk.Algorithm {
	if a == jwk.EdDSA {
		return jwk.Ed25519
	}
	return a
}

// parseKey reads one key: a JWK, or PEM or DER when the algorithm is given.
func parseKey(data []byte, algorithms []jwk.Algorithm) (*jwk.Key, error) {
	const sequence = 0x30 // what DER begins with, and no text of a key does
	if len(data) > 0 && data[0] == sequence {
		if len(algorithms) != 1 {
			return nil, usage("key: DER names no algorithm: give exactly one with --alg")
		}
		return jwk.ParseDER(data, algorithms[0], "")
	}
	if strings.HasPrefix(strings.TrimSpace(string(data)), "-----BEGIN") {
		if len(algorithms) != 1 {
			return nil, usage("key: PEM names no algorithm: give exactly one with --alg")
		}
		return jwk.ParsePEM(data, algorithms[0], "")
	}
	return jwk.Parse(data, jwk.Options{Algorithms: algorithms})
}
