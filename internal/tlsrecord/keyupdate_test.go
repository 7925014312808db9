package tlsrecord

import (
	"crypto/tls"
	"errors"
	"fmt"
	"testing"

	"github.com/motacilla-live/motacilla/internal/leaktest"
)

// crypto/tls's client follows changes of the server's key.
func TestKeyUpdatesOfTheServer(t *testing.T) {
	defer leaktest.None(t)
	r := newRig(t, &tls.Config{})
	var words []string
	for i := range 20 {
		words = append(words, fmt.Sprint("word ", i), fmt.Sprint("answer ", i))
	}
	server, done := r.ask(talks(words...))
	conn := r.take(server)
	for i, word := range words {
		if i%2 == 1 {
			r.want(conn, word)
			continue
		}
		conn.session.owes.Store(true)
		r.say(conn, word)
		if conn.session.owes.Load() {
			t.Error("the KeyUpdate was not sent")
		}
	}
	_ = conn.Close()
	r.over(done)
}

// A client that changes its key before the take-over keeps its goroutine: crypto/tls goes on.
func TestKeyUpdateBeforeTheTakeOver(t *testing.T) {
	for request := range byte(3) { // neither, a request, and neither without a record after it
		near, far := newPipe()
		certificate, err := selfSigned()
		if err != nil {
			t.Fatal(err)
		}
		config := &tls.Config{Certificates: []tls.Certificate{certificate}, SessionTicketsDisabled: true}
		server := newListener(nil, config).(*listener).server(near)
		done := make(chan error, 1)
		var k secrets
		go func() {
			c := tls.Client(far, &tls.Config{InsecureSkipVerify: true, KeyLogWriter: &k})
			_, err := c.Write([]byte("first"))
			if err == nil {
				s := &Session{suite: suiteOf(c.ConnectionState().CipherSuite), out: half{seq: 1}}
				copy(s.out.secret[:], k.client)
				err = s.secure()
				b := s.Seal(nil, []byte("second"))
				b = s.out.seal(b, typeHandshake, []byte{messageKeyUpdate, 0, 0, 1, request & 1})
				err = errors.Join(err, s.out.renew(s.suite))
				if request < 2 {
					b = s.Seal(b, []byte("third"))
				}
				_, _ = far.Write(b)
			}
			done <- err
		}()
		if err := errors.Join(expect(server, "first"), expect(server, "second"), <-done); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := Take(server); !errors.Is(err, ErrNotTaken) {
			t.Errorf("got %v, want ErrNotTaken", err)
		}
		_ = near.Close()
	}
}

// secrets is a key log that keeps the client's secret.
type secrets struct{ client []byte }

func (k *secrets) Write(line []byte) (int, error) {
	var random []byte
	if n, _ := fmt.Sscanf(string(line), "CLIENT_TRAFFIC_SECRET_0 %x %x", &random, &k.client); n == 0 {
		return len(line), nil
	}
	return len(line), nil
}
