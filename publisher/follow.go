package publisher

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/motacilla-live/motacilla"
)

// followers are those who are told of every channel. Telling takes no lock.
type followers struct {
	list atomic.Pointer[[]*follower]
	mu   sync.Mutex // held while the list is replaced
}

type follower struct{ notify func(motacilla.Moved) }

// Follow calls notify for every channel that moves, whether or not somebody reads it, until stop is called. It passes the store's
// hints on: they may be merged or lost, and the zero Moved says that from now on the store tells of everything again. So whoever
// follows also compares heads now and then. notify must not block. It may be called from several goroutines at once, and once more
// while stop returns.
func (f *Feed) Follow(notify func(motacilla.Moved)) (stop func()) {
	it := &follower{notify}
	f.followers.change(func(list []*follower) []*follower { return append(list, it) })
	return func() {
		f.followers.change(func(list []*follower) []*follower {
			return slices.DeleteFunc(list, func(other *follower) bool { return other == it })
		})
	}
}

func (fs *followers) change(edit func([]*follower) []*follower) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var list []*follower
	if before := fs.list.Load(); before != nil {
		list = slices.Clone(*before)
	}
	list = edit(list)
	fs.list.Store(&list)
}

func (fs *followers) tell(m motacilla.Moved) {
	if list := fs.list.Load(); list != nil {
		for _, it := range *list {
			it.notify(m)
		}
	}
}
