package crowd

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// dialing is how long a connection may take to begin.
const dialing = time.Minute

// stream reads server-sent events over HTTP/1.1. The socket is the reader's own: net/http would add two goroutines.
func (r *reader) stream(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.target(), nil)
	if err != nil {
		return err
	}
	begin, cancel := context.WithTimeout(ctx, dialing)
	defer cancel()
	conn, err := r.group.dial(begin, "tcp", req.URL.Host)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if req.URL.Scheme == "https" {
		secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test's own certificate
		if err := secure.HandshakeContext(begin); err != nil {
			return fmt.Errorf("handshake: %w", err)
		}
		conn = secure
	}
	r.accept(req)
	if err := req.Write(conn); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return fmt.Errorf("head: %w", err)
	}
	return r.answer(resp)
}

// dial connects to the group's node.
func (g *Group) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if g.Socket != "" {
		network, addr = "unix", g.Socket
	}
	return (&net.Dialer{}).DialContext(ctx, network, addr)
}

// stream2 reads server-sent events over HTTP/2.
func (r *reader) stream2(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.target(), nil)
	if err != nil {
		return err
	}
	r.accept(req)
	resp, err := r.http.Do(req)
	if err != nil {
		return err
	}
	if resp.ProtoMajor != 2 {
		r.tally.wrong(errors.New("the answer is not of HTTP/2"))
	}
	return r.answer(resp)
}

func (r *reader) accept(req *http.Request) {
	req.Header.Set("Accept", "text/event-stream")
	coding := "identity"
	if r.group.Coding != "" {
		coding = r.group.Coding
	}
	req.Header.Set("Accept-Encoding", coding)
}

// answer reads the events of an answer to its end, which is an error.
func (r *reader) answer(resp *http.Response) error {
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return r.refused(resp)
	}
	if got := resp.Header.Get("Content-Encoding"); got != r.group.Coding {
		r.tally.wrong(fmt.Errorf("the coding is %q, expected %q", got, r.group.Coding))
	}
	body := io.Reader(resp.Body)
	if r.group.Coding == "gzip" {
		unzipped, err := gzip.NewReader(bufio.NewReader(resp.Body))
		if err != nil {
			return fmt.Errorf("gzip: %w", err)
		}
		body = unzipped
	}
	r.begin()
	return r.events(body)
}

// events takes the data of each event. What has no data is a position, or the time after which to come back.
func (r *reader) events(body io.Reader) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 4096), 4<<20)
	for lines.Scan() {
		data, is := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !is {
			if text := lines.Text(); text != "" && !strings.Contains(text, ": ") {
				r.tally.wrong(fmt.Errorf("the line %.40q", text))
			}
			continue
		}
		if _, err := r.take(data); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	return errors.New("the server ended the stream")
}
