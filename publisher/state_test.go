package publisher

import (
	"cmp"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"pgregory.net/rapid"
)

// changeList is a channel as a plain list of everything that ever happened: the model of a state's change log.
type changeList struct {
	first motacilla.Revision // the channel's own
	list  []change           // oldest first; a change without a post is one of the channel's title
	floor motacilla.Revision // older revisions are forgotten by the store
}

func (m *changeList) head() motacilla.Revision {
	if n := len(m.list); n > 0 {
		return m.list[n-1].revision
	}
	return m.first
}

func (m *changeList) issued(cursor motacilla.Revision) bool {
	return cursor == m.first || slices.ContainsFunc(m.list, func(c change) bool { return c.revision == cursor })
}

func (m *changeList) title(at motacilla.Revision) (title string, changed motacilla.Revision) {
	for _, c := range m.list {
		if c.post == "" && c.revision <= at {
			title, changed = c.render.Content, c.revision
		}
	}
	return title, changed
}

// newest returns the newest change of each post after cursor and up to head.
func (m *changeList) newest(cursor, head motacilla.Revision) (renders []motacilla.Render, removed []change) {
	last := map[motacilla.PostID]change{}
	for _, c := range m.list {
		if c.post != "" && c.revision > cursor && c.revision <= head {
			last[c.post] = c
		}
	}
	for _, c := range last {
		if c.removed {
			removed = append(removed, c)
		} else {
			renders = append(renders, c.render)
		}
	}
	slices.SortFunc(renders, func(a, b motacilla.Render) int { return cmp.Compare(a.Revision, b.Revision) })
	slices.SortFunc(removed, func(a, b change) int { return cmp.Compare(a.revision, b.revision) })
	return renders, removed
}

// read is what a store says happened after since.
func (m *changeList) read(since motacilla.Revision, limit int) (motacilla.Changes, []motacilla.Render) {
	head := m.head()
	changes := motacilla.Changes{Head: head, Floor: m.floor, Known: since > 0 && since >= m.floor && m.issued(since)}
	renders, removed := m.newest(since, head)
	if !changes.Known {
		return changes, nil
	}
	if len(renders)+len(removed) > limit {
		changes.Truncated = true
		return changes, nil
	}
	for _, c := range removed {
		changes.Removed = append(changes.Removed, motacilla.Removal{ID: c.post, Revision: c.revision})
	}
	for _, c := range m.list {
		if c.revision > since {
			changes.Issued = append(changes.Issued, c.revision)
		}
	}
	if title, at := m.title(head); at > since {
		changes.Channel = &motacilla.Channel{ID: "match-42", Title: title, Access: motacilla.Public, Head: head}
	}
	return changes, renders
}

// change makes one random change.
func (m *changeList) change(t *rapid.T) {
	c := change{revision: m.head() + motacilla.Revision(rapid.IntRange(1, 3).Draw(t, "gap"))}
	switch n := rapid.IntRange(0, 11).Draw(t, "post"); n {
	case 11:
		c.render.Content = fmt.Sprint("title ", c.revision)
	default:
		c.post = motacilla.PostID(fmt.Sprintf("post-%02d", n))
		c.removed = rapid.IntRange(0, 4).Draw(t, "removed") == 0
		if !c.removed {
			c.render = motacilla.Render{
				ID: c.post, Revision: c.revision, Show: true, Content: fmt.Sprint(c.revision), Created: time.Unix(int64(n), 0),
			}
		}
	}
	m.list = append(m.list, c)
}

// check compares what s says of cursor with the list.
func (m *changeList) check(t *rapid.T, s *state, cursor motacilla.Revision, most int) {
	d, look := s.delta(cursor)
	head := s.head()
	renders, removed := m.newest(cursor, head)
	if d == nil {
		known := m.issued(cursor) && cursor <= head
		if known && !look && len(renders)+len(removed) <= most && cursor >= s.log.floor && cursor > s.log.tooMuch {
			t.Fatalf("at %d no delta from %d, which was issued, and no look at the store: %+v", head, cursor, s.log)
		}
		if known && cursor >= s.log.from && cursor > s.log.sure && len(renders)+len(removed) <= most {
			t.Fatalf("at %d no delta from %d, which the log reaches: %+v", head, cursor, s.log)
		}
		return
	}
	if !m.issued(cursor) || cursor > head {
		t.Fatalf("at %d a delta from %d, which was never issued: %+v", head, cursor, d.Update)
	}
	slices.SortFunc(renders, func(a, b motacilla.Render) int { return a.Key().Compare(b.Key()) })
	var removals []motacilla.PostID
	for _, c := range removed {
		removals = append(removals, c.post)
	}
	slices.Sort(removals)
	if d.From != cursor || d.Revision != head || !slices.Equal(d.Renders, renders) || !slices.Equal(d.Removals, removals) {
		t.Fatalf("from %d to %d:\n%+v\nwant renders %v, removals %v", cursor, head, d.Update, renders, removals)
	}
	switch title, at := m.title(head); {
	case at > cursor && (d.State == nil || d.State.Title != title):
		t.Fatalf("from %d to %d the title is not %q: %+v", cursor, head, title, d.State)
	case at <= cursor && d.State != nil && d.State.Title != title:
		t.Fatalf("from %d to %d the title is %q, want %q or none", cursor, head, d.State.Title, title)
	}
}

