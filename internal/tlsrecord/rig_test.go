package tlsrecord

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const patience = time.Minute

// rig is a listener, and how its clients connect.
type rig struct {
	*testing.T
	listener net.Listener
	client   *tls.Config
}

// newRig returns a listener with the configuration, whose certificate newRig sets. nil is an empty one.
func newRig(t *testing.T, config *tls.Config) *rig {
	t.Helper()
	certificate, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	if config == nil {
		config = new(tls.Config)
	}
	config.Certificates = []tls.Certificate{certificate}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return &rig{t, newListener(ln, config), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}}}
}

// connect returns both sides of a connection. The server's has had no handshake.
func (r *rig) connect() (server, client net.Conn) {
	r.Helper()
	dialled := make(chan net.Conn, 1)
	go func() {
		c, err := net.Dial("tcp", r.listener.Addr().String())
		if err != nil {
			r.Error(err)
		}
		dialled <- c
	}()
	server, err := r.listener.Accept()
	if err != nil {
		r.Fatal(err)
	}
	client = <-dialled
	r.Cleanup(func() { _ = client.Close() })
	r.Cleanup(func() { _ = server.Close() })
	_ = client.SetDeadline(time.Now().Add(patience))
	_ = server.SetDeadline(time.Now().Add(patience))
	return server, client
}

// ask has a client send the first request, and returns the server's side once it has read it.
func (r *rig) ask(talk func(c *tls.Conn) error) (server *tls.Conn, done <-chan error) {
	r.Helper()
	conn, raw := r.connect()
	over := make(chan error, 1)
	go func() {
		c := tls.Client(raw, r.client)
		_, err := io.WriteString(c, "first")
		if err == nil {
			err = talk(c)
		}
		over <- err
	}()
	server = conn.(*tls.Conn)
	if err := expect(server, "first"); err != nil {
		r.Fatal(err)
	}
	return server, over
}

// take takes a connection over.
func (r *rig) take(conn net.Conn) *Conn {
	r.Helper()
	socket, s, early, err := Take(conn)
	if err != nil {
		r.Fatal(err)
	}
	if len(early) > 0 {
		r.Errorf("there is early data: %q", early)
	}
	return NewConn(socket, s)
}

func (r *rig) say(w io.Writer, text string) {
	r.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) want(conn io.Reader, text string) {
	r.Helper()
	if err := expect(conn, text); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) over(done <-chan error) {
	r.Helper()
	if err := <-done; err != nil {
		r.Error(err)
	}
}

// talks is a client's part: it says and hears by turns, and then waits for the end.
func talks(words ...string) func(c *tls.Conn) error {
	return func(c *tls.Conn) error {
		for i, word := range words {
			if i%2 == 0 {
				if err := expect(c, word); err != nil {
					return err
				}
			} else if _, err := io.WriteString(c, word); err != nil {
				return err
			}
		}
		if n, err := io.Copy(io.Discard, c); n > 0 || err != nil {
			return errors.Join(err, io.ErrNoProgress)
		}
		return nil
	}
}

// clientCertificate returns a certificate for a client, and who trusts it.
func clientCertificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	certificate, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(leaf)
	return certificate, trusted
}
