package edit

import "github.com/motacilla-live/motacilla"

// Waiting is how many edits of a post wait for the batch that is being stored.
func (b *Batches) Waiting(ch motacilla.ChannelID, id motacilla.PostID) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.posts[key{ch, id}]
	if q == nil || q.next == nil {
		return 0
	}
	return 1 + len(q.next.members)
}
