//go:build linux

package load

import (
	"bytes"
	"errors"
	"fmt"
)

// conn is the connection of a reader.
type conn struct {
	fd        int // 0 if it is closed
	sent      bool
	connected bool
	silent    bool
	body      bool  // the head of the answer has been read
	zipped    bool  // the answer is compressed
	next      int   // the number of the next update
	revision  int64 // of the last update
	chunks    dechunker
	rest      []byte // the beginning of an incomplete frame, without chunk headers
	link      *link  // over TLS; readers that share a connection have it in the first one
}

// kept returns what was read before and is not complete yet.
func (co *conn) kept() []byte {
	if co.link != nil {
		return co.link.raw
	}
	return co.rest
}

// send writes a request. The socket always has room for it.
func (co *conn) send(p []byte) error {
	if co.link != nil && len(p) > 0 {
		p = co.link.secure.out.seal(nil, p)
	}
	return send(co.fd, p)
}

// parse takes the frames out of data and returns the rest. The first kept bytes of data are the rest of the last call.
func (c *Client) parse(co *conn, i int, data []byte, kept int, at int64) ([]byte, error) {
	if c.spec.Mode.Polls() {
		return c.answers(co, i, data, at)
	}
	if !co.body {
		h, size, err := parseHead(data)
		if err != nil || size == 0 {
			return data, err
		}
		want := 200
		if c.spec.Mode == WebSocket {
			want = 101
		}
		if h.status != want {
			return nil, fmt.Errorf("the server answered with status %d", h.status)
		}
		co.body, co.chunks.on, co.zipped = true, h.chunked, h.gzip
		data, kept = data[size:], 0
		c.connect(co)
	}
	if c.spec.Mode == WebSocket {
		return c.frames(co, i, data, at)
	}
	fresh, err := co.chunks.strip(data[kept:])
	if err != nil {
		return nil, err
	}
	return c.streamEvents(co, i, data[:kept+fresh], at)
}

// streamEvents takes events, which may be compressed, and returns the rest.
func (c *Client) streamEvents(co *conn, i int, data []byte, at int64) ([]byte, error) {
	if !co.zipped {
		return c.plainEvents(co, i, data, at), nil
	}
	plain, err := c.unzip(data)
	if err != nil || plain == nil {
		return data, err
	}
	c.size = len(data)
	if left := c.plainEvents(co, i, plain, at); len(left) > 0 {
		return nil, fmt.Errorf("a compressed piece ends within an event: %.40q", left)
	}
	return nil, nil
}

func (c *Client) plainEvents(co *conn, i int, data []byte, at int64) []byte {
	for {
		end := bytes.Index(data, []byte("\n\n"))
		if end < 0 {
			return data
		}
		c.connect(co) // a TCP connection of mode Raw has no head
		if !co.zipped {
			c.size = end + 2
		}
		c.take(co, i, data[:end], at)
		data = data[end+2:]
	}
}

// answers takes answers to polls and polls again.
func (c *Client) answers(co *conn, i int, data []byte, at int64) ([]byte, error) {
	for {
		h, size, err := parseHead(data)
		if err != nil || size == 0 {
			return data, err
		}
		if h.status != 200 {
			return nil, fmt.Errorf("the server answered with status %d", h.status)
		}
		if h.chunked || h.length < 0 {
			return nil, errors.New("an answer without Content-Length")
		}
		if len(data) < size+h.length {
			return data, nil
		}
		c.take(co, i, data[size:size+h.length], at)
		if err := c.poll(co, h); err != nil {
			return nil, err
		}
		data = data[size+h.length:]
	}
}

// poll asks for the next update.
func (c *Client) poll(co *conn, h head) error {
	c.ask = append(c.ask[:0], c.asks[0]...)
	if c.spec.Mode == NchanPoll {
		c.ask = fmt.Appendf(c.ask, "If-Modified-Since: %s\r\nIf-None-Match: %s\r\n", h.modified, h.etag)
	} else {
		c.ask = fmt.Appendf(c.ask, "%d", co.revision)
	}
	c.ask = append(c.ask, c.asks[1]...)
	return co.send(c.ask)
}

// frames takes the WebSocket frames of a server (RFC 6455, section 5.2) and answers pings.
func (c *Client) frames(co *conn, i int, data []byte, at int64) ([]byte, error) {
	for len(data) >= 2 {
		opcode, length, header := data[0]&0x0f, int(data[1]&0x7f), 2
		switch {
		case data[0]&0xf0 != 0x80:
			return nil, fmt.Errorf("a frame that begins with %#x: fragmented, or compressed", data[0])
		case data[1]&0x80 != 0:
			return nil, errors.New("a masked frame from the server")
		case length == 126:
			header = 4
		case length == 127:
			return nil, errors.New("a frame of more than 64 KiB")
		}
		if len(data) < header {
			break
		}
		if header == 4 {
			length = int(data[2])<<8 | int(data[3])
		}
		if len(data) < header+length {
			break
		}
		payload := data[header : header+length]
		switch opcode {
		case 1:
			c.take(co, i, payload, at)
		case 8:
			return nil, fmt.Errorf("the server closed with %q", payload)
		case 9:
			if length > 125 {
				return nil, errors.New("a ping of more than 125 bytes")
			}
			pong := append([]byte{0x8a, 0x80 | byte(length), 0, 0, 0, 0}, payload...) // masked with zeros
			if err := co.send(pong); err != nil {
				return nil, err
			}
		}
		data = data[header+length:]
	}
	return data, nil
}
