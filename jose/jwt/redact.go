package jwt

import (
	"fmt"
	"io"
)

// What a client or a server knows of one request holds tokens, codes and nonces.
// Printed, it shows that it is there and nothing of it.

// Format implements fmt.Formatter for every verb.
func (r IDTokenRequest) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "jwt.IDTokenRequest(redacted)")
}

// Format implements fmt.Formatter for every verb.
func (r DPoPRequest) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "jwt.DPoPRequest("+show(r.Method)+", redacted)")
}

// Format implements fmt.Formatter for every verb.
func (t DPoPTarget) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "jwt.DPoPTarget("+show(t.Method)+", redacted)")
}

// MarshalText makes encoders of logs write what Format writes.
func (r IDTokenRequest) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(r)), nil }

// MarshalText makes encoders of logs write what Format writes.
func (r DPoPRequest) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(r)), nil }

// MarshalText makes encoders of logs write what Format writes.
func (t DPoPTarget) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(t)), nil }
