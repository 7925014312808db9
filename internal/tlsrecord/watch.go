package tlsrecord

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// watched is the socket under a tls.Conn. It follows what crypto/tls reads and writes, so that Take knows how many records each
// key has sealed. It keeps the end of what was read, if that is not a whole record.
type watched struct {
	net.Conn

	frozen atomic.Bool // Read returns what it does at a deadline

	shared  *gather     // nil unless it may be HTTP/2; set in the handshake, by the goroutine that writes
	writing sync.Mutex  // held while crypto/tls writes, so that a record is counted or not written
	taken   atomic.Bool // the socket has another owner

	mu     sync.Mutex
	shadow *shadow // nil if the connection can't be taken over
}

// Read implements net.Conn.
func (w *watched) Read(b []byte) (int, error) {
	if w.frozen.Load() { // crypto/tls can go on after that
		return 0, os.ErrDeadlineExceeded
	}
	n, err := w.Conn.Read(b)
	if n > 0 {
		w.mu.Lock()
		if w.shadow != nil && !w.shadow.read(b[:n]) {
			w.shadow = nil
		}
		w.mu.Unlock()
	}
	return n, err
}

// Write implements net.Conn. Once the connection is taken over, it writes nothing: a record of crypto/tls would have the same
// nonce as one of the session.
func (w *watched) Write(b []byte) (int, error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	if w.taken.Load() {
		return 0, net.ErrClosed
	}
	if w.shared != nil {
		w.shared.before()
		defer w.shared.after()
	}
	n, err := w.Conn.Write(b)
	w.mu.Lock()
	if w.shadow != nil && (err != nil || !w.shadow.wrote(b)) {
		w.shadow = nil
	}
	w.mu.Unlock()
	return n, err
}

// SetDeadline implements net.Conn. Like the two after it, it does nothing once the connection is taken over.
func (w *watched) SetDeadline(t time.Time) error { return w.deadline(w.Conn.SetDeadline, t) }

// SetReadDeadline implements net.Conn.
func (w *watched) SetReadDeadline(t time.Time) error { return w.deadline(w.Conn.SetReadDeadline, t) }

// SetWriteDeadline implements net.Conn.
func (w *watched) SetWriteDeadline(t time.Time) error { return w.deadline(w.Conn.SetWriteDeadline, t) }

func (w *watched) deadline(set func(time.Time) error, t time.Time) error {
	if w.taken.Load() {
		return net.ErrClosed
	}
	return set(t)
}

// NetConn returns the connection beneath.
func (w *watched) NetConn() net.Conn { return w.Conn }

// take has Write write nothing any more. It returns false if a write is under way.
func (w *watched) take() bool {
	if !w.writing.TryLock() {
		return false
	}
	defer w.writing.Unlock()
	return !w.taken.Swap(true)
}

// unwatch forgets the secrets. The connection can't be taken over then.
func (w *watched) unwatch() {
	w.mu.Lock()
	w.shadow = nil
	w.mu.Unlock()
}

// watchable reports whether shadow is still there and knows all.
func (w *watched) watchable() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shadow != nil && w.shadow.complete()
}
