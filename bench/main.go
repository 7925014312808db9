//go:build linux

// Command bench measures what it costs to deliver an update to many readers. One run measures Motacilla, the limit and
// other servers in turns, and shows each cost in proportion to the limit.
//
//	go run . -n 1000,10000 -rounds 3
//	go run . -only limit,ours-sse -n 10000
//	go run . -scale -nodes 1,2,4 -store postgres,redis
//
// It starts itself as a server ("serve NAME"), as one of several nodes ("node"), as the load client ("load"), and as a
// bare loop of INSERT and COMMIT ("insert").
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/motacilla-live/motacilla/bench/internal/harness"
	"github.com/motacilla-live/motacilla/bench/internal/server"
	"github.com/motacilla-live/motacilla/internal/load"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 1 && args[0] == "load" {
		return load.Run(os.Stdin, os.Stdout)
	}
	if len(args) == 1 && args[0] == "insert" {
		return server.RunInsert(os.Stdin, os.Stdout)
	}
	if len(args) == 1 && args[0] == "node" {
		return server.RunNode(os.Stdin, os.Stdout)
	}
	if len(args) == 2 && args[0] == "serve" {
		return server.Run(args[1], os.Stdin, os.Stdout)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return harness.Main(ctx, args, os.Stdout)
}
