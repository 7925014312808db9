package edit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/motacilla-live/motacilla"
)

// Batches stores edits of one post that come at the same time by one put. While one batch is stored, the next one
// gathers. The edits of a batch run one after the other, each on what the one before made of the post, each in the
// goroutine of its caller. A batch begins with the post as the batch before has stored it, or reads it.
//
// No edit decides by a state from before its call: a put compares the revision, and if an edit fails or changes
// nothing, the post is read after all members of the batch have joined. The zero value is ready for use.
type Batches struct {
	mu    sync.Mutex
	posts map[key]*batch // the running batch of each post that is being edited
}

type key struct {
	channel motacilla.ChannelID
	post    motacilla.PostID
}

// batch is edits that are stored by one put. Its leader, the first caller, does that. The other callers are its
// members.
type batch struct {
	// Guarded by Batches.mu.
	next    *batch        // gathers while this batch is running
	members []*member     // grows only while this batch gathers
	ended   chan struct{} // closed at the end; nil if nobody waits for it

	start chan struct{} // closed when this batch is the running one; nil if it was the first

	// The leader has these. Whoever edits has post and changed for itself.
	base    motacilla.Post // what the batch begins with
	read    bool           // base was read, or returned by a conflict, after the last member had joined
	post    motacilla.Post // as the edits so far have made it
	changed bool           // by the last edit

	// Set before ended is closed.
	stored motacilla.Post
	err    error
}

// member is a caller that does not lead.
type member struct {
	state atomic.Int32
	turn  chan struct{} // the leader asks for the edit
	back  chan bool     // the member has edited; false if it does not take part any more
	err   error         // of its edit; the leader reads it after back
}

// The states of a member.
const (
	waiting int32 = iota
	called        // the leader waits for its edit
	left          // its context has ended
)

// errAgain says that the leader of a batch has gone, and that nothing was put for its members.
var errAgain = errors.New("the batch was not stored")

func (b *Batches) post(ctx context.Context, s Posts, k key, edit func(*motacilla.Post) error) (motacilla.Post, error) {
	for {
		all, m := b.join(k)
		if m == nil {
			return b.lead(ctx, s, k, all, edit)
		}
		p, err := m.follow(ctx, all, edit)
		if !errors.Is(err, errAgain) {
			return p, err
		}
	}
}

// join returns the batch that the caller is in. The caller leads it if there is no member.
func (b *Batches) join(k key) (*batch, *member) {
	b.mu.Lock()
	defer b.mu.Unlock()
	running := b.posts[k]
	switch {
	case running == nil:
		if b.posts == nil {
			b.posts = make(map[key]*batch)
		}
		all := &batch{err: errAgain}
		b.posts[k] = all
		return all, nil
	case running.next == nil:
		running.next = &batch{err: errAgain, start: make(chan struct{})}
		return running.next, nil
	}
	all := running.next
	if all.ended == nil {
		all.ended = make(chan struct{})
	}
	m := &member{turn: make(chan struct{}, 1), back: make(chan bool, 1)}
	all.members = append(all.members, m)
	return all, m
}

// lead stores a batch when it is the running one.
func (b *Batches) lead(
	ctx context.Context, s Posts, k key, all *batch, edit func(*motacilla.Post) error,
) (motacilla.Post, error) {
	if all.start != nil {
		select {
		case <-all.start:
		case <-ctx.Done():
			if b.leave(k, all) {
				return motacilla.Post{}, ctx.Err()
			}
		}
	}
	defer b.end(k, all)
	if all.base.ID == "" && len(all.members) == 0 {
		all.stored, all.err = alone(ctx, s, k, edit)
		return all.stored, all.err
	}
	if len(all.members) > 0 {
		ctx = context.WithoutCancel(ctx) // the members' edits are stored too
	}
	var mine error
	all.stored, mine, all.err = all.put(ctx, s, k, edit)
	if err := cmp.Or(mine, all.err); err != nil {
		return motacilla.Post{}, err
	}
	return all.stored.Clone(), nil
}

