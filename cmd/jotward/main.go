// Command jotward issues, guards and takes back JSON Web Tokens.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // rules name zones, and a container may have none
)

func main() { os.Exit(run()) }

func run() int {
	// net/http's transport prints what an upstream sends unasked through this
	// logger; ours is slog, and never prints a body.
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends at once what the first lets drain
	root := newRoot()
	root.SetArgs(os.Args[1:])
	return report(os.Stderr, root.ExecuteContext(ctx))
}
