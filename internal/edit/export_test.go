package edit

import "github.com/motacilla-live/motacilla"

// Waiting is how many edits of a post wait for the batch that is being stored.
func (b *Batches) Waiting(ch motacilla.ChannelID, id motacilla.PostID) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	running := b.posts[key{ch, id}]
	if running == nil || running.next == nil {
		return 0
	}
	return 1 + len(running.next.members)
}
