package e2e

import (
	"fmt"
	"net/http"
	"slices"
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
	s.post("one")
	p.shows("one")
	s.post("two")
	p.shows("two", "one")
	// The epoll engine answers the last request, without the gate. So the page tells what it has asked for.
	var urls []string
	p.eval(`performance.getEntriesByType("resource").map(e => e.name).filter(name => name.includes("long-polling"))`, &urls)
	var asked []string
	for _, url := range urls {
		_, round, _ := strings.Cut(url, "&round=")
		asked = append(asked, round)
	}
	first, err := strconv.Atoi(strings.Join(asked[1:2], ""))
	if err != nil {
		t.Fatal(urls)
	}
	want := []string{"0&hold=0"}
	for i := range 6 {
		want = append(want, strconv.Itoa(first+2*i))
	}
	if want = append(want, "0"); !slices.Equal(asked, want) {
		t.Errorf("the page asks for the rounds %v, want %v", asked, want)
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
