package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/edge"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/jose/jwk"
)

// TestIssuerIsNotReadyWithoutItsStore: who cannot sign is not ready.
func TestIssuerIsNotReadyWithoutItsStore(t *testing.T) {
	t.Parallel()
	for _, closed := range []bool{false, true} {
		c := &config.Issuer{Issuer: "http://127.0.0.1:1", Database: filepath.Join(t.TempDir(), "jotward.db"), MasterKey: config.Literal(strings.Repeat("0f", 32)), SessionLifetime: time.Hour}
		c.Signing.Defaults()
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

// TestIssuerSaysWhatItDidNotTakeOver: nobody must believe that a new admin token is
// in force while the old one opens.
func TestIssuerSaysWhatItDidNotTakeOver(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, token := filepath.Join(folder, "jotward.yaml"), filepath.Join(folder, "token")
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(folder, "master"), strings.Repeat("0f", 32))
	file := "issuer: {issuer: 'http://127.0.0.1:1', listen: '127.0.0.1:1', master_key: 'file:" + filepath.Join(folder, "master") + "', admin: {token: 'file:" + token + "'}"
	write(token, strings.Repeat("a", 32))
	write(path, file+"}\n")
	running, err := config.Load(path, config.IssuerSection)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, said string }{
		{path, file + "} # a comment\n", "certificates read again"},
		{path, file + ", session_lifetime: 1h}\n", "restart it"},
		{path, file + "}\n", "certificates read again"},
		{token, strings.Repeat("b", 32), "restart it"},
	} {
		write(c.name, c.text)
		var log strings.Builder
		if err := newProcess(slog.New(slog.NewTextHandler(&log, nil))).reloadIssuer(t.Context(), path, running.Issuer, nil); err != nil || !strings.Contains(log.String(), c.said) {
			t.Errorf("%q: %v, said %q", c.text, err, log.String())
		}
	}
	write(path, "issuer: {}\n")
	if err := newProcess(testLog(t)).reloadIssuer(t.Context(), path, running.Issuer, nil); err == nil {
		t.Error("a bad file was taken")
	}
}

// TestSigningIsReloaded: an algorithm comes and goes without a restart, and stays
// while a client asks for it.
func TestSigningIsReloaded(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, master := filepath.Join(folder, "jotward.yaml"), filepath.Join(folder, "master")
	p := newProcess(testLog(t))
	var i *issuer
	var running *config.File
	set := func(algorithms string) error {
		text := "issuer: {issuer: 'http://127.0.0.1:1', listen: '127.0.0.1:1', database: '" + filepath.Join(folder, "jotward.db") + "', master_key: 'file:" + master +
			"', admin: {token: 'file:" + master + "'}, signing: {algorithms: " + algorithms + "}}\n"
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.WriteFile(master, []byte(strings.Repeat("0f", 32)), 0o600)); err != nil {
			t.Fatal(err)
		}
		if i != nil {
			return p.reloadIssuer(t.Context(), path, running.Issuer, i)
		}
		var err error
		if running, err = config.Load(path, config.IssuerSection); err != nil {
			t.Fatal(err)
		}
		if i, err = newIssuer(t.Context(), running.Issuer, p); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = i.store.Close() })
		i.tend(t.Context())
		return nil
	}
	for _, step := range []struct{ set, signs, asks string }{
		{"[ES256]", "[ES256]", ""}, {"[ES256, EdDSA]", "[ES256 EdDSA]", "EdDSA"}, {"[ES256]", "", ""}, {"[EdDSA, ES256]", "[EdDSA ES256]", "ES256"}, {"[EdDSA]", "[EdDSA]", ""},
	} {
		err := set(step.set)
		if step.signs == "" {
			if err == nil || !strings.Contains(err.Error(), "asks for EdDSA") {
				t.Fatalf("%s: %v", step.set, err)
			}
			continue
		}
		algorithms, more := i.ring.Algorithms(t.Context())
		if err != nil || more != nil || fmt.Sprint(algorithms) != step.signs {
			t.Fatalf("%s: %v, %v, %v sign", step.set, err, more, algorithms)
		}
		if step.asks == "" {
			continue
		}
		c := client.Client{ID: "c", Public: true, IDTokenAlgorithm: jwk.Algorithm(step.asks)}
		if step.asks == "ES256" { // the client moves on first
			c.IDTokenAlgorithm = ""
			_, err = i.clients.Update(t.Context(), audit.Actor{Kind: "system"}, 0, c)
		} else {
			_, _, err = i.clients.Create(t.Context(), audit.Actor{Kind: "system"}, c)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestEdgeSaysWhatItDidNotTakeOver: listeners stay as they were opened.
func TestEdgeSaysWhatItDidNotTakeOver(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jotward.yaml")
	var file *config.File
	var gate *edge.Edge
	for _, c := range []struct {
		listeners, route string
		stays            bool
	}{{"listen: '127.0.0.1:1'", "a", true}, {"listen: '127.0.0.1:1'", "b", true}, {"listen: '127.0.0.1:2'", "b", false}, {"listen: '127.0.0.1:1', admin: {listen: '127.0.0.1:3'}", "b", false}} {
		text := "edge: {" + c.listeners + ", issuers: [{issuer: 'https://id.example', audience: a, algorithms: [ES256], max_lifetime: 1h}], routes: [{name: " + c.route + ", path: /, upstream: 'http://127.0.0.1:9'}]}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		p := newProcess(slog.New(slog.NewTextHandler(&log, nil)))
		if gate == nil {
			var err error
			if file, err = config.Load(path, config.EdgeSection); err != nil {
				t.Fatal(err)
			}
			if gate, err = newEdge(file.Edge, p); err != nil {
				t.Fatal(err)
			}
			defer gate.Close()
		}
		if err := p.reloadEdge(path, gate, file.Edge.Service); err != nil || strings.Contains(log.String(), "restart it") == c.stays || !strings.Contains(log.String(), "configuration reloaded") {
			t.Errorf("%s: %v, said %q", text, err, log.String())
		}
	}
}

// TestIssuerKnowsItWasDown: a client that was not answered before a crash is no thief after it.
func TestIssuerKnowsItWasDown(t *testing.T) {
	t.Parallel()
	c := &config.Issuer{Issuer: "http://127.0.0.1:1", Database: filepath.Join(t.TempDir(), "jotward.db"), MasterKey: config.Literal(strings.Repeat("0f", 32)), SessionLifetime: time.Hour}
	c.Signing.Defaults()
	start := func() grant.Downtime {
		i, err := newIssuer(t.Context(), c, newProcess(testLog(t)))
		if err != nil {
			t.Fatal(err)
		}
		if err := i.store.Close(); err != nil {
			t.Fatal(err)
		}
		return i.grants.Down
	}
	if first := start(); first != (grant.Downtime{}) {
		t.Errorf("the first start: %v", first)
	}
	if second := start(); second.From.IsZero() || second.To.Before(second.From) || time.Since(second.From) > time.Hour {
		t.Errorf("the second: %v", second)
	}
}
