package publisher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
)

// refresh reads what is new, if something is.
func (c *channel) refresh() error {
	if err := c.changes.lock.take(c.feed.ctx); err != nil {
		return err
	}
	defer c.changes.lock.free()
	c.mu.Lock()
	behind := c.behind() && !c.gone
	c.mu.Unlock()
	if !behind {
		return nil
	}
	return c.turn(&c.changes, c.readNew)
}

func (c *channel) readNew(ctx context.Context) error {
	_, err := c.read(ctx, c.atHead())
	return err
}

// read reads the changes after since, which is the head or a reader's cursor, and takes them in; known tells whether
// they carry on from since. c.changes.lock is held.
func (c *channel) read(ctx context.Context, since motacilla.Revision) (known bool, err error) {
	c.mu.Lock()
	head, heard, before := c.recent.head, c.hint, c.page
	c.mu.Unlock()
	changes, current, err := c.readChanges(ctx, since, since == head)
	if err != nil {
		return false, fmt.Errorf("read changes of channel %q: %w", c.id, err)
	}
	known = carriesOn(changes)
	var renders []motacilla.Render
	if known {
		renders = c.renderAll(changes.Posts)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	c.floor = changes.Floor
	if changes.Known && changes.Truncated {
		c.tooMuch = max(c.tooMuch, since)
	}
	c.changes.retry = time.Time{} // the store answers
	moved := changes.Head != head
	if before != nil && before.head > changes.Head { // the store has lost what the page, and steps made of it, were read with
		c.page, moved = nil, true
	}
	switch {
	case changes.Deleted:
		c.gone = true
		c.recent.head = max(changes.Head, head+1)
		c.feed.forget(c)
		moved = true
	case known && since < head && changes.Head >= head:
		c.recent.replace(since, changes, renders)
	case known && since == head:
		c.recent.extend(changes, renders)
	case since == head:
		c.recent.restart(changes.Head)
		c.tooMuch = min(c.tooMuch, changes.Head)
		moved = true
	case changes.Head != head: // an unknown cursor; what is new is read by a refresh
		c.met(changes.Head, head)
		return false, nil
	}
	if current != nil {
		c.current = *current
	}
	if since == head || known {
		c.recheck = false
		if c.hint == heard { // nothing more was heard of meanwhile
			c.hint = min(c.hint, c.recent.head)
		}
	}
	c.recent.trim(2*c.feed.options.CatchUp, 4096)
	if moved {
		c.current.Head = c.recent.head
		if known {
			c.window = c.window.moved(changes, renders, c.feed.options.Window)
		} else {
			c.window, c.page = nil, nil
		}
		c.advance()
	}
	return known, nil
}

// carriesOn reports whether changes are all that happened since.
func carriesOn(changes motacilla.Changes) bool {
	return changes.Known && !changes.Truncated && !changes.Deleted
}

// readChanges reads the changes after since, and the channel's own state where that may be another one than here.
func (c *channel) readChanges(ctx context.Context, since motacilla.Revision, fromHead bool) (
	changes motacilla.Changes, current *motacilla.Channel, err error,
) {
	err = c.feed.call(ctx, func(ctx context.Context) (err error) {
		changes, err = c.feed.source.Changes(ctx, c.id, since, c.feed.options.CatchUp)
		return err
	})
	switch {
	case errors.Is(err, motacilla.ErrNotFound): // the store was put back to before the channel
		return motacilla.Changes{Head: since + 1, Deleted: true}, nil, nil
	case err != nil || carriesOn(changes):
		return changes, changes.Channel, err
	case !fromHead || changes.Deleted:
		return changes, nil, nil
	}
	// Too much happened, or the store is another one: the title may be too.
	var again motacilla.Channel
	err = c.feed.call(ctx, func(ctx context.Context) (err error) {
		again, err = c.feed.source.Channel(ctx, c.id)
		return err
	})
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		return changes, nil, nil
	case err != nil:
		return changes, nil, err
	}
	return changes, &again, nil
}

// advance lets everybody know of the new head. c.mu is held.
func (c *channel) advance() {
	c.version.Add(1)
	c.at = c.feed.options.Clock.Now()
	c.steps = nil
	close(c.wake)
	c.wake = make(chan struct{})
	for _, t := range c.topics {
		t.moved()
	}
	c.feed.counters.moved(c.at.Sub(c.recent.head.Time()))
}

// fresh brings the channel level with what was heard of, and with cursor, as far as the store answers in time: where memory
// serves the reader as well, he does not wait for long. It returns an error only where the caller's ctx ended, or memory
// is of no use for cursor.
func (c *channel) fresh(ctx context.Context, cursor motacilla.Revision) error {
	c.mu.Lock()
	level, ahead := c.level(cursor, 0), c.ahead(cursor)
	c.mu.Unlock()
	if level {
		return nil
	}
	wait := c.feed.patience()
	if !ahead {
		wait = c.feed.options.Timeout / 3
	}
	ctx, cancel := context.WithTimeoutCause(ctx, wait, errImpatient)
	defer cancel()
	_, err := await(ctx, c, &c.changes, func(mine uint64) (struct{}, bool) {
		return struct{}{}, c.level(cursor, mine)
	}, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, c.readNew(ctx)
	})
	if err == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ahead(cursor) || errors.Is(err, motacilla.ErrClosed) || ctx.Err() != nil && !errors.Is(err, motacilla.ErrUnavailable) {
		return err
	}
	return nil
}

// level reports whether nothing is to be read for a reader at cursor, for whom the reading mine is new enough. Once a
// reading has failed nobody waits for another one whom memory serves: until the store answers again that is tried
// beside. c.mu is held.
func (c *channel) level(cursor motacilla.Revision, mine uint64) bool {
	ahead := c.ahead(cursor)
	switch {
	case c.gone, !c.behind() && !ahead, c.changes.had(mine):
		return true
	case ahead, c.changes.retry.IsZero():
		return false
	case !c.feed.options.Clock.Now().Before(c.changes.retry):
		c.kick()
	}
	return true
}

// ahead reports whether cursor is one that memory does not know yet. c.mu is held.
func (c *channel) ahead(cursor motacilla.Revision) bool {
	return cursor > c.recent.head && c.steps[cursor] == nil
}
