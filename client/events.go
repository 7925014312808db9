package client

import (
	"bytes"
	"errors"
	"io"
)

// maxFraming is how much an event may be larger than its update, in bytes.
const maxFraming = 4 << 10

// maxKept is the size of the largest buffer that is kept for the next event, in bytes.
const maxKept = 1 << 20

var errTooLong = errors.New("an update is longer than FollowOptions.MaxUpdate")

// events reads an event stream and returns only whole events, with \n at the end of each line. r3labs' client needs that:
// it takes the beginning of an event before a break for a whole event, does not know the byte order mark, and does not
// say clearly that an event is too long.
type events struct {
	io.ReadCloser
	max   int
	chunk []byte // of the last read
	input []byte // the rest of chunk
	event []byte // the event so far
	whole []byte // the rest of a whole event
	after byte   // the byte before input
	begun bool   // the first line has been read
	err   error
}

func newEvents(body io.ReadCloser, longest int) *events {
	return &events{ReadCloser: body, max: longest, chunk: make([]byte, 16<<10)}
}

// Read implements io.Reader.
func (e *events) Read(p []byte) (int, error) {
	for len(e.whole) == 0 {
		if len(e.input) > 0 {
			e.scan()
			continue
		}
		if e.err != nil {
			return 0, e.err
		}
		var n int
		n, e.err = e.ReadCloser.Read(e.chunk)
		e.input = e.chunk[:n]
	}
	n := copy(p, e.whole)
	if e.whole = e.whole[n:]; len(e.whole) == 0 {
		if e.event = e.event[:0]; cap(e.event) > maxKept {
			e.event = nil
		}
	}
	return n, nil
}

// scan moves input to event, up to the end of a line.
func (e *events) scan() {
	if e.input[0] == '\n' && e.after == '\r' { // the second half of \r\n
		e.after, e.input = '\n', e.input[1:]
		return
	}
	end := bytes.IndexAny(e.input, "\r\n")
	line := end >= 0
	if !line {
		end = len(e.input) - 1
	}
	e.event = append(e.event, e.input[:end+1]...)
	e.after, e.input = e.input[end], e.input[end+1:]
	if len(e.event) > e.max {
		e.input, e.err = nil, &failure{err: errTooLong, unusable: true}
		return
	}
	if !line {
		return
	}
	e.event[len(e.event)-1] = '\n'
	if !e.begun {
		e.event = bytes.TrimPrefix(e.event, []byte("\ufeff"))
		e.begun = true
	}
	switch {
	case len(e.event) == 1: // an empty line between events
		e.event = e.event[:0]
	case bytes.HasSuffix(e.event, []byte("\n\n")):
		e.whole = e.event
	}
}

// withoutTrailer is an event stream that net/http decompresses. The server's stream of gzip ends without a trailer, which is no
// failure: what would be lost is not a whole event.
type withoutTrailer struct{ io.ReadCloser }

// Read implements io.Reader.
func (w withoutTrailer) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}
