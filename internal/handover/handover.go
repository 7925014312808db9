// Package handover gives the sockets of a running server to a new process, which replaces it. No connection is closed.
//
// The old process starts the new one with [Replace]. The new process calls [Inherited]. A pair of sockets connects the two.
// They send each other parcels, in this order:
//
//	old            new
//	greeting ──►           both say which version of the handover they speak
//	         ◄── greeting
//	listener ──►           one for each listener, with its file
//	listeners ─►           these were all
//	         ◄── ready     the new process could accept connections, but does not yet
//	paused   ──►           the old process accepts no more connections
//	         ◄── listening the new process accepts
//	connection ►           one for each connection, with its file
//	last     ──►           these were all
//	         ◄── taken     the old process may leave
//
// Both processes have the listeners from their parcels on, so a connection that comes at any time waits in the same queue. The
// old process accepts until it sends paused, and the new one only after that.
//
// If something fails before taken, the old process kills the new one. Then it accepts again, and it still has the connections
// that it has not given. If the old process ends, the new one goes on with what it has. So one of the two always serves.
//
// A connection that was given is the new process's alone, since that may have written to it. If the new process ends then, such
// a reader has to connect again. So do the readers whose parcels it has not read yet. The buffer between the processes is
// small, so these are fewer than a hundred.
package handover

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"syscall"
	"time"
)

// variable is the environment variable that tells the new process the number of its socket. It does not begin with MOTACILLA_,
// because such a name would be a key of the configuration.
const variable = "LIVE_HANDOVER_FD"

// version is the version of the handover that this release speaks.
const version = 1

// Place says what a listener is for. The new process finds its listeners by it.
type Place struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// Listener is a listener of the old process.
type Listener struct {
	Place
	Mode   fs.FileMode  // that the configuration gives to the file of a Unix socket
	Socket syscall.Conn // such as a *net.TCPListener
}

// offer is the state of a listener's parcel.
type offer struct {
	Place
	Mode fs.FileMode `json:"mode,omitempty"`
}

// Of says whose a connection is.
type Of struct {
	Publisher string `json:"publisher"`
	State     []byte `json:"state"` // what the publisher needs to go on, such as a cursor; at most 4 MiB
}

// Connection is a connection with all that is needed to go on with it.
type Connection struct {
	Of
	Socket net.Conn // without TLS or other wrappers; it must be a syscall.Conn
}

// Count says what became of the connections.
type Count struct {
	PID     int `json:"pid"`     // of the new process
	Taken   int `json:"taken"`   // connections that the new process goes on with
	Refused int `json:"refused"` // connections that the new process has closed
}

// Server is the server in the old process. Replace calls one method at a time.
type Server interface {
	// Listeners returns the listeners that the new process is to have. They must stay open until Replace returns. If
	// Replace has succeeded, the server must close them without removing the files of Unix sockets.
	Listeners() ([]Listener, error)
	// Pause makes the server accept no more connections. It returns when the last accept has ended. The listeners stay open.
	Pause()
	// Resume makes the server accept again. It is called if the handover fails after Pause.
	Resume()
	// HandOver gives the connections, one after another.
	//
	// Before it calls give, nobody may read from the connection or write to it any more. If give returns nil, the
	// connection is the new process's. HandOver must then remove it from every epoll instance, because its file stays open
	// in the other process, and close it without shutting it down. If give returns an error, the connection is still the
	// server's, and the new process has not touched it. If ctx has ended too, the handover has failed. Then HandOver must
	// go on with the connections that it has, and return an error.
	//
	// give may block. It must not be called by two goroutines at once.
	HandOver(ctx context.Context, give func(Connection) error) error
}

// limits are how long a process waits for the other one.
type limits struct {
	ready time.Duration // from the start of the new process until it is ready
	step  time.Duration // for each other parcel
}

// standard has patience with a new process that waits for a slow store: to give up ends the connections that it has.
func standard() limits { return limits{ready: time.Minute, step: time.Minute} }

// stepContext ends after limits.step. Its cause then says that the other process did nothing.
func (l limits) stepContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, l.step, fmt.Errorf("the other process has done nothing for %v", l.step))
}
