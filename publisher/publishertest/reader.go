package publishertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// reader follows a channel by the rules of motacilla.View until it is closed.
type reader struct {
	name    string
	channel motacilla.ChannelID
	rest    time.Duration // it waits at most so long until it asks again
	stop    context.CancelFunc
	ended   chan struct{}

	mu      sync.Mutex
	view    motacilla.View
	moved   chan struct{} // closed when the view moves or the reader ends
	heard   int           // updates, heartbeats among them
	updates int           // that were not heartbeats
	resets  int
	opened  int   // follows begun
	closed  int   // follows ended
	last    error // of a follow
	err     error
	wrong   error // the publisher broke a rule
	pause   chan struct{}
}

// read starts a reader of a channel that begins with a view.
func (s *site) read(name string, ch motacilla.ChannelID, view motacilla.View) *reader {
	return s.readBy(s.main, name, ch, view)
}

// readBy is read at another server.
func (s *site) readBy(d *Server, name string, ch motacilla.ChannelID, view motacilla.View) *reader {
	ctx, cancel := context.WithCancel(context.Background())
	r := &reader{
		name: name, channel: ch, rest: s.rest, stop: cancel, ended: make(chan struct{}), view: view,
		moved: make(chan struct{}),
	}
	url, follow := s.url(d, name, ch), s.parts[name].follow
	go func() {
		defer close(r.ended)
		r.run(ctx, url, follow)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.signal()
	}()
	s.readers = append(s.readers, r)
	return r
}

// signal wakes those that wait for a change of the reader. r.mu must be held.
func (r *reader) signal() {
	close(r.moved)
	r.moved = make(chan struct{})
}

// close stops the reader and waits for it.
func (r *reader) close() {
	r.stop()
	r.resume()
	<-r.ended
}

func (r *reader) run(ctx context.Context, url string, follow Follow) {
	const shortest = 5 * time.Millisecond
	rest := shortest
	for ctx.Err() == nil {
		news, err := r.connect(ctx, url, follow)
		r.mu.Lock()
		done := r.view.Gone
		r.last = err
		if errors.Is(err, motacilla.ErrNotFound) || errors.Is(err, motacilla.ErrInvalid) {
			r.err, done = err, true
		}
		done = done || r.wrong != nil
		r.mu.Unlock()
		if done {
			return
		}
		if news {
			rest = shortest
			continue
		}
		pause(ctx, rest)
		rest = min(rest*2, r.rest)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// connect follows once. news is true if something came.
func (r *reader) connect(ctx context.Context, url string, follow Follow) (news bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.mu.Lock()
	since := r.view.Revision
	r.opened++
	r.signal()
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.closed++
		r.signal()
	}()
	asked := true
	for u, err := range follow(ctx, url, since) {
		if err != nil {
			return news, err
		}
		news = news || !u.Heartbeat()
		if again := r.apply(u, asked, since); again {
			return news, nil
		}
		asked = false
		r.mu.Lock()
		held := r.pause
		r.mu.Unlock()
		if held != nil {
			<-held
		}
	}
	return news, nil
}

func (r *reader) apply(u *motacilla.Update, asked bool, since motacilla.Revision) (again bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.view.Revision
	again = r.view.Apply(u, asked)
	switch {
	case u.Channel != r.channel:
		r.wrong = fmt.Errorf("an update of channel %q came on channel %q", u.Channel, r.channel)
	case asked && u.From != since:
		r.wrong = fmt.Errorf("asked with since=%d, the first update is from %d to %d", since, u.From, u.Revision)
	case asked && again:
		r.wrong = fmt.Errorf("the first update, from %d to %d, can't be applied at %d", u.From, u.Revision, before)
	case !u.Reset && u.Revision < u.From:
		r.wrong = fmt.Errorf("an update leads back from %d to %d", u.From, u.Revision)
	}
	for _, post := range u.Renders {
		if post.Revision > u.Revision {
			r.wrong = fmt.Errorf("post %s of revision %d came in an update of revision %d", post.ID, post.Revision, u.Revision)
		}
	}
	r.heard++
	if !u.Heartbeat() {
		r.updates++
	}
	if u.Reset {
		r.resets++
	}
	r.signal()
	return again
}

// stall makes the reader stop reading after its next update, until resume.
func (r *reader) stall() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pause = make(chan struct{})
}

func (r *reader) resume() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pause != nil {
		close(r.pause)
		r.pause = nil
	}
}

