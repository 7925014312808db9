package tlsrecord_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla/internal/tlsrecord"
	"github.com/motacilla-live/motacilla/internal/tlsrecord/recordtest"
	"github.com/motacilla-live/motacilla/internal/tlsrecord/rulestest"
)

// taking is a listener that takes its connections over before their first request is read.
type taking struct {
	net.Listener
	t *testing.T
}

// Accept implements net.Listener.
func (l taking) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(5 * time.Minute))
	first := make([]byte, 1)
	if _, err := io.ReadFull(conn, first); err != nil {
		l.t.Error(err)
		return nil, err
	}
	socket, s, early, err := tlsrecord.Take(conn)
	if err != nil {
		l.t.Error(err)
		return nil, err
	}
	return &begun{tlsrecord.NewConn(socket, s), append(first, early...)}, nil
}

// begun is a connection of which something was read.
type begun struct {
	*tlsrecord.Conn
	early []byte
}

// Read implements net.Conn.
func (b *begun) Read(p []byte) (int, error) {
	if len(b.early) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.early)
	b.early = b.early[n:]
	return n, nil
}

// A client that owes nothing to Go keeps and breaks the rules. A connection that goes back to a server does what RFC 8446 wants.
func TestConnWithAnotherClient(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	certificate, _ := recordtest.Certificate()
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(websocket.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		for err == nil { // it answers pings
			_, _, err = conn.ReadMessage()
		}
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(taking{tlsrecord.NewListener(ln, config), t}) }()
	want, got := rulestest.Run(t, ln.Addr(), "/")
	rulestest.Check(t, want, got)
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	<-served
}

// Once the peer has sent an error alert, it gets nothing more, not even a close_notify.
func TestSilentAfterAnError(t *testing.T) {
	client, server := recordtest.Pair(t, suites[0], 0)
	near, far := net.Pipe()
	defer far.Close()
	conn := tlsrecord.NewConn(near, server)
	go func() { _, _ = far.Write(client.AppendAlert(nil, tlsrecord.InternalError)) }()
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("got %v for an error alert", err)
	}
	if _, err := conn.Write([]byte("hello")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want net.ErrClosed", err)
	}
	_ = conn.Close()
	if b, err := io.ReadAll(far); len(b) > 0 || err != nil {
		t.Errorf("the peer gets %x, %v", b, err)
	}
}
