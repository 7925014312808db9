package motacilla

// ChannelRecord is a channel as a store keeps it, one that was deleted too: what is moved from store to store beside its
// [ChangeRecord]s.
type ChannelRecord struct {
	Channel          // Head of a deleted channel is the revision of its deletion
	Born    Revision // at which the present life, or the last one, began
	Changed Revision // at which title, access or ended last changed
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
