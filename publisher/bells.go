package publisher

import "sync"

// bells wake goroutines each of which waits for several topics.
type bells struct {
	mu    sync.Mutex
	hung  map[chan struct{}]struct{}
	rings bool // a goroutine rings them
}

// hang has bell rung each time that the topic has something new.
func (t *topic) hang(bell chan struct{}) {
	b := &t.bells
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hung == nil {
		b.hung = make(map[chan struct{}]struct{})
	}
	b.hung[bell] = struct{}{}
	if !b.rings {
		b.rings = t.streams.feed.work.spawn(t.watch)
	}
}

func (t *topic) unhang(bell chan struct{}) {
	t.bells.mu.Lock()
	defer t.bells.mu.Unlock()
	delete(t.bells.hung, bell)
}

// watch rings the bells until the last reader has left. A bell that is hung while watch looks is rung by the next state.
func (t *topic) watch() {
	s := t.channel.state()
	for {
		select {
		case <-s.moved:
		case <-t.over:
			return
		case <-t.streams.feed.Done():
			return
		}
		next := t.channel.state()
		if next.beats == s.beats || next.head() != s.head() {
			t.ring()
		}
		s = next
	}
}

func (t *topic) ring() {
	t.bells.mu.Lock()
	defer t.bells.mu.Unlock()
	for bell := range t.bells.hung {
		ring(bell)
	}
}

// ring leaves a token in bell. It does not block.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}
