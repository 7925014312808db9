//go:build linux

package load

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/sys/unix"
)

// What ends a connection over TLS is an error that says so.
func TestWhatEndsASecureConnection(t *testing.T) {
	refuse := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) }
	leave := func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() }
	abort := func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	for _, tt := range []struct {
		name    string
		streams int
		handle  http.HandlerFunc
		ended   string
	}{
		{"refused", 0, refuse, "status 403"},
		{"refused, HTTP/2", 2, refuse, "status 403"},
		{"the end", 0, leave, "ended"},
		{"the end, HTTP/2", 2, leave, "ended a stream"},
		{"reset, HTTP/2", 2, abort, "reset a stream"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spec := Spec{Mode: SSE, Path: "/", Readers: 2, Updates: 1, TLS: true, Streams: tt.streams}
			srv, _ := serve(spec, tt.handle)
			defer srv.Close()
			spec.Addr = srv.Listener.Addr().String()
			c := newClient(t, spec)
			defer func() { _ = c.Close() }()
			err := c.Connect(patience)
			if err == nil {
				err = c.Await(1, patience)
			}
			if got := c.Report(); err == nil || got.Closed == 0 || !strings.Contains(got.Fault, tt.ended) {
				t.Errorf("%v, %d connections ended %q, want %q", err, got.Closed, got.Fault, tt.ended)
			}
		})
	}
}

func TestOtherProtocolsAreRefused(t *testing.T) {
	for name, config := range map[string]*tls.Config{
		"TLS 1.2":     {MaxVersion: tls.VersionTLS12, NextProtos: []string{"h2"}},
		"no protocol": {NextProtos: []string{"http/1.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			spec := Spec{Mode: SSE, Path: "/", Readers: 1, Updates: 1, TLS: true, Streams: 1}
			srv := httptest.NewUnstartedServer(http.NotFoundHandler())
			srv.TLS, srv.Config.ErrorLog = config, log.New(io.Discard, "", 0)
			srv.StartTLS()
			defer srv.Close()
			spec.Addr = srv.Listener.Addr().String()
			if err := newClient(t, spec).Connect(patience); err == nil || !strings.Contains(err.Error(), "handshake 0") {
				t.Errorf("connected: %v", err)
			}
		})
	}
}

// A server may ping its readers over HTTP/2, and ends the connection if they do not answer.
func TestPingsAreAnswered(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = unix.Close(pair[0]), unix.Close(pair[1]) }()
	c := &Client{conns: []conn{{fd: pair[0]}}}
	var sent, want bytes.Buffer
	server, client := http2.NewFramer(&sent, nil), http2.NewFramer(&want, nil)
	err = errors.Join(server.WriteSettings(), server.WritePing(false, [8]byte{1, 2, 3}), server.WritePing(true, [8]byte{4}),
		client.WriteSettingsAck(), client.WritePing(true, [8]byte{1, 2, 3}))
	if err != nil {
		t.Fatal(err)
	}
	if left, err := c.multiplexed(0, sent.Bytes(), 0); err != nil || len(left) > 0 {
		t.Fatal(left, err)
	}
	got := make([]byte, 200)
	n, err := unix.Read(pair[1], got)
	if err != nil || !bytes.Equal(got[:n], want.Bytes()) {
		t.Errorf("the client sends %x, %v; want %x", got[:n], err, want.Bytes())
	}
}

const zippedHead = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"

func TestCompressedEvents(t *testing.T) {
	for _, how := range []string{"flushed", "members"} {
		for _, size := range []int{1 << 20, 7} { // of the pieces that are sent
			t.Run(fmt.Sprint(how, " ", size), func(t *testing.T) {
				var body bytes.Buffer
				var z *gzip.Writer
				for i, e := range []string{": hi\n\n", event(2, 1), event(3, 2) + event(4, 3)} {
					if i == 0 || how == "members" {
						z = gzip.NewWriter(&body)
					}
					_, _ = io.WriteString(z, e)
					if how == "members" {
						_ = z.Close()
						continue
					}
					_ = z.Flush()
				}
				c := newClient(t, Spec{
					Addr: script(t, SSE, zippedHead+body.String(), size), Mode: SSE, Path: "/", Readers: 2, Updates: 3, Gzip: true,
				})
				err := c.Connect(patience)
				if err == nil {
					err = c.Await(3, patience)
				}
				got := c.Report()
				if err != nil || got.Deliveries != 6 || got.Lost+got.Doubled+got.Closed != 0 {
					t.Fatalf("%v %+v", err, got)
				}
				if most := int64(2 * body.Len()); got.Bytes == 0 || got.Bytes > most {
					t.Errorf("%d bytes, want at most %d", got.Bytes, most)
				}
			})
		}
	}
}

func TestWrongCompressedData(t *testing.T) {
	for name, data := range map[string]string{
		"no deflate": "\x07\xff\xff\xff\xff", "another method": "\x1f\x8b\x07\x00aaaaaa", "a name": "\x1f\x8b\x08\x08aaaaaa",
	} {
		if plain, err := inflate([]byte(data)); err == nil {
			t.Errorf("%s: %q", name, plain)
		}
	}
}

func TestSpecsThatContradictThemselves(t *testing.T) {
	for _, spec := range []Spec{
		{Mode: SSE, Streams: 2}, {Mode: WebSocket, TLS: true, Streams: 2}, {Mode: SSE, TLS: true, Streams: 2, Silent: 1},
		{Mode: WebSocket, Gzip: true}, {Mode: SSE, TLS: true, Streams: -1},
	} {
		spec.Addr, spec.Readers, spec.Path = "127.0.0.1:1", 5, "/"
		if _, err := New(spec); err == nil {
			t.Errorf("%+v was accepted", spec)
		}
	}
}
