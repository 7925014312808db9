package sse

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/storage/sqlite"
)

// A reader that resumes at any revision gets what it missed, with either kind of cursor.
func TestResumeAtEveryRevision(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c})
		revisions := []motacilla.Revision{s.head()}
		for i := range 8 {
			revisions = append(revisions, s.post(fmt.Sprint(i)).Revision)
		}
		s.resumes(revisions)
	})
}

func (s *site) resumes(revisions []motacilla.Revision) {
	s.Helper()
	head := revisions[len(revisions)-1]
	for i, since := range revisions {
		want := ""
		for k := i; k < len(revisions)-1; k++ {
			want += fmt.Sprintf(" %d", k)
		}
		for _, st := range []*stream{
			s.begin(fmt.Sprintf("?since=%d", since)),
			s.begin("", "Last-Event-ID", fmt.Sprint(int64(since))),
		} {
			u := s.update(st)
			if got := " " + texts(u); u.Reset || u.From != since || u.Revision != head || got != want && want != "" {
				s.Errorf("got %+v after %d, want%s up to %d", u, since, want, head)
			}
			if want == "" && !u.Heartbeat() {
				s.Errorf("got %+v at the head, want a heartbeat", u)
			}
			_ = st.body.Close()
		}
	}
}

// Readers resume at another server with the same file.
func TestResumeAfterRestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "live.db")
	store, err := sqlite.Open(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, settings{store: store})
	s.Create(match, motacilla.Public)
	revisions := []motacilla.Revision{s.head()}
	for i := range 4 {
		revisions = append(revisions, s.post(fmt.Sprint(i)).Revision)
	}
	s.Close()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}

	if store, err = sqlite.Open(t.Context(), file, nil); err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	s = open(t, settings{store: store})
	defer s.Close()
	s.resumes(revisions)
	st := s.begin(fmt.Sprintf("?since=%d", revisions[1]+1)) // never issued
	if u := s.update(st); !u.Reset || len(u.Renders) != 4 {
		t.Errorf("got %+v for a revision that was never issued, want a reset", u)
	}
	p := s.post("new")
	if u := s.change(st); texts(u) != "new" || u.Revision != p.Revision {
		t.Errorf("got %+v, want the new post", u)
	}
}

// While the store is out of reach, readers stay and get heartbeats. When it is back, they get what was written meanwhile.
func TestOutage(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c, feed: publisher.FeedOptions{
			Heartbeat: 50 * time.Millisecond, Repair: 20 * time.Millisecond,
		}})
		first := s.post("one")
		st := s.begin("")
		s.update(st)
		s.Source.Fail(true)
		for range 3 {
			if u := s.update(st); !u.Heartbeat() || u.Revision != first.Revision {
				t.Fatalf("got %+v in the outage, want a heartbeat", u)
			}
		}
		var want string
		for i := range 5 {
			content := []motacilla.Block{motacilla.PlainText(fmt.Sprint(i))}
			if _, err := s.Store.PutPost(t.Context(), match, motacilla.Post{Show: true, Content: content}, 0); err != nil {
				t.Fatal(err)
			}
			want += fmt.Sprint(i)
		}
		for range 2 {
			if u := s.update(st); !u.Heartbeat() || u.Revision != first.Revision {
				t.Fatalf("got %+v in the outage, want a heartbeat", u)
			}
		}
		s.Source.Fail(false)
		got, at := "", first.Revision
		for len(got) < len(want) {
			u := s.change(st)
			if u.Reset || u.From > at {
				t.Fatalf("got %+v at %d", u, at)
			}
			at = u.Revision
			for _, r := range u.Renders {
				got += r.Content
			}
		}
		if got != want {
			t.Errorf("the reader got %s, want %s", got, want)
		}
	})
}
