package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// Posts is the part of a store that a Collector reads. Its contract is that of storage.Reader.
type Posts interface {
	Channels(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.Channel, error)
	Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error)
}

// Collector removes images that no post has, on one node at a time, again and again. It never removes an image that a post has:
// a run looks for all images in all posts, also in hidden ones and in pictures of cards, and condemns those that it does not
// find. A later run, after Options.Grace, looks again, and removes those that are still not found. Whoever uses an image by
// [Library.Image] takes back that it was condemned.
type Collector struct {
	library *Library
	posts   Posts
	more    []Uses

	stop context.CancelFunc
	done chan struct{}
}

// Uses calls use with the ID of each image that is in use although no post has it, such as those of drafts. If it returns an
// error, nothing is removed.
type Uses func(ctx context.Context, use func(id string)) error

// NewCollector returns the collector of a library whose images are in posts. It does nothing before Start.
func NewCollector(l *Library, posts Posts, more ...Uses) *Collector {
	return &Collector{library: l, posts: posts, more: more}
}

// Start begins to collect. It returns at once.
func (c *Collector) Start(context.Context) error {
	ctx, stop := context.WithCancel(context.Background())
	c.stop, c.done = stop, make(chan struct{})
	go func() {
		defer close(c.done)
		work.Hold(ctx, c.library.records, "media.collector", nil, c.loop)
	}()
	return nil
}

