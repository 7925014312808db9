package tlsrecord

import "io"

const (
	messageKeyUpdate = 24
	keyUpdateLen     = 5 // with its header

	// mostUseless is how many records in a row may carry no data. Each costs the server as much as one that does.
	mostUseless = 32
)

// Feed takes bytes of the peer. Next opens them in place. b is the session's until Pause.
func (s *Session) Feed(b []byte) {
	if len(s.raw) == 0 {
		s.raw, s.own = b, false
		return
	}
	s.keep()
	s.raw = append(s.raw, b...)
}

// keep gives the bytes of Feed back: what has not been opened is kept elsewhere.
func (s *Session) keep() {
	switch {
	case len(s.raw) == 0:
		s.raw, s.own = nil, false
	case !s.own:
		s.raw, s.own = append([]byte(nil), s.raw...), true
	}
}

// Pause gives the bytes of Feed back, and drops what only opening needs. It is called when nothing more is expected soon.
func (s *Session) Pause() {
	s.keep()
	s.in.forget()
}

// Next returns the data of the next record that carries some. It returns nil if there is no whole record. data is valid until
// the next call of Next, Feed or Pause. After an error the connection is over: the error is io.EOF if the peer has closed it,
// and a *Fault if the peer has broken a rule.
func (s *Session) Next() (data []byte, err error) {
	for {
		record, err := s.record()
		if record == nil || err != nil {
			return nil, err
		}
		kind, data, err := s.open(record)
		if err != nil {
			return nil, err
		}
		if kind != typeHandshake && len(s.message) > 0 {
			return nil, &Fault{UnexpectedMessage, "a record inside a handshake message"}
		}
		switch kind {
		case typeData:
			if len(data) > 0 {
				s.useless = 0
				return data, nil
			}
		case typeAlert:
			err = alerted(data)
		case typeHandshake:
			err = s.handshake(data)
		default:
			err = &Fault{UnexpectedMessage, "a record of a type that must not come now"}
		}
		if err != nil {
			return nil, err
		}
		if s.useless++; s.useless > mostUseless {
			return nil, &Fault{UnexpectedMessage, "too many records without data"}
		}
	}
}

// record cuts the next record off; nil if it is not whole.
func (s *Session) record() ([]byte, error) {
	if len(s.raw) < headerLen {
		return nil, nil
	}
	if s.raw[0] != typeData {
		return nil, &Fault{UnexpectedMessage, "a record that is not protected"}
	}
	n := int(s.raw[3])<<8 | int(s.raw[4])
	if n > maxCiphertext {
		return nil, &Fault{RecordOverflow, "a record that is too long"}
	}
	if len(s.raw) < headerLen+n {
		return nil, nil
	}
	record := s.raw[:headerLen+n]
	s.raw = s.raw[headerLen+n:]
	return record, nil
}

func (s *Session) open(record []byte) (kind byte, data []byte, err error) {
	if err := s.in.init(s.suite); err != nil {
		return 0, nil, &Fault{InternalError, err.Error()}
	}
	inner, err := s.in.open(record[headerLen:headerLen], record)
	if err != nil {
		return 0, nil, &Fault{BadRecordMAC, "a record that is not genuine"}
	}
	if len(inner) > MaxPlaintext+1 {
		return 0, nil, &Fault{RecordOverflow, "a record that carries too much"}
	}
	kind, data = unpad(inner)
	return kind, data, nil
}

func alerted(data []byte) error {
	switch len(data) {
	case 2:
	case 0: // RFC 8446, section 5.4
		return &Fault{UnexpectedMessage, "an empty alert"}
	default:
		return &Fault{DecodeError, "an alert that is not of two bytes"}
	}
	switch a := Alert(data[1]); a {
	case CloseNotify:
		return io.EOF
	case userCanceled: // a close_notify follows (RFC 8446, section 6.1)
		return nil
	default:
		return &remote{a}
	}
}

// handshake takes a piece of a handshake message. After the handshake, a client that was not asked for more may send KeyUpdate
// only.
func (s *Session) handshake(data []byte) error {
	s.message = append(s.message, data...)
	m := s.message
	switch {
	case len(data) == 0:
		return &Fault{UnexpectedMessage, "an empty piece of a handshake message"}
	case m[0] != messageKeyUpdate:
		return &Fault{UnexpectedMessage, "a handshake message that is not KeyUpdate"}
	case len(m) >= 4 && (m[1] != 0 || m[2] != 0 || m[3] != 1):
		return &Fault{DecodeError, "a KeyUpdate of another length than 1"}
	case len(m) < keyUpdateLen:
		return nil
	case len(m) > keyUpdateLen: // it would be sealed with a key that is not used any more
		return &Fault{UnexpectedMessage, "a KeyUpdate that does not end its record"}
	case m[4] > 1:
		return &Fault{IllegalParameter, "a KeyUpdate that is neither 0 nor 1"}
	}
	s.message = nil
	if m[4] == 1 {
		s.owes.Store(true)
	}
	if err := s.in.renew(s.suite); err != nil {
		return &Fault{InternalError, err.Error()}
	}
	return nil
}
