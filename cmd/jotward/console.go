package main

import (
	"context"
	"net"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/console"
)

// consoleURL is where browsers reach the admin listener, "" when that cannot be known.
func consoleURL(c *config.Issuer, address net.Addr) string {
	at, ok := address.(*net.TCPAddr)
	switch {
	case c.ConsoleURL != "":
		return c.ConsoleURL
	case !ok || !at.IP.IsLoopback():
		return ""
	case c.Admin.TLS.Enabled():
		return "https://" + at.String()
	}
	return "http://" + at.String()
}

// openConsole mounts the console and returns where it is, "" when it is not: the issuer
// serves without one as well.
func (i *issuer) openConsole(ctx context.Context, address string) string {
	if address == "" {
		i.log.Info("no console: the admin listener is not on loopback, and issuer.console_url does not say where browsers reach it")
		return ""
	}
	c, err := console.New(console.Config{Issuer: i.Metadata.Issuer, URL: address, Clients: i.clients, Grants: i.grants, Now: time.Now})
	if err == nil {
		err = c.Register(ctx)
	}
	if err != nil {
		i.log.Error("no console", "cause", err.Error())
		return ""
	}
	i.Console = c.Routes()
	return address + "/console"
}
