package publisher

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/motacilla-live/motacilla"
)

const mostSteps = 1024 // steps kept at one head; garbage cursors beyond are answered, not kept

func (f *Feed) newStep(u *motacilla.Update) *Step {
	return &Step{Update: u, At: f.options.Clock.Now(), feed: f}
}

// step returns what carries a reader from cursor to the head, and what is closed when there is more. It waits for the
// store no longer than readers may.
func (c *channel) step(ctx context.Context, cursor motacilla.Revision) (*Step, <-chan struct{}, error) {
	c.mu.Lock()
	level, ahead := c.level(cursor, 0), c.ahead(cursor)
	c.mu.Unlock()
	step, wake, forgotten := c.remembered(cursor)
	if level && step != nil {
		return step, wake, nil
	}
	ctx, cancel := c.feed.patient(ctx)
	defer cancel()
	if step == nil && !forgotten {
		known, err := c.lookup(ctx, cursor)
		if err != nil {
			return nil, nil, err
		}
		forgotten = !known
	}
	if !forgotten || ahead { // else there will be a page, which has what is new
		if err := c.fresh(ctx, cursor); err != nil {
			return nil, nil, err
		}
		if step, wake, _ = c.remembered(cursor); step != nil {
			return step, wake, nil
		}
	}
	return c.reset(ctx, cursor)
}

// lookup has memory reach back to a cursor that is older, where the store knows it.
func (c *channel) lookup(ctx context.Context, cursor motacilla.Revision) (known bool, err error) {
	return await(ctx, c, &c.lookups, func(mine uint64) (known, enough bool) {
		known = c.reaches(cursor)
		return known, known || cursor <= c.tooMuch || cursor == c.asked && c.lookups.had(mine)
	}, func(ctx context.Context) (known bool, err error) {
		c.mu.Lock()
		c.asked = cursor
		c.mu.Unlock()
		return c.read(ctx, cursor)
	})
}

// reaches reports whether what is remembered reaches back to cursor. c.mu is held.
func (c *channel) reaches(cursor motacilla.Revision) bool {
	return c.gone || cursor >= c.recent.from || c.steps[cursor] != nil
}

// remembered returns the step from cursor where memory has it, else nil, and whether the store surely would not know
// cursor either.
func (c *channel) remembered(cursor motacilla.Revision) (step *Step, wake <-chan struct{}, forgotten bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if step := c.steps[cursor]; step != nil {
		return step, c.wake, false
	}
	u := &motacilla.Update{Channel: c.id, From: cursor, Revision: c.recent.head}
	switch {
	case c.gone:
		u.Gone = true
		u.Revision = max(u.Revision, cursor)
	case !c.recent.fill(u, cursor, c.feed.options.CatchUp):
		return nil, nil, cursor <= c.tooMuch || cursor < c.floor || cursor >= c.recent.from
	case c.recent.stateAt > cursor:
		u.State = &motacilla.State{Title: c.current.Title, Ended: c.current.Ended}
	}
	return c.keep(c.newStep(u)), c.wake, false
}

// keep makes step the one for its cursor. c.mu is held.
func (c *channel) keep(step *Step) *Step {
	if c.steps == nil {
		c.steps = make(map[motacilla.Revision]*Step)
	}
	if len(c.steps) < mostSteps {
		c.steps[step.From] = step
	}
	return step
}

func (c *channel) newStep(u *motacilla.Update) *Step {
	return &Step{Update: u, At: c.at, feed: c.feed, private: c.current.Access != motacilla.Public}
}

func (c *channel) idle(cursor motacilla.Revision) *Step {
	c.mu.Lock()
	defer c.mu.Unlock()
	if step := c.steps[cursor]; step != nil && step.Heartbeat() {
		return step
	}
	return nil
}

func (c *channel) heartbeat(cursor motacilla.Revision) *Step {
	return c.feed.newStep(&motacilla.Update{Channel: c.id, From: cursor, Revision: cursor})
}

// farewell is the last step of a channel that is no longer there.
func (c *channel) farewell(cursor motacilla.Revision) *Step {
	return c.feed.newStep(&motacilla.Update{Channel: c.id, From: cursor, Revision: cursor + 1, Gone: true})
}

// reset returns the newest page, as asked for at cursor.
func (c *channel) reset(ctx context.Context, cursor motacilla.Revision) (*Step, <-chan struct{}, error) {
	p, err := c.newest(ctx, cursor)
	if err != nil {
		return nil, nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	step := p.steps[cursor]
	if step == nil {
		u := p.update
		u.From = cursor
		step = c.newStep(&u)
		step.private = step.private || p.private
		if len(p.steps) < mostSteps {
			p.steps[cursor] = step
		}
	}
	if c.page == p && p.head >= c.recent.head {
		c.keep(step)
	}
	return step, c.wake, nil
}

// page is a channel's newest page, as a reset brings it.
type page struct {
	head    motacilla.Revision
	update  motacilla.Update             // From is left to each step
	private bool                         // as read after the posts: memory may not know it yet
	steps   map[motacilla.Revision]*Step // by cursor; guarded by channel.mu
}

// newest returns the newest page. One that is older, but not than cursor, has to do where the store takes too long: what
// is newer comes after it.
func (c *channel) newest(ctx context.Context, cursor motacilla.Revision) (*page, error) {
	p, err := await(ctx, c, &c.pages, func(mine uint64) (*page, bool) {
		newest := c.page != nil && c.page.head >= max(c.recent.head, c.hint) && !c.recheck
		return c.page, newest || c.page != nil && c.pages.had(mine)
	}, func(ctx context.Context) (*page, error) {
		before := c.atHead()
		p, err := c.readPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read page of channel %q: %w", c.id, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.gone {
			c.page = p
			c.met(p.head, before)
		}
		return p, nil
	})
	if errors.Is(err, motacilla.ErrUnavailable) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.page != nil && c.page.head >= cursor && !c.recheck && !c.gone {
			return c.page, nil
		}
	}
	return p, err
}

// readPage reads the newest posts, and after them the pinned ones and the channel, each of a snapshot of its own. What is
// newer than the first is left out or does no harm: its revision is beyond the page's head, so the next update brings it.
func (c *channel) readPage(ctx context.Context) (*page, error) {
	var newest, pinned motacilla.Page
	var current motacilla.Channel
	f := c.feed
	err := f.call(ctx, func(ctx context.Context) (err error) {
		newest, err = f.source.Posts(ctx, c.id, motacilla.Query{Limit: f.options.PageSize, Visible: true})
		return err
	})
	if err != nil {
		return nil, err
	}
	var errPinned error
	var beside sync.WaitGroup
	if newest.More {
		beside.Go(func() {
			errPinned = f.call(ctx, func(ctx context.Context) (err error) {
				pinned, err = f.source.Posts(ctx, c.id, motacilla.Query{Limit: mostPinned, Visible: true, Pinned: true})
				return err
			})
		})
	}
	err = f.call(ctx, func(ctx context.Context) (err error) {
		current, err = f.source.Channel(ctx, c.id)
		return err
	})
	beside.Wait()
	if err = errors.Join(err, errPinned); err != nil {
		return nil, err
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
	return &page{
		head: newest.Head, private: current.Access != motacilla.Public, steps: make(map[motacilla.Revision]*Step),
		update: motacilla.Update{
			Channel: c.id, Revision: newest.Head, Renders: oldestFirst(c.renderAll(posts)),
			Reset: true, Complete: !newest.More,
			State: &motacilla.State{Title: current.Title, Ended: current.Ended},
		},
	}, nil
}

const mostPinned = 1000
