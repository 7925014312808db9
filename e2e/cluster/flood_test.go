package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
)

// flood writes posts at a steady rate and does not wait for answers. It repeats each write until it is acknowledged.
type flood struct {
	name    string
	bases   []string // URLs of nodes, taken in turn
	channel motacilla.ChannelID

	mu      sync.Mutex
	acked   map[string]postJSON // by message ID
	head    motacilla.Revision  // the newest that was acknowledged
	refused int                 // answers of 503
	slowest time.Duration       // of all answers
	wrong   error
}

// mostUnanswered is how many writes may wait for their acknowledgement. A machine on which the nodes do not keep up gets fewer
// writes, except with -soak, which has the machine to itself.
const mostUnanswered = 30

// run writes until ctx ends. It returns when all writes are acknowledged.
func (f *flood) run(ctx context.Context, perSecond int) {
	var work sync.WaitGroup
	defer work.Wait()
	unanswered := make(chan struct{}, mostUnanswered)
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !*soak {
			select {
			case unanswered <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
		work.Go(func() {
			f.post(i)
			if !*soak {
				<-unanswered
			}
		})
	}
}

func (f *flood) post(i int) {
	message := fmt.Sprintf("%s-%d", f.name, i)
	for attempt := i; ; attempt++ {
		var p postJSON
		began := time.Now()
		status, header, err := request(context.Background(), f.bases[attempt%len(f.bases)], http.MethodPost,
			"/"+string(f.channel)+"/posts", map[string]any{"text": message, "message_id": message}, &p)
		took := time.Since(began)
		f.mu.Lock()
		f.slowest = max(f.slowest, took)
		switch {
		case unread(err):
			err = nil
		case err != nil:
			err = fmt.Errorf("write %s: no answer after %v: %w", message, took, err)
		case took > within(deadline):
			err = fmt.Errorf("write %s: an answer after %v", message, took)
		case status == http.StatusCreated || status == http.StatusOK:
			f.acked[message] = p
			f.head = max(f.head, p.Revision)
		case status != http.StatusServiceUnavailable:
			err = fmt.Errorf("write %s: answered %d", message, status)
		case header.Get("Retry-After") == "":
			err = errors.New("write " + message + ": 503 without Retry-After")
		default:
			f.refused++
		}
		if err != nil && f.wrong == nil {
			f.wrong = err
		}
		over := err != nil || f.acked[message].ID != ""
		f.mu.Unlock()
		if over {
			return
		}
		after, _ := strconv.Atoi(header.Get("Retry-After"))
		pause(context.Background(), time.Duration(after)*time.Second+rand.N(time.Second)) // as a client should
	}
}

// state returns what was acknowledged so far.
func (f *flood) state() (head motacilla.Revision, acked, refused int, wrong error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.head, len(f.acked), f.refused, f.wrong
}
