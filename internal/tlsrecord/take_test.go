package tlsrecord

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

func TestWorks(t *testing.T) {
	if err := Works(); err != nil {
		t.Fatal(err)
	}
}

// A client talks to crypto/tls, then to a session, then to a Conn that was taken over once more.
func TestTake(t *testing.T) {
	long := strings.Repeat("a long answer ", 10_000)
	client, trusted := clientCertificate(t)
	for name, test := range map[string]struct {
		server   *tls.Config
		client   func(*tls.Config)
		again    bool // the client connects twice
		resumed  bool
		retried  bool
		peer     bool // it shows a certificate
		protocol string
	}{
		"tickets":     {protocol: protocol, server: &tls.Config{NextProtos: []string{protocol}}},
		"no tickets":  {server: &tls.Config{SessionTicketsDisabled: true}},
		"no protocol": {client: func(c *tls.Config) { c.NextProtos = nil }, server: &tls.Config{NextProtos: []string{"h2", protocol}}},
		"the client knows no HTTP/2": {
			protocol: protocol, server: &tls.Config{NextProtos: []string{"h2", protocol}},
		},
		"resumption": {again: true, resumed: true, client: func(c *tls.Config) { c.ClientSessionCache = tls.NewLRUClientSessionCache(1) }},
		"HelloRetryRequest": {
			retried: true, server: &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP256}},
			client: func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256} },
		},
		"a client's certificate": {
			peer: true, server: &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted},
			client: func(c *tls.Config) { c.Certificates = []tls.Certificate{client} },
		},
		"a client without a certificate": {server: &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: trusted}},
		"a certificate that is resumed": {
			again: true, resumed: true, peer: true, server: &tls.Config{ClientAuth: tls.RequireAnyClientCert},
			client: func(c *tls.Config) {
				c.Certificates, c.ClientSessionCache = []tls.Certificate{client}, tls.NewLRUClientSessionCache(1)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, test.server)
			if test.client != nil {
				test.client(r.client)
			}
			for i := range connections(test.again) {
				server, done := r.ask(talks("hello", "second", long, "third", "fourth"))
				r.say(server, "hello")
				r.want(server, "second")
				conn := r.take(server)
				r.say(conn, long)
				r.want(conn, "third")
				conn = r.take(conn)
				r.say(conn, "fourth")
				state := conn.ConnectionState()
				if err := conn.Close(); err != nil {
					t.Error(err)
				}
				r.over(done)
				if state.NegotiatedProtocol != test.protocol || state.Version != tls.VersionTLS13 || state.HelloRetryRequest != test.retried ||
					(len(state.PeerCertificates) > 0) != test.peer {
					t.Errorf("the connection has the state %+v", state)
				}
				if i > 0 && state.DidResume != test.resumed {
					t.Errorf("the connection was resumed: %v, want %v", state.DidResume, test.resumed)
				}
			}
		})
	}
}

// The caller sets the keys of session tickets, and changes them while the listener is in use.
func TestKeysOfSessionTickets(t *testing.T) {
	config := new(tls.Config)
	config.SetSessionTicketKeys([][32]byte{{1}})
	r := newRig(t, config)
	r.client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for i, keys := range [][][32]byte{{{1}}, {{2}, {1}}, {{2}}, {{3}}} {
		config.SetSessionTicketKeys(keys)
		server, done := r.ask(talks("hello"))
		conn := r.take(server)
		r.say(conn, "hello")
		if got, want := conn.ConnectionState().DidResume, i == 1 || i == 2; got != want {
			t.Errorf("connection %d was resumed: %v, want %v", i, got, want)
		}
		_ = conn.Close()
		r.over(done)
	}
}

// What the client has sent and nobody has read is early. A record that has come in part goes on.
func TestTakesWhatWasReadAhead(t *testing.T) {
	r := newRig(t, &tls.Config{})
	server, raw := r.connect()
	half, rest := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		to := &splitter{Conn: raw}
		c := tls.Client(to, r.client)
		if _, err := io.WriteString(c, "first"); err != nil {
			done <- err
			return
		}
		to.kept = new(bytes.Buffer)
		_, _ = io.WriteString(c, "early ")
		_, _ = io.WriteString(c, "data")
		whole := to.kept.Len()
		_, _ = io.WriteString(c, "in two halves")
		b := to.kept.Bytes()
		_, _ = raw.Write(b[:whole+9])
		close(half)
		<-rest
		_, err := raw.Write(b[whole+9:])
		to.kept = nil
		done <- errors.Join(err, expect(c, "good"))
	}()
	r.want(server, "first")
	<-half
	// The background read of net/http does this, which has crypto/tls read ahead.
	r.want(server, "ea")
	socket, s, early, err := Take(server)
	if err != nil {
		t.Fatal(err)
	}
	conn := NewConn(socket, s)
	close(rest)
	if want := "rly data"; !strings.HasPrefix(want, string(early)) {
		t.Errorf("got the early data %q, want the begin of %q", early, want)
	}
	r.want(conn, "rly data"[len(early):]+"in two halves")
	r.say(conn, "good")
	r.over(done)
}

// splitter keeps what is written, if kept is not nil.
type splitter struct {
	net.Conn
	kept *bytes.Buffer
}

