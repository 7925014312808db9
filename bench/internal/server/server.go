//go:build linux

// Package server contains the servers that are measured. Each runs as a process of its own. They are the limit, which is a
// bare loop of writes, servers as people write them with net/http and well-known libraries, and Motacilla.
package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
)

// Ready is the line that the process of a server prints when it listens, or has failed to.
type Ready struct {
	Addr  string `json:"addr"`
	Path  string `json:"path"`
	Since int64  `json:"since"` // the revision from which readers start; -1 if the server has none
	Error string `json:"error,omitempty"`
}

// Command is a line of JSON that the harness sends to the process of a server.
type Command struct {
	Seq     int    `json:"seq,omitempty"`     // write this post
	Stamp   int64  `json:"stamp,omitempty"`   // when the write began, in nanoseconds of CLOCK_MONOTONIC
	Profile string `json:"profile,omitempty"` // start a CPU profile into this file
	Collect bool   `json:"collect,omitempty"` // collect garbage, give memory back to the system, and print an empty line of JSON
}

// Server is a server that listens.
type Server interface {
	Ready() Ready
	Publish(ctx context.Context, seq int, stamp int64) error
}

var kinds = map[string]func(ctx context.Context) (Server, error){
	"nethttp-sse":    httpServer(newFlushing),
	"gorilla-hub":    httpServer(newHub),
	"r3labs-sse":     httpServer(newR3labs),
	"longpoll-timer": httpServer(newTimed),

	"nethttp-post": httpServer(func() posting { return posting{} }),
	"nethttp-304":  httpServer(func() unchanged { return unchanged{} }),

	"ours-post-memory": oursCost("memory"),
	"ours-post-sqlite": oursCost("sqlite"),
	"ours-304":         oursCost("memory"),

	"ours-sse":                  ours(transport{publisher: "sse"}),
	"ours-websocket":            ours(transport{publisher: "websocket"}),
	"ours-long-polling":         ours(transport{publisher: "long-polling"}),
	"ours-sse-goroutines":       ours(transport{publisher: "sse", goroutines: true}),
	"ours-websocket-goroutines": ours(transport{publisher: "websocket", goroutines: true}),

	"limit-tls":               newBareTLS,
	"nethttp-sse-tls":         httpsServer(newFlushing),
	"ours-sse-tls":            ours(transport{publisher: "sse", tls: true}),
	"ours-websocket-tls":      ours(transport{publisher: "websocket", tls: true}),
	"ours-long-polling-tls":   ours(transport{publisher: "long-polling", tls: true}),
	"ours-sse-tls-goroutines": ours(transport{publisher: "sse", tls: true, goroutines: true}),
}

// Names returns the names of all servers, sorted.
func Names() []string {
	names := []string{limitName}
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Run runs a server as a process. It prints Ready to out, and carries out the commands from in until in ends.
func Run(name string, in io.Reader, out io.Writer) error {
	if name == limitName {
		return runLimit(in, out)
	}
	kind, ok := kinds[name]
	if !ok {
		return fmt.Errorf("unknown server %q; known: %s", name, strings.Join(Names(), ", "))
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir, err := os.MkdirTemp("", "bench-"+name)
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	if err != nil {
		return fmt.Errorf("make a folder for %s: %w", name, err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := kind(ctx)
	if err != nil {
		return errors.Join(err, say(out, Ready{Error: err.Error()}))
	}
	if err := say(out, s.Ready()); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var cmd Command
		if err := json.Unmarshal(lines.Bytes(), &cmd); err != nil {
			return fmt.Errorf("%s: command: %w", name, err)
		}
		switch {
		case cmd.Profile != "":
			err = profile(cmd.Profile)
		case cmd.Collect:
			err = collect(out)
		default:
			err = s.Publish(ctx, cmd.Seq, cmd.Stamp)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return lines.Err()
}

func collect(out io.Writer) error {
	debug.FreeOSMemory()
	return say(out, Ready{})
}

func profile(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil { // the profile keeps the file open until the process ends
		return fmt.Errorf("profile: %w", err)
	}
	return nil
}

func say(out io.Writer, ready Ready) error {
	if err := json.NewEncoder(out).Encode(ready); err != nil {
		return fmt.Errorf("print that the server is ready: %w", err)
	}
	return nil
}

// handler is a measured server that runs on the server of net/http.
type handler interface {
	http.Handler
	publish(seq int, stamp int64) error
	since() int64
}

type onHTTP struct {
	handler
	addr string
}

func (s onHTTP) Ready() Ready { return Ready{Addr: s.addr, Path: "/bench", Since: s.since()} }

func (s onHTTP) Publish(_ context.Context, seq int, stamp int64) error { return s.publish(seq, stamp) }

// httpServer serves a handler at /bench, with the defaults of net/http.
func httpServer[H handler](make func() H) func(context.Context) (Server, error) {
	return func(ctx context.Context) (Server, error) {
		return serve(ctx, make(), func(s *http.Server, l net.Listener) error { return s.Serve(l) })
	}
}

// httpsServer is httpServer over TLS, with HTTP/2 for readers that ask for it.
func httpsServer[H handler](make func() H) func(context.Context) (Server, error) {
	return func(ctx context.Context) (Server, error) {
		config, err := tlsConfig("h2", "http/1.1")
		if err != nil {
			return nil, err
		}
		return serve(ctx, make(), func(s *http.Server, l net.Listener) error {
			s.TLSConfig = config
			return s.ServeTLS(l, "", "")
		})
	}
}

func serve(ctx context.Context, h handler, how func(*http.Server, net.Listener) error) (Server, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/bench", h)
	server := &http.Server{Handler: mux} //nolint:gosec // measured as people write it, without timeouts
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = how(server, l) }()
	return onHTTP{h, l.Addr().String()}, nil
}
