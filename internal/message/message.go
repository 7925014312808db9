// Package message makes the update that every server delivers, of the same size whoever makes it, and reads back from a
// frame what a load client needs: the revision, and for each post in it a number and the time its write began.
package message

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Channel is the one that is written to.
const Channel motacilla.ChannelID = "bench"

// Size is the length of an update's JSON in bytes.
const Size = 500

const (
	mark        = "stamp:"
	seqDigits   = 6
	stampDigits = 19 // of any int64
)

// Text is a post's text: its number and the time at which its write began (CLOCK_MONOTONIC, ns), and filling.
func Text(seq int, stamp int64) string {
	return fmt.Sprintf("%s%0*d:%0*d %s", mark, seqDigits, seq, stampDigits, stamp, filling)
}

// filling brings an update to Size: what is left beside 425 bytes of everything else. The test holds the sum.
var filling = strings.Repeat("It is raining on the pitch. ", 7)[:Size-425]

// Renderer is a publisher.Renderer whose posts are as short as they can be: an update in the page's own HTML is longer
// than Size.
type Renderer struct{}

// RenderPost returns p's text as one element.
func (Renderer) RenderPost(p motacilla.Post) (string, error) {
	var text string
	if len(p.Content) > 0 {
		text = p.Content[0].Text
	}
	return `<div class="live-post" data-post-id="` + string(p.ID) + `">` + text + `</div>`, nil
}

// Post returns post seq as it is written to a store.
func Post(seq int, stamp int64) motacilla.Post {
	return motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.Text(Text(seq, stamp))}}
}

// Maker makes updates for the servers that have no store. It is not safe for use by several goroutines.
type Maker struct{ head motacilla.Revision }

// NewMaker returns a Maker at its first revision.
func NewMaker() *Maker { return &Maker{motacilla.NextRevision(0, time.Now())} }

// Head is the revision of the last update.
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
		ID: p.ID, Show: true, Content: html, Created: p.Created, Modified: p.Modified, Revision: p.Revision,
	}}}
	return u.AppendJSON(make([]byte, 0, Size)), nil
}

// AppendEvent appends an update's JSON to dst as an SSE event.
func AppendEvent(dst []byte, revision motacilla.Revision, body []byte) []byte {
	dst = append(dst, "id: "...)
	dst = strconv.AppendInt(dst, int64(revision), 10)
	dst = append(dst, "\ndata: "...)
	dst = append(dst, body...)
	return append(dst, "\n\n"...)
}

// Revision returns the revision of the update that frame holds; ok is false where there is none.
func Revision(frame []byte) (revision int64, ok bool) {
	const key = `"revision":` // the update's own comes before those of its renders
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

// number reads the digits that b begins with.
func number(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			break
		}
		n, ok = n*10+int64(c-'0'), true
	}
	return n, ok
}
