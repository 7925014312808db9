package redis

import (
	"errors"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// What is in the server may be anybody's: it is read, or malformed.
func FuzzPost(f *testing.F) {
	content := []motacilla.Block{motacilla.Text(motacilla.TrustedHTML("<b>x</b>"))}
	p, err := motacilla.Post{MessageID: "m", Show: true, Author: "A", Content: content}.
		Admit(motacilla.Revision(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()))
	if err != nil {
		f.Fatal(err)
	}
	whole, err := postText(p)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:62])
	f.Add(whole[:59] + "999" + whole[62:])
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePost("id", text)
		if err != nil {
			if !errors.Is(err, motacilla.ErrUnavailable) {
				t.Errorf("error is %v", err)
			}
			return
		}
		again, err := postText(p)
		if err != nil {
			t.Fatal(err)
		}
		q, err := parsePost("id", again)
		if err != nil || q.Revision != p.Revision || q.MessageID != p.MessageID || len(q.Content) != len(p.Content) {
			t.Errorf("%q became %q: %+v, %+v (%v)", text, again, p, q, err)
		}
	})
}

func FuzzHint(f *testing.F) {
	for _, s := range []string{"match-42 0001763890000123456 0", "c 0001763890000123456 1", "", " ", "c 1 0", "c  0", "c -000000000000000001 0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		m, ok := parseHint(payload)
		if !ok {
			return
		}
		if _, err := motacilla.ParseChannelID(string(m.Channel)); err != nil || m.Head <= 0 {
			t.Errorf("%q is %+v", payload, m)
		}
		if again := string(m.Channel) + " " + revisionText(m.Head) + " " + flag(m.Deleted); again != payload {
			t.Errorf("%q is read as %q", payload, again)
		}
	})
}
