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

// Batches stores edits of one post that come at the same time by one read and one put. While one batch is stored, the
// next one gathers: its post is read when nobody can join any more, so that no edit sees a state from before its call.
// The edits of a batch run one after the other, each on what the one before made of the post, each in the goroutine of
// its caller. The zero value is ready for use.
type Batches struct {
	mu    sync.Mutex
	posts map[key]*queue // of the posts that are being edited
}

type key struct {
	channel motacilla.ChannelID
	post    motacilla.PostID
}

type queue struct {
	running *batch // is being stored
	next    *batch // gathers; nil if nobody waits
}

// batch is edits that are stored by one put. Its leader does that; the other callers are its members.
type batch struct {
	members []*member     // guarded by Batches.mu while the batch gathers
	before  chan struct{} // closed when the batch before has ended; nil if there is none
	ended   chan struct{} // closed when stored and err are set

	post   motacilla.Post // as the edits so far have made it; whoever edits has it for itself
	stored motacilla.Post
	err    error
}

// member is a caller that does not lead.
type member struct {
	state atomic.Int32
	turn  chan struct{} // the leader asks for the edit
	back  chan bool     // the member has edited; false if it does not take part any more
}

// The states of a member.
const (
	waiting int32 = iota
	called        // the leader waits for its edit
	left          // its context has ended
)

// errAgain says that nothing was put for the members of a batch.
var errAgain = errors.New("the batch was not stored")

func (b *Batches) post(
	ctx context.Context, s Posts, k key, edit func(*motacilla.Post) error,
) (motacilla.Post, error) {
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

// join returns the batch that gathers, and no member if the caller leads it.
func (b *Batches) join(k key) (*batch, *member) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.posts[k]
	if q == nil {
		if b.posts == nil {
			b.posts = make(map[key]*queue)
		}
		q = &queue{}
		b.posts[k] = q
	}
	if q.next != nil {
		m := &member{turn: make(chan struct{}, 1), back: make(chan bool, 1)}
		q.next.members = append(q.next.members, m)
		return q.next, m
	}
	all := &batch{ended: make(chan struct{}), err: errAgain}
	if q.running == nil {
		q.running = all
		return all, nil
	}
	all.before = q.running.ended
	q.next = all
	return all, nil
}

// lead stores a batch when the one before has ended.
func (b *Batches) lead(
	ctx context.Context, s Posts, k key, all *batch, edit func(*motacilla.Post) error,
) (motacilla.Post, error) {
	defer b.end(k, all)
	if all.before != nil {
		select {
		case <-all.before:
		case <-ctx.Done():
			return motacilla.Post{}, ctx.Err()
		}
	}
	b.seal(k, all)
	if len(all.members) > 0 {
		ctx = context.WithoutCancel(ctx) // the members' edits are stored too
	}
	p, err := s.Post(ctx, k.channel, k.post)
	if err != nil {
		all.err = err
		return motacilla.Post{}, err
	}
	var mine error // of the leader's edit, which fails nobody else
	all.stored, all.err = swap(ctx, p, func(now motacilla.Post) (motacilla.Post, error) {
		all.post = now.Clone()
		if mine == nil {
			mine = all.apply(edit)
		}
		all.ask()
		if mine != nil && len(all.members) == 0 {
			return now, nil
		}
		return s.PutPost(ctx, k.channel, all.post, now.Revision)
	}, "edit post %q of channel %q", k.post, k.channel)
	if err := cmp.Or(mine, all.err); err != nil {
		return motacilla.Post{}, err
	}
	return all.stored.Clone(), nil
}

// apply edits the batch's post. An edit that fails leaves it as it was.
func (all *batch) apply(edit func(*motacilla.Post) error) error {
	next := all.post.Clone()
	if err := edit(&next); err != nil {
		return err
	}
	amended, _, err := all.post.Amend(next, all.post.Revision)
	if err != nil {
		return fmt.Errorf("edit post %q: %w", all.post.ID, err)
	}
	all.post = amended
	return nil
}

// ask has the members edit the post, one after the other. Whoever has failed or left is a member no more.
func (all *batch) ask() {
	all.members = slices.DeleteFunc(all.members, func(m *member) bool {
		if !m.state.CompareAndSwap(waiting, called) {
			return true
		}
		m.turn <- struct{}{}
		return !<-m.back
	})
}

// follow edits when it is asked to, until the batch is stored.
func (m *member) follow(ctx context.Context, all *batch, edit func(*motacilla.Post) error) (motacilla.Post, error) {
	for {
		select {
		case <-m.turn:
			if err := m.edit(all, edit); err != nil {
				return motacilla.Post{}, err
			}
		case <-all.ended:
			return all.stored.Clone(), all.err
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
func (m *member) edit(all *batch, edit func(*motacilla.Post) error) error {
	edited := false
	defer func() { m.back <- edited }()
	if err := all.apply(edit); err != nil {
		return err
	}
	m.state.Store(waiting)
	edited = true
	return nil
}

// seal makes a batch the running one, which nobody joins any more.
func (b *Batches) seal(k key, all *batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q := b.posts[k]; q.next == all {
		q.running, q.next = all, nil
	}
}

// end answers the members, and lets the next batch begin.
func (b *Batches) end(k key, all *batch) {
	b.mu.Lock()
	q := b.posts[k]
	if q.next == all {
		q.next = nil // its leader has left before it began
	} else {
		q.running = nil
	}
	if q.running == nil && q.next == nil {
		delete(b.posts, k)
	}
	b.mu.Unlock()
	close(all.ended)
}
