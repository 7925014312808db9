package fanout

import "testing"

// A frame that was found for a cursor may end before the head, if the topic has moved on meanwhile. The reader gets the rest
// at once, without waiting for the topic to move again.
func TestReaderGetsWhatFollowsAFrameThatWasFound(t *testing.T) {
	r := newRig(t, Options{})
	r.forget()
	late := r.join(Join{Cursor: 0})
	r.story.mu.Lock()
	frame := r.story.frame(0)
	r.story.mu.Unlock()
	r.story.move(10) // the pass of this move is over
	r.topic.Give(0, frame)
	r.want(late, 0, 2)
	r.want(late, 2, 3)
}
