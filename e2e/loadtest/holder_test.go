//go:build linux

package loadtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// holders are readers that long poll behind a cache, as docs/wire.md says, each on a connection of its own.
type holders struct {
	t    *testing.T
	addr string
	path string
	stop context.CancelFunc
	work sync.WaitGroup

	mu     sync.Mutex
	at     map[motacilla.Revision]int // readers by cursor
	urls   map[string]bool            // that were asked for
	empty  int                        // answers without news
	gone   int                        // readers that were told that the channel is deleted
	status map[int]int                // other answers
	posts  []post
	late   []time.Duration // from a post's being shown to its arrival, of all readers
}

// hold starts n readers at a cursor.
func hold(t *testing.T, addr string, n int, since motacilla.Revision) *holders {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	h := &holders{
		t: t, addr: addr, path: "/live/long-polling/" + channelID + "/", stop: stop,
		at: map[motacilla.Revision]int{since: n}, urls: make(map[string]bool), status: make(map[int]int),
	}
	for range n {
		h.work.Go(func() { h.follow(ctx, since) })
	}
	t.Cleanup(h.end)
	return h
}

func (h *holders) end() {
	h.stop()
	h.work.Wait()
}

// follow polls until ctx ends or the channel is gone. After an answer that is no update it pauses, and connects again.
func (h *holders) follow(ctx context.Context, cursor motacilla.Revision) {
	for ctx.Err() == nil {
		conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp4", h.addr)
		if err == nil {
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			cursor, err = h.poll(ctx, conn, cursor)
			stop()
			_ = conn.Close()
		}
		if errors.Is(err, errGone) {
			return
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

var errGone = errors.New("the channel is deleted")

// poll polls on one connection. It returns the cursor at its end.
func (h *holders) poll(ctx context.Context, conn net.Conn, cursor motacilla.Revision) (motacilla.Revision, error) {
	in, round := bufio.NewReaderSize(conn, 1024), int64(0)
	for first := true; ; first = false {
		target := fmt.Sprintf("%s?since=%d&round=%d", h.path, cursor, round)
		if first {
			target += "&hold=0"
		}
		h.mu.Lock()
		h.urls[target] = true
		h.mu.Unlock()
		_ = conn.SetDeadline(time.Now().Add(patience))
		if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: live.example.org\r\n\r\n", target); err != nil {
			return cursor, err
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return cursor, err
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return cursor, err
		}
		if resp.StatusCode != http.StatusOK {
			h.mu.Lock()
			h.status[resp.StatusCode]++
			h.mu.Unlock()
			return cursor, errors.New(resp.Status)
		}
		var more struct {
			Round int64 `json:"next_round"`
			Pause int64 `json:"next_poll_ms"`
		}
		var u motacilla.Update
		if err := errors.Join(u.UnmarshalJSON(body), json.Unmarshal(body, &more)); err != nil || u.From != cursor || u.Reset {
			h.t.Errorf("the answer to %s is %s (%v)", target, body, err)
			return cursor, errGone
		}
		if h.tell(&u); u.Gone {
			return cursor, errGone
		}
		same := u.Revision == cursor && more.Round <= round && !first
		if round = max(round, more.Round); u.Revision != cursor {
			cursor, round = u.Revision, 0
		}
		if more.Pause > 0 || same {
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return cursor, ctx.Err()
			}
		}
	}
}

// tell notes an update.
func (h *holders) tell(u *motacilla.Update) {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case u.Gone:
		h.gone++
		h.at[u.From]--
	case u.Heartbeat():
		h.empty++
	default:
		h.at[u.From]--
		h.at[u.Revision]++
		for _, p := range h.posts {
			if u.From < p.head && p.head <= u.Revision {
				h.late = append(h.late, now.Sub(p.shown))
			}
		}
	}
}

// until waits until done returns true. It is called with h.mu held.
func (h *holders) until(what string, done func() bool) {
	h.t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(patience); ; <-look.C {
		h.mu.Lock()
		over := done()
		h.mu.Unlock()
		switch {
		case over:
			return
		case time.Now().After(deadline):
			h.mu.Lock()
			defer h.mu.Unlock()
			h.t.Fatalf("waiting until %s: readers are at %v, %d gone; answers: %d empty, %v", what, h.at, h.gone, h.empty, h.status)
		}
	}
}
