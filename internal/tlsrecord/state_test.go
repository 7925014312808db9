package tlsrecord

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"testing"
)

// A connection goes on in another session, in the middle of a record and with a KeyUpdate that is owed.
func TestState(t *testing.T) {
	r := newRig(t, &tls.Config{NextProtos: []string{protocol}})
	r.client.ServerName = "live.example"
	half, rest := make(chan struct{}), make(chan struct{})
	server, done := r.ask(func(c *tls.Conn) error {
		if err := expect(c, "hello"); err != nil {
			return err
		}
		<-half
		_, err := io.WriteString(c, "second")
		close(rest)
		return errors.Join(err, talks("third")(c))
	})
	conn := r.take(server)
	r.say(conn, "hello")
	close(half)
	<-rest
	first := make([]byte, 10)
	if _, err := io.ReadFull(conn.socket, first); err != nil {
		t.Fatal(err)
	}
	s := conn.session
	s.Feed(first)
	if data, err := s.Next(); data != nil || err != nil {
		t.Fatal(data, err)
	}
	s.Pause()
	s.owes.Store(true)
	state, err := s.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	next := new(Session)
	if err := next.UnmarshalBinary(state); err != nil {
		t.Fatal(err)
	}
	again, err := next.MarshalBinary()
	if err != nil || !bytes.Equal(again, state) {
		t.Errorf("the state changes on its way: %x, then %x, %v", state, again, err)
	}
	if got := next.ConnectionState(); got.ServerName != "live.example" || got.NegotiatedProtocol != protocol ||
		got.CurveID != s.ConnectionState().CurveID || got.CipherSuite != s.suite.id || got.Version != tls.VersionTLS13 {
		t.Errorf("the state of the connection is %+v", got)
	}
	conn = NewConn(conn.socket, next)
	r.want(conn, "second")
	r.say(conn, "third")
	_ = conn.Close()
	r.over(done)
}

func TestStateWithoutConnectionState(t *testing.T) {
	s := &Session{suite: suiteOf(tls.TLS_AES_128_GCM_SHA256), state: &tls.ConnectionState{ServerName: "live.example"}}
	s.Forget()
	state, err := s.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	next := new(Session)
	if err := next.UnmarshalBinary(state); err != nil {
		t.Fatal(err)
	}
	if got := next.ConnectionState(); got.Version != tls.VersionTLS13 || got.ServerName != "" {
		t.Errorf("the state of the connection is %+v", got)
	}
}

func TestStateOfAClientWithACertificate(t *testing.T) {
	client, _ := clientCertificate(t)
	r := newRig(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert})
	r.client.Certificates = []tls.Certificate{client}
	server, done := r.ask(talks("hello"))
	conn := r.take(server)
	if _, err := conn.session.MarshalBinary(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v, want ErrUnsupported", err)
	}
	conn.session.Forget()
	if _, err := conn.session.MarshalBinary(); err != nil {
		t.Errorf("after Forget: %v", err)
	}
	r.say(conn, "hello")
	_ = conn.Close()
	r.over(done)
}

// FuzzUnmarshal gives UnmarshalBinary anything. What it takes comes back the same.
func FuzzUnmarshal(f *testing.F) {
	s := &Session{suite: suiteOf(tls.TLS_AES_256_GCM_SHA384), raw: []byte("begin"), message: []byte{24},
		state: &tls.ConnectionState{ServerName: "live.example", NegotiatedProtocol: protocol, DidResume: true}}
	state, err := s.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	for n := range state {
		if new(Session).UnmarshalBinary(state[:n]) == nil {
			f.Errorf("%d bytes of %d are taken for a session", n, len(state))
		}
	}
	f.Add(state)
	f.Fuzz(func(t *testing.T, b []byte) {
		s := new(Session)
		if err := s.UnmarshalBinary(b); err != nil {
			return
		}
		again, err := s.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		third := new(Session)
		if err := third.UnmarshalBinary(again); err != nil {
			t.Errorf("%x is taken, and %x is not: %v", b, again, err)
		}
		s.Feed(b)
		for data := []byte("?"); err == nil && data != nil; {
			data, err = s.Next()
		}
	})
}
