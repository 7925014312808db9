//go:build linux

package harness

import (
	"context"
	"strings"

	"github.com/motacilla-live/motacilla/internal/load"
)

// Subject is a server that is measured.
type Subject struct {
	Name  string
	Label string // in tables and charts
	Mode  load.Mode
	Ours  bool
	begin func(ctx context.Context, profile string) (served, error)
}

// Limit is the name of the subject with which all others are compared.
const Limit = "limit"

// Subjects returns all subjects, in the order of the tables.
func Subjects() []Subject {
	nchan := func(path string) func(context.Context, string) (served, error) {
		return func(ctx context.Context, _ string) (served, error) { return startNchan(ctx, path) }
	}
	all := []Subject{
		{Name: Limit, Label: "bare loop of write(2)", Mode: load.Raw},
		{Name: "nchan-sse", Label: "Nchan, SSE", Mode: load.SSE, begin: nchan("/sse")},
		{Name: "nchan-websocket", Label: "Nchan, WebSocket", Mode: load.WebSocket, begin: nchan("/ws")},
		{Name: "nchan-long-polling", Label: "Nchan, long polling", Mode: load.NchanPoll, begin: nchan("/poll")},
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
	for i := range all {
		s := &all[i]
		s.Ours = strings.HasPrefix(s.Name, "ours-")
		if s.begin == nil {
			s.begin = func(ctx context.Context, profile string) (served, error) { return startLocal(ctx, s.Name, profile) }
		}
	}
	return all
}
