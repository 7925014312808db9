package fanout

import (
	"bytes"
	"errors"
	"io"

	"github.com/motacilla-live/motacilla/internal/tlsrecord"
)

// put writes b, in records if the connection has TLS. n is how much of b needs not be written again. full is true if the socket
// has taken less than there is. An error is final.
func (r *Reader) put(b []byte) (n int, full bool, err error) {
	if r.session != nil {
		return r.putSealed(b)
	}
	n, err = r.write(b)
	return n, n < len(b), err
}

// putSealed seals and writes record by record. The socket may take a part of a record. Then the rest of it goes to the backlog, and
// counts as written. So what a full socket has still to take is shared, but for the rest of one record.
func (r *Reader) putSealed(b []byte) (n int, full bool, err error) {
	s := r.shard()
	if r.session.NeedsKeyUpdate() {
		record, err := r.session.AppendKeyUpdate(s.scratch())
		if err != nil {
			return 0, false, err
		}
		took, err := r.write(record)
		if err != nil {
			return 0, false, err
		}
		if took < len(record) {
			r.owe(record[took:])
			return 0, true, nil
		}
	}
	for n < len(b) {
		size := min(len(b)-n, tlsrecord.MaxPlaintext)
		record := r.session.Seal(s.scratch(), b[n:n+size])
		took, err := r.write(record)
		if err != nil {
			return n, false, err
		}
		if took == 0 {
			r.session.Unseal()
			return n, true, nil
		}
		n += size
		if took < len(record) {
			r.owe(record[took:])
			return n, true, nil
		}
	}
	return n, false, nil
}

// scratch returns memory for one record. It is used with the shard's lock held.
func (s *shard) scratch() []byte {
	if s.sealing == nil {
		s.sealing = make([]byte, 0, tlsrecord.MaxRecord)
	}
	return s.sealing
}

// owe keeps the rest of a record. The caller blocks the reader.
func (r *Reader) owe(record []byte) {
	if r.backlog == nil {
		r.backlog = new(backlog)
	}
	r.backlog.record = bytes.Clone(record)
}

// alert sends an alert, if the socket has room for it. Nothing may be sent after it.
func (r *Reader) alert(a tlsrecord.Alert) {
	if r.session == nil || r.backlog != nil || r.flags&silent != 0 {
		return
	}
	r.flags |= silent
	_, _ = r.write(r.session.AppendAlert(r.shard().scratch(), a))
}

// input gives the protocol what the peer has sent, opened if the connection has TLS. b is valid during the call.
func (r *Reader) input(b []byte) {
	session := r.session
	if session == nil {
		r.protocol().Input(r, b)
		return
	}
	session.Feed(b)
	for r.flags&closed == 0 {
		data, err := session.Next()
		if err != nil {
			if f := (*tlsrecord.Fault)(nil); errors.As(err, &f) {
				r.alert(f.Alert)
			} else if errors.Is(err, io.EOF) { // each side has to send a close_notify (RFC 8446, section 6.1)
				r.alert(tlsrecord.CloseNotify)
			}
			r.close(Left)
			return
		}
		if data == nil {
			session.Pause()
			return
		}
		r.protocol().Input(r, data) // it may detach the reader: then the session belongs to somebody else
	}
}
