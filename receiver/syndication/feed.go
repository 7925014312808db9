package syndication

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"go.uber.org/zap"
)

// lookAgain is how often the node that watches a feed looks whether another node wants it to be asked for.
const lookAgain = 15 * time.Second

// caller is the part of outbound.Client that is needed.
type caller interface {
	Do(r *http.Request) (*http.Response, error)
}

// feed is a feed that is watched.
type feed struct {
	*Receiver
	target
	link   *url.URL // of target.url
	client caller
	log    *zap.Logger
	turn   chan struct{} // holds one token: who has it may read the feed or write its entries
	wake   chan struct{}
}

func newFeed(r *Receiver, t target) *feed {
	link, _ := url.Parse(t.url) // parseFeed has parsed it
	f := &feed{
		Receiver: r, target: t, link: link, client: r.kit.Client, turn: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		log: r.log.With(zap.String("feed", link.Host+link.EscapedPath()), zap.String("channel", string(t.channel))),
	}
	return f
}

// watch asks for the feed again and again. Only the node that has the feed's lease does so.
func (f *feed) watch(ctx context.Context) {
	asked, absent := false, false
	for ctx.Err() == nil {
		var st state
		_, err := f.states.load(ctx, f.key, &st)
		wait := lookAgain
		switch now := time.Now(); {
		case err != nil:
			f.log.Warn("a feed's state can't be read", zap.Error(err))
		case st.Gone && asked: // it is asked for again after the next start
		case st.Gone || !now.Before(st.Next):
			if _, err = f.kit.Sink.Channel(ctx, f.channel); errors.Is(err, motacilla.ErrNotFound) {
				if !absent {
					f.log.Warn("there is no such channel; the feed is asked for as soon as there is")
				}
				absent = true
				break
			}
			asked, absent = true, false
			if err = f.poll(ctx); err != nil {
				wait = minInterval
			}
		default:
			wait = min(st.Next.Sub(now), lookAgain)
		}
		if err == nil {
			f.keepSubscribed(ctx)
		}
		f.sleep(ctx, wait)
	}
}

func (f *feed) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.wake:
	case <-ctx.Done():
	}
}

// soon makes the node that watches the feed ask for it within seconds.
func (f *feed) soon(ctx context.Context) error {
	err := change(ctx, f.states, f.key, func(st *state) error { st.Next = time.Now().UTC(); return nil })
	select {
	case f.wake <- struct{}{}:
	default:
	}
	return err
}

// poll asks for the feed once, writes what is new, and notes when to ask again.
func (f *feed) poll(ctx context.Context) error {
	if err := f.acquire(ctx); err != nil {
		return err
	}
	defer f.release()
	var st state
	if _, err := f.states.load(ctx, f.key, &st); err != nil {
		return err
	}
	a, err := f.ask(ctx, &st)
	if err != nil {
		if ctx.Err() == nil { // otherwise the node stops
			f.failed(ctx, a, err)
		}
		return err
	}
	switch err = f.settle(ctx, a); {
	case err == nil:
		f.kit.Metrics.Count(f.o.Name, receiver.Taken)
	case errors.Is(err, motacilla.ErrNotFound):
		f.failed(ctx, a, err) // there is no such channel
	case ctx.Err() == nil:
		f.kit.Metrics.Count(f.o.Name, receiver.Failed)
		f.log.Warn("a feed's entries can't be stored", zap.Error(err))
	}
	return err
}

