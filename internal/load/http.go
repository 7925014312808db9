//go:build linux

package load

import (
	"bytes"
	"errors"
	"fmt"
)

// head has the parts of the head of an answer that the client needs. Its slices point into the buffer.
type head struct {
	status         int
	length         int // -1 if it is unknown
	chunked        bool
	gzip           bool
	modified, etag []byte
}

// parseHead parses the head at the beginning of data. size is its length, or 0 if it is not complete.
func parseHead(data []byte) (h head, size int, err error) {
	end := bytes.Index(data, []byte("\r\n\r\n"))
	if end < 0 {
		return h, 0, nil
	}
	lines := data[:end]
	line, lines, _ := bytes.Cut(lines, []byte("\r\n"))
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return h, 0, fmt.Errorf("no answer of HTTP/1.1: %.40q", line)
	}
	if h.status, err = decimal(line[9:12]); err != nil {
		return h, 0, fmt.Errorf("status line %.40q: %w", line, err)
	}
	h.length = -1
	for len(lines) > 0 {
		line, lines, _ = bytes.Cut(lines, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case is(name, "content-length"):
			if h.length, err = decimal(value); err != nil {
				return h, 0, fmt.Errorf("Content-Length %.20q: %w", value, err)
			}
		case is(name, "transfer-encoding"):
			h.chunked = is(value, "chunked")
		case is(name, "content-encoding"):
			h.gzip = is(value, "gzip")
		case is(name, "last-modified"):
			h.modified = value
		case is(name, "etag"):
			h.etag = value
		}
	}
	return h, end + 4, nil
}

func is(name []byte, lower string) bool {
	return len(name) == len(lower) && bytes.EqualFold(name, []byte(lower))
}

func decimal(b []byte) (n int, err error) {
	if len(b) == 0 || len(b) > 9 {
		return 0, errors.New("not a number of one to nine digits")
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, errors.New("not a number")
		}
		n = n*10 + int(c-'0')
	}
	return n, nil
}

// dechunker removes the chunk headers of a body (RFC 9112, section 7.1) that comes in pieces.
type dechunker struct {
	on    bool
	state chunkState
	left  int // bytes of the chunk that have not come yet
}

type chunkState uint8

const (
	inSize      chunkState = iota // in the digits
	inExtension                   // after them, until the line ends
	inData
	inEnd // in the line break after the data
)

// strip moves the data in p to the beginning of p and returns its length.
func (d *dechunker) strip(p []byte) (n int, err error) {
	if !d.on {
		return len(p), nil
	}
	for at := 0; at < len(p); {
		b := p[at]
		switch d.state {
		case inData:
			moved := copy(p[n:], p[at:at+min(d.left, len(p)-at)])
			n, at, d.left = n+moved, at+moved, d.left-moved
			if d.left == 0 {
				d.state = inEnd
			}
			continue
		case inSize:
			digit := hex(b)
			switch {
			case digit >= 0 && d.left < 1<<24:
				d.left = d.left<<4 | digit
			case b == '\r' || b == ';':
				d.state = inExtension
			default:
				return 0, fmt.Errorf("a chunk's size with %q", b)
			}
		case inExtension:
			if b != '\n' {
				break
			}
			if d.left == 0 {
				return 0, errors.New("the server ended the answer")
			}
			d.state = inData
		case inEnd:
			if b == '\n' {
				d.state = inSize
			}
		}
		at++
	}
	return n, nil
}

func hex(b byte) int {
	switch {
	case '0' <= b && b <= '9':
		return int(b - '0')
	case 'a' <= b && b <= 'f':
		return int(b-'a') + 10
	case 'A' <= b && b <= 'F':
		return int(b-'A') + 10
	}
	return -1
}
