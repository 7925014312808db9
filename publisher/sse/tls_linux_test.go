package sse

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"testing"

	"github.com/motacilla-live/motacilla/internal/tlsrecord/recordtest"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

// carried counts the streams that have a goroutine.
func carried() int {
	stacks := make([]byte, 1<<20)
	return bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte("sse.(*Publisher).carry("))
}

// A reader over TLS 1.3 has no goroutine. One over TLS 1.2 has.
func TestTLSNeedsNoGoroutine(t *testing.T) {
	s := open(t, settings{connection: connection{server: publishertest.ServerOptions{TLS: true}}})
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		var readers []*stream
		for range 5 {
			raw, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			config := recordtest.Trusting()
			config.MinVersion, config.MaxVersion = version, version
			conn := tls.Client(raw, config)
			if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path(match, "")); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			readers = append(readers, &stream{newEventStream(resp.Body), resp, conn})
		}
		s.post("Goal")
		for _, st := range readers {
			for u := s.update(st); u.Revision < s.head(); u = s.update(st) {
				continue
			}
		}
		want := 0
		if version == tls.VersionTLS12 {
			want = len(readers)
		}
		if n := carried(); n != want {
			t.Errorf("%d of %d streams over %s have a goroutine, want %d", n, len(readers), tls.VersionName(version), want)
		}
	}
}