// TestStateAgreesWithAList has a state follow random changes, read in random portions, looked up from random cursors.
func TestStateAgreesWithAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most = 6
		m := &changeList{first: 100}
		for range rapid.IntRange(0, 30).Draw(t, "before") {
			m.change(t)
		}
		var encodings atomic.Int64
		title, _ := m.title(m.head())
		s := firstState(motacilla.Channel{
			ID: "match-42", Title: title, Access: motacilla.Public, Head: m.head(),
		}, most, time.Time{}, &encodings)
		cursor := func() motacilla.Revision {
			return motacilla.Revision(rapid.Int64Range(98, int64(m.head())+2).Draw(t, "cursor"))
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"change", "change", "read", "look", "snapshot", "beat", "forget"}).Draw(t, "step") {
			case "change":
				m.change(t)
			case "read":
				before := s
				changes, renders := m.read(s.head(), most)
				read := fresh{changes: changes, renders: renders, channel: changes.Channel}
				if title, _ := m.title(changes.Head); !carriesOn(changes) {
					read.channel = &motacilla.Channel{ID: "match-42", Title: title, Access: motacilla.Public, Head: changes.Head}
				}
				s = s.next(read)
				if moved := s.moved != before.moved; moved != (s.head() != before.head() || !carriesOn(changes)) {
					t.Fatalf("from %d to %d: readers are woken: %v", before.head(), s.head(), moved)
				}
			case "look":
				at := cursor()
				if d, look := s.delta(at); d == nil && look && at <= s.head() {
					before := s
					changes, renders := m.read(at, most)
					if s = s.reached(lookup{at, changes, renders}); s.moved != before.moved || s.head() != before.head() {
						t.Fatal("a lookup wakes readers")
					}
				}
			case "snapshot":
				s = s.withSnapshot(&snapshot{})
			case "beat":
				s = s.beat()
			case "forget":
				m.floor = max(m.floor, min(cursor(), m.head()))
			}
			for range 3 {
				m.check(t, s, cursor(), most)
			}
			m.check(t, s, s.head(), most)
			if len(s.log.changes) > 3*most {
				t.Fatalf("the log keeps %d changes", len(s.log.changes))
			}
		}
	})
}

// TestTheLogKeepsSoManyRevisions has a scoreboard edited more often than a log keeps revisions.
func TestTheLogKeepsSoManyRevisions(t *testing.T) {
	var encodings atomic.Int64
	s := firstState(motacilla.Channel{ID: "match-42", Head: 1}, 500, time.Time{}, &encodings)
	for rev := motacilla.Revision(2); rev < 3*mostIssued; rev++ {
		s = s.next(fresh{
			changes: motacilla.Changes{Head: rev, Known: true, Issued: []motacilla.Revision{rev}},
			renders: []motacilla.Render{{ID: "score", Revision: rev}},
		})
	}
	if n := len(s.log.issued); n > mostIssued || n < mostIssued/2 {
		t.Errorf("%d revisions are kept, want half of %d at least", n, mostIssued)
	}
	if n := len(s.log.changes); n > 3*500 {
		t.Errorf("%d changes of one post are kept", n)
	}
	d, _ := s.delta(s.log.from)
	if d == nil || len(d.Renders) != 1 || d.Renders[0].Revision != s.head() {
		t.Errorf("from the oldest revision: %+v", d)
	}
}

// TestTrimIsRare has as many posts edited in turn as a log keeps changes: it must not be copied for each edit.
func TestTrimIsRare(t *testing.T) {
	const most = 20
	var encodings atomic.Int64
	s := firstState(motacilla.Channel{ID: "match-42", Head: 1}, most, time.Time{}, &encodings)
	copies := 0
	for rev := motacilla.Revision(2); rev < 1000; rev++ {
		before := s.log.changes
		s = s.next(fresh{
			changes: motacilla.Changes{Head: rev, Known: true, Issued: []motacilla.Revision{rev}},
			renders: []motacilla.Render{{ID: motacilla.PostID(fmt.Sprint(rev % (3 * most))), Revision: rev}},
		})
		if len(s.log.changes) <= len(before) {
			copies++
		}
	}
	if copies > 1000/most {
		t.Errorf("the log was copied %d times for 1,000 edits", copies)
	}
	if d, _ := s.delta(s.head() - most); d == nil || len(d.Renders) != most {
		t.Errorf("the last %d edits: %+v", most, d)
	}
}

// TestALogThatBeginsAnewIsOneMoment has a title change after the changes were read and before the channel was read. The
// state's head is that of its title, so that a store that loses the title loses the head too.
func TestALogThatBeginsAnewIsOneMoment(t *testing.T) {
	var encodings atomic.Int64
	s := firstState(motacilla.Channel{ID: "match-42", Title: "first", Head: 100}, 500, time.Time{}, &encodings)
	s = s.next(fresh{
		changes: motacilla.Changes{Head: 110, Known: true, Truncated: true},
		channel: &motacilla.Channel{ID: "match-42", Title: "second", Head: 120},
	})
	if s.head() != 120 || s.channel.Title != "second" {
		t.Errorf("the state is at %d with title %q", s.head(), s.channel.Title)
	}
	if d, _ := s.delta(120); d == nil || !d.Heartbeat() {
		t.Errorf("at the head: %+v", d)
	}
}

// TestGoneCarriesOn has readers that hold less and more than memory knew told that the channel was deleted.
func TestGoneCarriesOn(t *testing.T) {
	var encodings atomic.Int64
	s := firstState(motacilla.Channel{ID: "match-42", Head: 100}, 500, time.Time{}, &encodings)
	s = s.next(fresh{changes: motacilla.Changes{Deleted: true, Head: 102}})
	for _, cursor := range []motacilla.Revision{0, 50, 100, 101, 102, 103, 200} {
		v := motacilla.View{Revision: cursor}
		d, _ := s.delta(cursor)
		if v.Apply(d.Update, false); !v.Gone {
			t.Errorf("a reader at %d is not told: %+v", cursor, d.Update)
		}
	}
}
