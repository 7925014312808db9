package move

import (
	"context"
	"errors"
	"fmt"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// listed is how many channels are asked for at once.
const listed = 500

// plan compares the channels of both stores and returns those of which the target lacks something. The error names
// every channel that can't be brought.
func (c *copying) plan(ctx context.Context) ([]step, error) {
	there, err := channels(ctx, c.to)
	if err != nil {
		return nil, fmt.Errorf("list the channels of the target: %w", err)
	}
	own := len(there)
	var plan []step
	var conflicts []error
	total := 0
	for after := motacilla.ChannelID(""); ; {
		list, err := c.from.ChannelRecords(ctx, after, listed)
		if err != nil {
			return nil, fmt.Errorf("list the channels of the source: %w", err)
		}
		if len(list) == 0 {
			break
		}
		after = list[len(list)-1].ID
		total += len(list)
		for _, r := range list {
			target, known := there[r.ID]
			if known {
				own--
			}
			s, needed, err := c.decide(ctx, r, target, known)
			switch {
			case errors.Is(err, motacilla.ErrConflict):
				conflicts = append(conflicts, err)
			case err != nil:
				return nil, err
			case needed:
				plan = append(plan, s)
			}
		}
	}
	c.result.Channels, c.result.Own = total, own
	return plan, errors.Join(conflicts...)
}

func channels(ctx context.Context, m storage.Mover) (map[motacilla.ChannelID]motacilla.ChannelRecord, error) {
	all := make(map[motacilla.ChannelID]motacilla.ChannelRecord)
	for after := motacilla.ChannelID(""); ; {
		list, err := m.ChannelRecords(ctx, after, listed)
		if err != nil || len(list) == 0 {
			return all, err
		}
		after = list[len(list)-1].ID
		for _, r := range list {
			all[r.ID] = r
		}
	}
}

// decide returns whether the channel must be brought, and from which revision on.
func (c *copying) decide(
	ctx context.Context, source, target motacilla.ChannelRecord, known bool,
) (s step, needed bool, err error) {
	s = step{record: source}
	brought, ours := c.brought[source.ID]
	if ours && (!known || target.Born != brought.born || target.Head < brought.head) {
		return s, false, fmt.Errorf("channel %q was brought up to revision %d, and the target does not have it", source.ID, brought.head)
	}
	switch {
	case !known:
		return s, true, nil
	case target.Born != source.Born:
		if !ours && !c.options.Replace && (!target.Deleted || target.Head >= source.Born) {
			return s, false, conflict(source.ID, "the target has another channel of this ID, which began at %s and has its head at %s; "+
				"the source's began at %s. It was made there on its own, or was deleted and made again at the source since it was copied",
				when(target.Born), when(target.Head), when(source.Born))
		}
		return s, true, nil
	case target.Head > source.Head:
		return c.diverged(s, "the target's head is %s, and that of the source, %s, is older: the target has been written to",
			when(target.Head), when(source.Head))
	}
	s.after = target.Head
	if target.Head == source.Head {
		return s, target.Deleted != source.Deleted || !target.Deleted && !sameState(target, source), nil
	}
	if ours && target.Head == brought.head {
		return s, true, nil
	}
	records, err := c.from.ChangeRecords(ctx, source.ID, target.Head-1, 1)
	switch {
	case err != nil:
		return s, false, err
	case len(records) > 0 && records[0].Revision == target.Head:
		return s, true, nil
	case target.Head >= source.Floor:
		return c.diverged(s, "the target's head is %s, which the source has never issued: the target has been written to", when(target.Head))
	}
	s.unsure = true
	return s, true, nil
}

// diverged decides about a channel that was written to in both stores.
func (c *copying) diverged(s step, format string, args ...any) (step, bool, error) {
	if c.options.Replace && c.brought[s.record.ID].head == 0 {
		s.wipe, s.after = true, 0
		return s, true, nil
	}
	return s, false, conflict(s.record.ID, format, args...)
}

func sameState(a, b motacilla.ChannelRecord) bool {
	return a.Title == b.Title && a.Access == b.Access && a.Ended.Equal(b.Ended) && a.Created.Equal(b.Created) && a.Changed == b.Changed
}

func conflict(id motacilla.ChannelID, format string, args ...any) error {
	return fmt.Errorf("channel %q: %s: %w", id, fmt.Sprintf(format, args...), motacilla.ErrConflict)
}

// when is a revision with its time.
func when(r motacilla.Revision) string {
	return fmt.Sprintf("%d (%s)", r, r.Time().Format("2006-01-02 15:04:05"))
}

// compare compares what both stores have of the channel up to head. It is needed if the source had forgotten the
// target's head: then it was not known before whether the target had been written to.
func (c *copying) compare(ctx context.Context, id motacilla.ChannelID, head motacilla.Revision) error {
	here, there := kept{}, kept{}
	if err := here.read(ctx, c.from, id, c.options.Batch); err != nil {
		return err
	}
	if err := there.read(ctx, c.to, id, c.options.Batch); err != nil {
		return err
	}
	for post, rev := range there {
		if now, ok := here[post]; !ok || now != rev && now <= head {
			return conflict(id, "the target has post %s of revision %s, which the source does not have: the target has been written to",
				post, when(rev))
		}
	}
	for post, rev := range here {
		if _, ok := there[post]; !ok && rev <= head {
			return fmt.Errorf("channel %q: post %s of revision %s was brought, and the target does not have it", id, post, when(rev))
		}
	}
	return nil
}

// kept is the newest revision of every post, and of every tombstone.
type kept map[motacilla.PostID]motacilla.Revision

func (k kept) read(ctx context.Context, m storage.Mover, id motacilla.ChannelID, batch int) error {
	for after := motacilla.Revision(0); ; {
		records, err := m.ChangeRecords(ctx, id, after, batch)
		if err != nil || len(records) == 0 {
			return err
		}
		after = records[len(records)-1].Revision
		for _, r := range records {
			switch {
			case r.Post != nil:
				k[r.Post.ID] = r.Revision
			case r.Removed != nil:
				k[r.Removed.ID] = r.Revision
			}
		}
	}
}