// put returns the post as it is stored in the end. mine is the error of the leader's edit, which fails nobody else.
func (all *batch) put(
	ctx context.Context, s Posts, k key, edit func(*motacilla.Post) error,
) (stored motacilla.Post, mine, err error) {
	for n := 0; ; {
		if all.base.ID == "" {
			if all.base, err = s.Post(ctx, k.channel, k.post); err != nil {
				return motacilla.Post{}, nil, err
			}
			all.read = true
		}
		all.post = all.base.Clone()
		mine = all.apply(edit)
		changes, sure := all.changed, mine == nil && all.changed
		changes, sure = all.ask(changes, sure)
		if !sure && !all.read {
			now, err := s.Post(ctx, k.channel, k.post)
			if err != nil {
				return motacilla.Post{}, nil, err
			}
			same := now.Revision == all.base.Revision
			if all.base, all.read = now, true; !same {
				continue
			}
		}
		if !changes {
			return all.base, mine, nil
		}
		stored, err := s.PutPost(ctx, k.channel, all.post, all.base.Revision)
		if !errors.Is(err, motacilla.ErrConflict) {
			return stored, mine, err
		}
		if err := again(ctx, n); err != nil {
			return motacilla.Post{}, mine, fmt.Errorf("edit post %q of channel %q: %w", k.post, k.channel, err)
		}
		n++
		all.base, all.read = stored, true
	}
}

// apply edits the batch's post. An edit that fails leaves it as it was.
func (all *batch) apply(edit func(*motacilla.Post) error) error {
	all.changed = false
	next := all.post.Clone()
	if err := edit(&next); err != nil {
		return err
	}
	amended, changed, err := all.post.Amend(next, all.post.Revision)
	if err != nil {
		return fmt.Errorf("edit post %q: %w", all.post.ID, err)
	}
	all.post, all.changed = amended, changed
	return nil
}

// ask has the members edit the post, one after the other. A member that has gone is a member no more. changes is true
// if an edit changes something; sure is true if all of them do and none fails.
func (all *batch) ask(changes, sure bool) (bool, bool) {
	all.members = slices.DeleteFunc(all.members, func(m *member) bool {
		if !m.state.CompareAndSwap(waiting, called) {
			return true
		}
		m.turn <- struct{}{}
		if !<-m.back {
			return true
		}
		changes = changes || all.changed
		sure = sure && all.changed && m.err == nil
		return false
	})
	return changes, sure
}

// follow edits when it is asked to, until the batch is stored.
func (m *member) follow(ctx context.Context, all *batch, edit func(*motacilla.Post) error) (motacilla.Post, error) {
	for {
		select {
		case <-m.turn:
			m.edit(all, edit)
		case <-all.ended:
			if err := cmp.Or(all.err, m.err); err != nil {
				return motacilla.Post{}, err
			}
			return all.stored.Clone(), nil
		case <-ctx.Done():
			if !m.state.CompareAndSwap(waiting, left) {
				<-m.turn
				m.back <- false
			}
			return motacilla.Post{}, ctx.Err()
		}
	}
}

// edit answers the leader even if the edit panics or ends its goroutine.
func (m *member) edit(all *batch, edit func(*motacilla.Post) error) {
	edited := false
	defer func() { m.back <- edited }()
	m.err = all.apply(edit)
	m.state.Store(waiting)
	edited = true
}

// leave takes a batch that gathers out, so that its members begin again; false if it is the running one.
func (b *Batches) leave(k key, all *batch) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	running := b.posts[k]
	if running == all {
		return false
	}
	running.next = nil
	if all.ended != nil {
		close(all.ended)
	}
	return true
}

// end answers the members, and has the next batch run on what this one has stored.
func (b *Batches) end(k key, all *batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if all.ended != nil {
		close(all.ended)
	}
	next := all.next
	if next == nil {
		delete(b.posts, k)
		return
	}
	if all.err == nil {
		next.base = all.stored.Clone()
	}
	b.posts[k] = next
	close(next.start)
}
