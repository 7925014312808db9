package sse

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// message is what an EventSource dispatches.
type message struct{ ID, Type, Data string }

// eventStream interprets a stream as the HTML standard says (section 9.2.6). It was written from the standard alone.
type eventStream struct {
	in     *bufio.Reader
	begun  bool
	skipLF bool // the last line ended with CR

	lastID string
	Retry  []int // each retry field, ms
}

func newEventStream(r io.Reader) *eventStream { return &eventStream{in: bufio.NewReader(r)} }

// line returns the next complete line. A last line without an end is ignored.
func (s *eventStream) line() (string, error) {
	var line []byte
	for {
		b, err := s.in.ReadByte()
		if err != nil {
			return "", err
		}
		if s.skipLF {
			s.skipLF = false
			if b == '\n' {
				continue
			}
		}
		if b == '\r' || b == '\n' {
			s.skipLF = b == '\r'
			break
		}
		line = append(line, b)
	}
	text := decodeUTF8(line)
	if !s.begun {
		s.begun = true
		text = strings.TrimPrefix(text, "\ufeff")
	}
	return text, nil
}

// decodeUTF8 puts U+FFFD for what is not UTF-8.
func decodeUTF8(b []byte) string {
	var out strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		out.WriteRune(r)
		b = b[n:]
	}
	return out.String()
}

// next returns the next message; what ends before its blank line is none.
func (s *eventStream) next() (message, error) {
	var data strings.Builder
	var kind string
	id := s.lastID
	for {
		line, err := s.line()
		if err != nil {
			return message{}, err
		}
		if line == "" {
			s.lastID = id
			if data.Len() == 0 {
				kind = ""
				continue
			}
			return message{ID: id, Type: kind, Data: strings.TrimSuffix(data.String(), "\n")}, nil
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			kind = value
		case "data":
			data.WriteString(value)
			data.WriteByte('\n')
		case "id":
			if !strings.ContainsRune(value, 0) {
				id = value
			}
		case "retry":
			if ms, err := strconv.Atoi(value); err == nil && strings.Trim(value, "0123456789") == "" {
				s.Retry = append(s.Retry, ms)
			}
		}
	}
}

// The examples of the standard, and what its grammar is strict about.
func TestEventStream(t *testing.T) {
	for name, test := range map[string]struct {
		stream string
		want   []message
	}{
		"two lines": {"data: YHOO\ndata: +2\ndata: 10\n\n", []message{{"", "", "YHOO\n+2\n10"}}},
		"ids and a comment": {
			": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
			[]message{{"1", "", "first event"}, {"", "", "second event"}, {"", "", " third event"}},
		},
		"cut off":      {"data\n\ndata\ndata\n\ndata:", []message{{"", "", ""}, {"", "", "\n"}}},
		"line ends":    {"data: a\r\rdata: b\r\n\r\ndata: c\n\n", []message{{"", "", "a"}, {"", "", "b"}, {"", "", "c"}}},
		"BOM":          {"\ufeffdata: a\n\n\ufeffdata: b\n\n", []message{{"", "", "a"}}},
		"NUL in an id": {"id: 1\ndata: a\n\nid: 2\x00\ndata: b\n\n", []message{{"1", "", "a"}, {"1", "", "b"}}},
		"type":         {"event: x\ndata: a\n\nevent: y\n\ndata: b\n\n", []message{{"", "x", "a"}, {"", "", "b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newEventStream(strings.NewReader(test.stream))
			var got []message
			for {
				m, err := s.next()
				if err != nil {
					break
				}
				got = append(got, m)
			}
			if len(got) != len(test.want) {
				t.Fatalf("%q, want %q", got, test.want)
			}
			for i := range got {
				if got[i] != test.want[i] {
					t.Errorf("%q, want %q", got[i], test.want[i])
				}
			}
		})
	}
}
