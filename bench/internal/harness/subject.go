//go:build linux

package harness

import (
	"context"
	"fmt"
	"strings"

	"github.com/motacilla-live/motacilla/internal/load"
)

// Subject is a server that is measured.
type Subject struct {
	Name   string
	Label  string // in tables and charts
	Mode   load.Mode
	Ours   bool
	Secure bool      // measured over TLS, or to compare with that
	server string    // in package server; "" is Name
	over   load.Spec // what differs in how readers connect: TLS, streams of a connection, compression
	begin  func(ctx context.Context, profile string) (served, error)
}

// Limit is the name of the subject with which all others are compared.
const Limit = "limit"

// Subjects returns all subjects, in the order of the tables.
func Subjects() []Subject {
	all := append(plain(), secure()...)
	for i := range all {
		s := &all[i]
		s.Ours = strings.HasPrefix(s.Name, "ours-")
		if s.server == "" {
			s.server = s.Name
		}
		if s.begin == nil {
			name := s.server
			s.begin = func(ctx context.Context, profile string) (served, error) { return startLocal(ctx, name, profile) }
		}
	}
	return all
}

func nchanAt(path string, tls bool) func(context.Context, string) (served, error) {
	return func(ctx context.Context, _ string) (served, error) { return startNchan(ctx, path, tls) }
}

// plain returns the subjects without TLS.
func plain() []Subject {
	return []Subject{
		{Name: Limit, Label: "bare loop of write(2)", Mode: load.Raw},
		{Name: "nchan-sse", Label: "Nchan, SSE", Mode: load.SSE, begin: nchanAt("/sse", false)},
		{Name: "nchan-websocket", Label: "Nchan, WebSocket", Mode: load.WebSocket, begin: nchanAt("/ws", false)},
		{Name: "nchan-long-polling", Label: "Nchan, long polling", Mode: load.NchanPoll, begin: nchanAt("/poll", false)},
		{Name: "nethttp-sse", Label: "net/http, SSE, goroutine and channel", Mode: load.SSE},
		{Name: "r3labs-sse", Label: "r3labs/sse", Mode: load.SSE},
		{Name: "gorilla-hub", Label: "gorilla hub, WebSocket", Mode: load.WebSocket},
		{Name: "longpoll-timer", Label: "net/http, long polling, timer per request", Mode: load.LongPoll},
		{Name: "ours-sse", Label: "Motacilla, SSE", Mode: load.SSE},
		{Name: "ours-websocket", Label: "Motacilla, WebSocket", Mode: load.WebSocket},
		{Name: "ours-long-polling", Label: "Motacilla, long polling", Mode: load.LongPoll},
		{Name: "ours-sse-goroutines", Label: "Motacilla, SSE, goroutine per connection", Mode: load.SSE},
		{Name: "ours-websocket-goroutines", Label: "Motacilla, WebSocket, goroutine per connection", Mode: load.WebSocket},
	}
}

// secure returns the subjects that are measured over TLS, and those without TLS that they are compared with.
func secure() []Subject {
	tls := load.Spec{TLS: true}
	streams := func(n int) load.Spec { return load.Spec{TLS: true, Streams: n} }
	all := []Subject{
		{Name: "limit-tls", Label: "bare loop of crypto/tls", Mode: load.Raw, over: tls},
		{Name: "nchan-sse-tls", Label: "Nchan, SSE, TLS", Mode: load.SSE, over: tls, begin: nchanAt("/sse", true)},
		{Name: "nchan-websocket-tls", Label: "Nchan, WebSocket, TLS", Mode: load.WebSocket, over: tls, begin: nchanAt("/ws", true)},
		{Name: "nchan-long-polling-tls", Label: "Nchan, long polling, TLS", Mode: load.NchanPoll, over: tls, begin: nchanAt("/poll", true)},
		{Name: "nethttp-sse-tls", Label: "net/http, SSE, TLS", Mode: load.SSE, over: tls},
		{Name: "nethttp-sse-h2", Label: "net/http, SSE, HTTP/2, 20 streams", Mode: load.SSE, server: "nethttp-sse-tls", over: streams(20)},
		{Name: "ours-sse-tls", Label: "Motacilla, SSE, TLS", Mode: load.SSE, over: tls},
		{Name: "ours-websocket-tls", Label: "Motacilla, WebSocket, TLS", Mode: load.WebSocket, over: tls},
		{Name: "ours-long-polling-tls", Label: "Motacilla, long polling, TLS", Mode: load.LongPoll, over: tls},
		{Name: "ours-sse-tls-goroutines", Label: "Motacilla, SSE, TLS, goroutine per connection", Mode: load.SSE, over: tls},
	}
	for _, n := range []int{1, 5, 20} {
		all = append(all, Subject{
			Name: fmt.Sprintf("ours-sse-h2-%d", n), Label: fmt.Sprintf("Motacilla, SSE, HTTP/2, %d streams", n), Mode: load.SSE,
			server: "ours-sse-tls", over: streams(n),
		})
	}
	all = append(all,
		Subject{Name: "ours-sse-gzip", Label: "Motacilla, SSE, gzip", Mode: load.SSE, server: "ours-sse", over: load.Spec{Gzip: true}},
		Subject{
			Name: "ours-sse-tls-gzip", Label: "Motacilla, SSE, TLS, gzip", Mode: load.SSE, server: "ours-sse-tls",
			over: load.Spec{TLS: true, Gzip: true},
		},
	)
	for i := range all {
		all[i].Secure = true
	}
	return all
}

// compared reports whether subjects over TLS are compared with s.
func (s Subject) compared() bool {
	return s.Name == Limit || s.Name == "ours-sse" || s.Name == "ours-websocket"
}
