package main

import (
	"net"
	"testing"

	"github.com/jotward/jotward/internal/config"
)

// A listener knows where browsers reach it on loopback only.
func TestConsoleURL(t *testing.T) {
	t.Parallel()
	tls := config.TLS{Certificate: "c", Key: "k"}
	for _, c := range []struct {
		listen string
		config config.Issuer
		want   string
	}{
		{"127.0.0.1", config.Issuer{}, "http://127.0.0.1:8082"},
		{"::1", config.Issuer{}, "http://[::1]:8082"},
		{"127.0.0.1", config.Issuer{Service: config.Service{Admin: config.Admin{TLS: tls}}}, "https://127.0.0.1:8082"},
		{"127.0.0.1", config.Issuer{ConsoleURL: "https://ops.example"}, "https://ops.example"},
		{"0.0.0.0", config.Issuer{}, ""},
		{"192.0.2.7", config.Issuer{}, ""},
	} {
		if got := consoleURL(&c.config, &net.TCPAddr{IP: net.ParseIP(c.listen), Port: 8082}); got != c.want {
			t.Errorf("%s %+v: %q, want %q", c.listen, c.config, got, c.want)
		}
	}
}