func (s *splitter) Write(b []byte) (int, error) {
	if s.kept != nil {
		return s.kept.Write(b)
	}
	return s.Conn.Write(b)
}

func TestNotTaken(t *testing.T) {
	for name, test := range map[string]struct {
		server *tls.Config
		client func(*tls.Config)
	}{
		"TLS 1.2":         {client: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }},
		"TLS 1.2 at most": {server: &tls.Config{MaxVersion: tls.VersionTLS12}},
		"HTTP/2": {
			server: &tls.Config{NextProtos: []string{"h2", protocol}},
			client: func(c *tls.Config) { c.NextProtos = []string{"h2", protocol} },
		},
		"another protocol": {
			server: &tls.Config{NextProtos: []string{"other"}}, client: func(c *tls.Config) { c.NextProtos = []string{"other"} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, test.server)
			if test.client != nil {
				test.client(r.client)
			}
			server, done := r.ask(talks("crypto/tls goes on"))
			if _, _, _, err := Take(server); !errors.Is(err, ErrNotTaken) {
				t.Errorf("got %v, want ErrNotTaken", err)
			}
			if w := server.NetConn().(*watched); w.shadow != nil && w.shadow.keyed > 0 {
				t.Error("the connection's keys are kept")
			}
			r.say(server, "crypto/tls goes on")
			_ = server.Close()
			r.over(done)
		})
	}
	t.Run("tls.NewListener", func(t *testing.T) {
		if _, _, _, err := Take(tls.Server(nil, nil)); !errors.Is(err, ErrNotTaken) {
			t.Errorf("got %v, want ErrNotTaken", err)
		}
	})
	t.Run("no TLS", func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		if _, _, _, err := Take(near); !errors.Is(err, ErrNotTaken) {
			t.Errorf("got %v, want ErrNotTaken", err)
		}
	})
	t.Run("nothing was asked", func(t *testing.T) {
		r := newRig(t, &tls.Config{})
		server, raw := r.connect()
		done := make(chan error, 1)
		go func() { done <- tls.Client(raw, r.client).Handshake() }()
		if err := server.(*tls.Conn).Handshake(); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := Take(server); !errors.Is(err, ErrNotTaken) {
			t.Errorf("got %v, want ErrNotTaken", err)
		}
		r.over(done)
	})
	t.Run("the client has left", func(t *testing.T) {
		r := newRig(t, &tls.Config{})
		server, done := r.ask(func(c *tls.Conn) error { return c.Close() })
		r.over(done)
		for { // crypto/tls must have read it, since Take reads no further
			if _, err := server.Read(make([]byte, 1)); err != nil {
				break
			}
		}
		if _, _, _, err := Take(server); err == nil {
			t.Error("a connection was taken over that its client has closed")
		}
	})
}

// Once a connection is taken over, nothing of crypto/tls reaches its socket: it would use a nonce again.
func TestCryptoTLSIsSilentAfterwards(t *testing.T) {
	r := newRig(t, &tls.Config{})
	server, done := r.ask(talks("answer"))
	conn := r.take(server)
	if _, err := server.Write([]byte("no")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("crypto/tls could write: %v", err)
	}
	if err := server.CloseWrite(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("crypto/tls could send a close_notify: %v", err)
	}
	if _, _, _, err := Take(server); !errors.Is(err, ErrNotTaken) {
		t.Errorf("it was taken over twice: %v", err)
	}
	r.say(conn, "answer")
	_ = conn.Close()
	r.over(done)
}

// The caller's own hook is asked, with the caller's own connection, and its key log gets every line.
func TestKeepsTheCallersConfiguration(t *testing.T) {
	certificate, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	asked := 0
	r := newRig(t, &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		asked++
		if _, ok := hello.Conn.(*net.TCPConn); !ok {
			t.Errorf("the connection is a %T", hello.Conn)
		}
		return &tls.Config{Certificates: []tls.Certificate{certificate}, KeyLogWriter: &log, NextProtos: []string{protocol}}, nil
	}})
	server, done := r.ask(func(c *tls.Conn) error {
		if got := c.ConnectionState().PeerCertificates[0].Raw; !bytes.Equal(got, certificate.Certificate[0]) {
			t.Error("the client got another certificate")
		}
		return talks("answer")(c)
	})
	conn := r.take(server)
	r.say(conn, "answer")
	_ = conn.Close()
	r.over(done)
	if lines := bytes.Count(log.Bytes(), []byte("\n")); asked != 1 || lines < 4 {
		t.Errorf("the hook was asked %d times, the key log has %d lines", asked, lines)
	}
}

func TestRefusesByTheCallersHook(t *testing.T) {
	r := newRig(t, &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, errors.New("no") }})
	server, raw := r.connect()
	done := make(chan error, 1)
	go func() { done <- tls.Client(raw, r.client).Handshake() }()
	if err := server.(*tls.Conn).Handshake(); err == nil || err.Error() != "no" {
		t.Errorf("got %v, want the hook's error", err)
	}
	if <-done == nil {
		t.Error("the client's handshake was successful")
	}
}

func connections(again bool) int {
	if again {
		return 2
	}
	return 1
}
