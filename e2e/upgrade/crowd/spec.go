// Package crowd has many readers of every transport, in a process of its own. A reader is stricter than a browser: an update must
// begin where the last one ended, and a reader with a cursor must never get a reset. When its connection ends, a reader counts that
// and comes back with its cursor.
package crowd

import (
	"time"

	"github.com/motacilla-live/motacilla"
)

// Kind is how a reader reads.
type Kind string

// The kinds of readers. HTTP2 is server-sent events over HTTP/2.
const (
	SSE       Kind = "sse"
	WebSocket Kind = "websocket"
	LongPoll  Kind = "long-polling"
	HTTP2     Kind = "http2"
)

// Group is a number of readers that read in the same way.
type Group struct {
	Name     string `json:"name"`
	Base     string `json:"base"`             // URL of a node; its certificate is not checked
	Socket   string `json:"socket,omitempty"` // path of a Unix socket, at which the node is instead of the address of Base
	Kind     Kind   `json:"kind"`
	Readers  int    `json:"readers"`
	Channels int    `json:"channels"`          // of each reader; 1 is the address of one channel
	Coding   string `json:"coding,omitempty"`  // gzip, or deflate for WebSocket
	Fidgets  bool   `json:"fidgets,omitempty"` // readers unsubscribe and subscribe again and again; WebSocket with several channels
}

// Spec says who reads.
type Spec struct {
	Channels []motacilla.ChannelID `json:"channels"` // that readers take in turn
	Groups   []Group               `json:"groups"`
}

// Truth is what the store holds: of each channel its head and the revisions of its posts.
type Truth map[motacilla.ChannelID]Content

// Content is that of one channel.
type Content struct {
	Head  motacilla.Revision                      `json:"head"`
	Posts map[motacilla.PostID]motacilla.Revision `json:"posts"`
}

// Command is one line of the input of [Run].
type Command struct {
	Connect *Spec         `json:"connect,omitempty"` // the first command; the answer comes when each reader has an update of each channel
	Await   Truth         `json:"await,omitempty"`   // the answer comes when each reader holds that, or after Within
	Again   bool          `json:"again,omitempty"`   // the answer has the lag since the last such command
	Within  time.Duration `json:"within,omitempty"`
}

// Reply is the answer to a command: what has happened so far.
type Reply struct {
	Error  string            `json:"error,omitempty"`
	Groups map[string]Report `json:"groups"`
}

// Report is what a group's readers saw. Gaps, Doubled, Resets and Wrong must be empty, and so must Ends if the server does not end
// connections.
type Report struct {
	Readers int `json:"readers"`
	Updates int `json:"updates"`
	Gaps    int `json:"gaps"`    // updates that begin after a reader's cursor
	Doubled int `json:"doubled"` // updates that begin before it, or posts that a reader has already
	Resets  int `json:"resets"`  // of readers that have a cursor

	Ends  int            `json:"ends"`            // connections that ended, and polls that failed
	Why   map[string]int `json:"why,omitempty"`   // they ended
	Wrong map[string]int `json:"wrong,omitempty"` // what was no part of the protocol

	Lag time.Duration `json:"lag"` // the longest time from a change of the channel until a reader had it
}

// Bad reports whether a reader lost something, got something twice, or got what is no update.
func (r *Report) Bad() bool { return r.Gaps+r.Doubled+r.Resets+len(r.Wrong) > 0 }
