package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/netfault"
)

// target is a webhook's target that remembers what it got, in the order in which it came.
type target struct {
	*httptest.Server

	mu    sync.Mutex
	term  int64
	terms int
	at    map[motacilla.ChannelID]motacilla.Revision
	wrong []string

	resets []string
}

func newTarget(t *testing.T) *target {
	t.Helper()
	h := &target{at: make(map[motacilla.ChannelID]motacilla.Revision)}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

// ServeHTTP takes a push. A gap, or what comes from an older leader after something of a newer one, is wrong.
func (h *target) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var body struct {
		Data struct {
			Term   int64            `json:"term"`
			Update motacilla.Update `json:"update"`
		} `json:"data"`
	}
	err := json.NewDecoder(r.Body).Decode(&body)
	h.mu.Lock()
	defer h.mu.Unlock()
	term, u, at := body.Data.Term, &body.Data.Update, h.at[body.Data.Update.Channel]
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // broken off: by a kill, or because the node no longer leads
		return
	case err != nil:
		h.wrong = append(h.wrong, err.Error())
		return
	case term < h.term:
		h.wrong = append(h.wrong, fmt.Sprintf("%s: a message of the term %d comes after one of %d", u.Channel, term, h.term))
	case u.Reset && !u.Complete:
		h.wrong = append(h.wrong, fmt.Sprintf("%s: a reset at %d without all posts", u.Channel, u.Revision))
	case u.Reset:
		h.resets = append(h.resets, fmt.Sprintf("%s: a reset at %d", u.Channel, u.Revision))
	case at != 0 && u.From > at:
		h.wrong = append(h.wrong, fmt.Sprintf("%s: what begins at %d comes at %d", u.Channel, u.From, at))
	}
	if term > h.term {
		h.term, h.terms = term, h.terms+1
	}
	h.at[u.Channel] = max(at, u.Revision)
}

// lacks returns how many channels are not at their heads.
func (h *target) lacks(heads map[motacilla.ChannelID]motacilla.Revision) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ch, head := range heads {
		if h.at[ch] != head {
			n++
		}
	}
	return n
}

// TestRelayOutlivesItsLeaders has two nodes relay many channels to a webhook. The leader is killed, then stopped for longer than its
// lease while it still runs, then cut off from the store, while posts are written. Nothing is missing at the target, and nothing of
// an older leader comes after something of a newer one.
func TestRelayOutlivesItsLeaders(t *testing.T) {
	channels := 100
	if *soak {
		channels = 1000
	}
	each(t, func(t *testing.T, b *backend) {
		h := newTarget(t)
		relayed := config + `  - {type: webhook, name: hub, url: "` + h.URL + `/hook", allow: [127.0.0.0/8],
     secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}` + "\n"
		var links []*netfault.Proxy
		var nodes []*node
		begin := func(i int) {
			at := b.addr
			if b.addr != "" {
				at = links[i].Addr()
			}
			p := program{binary, []string{"serve"}, relayed, func(n *node) bool { return n.cmd.ProcessState.ExitCode() == storeAway }}
			nodes[i] = startProgram(t, p, b.flags(at)...)
		}
		for i := range 2 {
			if b.addr != "" {
				links = append(links, netfault.Between(t, b.addr))
			}
			nodes = append(nodes, nil)
			begin(i)
		}
		leads := func(i int) bool { return metric(t, nodes[i], `motacilla_relay_leading{relay="hub"}`) == 1 }
		wait := func(what string, cond func() bool) {
			t.Helper()
			for late := time.Now().Add(hang); !cond(); pause(t.Context(), 50*time.Millisecond) {
				if time.Now().After(late) {
					t.Fatalf("not after %v: %s", hang, what)
				}
			}
		}
		wait("a node leads", func() bool { return leads(0) || leads(1) })
		store := b.open(t, nil)
		defer store.Close()
		ids := make([]motacilla.ChannelID, channels)
		for i := range ids {
			ids[i] = motacilla.ChannelID(fmt.Sprintf("match-%d", i))
			if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: ids[i], Title: "A match"}, 0); err != nil {
				t.Fatal(err)
			}
		}
		var stop atomic.Bool
		var writing sync.WaitGroup
		posts, slowest := 0, time.Duration(0)
		writing.Go(func() {
			content := []motacilla.Block{motacilla.PlainText("Goal")}
			for ; !stop.Load(); posts++ {
				began := time.Now()
				if _, err := store.PutPost(t.Context(), ids[posts%channels], motacilla.Post{Show: true, Content: content}, 0); err != nil {
					t.Error(err)
					return
				}
				slowest = max(slowest, time.Since(began))
				pause(t.Context(), 20*time.Millisecond)
			}
		})
		defer writing.Wait()
		defer stop.Store(true)
		leader := func() int {
			wait("a node leads", func() bool { return leads(0) || leads(1) })
			if leads(0) {
				return 0
			}
			return 1
		}
		// A leader that is killed.
		i := leader()
		nodes[i].kill()
		wait("the other node leads", func() bool { return leads(1 - i) })
		begin(i)
		if b.addr != "" { // a process that stands still may have SQLite's file locked
			// One that stands still, and goes on.
			i = leader()
			signal := func(s syscall.Signal) {
				if err := nodes[i].cmd.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
			}
			signal(syscall.SIGSTOP)
			wait("the other node leads", func() bool { return leads(1 - i) })
			pause(t.Context(), 2*time.Second)
			signal(syscall.SIGCONT)
			// One that loses the store alone.
			i = leader()
			links[i].Become(t, netfault.HalfOpen())
			wait("the other node leads", func() bool { return leads(1 - i) })
			pause(t.Context(), 15*time.Second)
			links[i].Become(t, netfault.Pass())
		}
		pause(t.Context(), 2*time.Second)
		stop.Store(true)
		writing.Wait()
		heads, err := store.Heads(t.Context(), ids[:min(posts, channels)]) // of the others there is nothing to push
		if err != nil {
			t.Fatal(err)
		}
		wait("the target has everything", func() bool { return h.lacks(heads) == 0 })
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, wrong := range h.wrong {
			t.Error(wrong)
		}
		for _, reset := range h.resets {
			if slowest <= slow || *soak {
				t.Error(reset)
			}
		}
		t.Logf("%d posts on %d channels came in %d terms", posts, channels, h.terms)
	})
}
