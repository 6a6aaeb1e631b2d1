package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxSecret bounds what a reference may hold: 64 KiB.
const maxSecret = 64 << 10

// A Secret is a value that a file of configuration only refers to: env:NAME or
// file:PATH. It is read when the configuration is loaded and shows itself as
// the reference, never as the value.
type Secret struct{ ref, value string }

// Literal makes a Secret of a value that a program holds already.
func Literal(value string) Secret { return Secret{ref: "(literal)", value: value} }

// Reveal returns the value.
func (s Secret) Reveal() string { return s.value }

// IsZero reports whether nothing was given.
func (s Secret) IsZero() bool { return s.ref == "" }

// String, GoString, LogValue and MarshalYAML show the reference.
func (s Secret) String() string { return s.ref }

// GoString is String.
func (s Secret) GoString() string { return "config.Secret(" + s.ref + ")" }

// LogValue is String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.ref) }

// MarshalYAML is String.
func (s Secret) MarshalYAML() (any, error) { return s.ref, nil }

// UnmarshalYAML takes the reference; the value is read by resolve.
func (s *Secret) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return errors.New("a secret is written as env:NAME or file:PATH")
	}
	// The text is not repeated in the error: it may be the secret itself.
	if !strings.HasPrefix(n.Value, "env:") && !strings.HasPrefix(n.Value, "file:") {
		return errors.New(openSecret)
	}
	s.ref = n.Value
	return nil
}

// resolve reads what the reference names; a line break at the end is cut.
func (s *Secret) resolve() error {
	if s.value != "" {
		return nil
	}
	if name, ok := strings.CutPrefix(s.ref, "env:"); ok {
		value, set := os.LookupEnv(name)
		if !set || value == "" {
			return fmt.Errorf("environment variable %s is not set: set it, or refer to file:PATH", name)
		}
		s.value = value
		return nil
	}
	path, ok := strings.CutPrefix(s.ref, "file:")
	if !ok {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return err
	}
	if s.value = strings.TrimRight(string(data), "\r\n"); s.value == "" || len(data) > maxSecret {
		return fmt.Errorf("file %s is empty or larger than %d bytes: is it the right one?", path, maxSecret)
	}
	return nil
}
