package motacilla

import "fmt"

// ChannelRecord is a channel as a store keeps it. The channel may have been deleted. A channel is moved from store to
// store as its ChannelRecord and its [ChangeRecord]s.
type ChannelRecord struct {
	Channel          // of a deleted channel only ID and Head are used, and Head is the revision of its deletion
	Born    Revision // the revision at which the channel's life began; of a deleted channel, its last life
	Floor   Revision // the oldest revision of that life that is remembered
	Deleted bool
}

// ChangeRecord is what a store keeps of one revision of a channel. Post and Removed are both nil if this revision changed
// the channel itself, or if a later revision has changed or removed the same post or deleted the channel.
type ChangeRecord struct {
	Revision   Revision
	Remembered bool       // a cursor at this revision is Known
	Post       *Post      // the post whose newest change this revision is
	Removed    *Tombstone // the post that this revision removed
}

// Tombstone is what is left of a removed post. It stays as long as its channel lives.
type Tombstone struct {
	ID        PostID
	MessageID string
}

// Validate returns an [ErrInvalid] if c or a record is not valid, if they contradict each other, or if the records are not
// in the order of their revisions. Otherwise it returns nil. c must be normalized.
func (c ChannelRecord) Validate(records []ChangeRecord) error {
	channel := c.Channel
	if c.Deleted {
		channel = Channel{ID: c.ID}.Normalize()
	}
	switch err := channel.Validate(); {
	case err != nil:
		return err
	case c.Born <= 0 || c.Born > c.Head:
		return Invalid("born", "must be positive and not after head")
	case c.Floor < c.Born || c.Floor > c.Head:
		return Invalid("floor", "must not be before born or after head")
	case !c.Deleted && (c.Changed < c.Born || c.Changed > c.Head):
		return Invalid("changed", "must not be before born or after head")
	}
	last := c.Born - 1
	for _, r := range records {
		if r.Revision <= last || r.Revision > c.Head {
			return Invalid("revision", "is %d, but must be greater than %d and at most the head %d", r.Revision, last, c.Head)
		}
		last = r.Revision
		if err := r.validate(c); err != nil {
			return fmt.Errorf("record of revision %d: %w", r.Revision, err)
		}
	}
	return nil
}

func (r ChangeRecord) validate(c ChannelRecord) error {
	switch {
	case r.Remembered && r.Revision < c.Floor:
		return Invalid("remembered", "must be false before floor %d", c.Floor)
	case r.Post != nil && r.Removed != nil:
		return Invalid("removed", "must not be set together with a post")
	case c.Deleted && (r.Post != nil || r.Removed != nil):
		return Invalid("deleted", "must be false if there are posts or tombstones")
	case r.Post != nil && r.Post.Revision != r.Revision:
		return Invalid("post", "must have the record's revision, not %d", r.Post.Revision)
	case r.Post != nil:
		return r.Post.Validate()
	case r.Removed != nil:
		if _, err := ParsePostID(string(r.Removed.ID)); err != nil {
			return Invalid("id", "must be a UUIDv7 in lower case")
		}
		return validText("message_id", r.Removed.MessageID, MaxID)
	}
	return nil
}
