package tlsrecord

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"sync"
	"time"
)

// Works takes a connection over, in memory, the first time that it is called. If this fails, crypto/tls is not what this package
// was made for, and NewListener leaves all connections to crypto/tls. The error says what is wrong.
var Works = sync.OnceValue(func() error {
	certificate, err := selfSigned()
	if err != nil {
		return fmt.Errorf("TLS record layer: %w", err)
	}
	for _, tickets := range []bool{true, false} {
		config := &tls.Config{Certificates: []tls.Certificate{certificate}, SessionTicketsDisabled: !tickets}
		if err := try(config); err != nil {
			return fmt.Errorf("TLS record layer, session tickets %v: %w", tickets, err)
		}
	}
	return nil
})

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// try has a client of crypto/tls talk to a server that takes its connection over between two requests.
func try(config *tls.Config) error {
	near, far := newPipe()
	asked := make(chan error, 1)
	go func() {
		defer func() { _ = far.Close() }()
		//nolint:gosec // the server's certificate is of no interest here, it is in the same process
		asked <- ask(tls.Client(far, &tls.Config{InsecureSkipVerify: true}))
	}()
	err := answer(newListener(nil, config).(*listener).server(near))
	_ = near.Close()
	return errors.Join(err, <-asked)
}

// ask sends two requests.
func ask(c *tls.Conn) error {
	for _, word := range []string{"first", "second"} {
		if _, err := io.WriteString(c, word); err != nil {
			return err
		}
		if err := expect(c, "answer to the "+word); err != nil {
			return err
		}
	}
	return nil
}

// answer answers two requests. The second one comes after the take-over.
func answer(c *tls.Conn) error {
	if err := expect(c, "first"); err != nil {
		return err
	}
	socket, s, _, err := Take(c)
	if err != nil {
		return err
	}
	conn := NewConn(socket, s)
	if _, err := io.WriteString(conn, "answer to the first"); err != nil {
		return err
	}
	if err := expect(conn, "second"); err != nil {
		return err
	}
	_, err = io.WriteString(conn, "answer to the second")
	return err
}

func expect(r io.Reader, want string) error {
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil {
		return err
	}
	if string(got) != want {
		return fmt.Errorf("got %q, want %q", got, want)
	}
	return nil
}
