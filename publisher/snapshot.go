package publisher

import (
	"errors"
	"fmt"
	"sync"

	"github.com/motacilla-live/motacilla"
)

// snapshot is the newest page of a channel: a delta from 0 that is a reset, and the same from other cursors. Readers may name any
// number as their cursor, so only the last few of these are kept.
type snapshot struct {
	*Delta
	access motacilla.Access // at Revision or later

	mu    sync.Mutex
	last  [mostResets]*Delta
	count int
}

// mostResets is from how many cursors a snapshot is kept.
const mostResets = 32

// from returns the snapshot as the answer to a reader at cursor.
func (s *snapshot) from(cursor motacilla.Revision) *Delta {
	if cursor == 0 {
		return s.Delta
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.last {
		if d != nil && d.From == cursor {
			return d
		}
	}
	u := *s.Update
	u.From = cursor
	d := &Delta{Update: &u, At: s.At, private: s.private, encodings: s.encodings}
	s.last[s.count%mostResets] = d
	s.count++
	return d
}

// mostPinned is how many pinned posts a snapshot has at most, not counting those among the newest.
const mostPinned = 1000

// readSnapshot reads the newest posts, and after them the pinned ones and the channel, each at a moment of its own. What is
// newer than the newest posts is left out, or does no harm: its revision is beyond the snapshot's, so that the next delta
// brings it.
func (l *loader) readSnapshot() (*snapshot, error) {
	f, id, s := l.channel.feed, l.channel.id, l.state.Load()
	if l.current(s) {
		return s.snapshot, nil
	}
	newest, err := f.reads.posts(id, motacilla.Query{Limit: f.options.PageSize, Visible: true})
	if err != nil {
		return nil, fmt.Errorf("read snapshot of channel %q: %w", id, err)
	}
	var pinned motacilla.Page
	var errPinned error
	var both sync.WaitGroup
	if newest.More {
		both.Go(func() {
			pinned, errPinned = f.reads.posts(id, motacilla.Query{Limit: mostPinned, Visible: true, Pinned: true})
		})
	}
	current, err := f.reads.channel(id)
	both.Wait()
	if err = errors.Join(err, errPinned); err != nil {
		return nil, fmt.Errorf("read snapshot of channel %q: %w", id, err)
	}
	posts := newest.Posts
	if n := len(posts); n > 0 {
		oldest := posts[n-1].Key()
		for _, p := range pinned.Posts {
			if p.Revision <= newest.Head && p.Key().Compare(oldest) < 0 {
				posts = append(posts, p)
			}
		}
	}
	read := &snapshot{Delta: f.newDelta(&motacilla.Update{
		Channel: id, Revision: newest.Head, Renders: oldestFirst(l.renderAll(posts)),
		Reset: true, Complete: !newest.More,
		State: &motacilla.State{Title: current.Title, Ended: current.Ended},
	})}
	read.access = current.Access // as read after the posts: memory may be behind
	read.private = read.access != motacilla.Public
	l.swap(func(s *state) *state { return s.withSnapshot(read) })
	l.compare(read.Revision, s.head())
	return read, nil
}
