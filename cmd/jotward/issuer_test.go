package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
)

// TestIssuerIsNotReadyWithoutItsStore: who cannot sign is not ready.
func TestIssuerIsNotReadyWithoutItsStore(t *testing.T) {
	t.Parallel()
	for _, closed := range []bool{false, true} {
		c := &config.Issuer{Issuer: "http://127.0.0.1:1", Database: filepath.Join(t.TempDir(), "jotward.db"), MasterKey: config.Literal(strings.Repeat("0f", 32)), SessionLifetime: time.Hour}
		p := newProcess(testLog(t))
		i, err := newIssuer(t.Context(), c, p)
		if err != nil {
			t.Fatal(err)
		}
		if closed {
			if err := i.store.Close(); err != nil {
				t.Fatal(err)
			}
		} else {
			t.Cleanup(func() { _ = i.store.Close() })
		}
		for _, check := range p.health.Ready() {
			if check.OK == closed {
				t.Errorf("closed %v: %s: %s", closed, check.Name, check.Detail)
			}
		}
	}
}