func (f *feed) acquire(ctx context.Context) error {
	select {
	case f.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *feed) release() { <-f.turn }

// settle writes what an answer has brought.
func (f *feed) settle(ctx context.Context, a answer) error {
	return change(ctx, f.states, f.key, func(st *state) error {
		if a.status == http.StatusOK {
			if err := f.take(ctx, st, a.document, true); err != nil {
				return err
			}
			st.ETag, st.Modified = a.header.Get("ETag"), a.header.Get("Last-Modified")
			st.Hint = int64(a.document.hint / time.Second)
			st.Title = cmp.Or(a.document.title, st.Title)
			st.Hub, st.Topic = a.document.hub, a.document.self
		}
		p := pause{interval: f.o.Interval, subscribed: st.Subscription.lasts(time.Now()), hint: maxAge(a.header)}
		if f.o.Hints {
			p.hint = max(p.hint, time.Duration(st.Hint)*time.Second)
		}
		st.URL, st.Failures, st.Gone, st.Moved = f.url, 0, false, a.moved
		st.Next = time.Now().UTC().Add(jitter(p.length()))
		return nil
	})
}

// failed notes that the feed could not be read.
func (f *feed) failed(ctx context.Context, a answer, cause error) {
	result := receiver.Failed
	if errors.Is(cause, motacilla.ErrInvalid) {
		result = receiver.Refused
	}
	f.kit.Metrics.Count(f.o.Name, result)
	const givesUpMoved = 3
	var next state
	err := change(ctx, f.states, f.key, func(st *state) error {
		st.URL = f.url
		st.Failures++
		st.Gone = a.status == http.StatusGone
		if st.Failures >= givesUpMoved {
			st.Moved = "" // the old address may know a better one
		}
		p := pause{interval: f.o.Interval, failures: st.Failures, asked: a.asked}
		st.Next = time.Now().UTC().Add(jitter(p.length()))
		next = *st
		return nil
	})
	if next.Gone {
		f.log.Warn("the feed is gone, and is asked for no more", zap.Error(cause))
		return
	}
	f.log.Warn("the feed can't be read", zap.Error(cause), zap.Int("failures", next.Failures), zap.Time("next", next.Next))
	if err != nil {
		f.log.Warn("a feed's state can't be stored", zap.Error(err))
	}
}

// take writes the new, changed and withdrawn entries of a document, the oldest first, and notes them in st. whole says that the
// document has all that the feed has now; what a hub sends may be less. To take a document again changes nothing.
func (f *feed) take(ctx context.Context, st *state, d document, whole bool) error {
	known := make(map[string]seen, len(st.Seen))
	for _, e := range st.Seen {
		known[e.ID] = e
	}
	now := make([]seen, len(d.entries))
	for i := len(d.entries) - 1; i >= 0; i-- {
		e := d.entries[i]
		before, is := known[e.id]
		next, write := advance(before, is, e)
		if !st.Begun && !is && i >= f.o.Backfill {
			next.Skipped, write = true, false
		}
		if write {
			if err := f.write(ctx, e, &next, cmp.Or(d.title, st.Title, f.link.Hostname())); err != nil {
				return err
			}
		}
		now[i] = next
	}
	all := merge(st.Seen, now, 2*f.o.MaxEntries)
	if f.o.Withdraw {
		if err := f.withdraw(ctx, all, idsOf(now), d, whole); err != nil {
			return err
		}
	}
	st.Seen, st.Begun = all, st.Begun || whole
	return nil
}

// advance returns what is noted of an entry, and whether its post is to be written. before is what was noted before, if there was
// something.
func advance(before seen, known bool, e entry) (next seen, write bool) {
	updated := max(e.updated.UnixMicro(), 0)
	if e.updated.IsZero() {
		updated = 0
	}
	next = seen{ID: e.id, Hash: e.hash, Updated: updated, Version: max(updated, 1), Skipped: before.Skipped}
	switch {
	case !known:
		return next, true
	case before.Gone, before.Hash == e.hash, updated != 0 && updated < before.Updated:
		return before, false
	}
	next.Version = max(updated, before.Version+1)
	return next, !before.Skipped
}

// write writes the post of an entry. An entry that can't be a post is left out.
func (f *feed) write(ctx context.Context, e entry, next *seen, title string) error {
	m, files := f.message(e, next.Version, title)
	_, err := f.in.Put(ctx, f.channel, m)
	if err == nil {
		err = f.files.Later(ctx, f.channel, m.ID, files...)
	}
	switch {
	case errors.Is(err, motacilla.ErrDeleted):
		next.Gone = true
		return nil
	case errors.Is(err, motacilla.ErrInvalid):
		f.log.Warn("an entry is left out", zap.String("message", m.ID), zap.Error(err))
		return nil
	}
	return err
}

// withdraw removes the posts of entries that the feed has withdrawn.
func (f *feed) withdraw(ctx context.Context, all []seen, has map[string]bool, d document, whole bool) error {
	deleted := map[string]bool{}
	for _, id := range d.deleted {
		deleted[id] = true
		if err := f.in.Withdraw(ctx, f.channel, id); err != nil {
			return err
		}
	}
	for i, e := range all {
		if deleted[e.ID] {
			all[i].Gone = true
		}
	}
	if !whole || !d.ordered {
		return nil
	}
	for _, i := range withdrawn(all, has) {
		if !all[i].Skipped {
			if err := f.in.Remove(ctx, f.channel, all[i].ID); err != nil && !errors.Is(err, motacilla.ErrNotFound) {
				return err
			}
		}
		all[i].Gone = true
	}
	return nil
}
