package postgres

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

// spread is how long hints are collected after a NOTIFY. A commit with a NOTIFY holds a lock of the whole server until
// it is done. So their number is limited, and no write contains one.
const spread = 5 * time.Millisecond

// teller sends hints to other nodes after the writes are done: the first at once, and those that follow soon after it
// together. If a hint is lost, readers find the change by their own checks.
type teller struct {
	send func(context.Context, []motacilla.Moved)

	mu    sync.Mutex
	moved map[motacilla.ChannelID]motacilla.Moved // the newest of each channel

	wake  chan struct{} // has room for one
	done  chan struct{} // closed by close
	ended chan struct{}
}

func newTeller(send func(context.Context, []motacilla.Moved)) *teller {
	t := &teller{
		send: send, moved: make(map[motacilla.ChannelID]motacilla.Moved), wake: make(chan struct{}, 1),
		done: make(chan struct{}), ended: make(chan struct{}),
	}
	go t.run()
	return t
}

// add takes a hint; it never waits.
func (t *teller) add(m motacilla.Moved) {
	t.mu.Lock()
	if t.moved[m.Channel].Head < m.Head {
		t.moved[m.Channel] = m
	}
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default: // it is awake
	}
}

// close sends what is left, within a second, and waits for the goroutine.
func (t *teller) close() {
	close(t.done)
	<-t.ended
}

func (t *teller) run() {
	defer close(t.ended)
	for {
		select {
		case <-t.wake:
			t.flush(2 * time.Second)
		case <-t.done:
			t.flush(time.Second)
			return
		}
		select {
		case <-time.After(spread):
		case <-t.done:
		}
	}
}

func (t *teller) flush(limit time.Duration) {
	t.mu.Lock()
	moved := t.moved
	t.moved = make(map[motacilla.ChannelID]motacilla.Moved)
	t.mu.Unlock()
	if len(moved) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	t.send(ctx, slices.Collect(maps.Values(moved)))
}

// notify tells other nodes. Its transaction writes nothing, so its commit does not wait for the disk.
func (s *Store) notify(ctx context.Context, moved []motacilla.Moved) {
	if _, err := s.server.pool.Exec(ctx, qNotify, s.topic, payloads(s.name, moved)); err != nil {
		s.logger.Debug("other nodes were not told of writes, and will find them", zap.Error(err))
	}
}

// maxPayload is the longest payload of a NOTIFY: less than 8,000 bytes.
const maxPayload = 7999

// payloads encodes hints in as few payloads as they fit into: the sender, then the hints, with a space before each.
func payloads(sender string, moved []motacilla.Moved) []string {
	var all []string
	var b strings.Builder
	for _, m := range moved {
		hint := " " + string(m.Channel) + "=" + m.Head.String()
		if m.Deleted {
			hint += "!"
		}
		if b.Len()+len(hint) > maxPayload {
			all = append(all, b.String())
			b.Reset()
		}
		if b.Len() == 0 {
			b.WriteString(sender)
		}
		b.WriteString(hint)
	}
	return append(all, b.String())
}

// parsePayload decodes a payload and leaves out what it can't read: everybody who may connect to the database may send
// one.
func parsePayload(payload string) (sender string, moved []motacilla.Moved) {
	sender, rest, _ := strings.Cut(payload, " ")
	for hint := range strings.SplitSeq(rest, " ") {
		name, digits, _ := strings.Cut(hint, "=")
		digits, deleted := strings.CutSuffix(digits, "!")
		head, err := motacilla.ParseRevision(digits)
		if err != nil || head <= 0 {
			continue
		}
		if ch, err := motacilla.ParseChannelID(name); err == nil {
			moved = append(moved, motacilla.Moved{Channel: ch, Head: head, Deleted: deleted})
		}
	}
	return sender, moved
}