// until waits until cond, which is called with r.mu held, returns true.
func (r *reader) until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		r.mu.Lock()
		ok, wrong, err, moved, rev := cond(), r.wrong, r.err, r.moved, r.view.Revision
		opened, closed, last := r.opened, r.closed, r.last
		r.mu.Unlock()
		if wrong != nil {
			t.Fatalf("%s: %v", r.name, wrong)
		}
		if ok {
			return
		}
		select {
		case <-moved:
		case <-r.ended:
			r.mu.Lock()
			ok = cond()
			r.mu.Unlock()
			if !ok {
				t.Fatalf("%s: the reader ended at %d (%v), waiting until %s", r.name, rev, err, what)
			}
		case <-late.C:
			t.Fatalf("%s: the reader is at %d after %v, waiting until %s; it has begun to follow %d times, ended %d times, last with %v",
				r.name, rev, patience, what, opened, closed, last)
		}
	}
}

// at waits until the reader is at a revision or later.
func (r *reader) at(t testing.TB, rev motacilla.Revision) {
	t.Helper()
	r.until(t, "it is at "+rev.String(), func() bool { return r.view.Revision >= rev })
}

// has reports whether the reader holds a post with that text.
func (r *reader) has(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.view.Renders(), func(p motacilla.Render) bool {
		return strings.Contains(p.Content, text)
	})
}

// held returns a copy of the view, for a reader that comes back later.
func (r *reader) held() motacilla.View {
	r.mu.Lock()
	defer r.mu.Unlock()
	return copyOf(&r.view)
}

// copyOf returns a copy of v, made by a reset.
func copyOf(v *motacilla.View) motacilla.View {
	var c motacilla.View
	state := v.State
	c.Apply(&motacilla.Update{
		Revision: v.Revision, Renders: v.Renders(), Reset: true, Complete: v.Complete, State: &state, Gone: v.Gone,
	}, true)
	return c
}

// check compares what the reader holds with what the store holds.
func (s *site) check(t testing.TB, r *reader) {
	t.Helper()
	want, c := s.stored(t, r.channel)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := Compare(&r.view, c, want); err != nil {
		t.Errorf("%s: %v", r.name, err)
	}
}

// Compare returns an error that says how a reader's view differs from what the store holds: the channel's state, every visible
// post down to the view's floor, and the pinned ones below it. Hidden posts must be stubs, or missing. stored are the visible
// posts of the store as readers must have them, oldest first.
func Compare(v *motacilla.View, c motacilla.Channel, stored []motacilla.Render) error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if v.State.Title != c.Title || !v.State.Ended.Equal(c.Ended) {
		wrong("the reader has title %q, ended %v; want %q, %v", v.State.Title, v.State.Ended, c.Title, c.Ended)
	}
	if v.Revision != c.Head {
		wrong("the reader is at %d, want %d", v.Revision, c.Head)
	}
	floor := v.Floor()
	var wanted []motacilla.Render
	for _, p := range stored {
		if p.Pinned || floor.IsZero() || p.Key().Compare(floor) >= 0 {
			wanted = append(wanted, p)
		}
	}
	var held []motacilla.Render
	for _, p := range v.Renders() {
		switch {
		case p.Show:
			held = append(held, p)
		case p.Content != motacilla.Stub(p.ID):
			wrong("hidden post %s has the content %q", p.ID, p.Content)
		}
	}
	if !slices.EqualFunc(held, wanted, same) {
		wrong("at %d, floor %v, the reader holds\n%swant\n%s", v.Revision, floor.ID, list(held), list(wanted))
	}
	return errors.Join(errs...)
}

func same(a, b motacilla.Render) bool {
	return a.ID == b.ID && a.Show == b.Show && a.Content == b.Content && a.Created.Equal(b.Created) &&
		a.Modified.Equal(b.Modified) && a.Pinned == b.Pinned && a.Revision == b.Revision
}

func list(renders []motacilla.Render) string {
	text := ""
	for _, p := range renders {
		text += fmt.Sprintf("  %s at %d pinned %v: %.120s\n", p.ID, p.Revision, p.Pinned, p.Content)
	}
	return text
}

// stored returns the visible posts of the store as readers must have them, oldest first, and the channel.
func (s *site) stored(t testing.TB, ch motacilla.ChannelID) ([]motacilla.Render, motacilla.Channel) {
	t.Helper()
	c, err := s.Store.Channel(t.Context(), ch)
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.Store.Posts(t.Context(), ch, motacilla.Query{Limit: 1 << 20, Visible: true})
	if err != nil {
		t.Fatal(err)
	}
	var renders []motacilla.Render
	for _, p := range slices.Backward(page.Posts) {
		html, _ := renderer{}.RenderPost(p)
		renders = append(renders, motacilla.Render{
			ID: p.ID, Show: true, Content: html.String(), Created: p.Created, Modified: p.Modified, Pinned: p.Pinned,
			Revision: p.Revision,
		})
	}
	return renders, c
}
