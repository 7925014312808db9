package client

import (
	"bytes"
	"errors"
	"io"
)

// maxFraming is what an event may have beside its update, in bytes.
const maxFraming = 4 << 10

// maxKept is how much memory an event leaves for the next, in bytes.
const maxKept = 1 << 20

var errTooLong = errors.New("an update is longer than Options.MaxUpdate")

// events hands on an event stream by whole events, lines ended by \n. r3labs' client takes what a cut leaves of an event
// for an event, does not know the byte order mark, and says of one that is too long only that a token is.
type events struct {
	io.ReadCloser
	max   int
	chunk []byte // of the last read
	input []byte // what of chunk was not looked at
	event []byte // the event so far
	whole []byte // what of a whole event was not handed on
	after byte   // the last byte of the input before
	begun bool   // there was an event
	err   error
}

func newEvents(body io.ReadCloser, longest int) *events {
	return &events{ReadCloser: body, max: longest, chunk: make([]byte, 16<<10)}
}

// Read is io.Reader's.
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

// scan takes the input up to the end of a line.
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
	case len(e.event) == 1: // an empty line more
		e.event = e.event[:0]
	case bytes.HasSuffix(e.event, []byte("\n\n")):
		e.whole = e.event
	}
}
