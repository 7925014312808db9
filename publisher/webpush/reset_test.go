package webpush

import (
	"slices"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// TestReset: a publisher that has lost its place in a channel gets all posts of the page. Nobody is told of those that were there
// before it began.
func TestReset(t *testing.T) {
	r := newRig(t, nil)
	r.post(goal())
	start(t, r.Publisher)
	paths := r.subscribers(3)
	if _, err := r.store.Barrier(t.Context(), match, motacilla.Revision(time.Now().UnixMicro())); err != nil {
		t.Fatal(err)
	}
	r.post(goal())
	await(t, "the readers have a message, and no job is left", func() bool {
		got, _ := r.service.times(paths...)
		jobs, err := r.queue.Len(t.Context())
		return !slices.Contains(got, 0) && err == nil && jobs == 0
	})
	if got, _ := r.service.times(paths...); !slices.Equal(got, []int{1, 1, 1}) {
		t.Errorf("the readers have %v messages", got)
	}
}
