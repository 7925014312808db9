package fanout

import (
	"fmt"
	"testing"
)

// TestWrote: the table learns in each pass from which cursor to which one readers were carried. It does not learn of readers that
// join, of heartbeats, of passes that write nothing, and of the last frame.
func TestWrote(t *testing.T) {
	r := newRig(t, Options{Shards: 1})
	want := func(calls ...[2]int64) {
		t.Helper()
		r.eventually(fmt.Sprint("the table learns of ", calls), func() bool {
			r.story.mu.Lock()
			defer r.story.mu.Unlock()
			return fmt.Sprint(r.story.wrote) == fmt.Sprint(calls)
		})
	}
	r.move(10)
	a := r.join(Join{Cursor: 0}) // gets a frame, because it has a place that the topic has left
	r.want(a, 0, 1)
	b := r.join(Join{Cursor: 1})
	r.move(10)
	r.want(a, 1, 2)
	r.want(b, 1, 2)
	want([2]int64{1, 2})
	r.topic.Publish(*r.topic.table.Load(), true)
	r.want(a, 2, 2)
	r.want(b, 2, 2)
	r.topic.wake()
	r.move(10)
	r.want(a, 2, 3)
	r.want(b, 2, 3)
	want([2]int64{1, 2}, [2]int64{2, 3})
	r.story.mu.Lock()
	r.story.last = true
	r.story.mu.Unlock()
	r.move(10)
	r.want(a, 3, 4)
	r.text(a)
	want([2]int64{1, 2}, [2]int64{2, 3})
}
