package publisher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
)

// refresh reads what is new, if something is.
func (c *channel) refresh(ctx context.Context) error {
	if err := c.lockReading(ctx); err != nil {
		return err
	}
	defer c.unlockReading()
	c.mu.Lock()
	since, behind := c.recent.head, c.behind() && !c.gone
	c.mu.Unlock()
	if !behind {
		return nil
	}
	_, err := c.read(ctx, since)
	return err
}

// read reads the changes after since, which is the head or a reader's cursor, and takes them in; known tells whether
// they carry on from since. The reading lock is held.
func (c *channel) read(ctx context.Context, since motacilla.Revision) (known bool, err error) {
	c.mu.Lock()
	head, heard := c.recent.head, c.hint
	c.changes.begin()
	c.mu.Unlock()
	changes, current, err := c.readChanges(ctx, since, since == head)
	if err != nil {
		c.mu.Lock()
		c.fail(ctx, &c.changes, err)
		c.mu.Unlock()
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
	c.changes.retry = time.Time{}
	moved := changes.Head != head
	if c.page != nil && c.page.head > changes.Head { // the store has lost what the page, and steps made of it, were read with
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
		moved = true
	case changes.Head != head: // an unknown cursor; what is new is read by a refresh
		c.hint = max(c.hint, changes.Head)
		c.recheck = c.recheck || changes.Head < head
		c.kick()
		return false, nil
	}
	c.changes.end()
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

// fresh brings the channel level with what was heard of, and with cursor, as far as the store answers. It returns an
// error only where ctx ended, or memory is of no use for cursor. Once a read has failed nobody waits for another one
// whom memory serves: until the store answers again that is tried beside.
func (c *channel) fresh(ctx context.Context, cursor motacilla.Revision) error {
	mine, err := c.wants(cursor, 0)
	if mine == 0 {
		return err
	}
	if err := c.lockReading(ctx); err != nil {
		return err
	}
	defer c.unlockReading()
	if mine, err = c.wants(cursor, mine); mine == 0 { // another has read meanwhile, or could not
		return err
	}
	c.mu.Lock()
	head := c.recent.head
	ahead := c.ahead(cursor)
	c.mu.Unlock()
	_, err = c.read(ctx, head)
	if err != nil && (ahead || ctx.Err() != nil) {
		return err
	}
	return nil
}

// wants returns which reading of the store is new enough for a reader at cursor, 0 where none is to be made: mine is what
// it returned when the reader came, 0 when it comes.
func (c *channel) wants(cursor motacilla.Revision, mine uint64) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ahead := c.ahead(cursor)
	if c.gone || !c.behind() && !ahead || c.changes.had(mine) {
		return 0, nil
	}
	wait := c.changes.failed(c.feed.options.Clock.Now())
	switch {
	case ahead && wait:
		return 0, fmt.Errorf("channel %q: %w", c.id, motacilla.ErrUnavailable)
	case ahead || c.changes.retry.IsZero():
		return c.changes.next(), nil
	case !wait:
		c.kick()
	}
	return 0, nil
}

// silent reports whether a reading has just failed.
func (c *channel) silent() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changes.failed(c.feed.options.Clock.Now())
}

// ahead reports whether cursor is one that memory does not know yet. c.mu is held.
func (c *channel) ahead(cursor motacilla.Revision) bool {
	return cursor > c.recent.head && c.steps[cursor] == nil
}