// Shutdown ends collecting, and waits for that.
func (c *Collector) Shutdown(ctx context.Context) error {
	if c.stop == nil {
		return nil
	}
	c.stop()
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// runs is the namespace in which the time of the last run is.
const runs = "media.runs"

// loop runs the collector when it is due, as long as this node has the lease.
func (c *Collector) loop(ctx context.Context, _ *work.Term) {
	log, every := c.library.o.Logger, c.library.o.CollectEvery
	for ctx.Err() == nil {
		last, err := c.last(ctx)
		if wait := time.Until(last.Add(every)); err == nil && wait > 0 {
			pause(ctx, min(wait, every))
			continue
		}
		var result Collected
		if err == nil {
			result, err = c.Collect(ctx)
		}
		if err == nil {
			err = c.ran(ctx)
		}
		switch {
		case ctx.Err() != nil:
		case err != nil:
			log.Warn("unused images can't be collected", zap.Error(err))
			pause(ctx, min(every, 5*time.Minute))
		default:
			log.Info("unused images are collected", zap.Int("images", result.Images), zap.Int("condemned", result.Condemned),
				zap.Int("removed", result.Removed))
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// last returns when the last run has ended.
func (c *Collector) last(ctx context.Context) (last time.Time, err error) {
	r, err := c.library.records.Get(ctx, runs, "last")
	if errors.Is(err, motacilla.ErrNotFound) {
		return time.Time{}, nil
	}
	if err == nil {
		err = json.Unmarshal(r.Value, &last)
	}
	return last, err
}

// ran writes that a run has ended. If another node did so at the same time, that serves as well.
func (c *Collector) ran(ctx context.Context) error {
	r, err := c.library.records.Get(ctx, runs, "last")
	if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
		return err
	}
	value, err := json.Marshal(time.Now().UTC())
	if err != nil {
		return err
	}
	_, err = c.library.records.Put(ctx, motacilla.Record{Namespace: runs, Key: "last", Value: value, Version: r.Version})
	if errors.Is(err, motacilla.ErrConflict) {
		return nil
	}
	return err
}

// Collected is what one run has done.
type Collected struct {
	Images    int // that there were
	Condemned int // images that are removed after the grace period, unless a post has them then
	Removed   int // images, and remains of images that were never whole
}

// Collect does one run. Several nodes may do so at once.
func (c *Collector) Collect(ctx context.Context) (Collected, error) {
	var result Collected
	// The images are read before the posts. An image that is used meanwhile gets another version, and is left alone.
	found, err := c.images(ctx)
	if err != nil {
		return result, err
	}
	result.Images = len(found)
	if len(found) == 0 {
		return result, nil
	}
	used := map[string]bool{}
	if err := c.uses(ctx, func(id string) { used[id] = true }); err != nil {
		return result, fmt.Errorf("look for images in posts: %w", err)
	}
	for _, e := range found {
		err := c.judge(ctx, e, used[e.key], &result)
		if err != nil && !errors.Is(err, motacilla.ErrConflict) {
			return result, fmt.Errorf("collect image %q: %w", e.key, err)
		}
	}
	return result, nil
}

// images returns all images that may be of interest.
func (c *Collector) images(ctx context.Context) ([]*entry, error) {
	const page = 200
	var all []*entry
	for after := ""; ; {
		list, err := c.library.records.List(ctx, namespace, "", after, page)
		if err != nil {
			return nil, fmt.Errorf("list images: %w", err)
		}
		for _, r := range list {
			e, err := parseEntry(r)
			if err != nil {
				c.library.o.Logger.Error("the record of an image can't be read", zap.String("image", r.Key), zap.Error(err))
				continue
			}
			all = append(all, e)
		}
		if len(list) < page {
			return all, nil
		}
		after = list[len(list)-1].Key
	}
}

// judge does with an image what is due. The error is an ErrConflict if it has changed since it was read.
func (c *Collector) judge(ctx context.Context, e *entry, used bool, result *Collected) error {
	l, now := c.library, time.Now().UTC()
	switch {
	case e.State == doomed:
		return c.remove(ctx, e, result)
	case e.State == adding && now.Sub(e.Since) <= abandoned:
		return nil
	case e.State == adding, !used && !e.Condemned.IsZero() && now.Sub(e.Condemned) >= l.o.Grace:
		e.State = doomed
		if err := l.write(ctx, e); err != nil {
			return err
		}
		return c.remove(ctx, e, result)
	case used != e.Condemned.IsZero():
		if e.Condemned = now; used {
			e.Condemned = time.Time{}
		}
		err := l.write(ctx, e)
		if err == nil && !used {
			result.Condemned++
		}
		return err
	case len(e.Adding) > 0 && now.Sub(e.Since) > abandoned:
		return c.remains(ctx, e)
	}
	return nil
}

// remove removes a doomed image.
func (c *Collector) remove(ctx context.Context, e *entry, result *Collected) error {
	c.library.known.forget(e.key)
	err := c.library.sweep(ctx, e)
	if err == nil {
		result.Removed++
	}
	return err
}

// remains removes the files of Adds that another Add has forestalled, and whose nodes have died.
func (c *Collector) remains(ctx context.Context, e *entry) error {
	for _, name := range without(e.Adding, e.Files) {
		if err := c.library.store.Delete(ctx, name); err != nil {
			return unavailable(err)
		}
	}
	e.Adding = nil
	return c.library.write(ctx, e)
}

// uses calls use with the ID of each image that is in use.
func (c *Collector) uses(ctx context.Context, use func(id string)) error {
	var after motacilla.ChannelID
	for {
		channels, err := c.posts.Channels(ctx, after, motacilla.DefaultLimit)
		if err != nil {
			return err
		}
		for _, ch := range channels {
			if err := c.channel(ctx, ch.ID, use); err != nil && !errors.Is(err, motacilla.ErrNotFound) {
				return fmt.Errorf("channel %q: %w", ch.ID, err)
			}
			after = ch.ID
		}
		if len(channels) < motacilla.DefaultLimit {
			break
		}
	}
	for _, more := range c.more {
		if err := more(ctx, use); err != nil {
			return err
		}
	}
	return nil
}

func (c *Collector) channel(ctx context.Context, ch motacilla.ChannelID, use func(id string)) error {
	const limit = 200
	var before motacilla.PostKey
	for {
		page, err := c.posts.Posts(ctx, ch, motacilla.Query{Before: before, Limit: limit})
		if err != nil {
			return err
		}
		for _, p := range page.Posts {
			for _, b := range p.Content {
				UsesOf(b, use)
			}
			before = p.Key()
		}
		if !page.More {
			return nil
		}
	}
}

// UsesOf calls use with the IDs of the images that a block has. A link to an image is a use, too.
func UsesOf(b motacilla.Block, use func(id string)) {
	if b.Media != "" {
		use(b.Media)
	}
	for _, text := range []string{b.URL, b.Card.Picture, b.Card.Frame, b.Text.String()} {
		for {
			_, rest, found := strings.Cut(text, "/media/")
			if !found {
				break
			}
			id, _, _ := strings.Cut(rest, "/")
			if ids.MatchString(id) {
				use(id)
			}
			text = rest
		}
	}
}
