// Package message makes the updates that servers deliver in measurements, all of the same size. It also reads from a frame
// what a load client needs: the revision, and for each post a number and the time at which its write began.
package message

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Channel is the ID of the channel.
const Channel motacilla.ChannelID = "bench"

// Size is the length of an update's JSON in bytes.
const Size = 500

const (
	mark        = "stamp:"
	seqDigits   = 6
	stampDigits = 19 // enough for an int64
)

// Text returns the text of a post: its number, the time at which its write began (CLOCK_MONOTONIC, ns), and filling.
func Text(seq int, stamp int64) string {
	return fmt.Sprintf("%s%0*d:%0*d %s", mark, seqDigits, seq, stampDigits, stamp, filling)
}

// filling brings an update to Size. Everything else takes 425 bytes, which a test checks.
var filling = strings.Repeat("It is raining on the pitch. ", 7)[:Size-425]

// Renderer is a publisher.Renderer that renders posts as short as possible. In the HTML of the page an update would be
// longer than Size.
type Renderer struct{}

// RenderPost returns the text of p as one element.
func (Renderer) RenderPost(p motacilla.Post) (motacilla.HTML, error) {
	var text motacilla.HTML
	if len(p.Content) > 0 {
		text = p.Content[0].Text
	}
	return motacilla.TrustedHTML(`<div class="live-post" data-post-id="` + string(p.ID) + `">` + text.String() + `</div>`), nil
}

// Post returns post seq for a store.
func Post(seq int, stamp int64) motacilla.Post {
	return motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText(Text(seq, stamp))}}
}

// Maker makes updates for servers without a store. Only one goroutine may use it.
type Maker struct{ head motacilla.Revision }

// NewMaker returns a Maker at its first revision.
func NewMaker() *Maker { return &Maker{motacilla.NextRevision(0, time.Now())} }

// Head returns the revision of the last update.
func (m *Maker) Head() motacilla.Revision { return m.head }

// Next returns the JSON of the update with post seq.
func (m *Maker) Next(seq int, stamp int64) ([]byte, error) {
	from := m.head
	m.head = motacilla.NextRevision(m.head, time.Now())
	p, err := Post(seq, stamp).Admit(m.head)
	if err != nil {
		return nil, fmt.Errorf("make update %d: %w", seq, err)
	}
	html, err := Renderer{}.RenderPost(p)
	if err != nil {
		return nil, fmt.Errorf("make update %d: %w", seq, err)
	}
	u := motacilla.Update{Channel: Channel, From: from, Revision: m.head, Renders: []motacilla.Render{{
		ID: p.ID, Show: true, Content: html.String(), Created: p.Created, Modified: p.Modified, Revision: p.Revision,
	}}}
	return u.AppendJSON(make([]byte, 0, Size)), nil
}

// AppendEvent appends the JSON of an update to dst as an SSE event.
func AppendEvent(dst []byte, revision motacilla.Revision, body []byte) []byte {
	dst = append(dst, "id: "...)
	dst = strconv.AppendInt(dst, int64(revision), 10)
	dst = append(dst, "\ndata: "...)
	dst = append(dst, body...)
	return append(dst, "\n\n"...)
}

// Revision returns the revision of the update in frame. ok is false if frame has none.
func Revision(frame []byte) (revision int64, ok bool) {
	const key = `"revision":` // the first one is the update's
	at := bytes.Index(frame, []byte(key))
	if at < 0 {
		return 0, false
	}
	return number(frame[at+len(key):])
}

// Stamps calls yield for each post in frame, in order, with its number and the time at which its write began.
func Stamps(frame []byte, yield func(seq int, stamp int64)) {
	for {
		at := bytes.Index(frame, []byte(mark))
		if at < 0 || len(frame) < at+len(mark)+seqDigits+1+stampDigits {
			return
		}
		frame = frame[at+len(mark):]
		seq, seqOK := number(frame[:seqDigits])
		frame = frame[seqDigits+1:]
		stamp, stampOK := number(frame[:stampDigits])
		frame = frame[stampDigits:]
		if seqOK && stampOK {
			yield(int(seq), stamp)
		}
	}
}

// number parses the digits at the beginning of b.
func number(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			break
		}
		n, ok = n*10+int64(c-'0'), true
	}
	return n, ok
}
