package storage

import (
	"slices"
	"sync"

	"github.com/motacilla-live/motacilla"
)

// Watchers distributes hints to every Watch of this process. Stores use it for [Watcher]. The zero value is ready for
// use. Its methods may be called from many goroutines at once.
type Watchers struct {
	mu   sync.Mutex
	list []*watching // replaced, never changed in place
}

type watching struct {
	notify func(motacilla.Moved)

	mu    sync.Mutex
	ended bool
	calls sync.WaitGroup // of notify; grows only until ended
}

// Begin registers notify and calls it with the zero Moved. From then on Tell calls notify. tell calls only this notify.
// After end has returned, notify is not called any more.
func (ws *Watchers) Begin(notify func(motacilla.Moved)) (tell func(motacilla.Moved), end func()) {
	w := &watching{notify: notify}
	ws.mu.Lock()
	ws.list = append(slices.Clone(ws.list), w)
	ws.mu.Unlock()
	w.tell(motacilla.Moved{})
	return w.tell, func() {
		ws.mu.Lock()
		ws.list = slices.DeleteFunc(slices.Clone(ws.list), func(x *watching) bool { return x == w })
		ws.mu.Unlock()
		w.mu.Lock()
		w.ended = true
		w.mu.Unlock()
		w.calls.Wait()
	}
}

// Tell calls every registered notify with m, in this goroutine.
func (ws *Watchers) Tell(m motacilla.Moved) {
	ws.mu.Lock()
	list := ws.list
	ws.mu.Unlock()
	for _, w := range list {
		w.tell(m)
	}
}

func (w *watching) tell(m motacilla.Moved) {
	w.mu.Lock()
	if w.ended {
		w.mu.Unlock()
		return
	}
	w.calls.Add(1)
	w.mu.Unlock()
	defer w.calls.Done()
	w.notify(m)
}
