package motacilla

import "fmt"

// ChannelRecord is a channel as a store keeps it, one that was deleted too: what is moved from store to store beside its
// [ChangeRecord]s.
type ChannelRecord struct {
	Channel          // of a deleted channel ID and Head count alone, and Head is the revision of its deletion
	Born    Revision // at which the present life, or the last one, began
	Changed Revision // at which title, access or ended last changed; of a deleted channel it does not count
	Floor   Revision // the oldest one of that life that is remembered
	Deleted bool
}

// ChangeRecord is what a store keeps of one revision of a channel. Post and Removed are nil where a later revision has
// taken the place of what it did, and where it changed the channel itself.
type ChangeRecord struct {
	Revision   Revision
	Remembered bool       // a cursor at it is Known
	Post       *Post      // the post whose newest change it is
	Removed    *Tombstone // the post that it removed
}

// Tombstone is what is left of a post that was removed, for as long as its channel lives.
type Tombstone struct {
	ID        PostID
	MessageID string
}

// Validate returns an [ErrInvalid] where no store can have kept c, which is normalized, with these records of it, or nil.
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
			return Invalid("revision", "must be after %d, in order, and not after head %d; is %d", last, c.Head, r.Revision)
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
		return Invalid("removed", "must not be there beside a post")
	case c.Deleted && (r.Post != nil || r.Removed != nil):
		return Invalid("deleted", "must be false where there are posts or tombstones")
	case r.Post != nil && r.Post.Revision != r.Revision:
		return Invalid("post", "must be of the record's revision, not of %d", r.Post.Revision)
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
