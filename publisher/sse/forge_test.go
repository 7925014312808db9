package sse

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/storage"
	r3labs "github.com/r3labs/sse/v2"
)

// FuzzForge puts any string into every field of an update. The update must make one event with the same data, and no other
// field of the stream.
func FuzzForge(f *testing.F) {
	for _, s := range []string{
		"", "plain", "\n\nevent: forged\ndata: x\n\n", "\r\rid: 1\rdata: x\r\r", "\r\n\r\nretry: 1\r\n\r\n", "\ufeffdata: x\n\n",
		"\x00", "id\x00: 5", ": comment\n", "\u2028data: x\u2029\u2029", "\u0085\u0085data: x\u0085\u0085", "\v\fdata:\v\f", `\n\n`,
		`\u000a\u000adata: x`, "\xff\n\ndata: x\n\n", "\xc0\x8a\xc0\x8a", "</script>", "\n", "\r", "\ud7ff\ue000",
	} {
		f.Add(s, s, s, s, int64(1763890000123456), true, false)
		f.Add("match-42", "01J", s, s, int64(0), false, true)
	}
	f.Fuzz(func(t *testing.T, channel, id, content, title string, revision int64, reset, gone bool) {
		at := time.UnixMicro(1763890000123456).UTC()
		u := &motacilla.Update{
			Channel: motacilla.ChannelID(channel), Revision: motacilla.Revision(revision), Reset: reset, Gone: gone,
			Renders: []motacilla.Render{
				{ID: motacilla.PostID(id), Show: true, Content: content, Created: at, Modified: at},
				{ID: motacilla.PostID(title), Content: id + content, Created: at, Modified: at},
			},
			Removals: []motacilla.PostID{motacilla.PostID(content), motacilla.PostID(channel)},
			State:    &motacilla.State{Title: title},
		}
		const before, after = "id: 7\ndata: before\n\n", "data: after\n\n"
		wire := append(retry([]byte(before), time.Second, 2*time.Second), event.Append(nil, u)...)
		wire = append(append(wire, closeMessage(publisher.EndDrain)...), after...)

		s := newEventStream(bytes.NewReader(wire))
		var got []message
		for {
			m, err := s.next()
			if errors.Is(err, io.EOF) {
				break
			}
			got = append(got, m)
		}
		number := fmt.Sprint(revision)
		if len(got) != 3 || got[0] != (message{"7", "", "before"}) || got[2] != (message{number, "", "after"}) {
			t.Fatalf("%q makes %q", wire, got)
		}
		if got[1].ID != number || got[1].Type != "" || len(s.Retry) != 2 || s.Retry[0] < 1000 {
			t.Fatalf("%q makes %q, retry %v", wire, got[1], s.Retry)
		}
		says(t, got[1].Data, u)
		foreign(t, wire, got)
	})
}

// says fails the test if data is not u as JSON.
func says(t *testing.T, data string, u *motacilla.Update) {
	t.Helper()
	if want := string(u.AppendJSON(nil)); data != want || !utf8.ValidString(data) {
		t.Fatalf("the data is %q, want %q", data, want)
	}
	var got struct {
		Channel  string
		Title    string
		Removals []string
		Renders  map[string]struct{ Content string }
	}
	if err := json.Unmarshal([]byte(data), &got); err != nil {
		t.Fatalf("%q: %v", data, err)
	}
	valid := func(s string) string { return decodeUTF8([]byte(s)) }
	if got.Channel != valid(string(u.Channel)) || got.Title != valid(u.State.Title) {
		t.Fatalf("%q says channel %q, title %q", data, got.Channel, got.Title)
	}
	for i, id := range u.Removals {
		if i >= len(got.Removals) || got.Removals[i] != valid(string(id)) {
			t.Fatalf("%q says removals %q", data, got.Removals)
		}
	}
}

// foreign reads the same with r3labs' parser.
func foreign(t *testing.T, wire []byte, want []message) {
	t.Helper()
	in := r3labs.NewEventStreamReader(bytes.NewReader(wire), 1<<24)
	var events [][]byte
	for {
		e, err := in.ReadEvent()
		if err != nil {
			break
		}
		events = append(events, bytes.Clone(e)) // the scanner reuses it
	}
	data := 0
	for _, e := range events {
		for line := range strings.Lines(strings.ReplaceAll(string(e), "\r", "\n")) {
			if d, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "data: "); ok {
				if data >= len(want) || d != want[data].Data {
					t.Fatalf("r3labs reads %q", e)
				}
				data++
			}
		}
	}
	if data != len(want) {
		t.Fatalf("r3labs reads %d events of %q", data, wire)
	}
}

// Any text in posts and titles comes through a whole server unchanged.
func TestNothingForged(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c})
		st := s.begin("")
		s.update(st)
		for _, text := range []string{
			"\n\nevent: forged\ndata: {}\n\n", "\r\rdata: {}\r\r", "\r\n\r\nid: 1\r\n\r\n", "\ufeff", "\u2028\u2029\u0085",
		} {
			s.post(text)
			if u := s.change(st); texts(u) != text {
				t.Errorf("%q comes as %q", text, texts(u))
			}
			_, err := storage.EditChannel(t.Context(), s.Store, match, func(c *motacilla.Channel) error { c.Title = text; return nil })
			if err != nil {
				continue // a title that the store refuses forges nothing
			}
			if u := s.change(st); u.State == nil || u.State.Title != text {
				t.Errorf("the title %q comes as %+v", text, u.State)
			}
		}
		if len(st.Retry) != 1 {
			t.Errorf("got retry %v, want only the first one", st.Retry)
		}
	})
}
