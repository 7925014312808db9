package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// rounds stands before a server and answers held polls as a cache may: with heartbeats.
type rounds struct {
	mu     sync.Mutex
	asked  []int64 // the rounds of held polls
	answer func(round int64) (next int64, ok bool)
}

func (c *rounds) gate(w http.ResponseWriter, r *http.Request) bool {
	q := r.URL.Query()
	if !strings.Contains(r.URL.Path, "long-polling") || q.Get("hold") == "0" {
		return true
	}
	round, err := strconv.ParseInt(q.Get("round"), 10, 64)
	if err != nil {
		round = -1
	}
	c.mu.Lock()
	c.asked = append(c.asked, round)
	next, ok := c.answer(round)
	c.mu.Unlock()
	if !ok {
		return true
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Age", "1")
	_, _ = fmt.Fprintf(w, `{"channel":%q,"from":%[2]s,"revision":%[2]s,"renders":{},"removals":[],"next_round":%[3]d}`,
		channel, q.Get("since"), next)
	return false
}

// TestRounds has long polling ask for the round that the last answer names, at once.
func TestRounds(t *testing.T) {
	t.Parallel()
	s := newStack(t, "long-polling")
	c := &rounds{}
	c.answer = func(round int64) (int64, bool) { return round + 2, len(c.asked) <= 5 }
	s.gate = c.gate
	s.start()
	p := open(t, browser(t), s.url, holdTimers(pauseOfPolls))
	p.live()
	p.asks("long-polling", 7) // the first is not held
	s.post("one")
	p.shows("one")
	p.asks("long-polling", 8)
	await(t, "the request after the post", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.asked) >= 7
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, round := range c.asked[:6] {
		if want := c.asked[0] + 2*int64(i); round != want {
			t.Fatalf("the rounds are %v", c.asked)
		}
	}
	if c.asked[6] != 0 {
		t.Errorf("after the post the round is %d; all: %v", c.asked[6], c.asked)
	}
}

// pauseOfPolls is the timer of the pause after an answer that came at once and brought nothing.
const pauseOfPolls = "ms > 850 && ms < 1150"

// TestOldAnswers has a cache give the same answer again and again. The page pauses before it asks again.
func TestOldAnswers(t *testing.T) {
	t.Parallel()
	s := newStack(t, "long-polling")
	c := &rounds{}
	old := true
	c.answer = func(round int64) (int64, bool) { return round, old }
	s.gate = c.gate
	s.start()
	p := open(t, browser(t), s.url, holdTimers(pauseOfPolls))
	p.live()
	p.fire(pauseOfPolls)
	p.sets(pauseOfPolls)
	c.mu.Lock()
	old = false
	c.mu.Unlock()
	p.fire(pauseOfPolls)
	s.post("one")
	p.shows("one")
}
