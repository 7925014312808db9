package publishertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/work"
)

// board is a hub in memory, without history. It has a limit. Its adapter may have a fault.
type board struct {
	fault string

	mu      sync.Mutex
	down    bool
	pushes  int
	readers map[string]map[chan []byte]struct{}
	late    sync.WaitGroup
}

const boardLimit = 2000

var errDown = errors.New("the board is down")

func (b *board) relayHub() *publishertest.RelayHub {
	set := func(down bool) func(testing.TB) {
		return func(testing.TB) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.down = down
			for _, readers := range b.readers {
				for r := range readers {
					close(r)
				}
			}
			clear(b.readers)
		}
	}
	return &publishertest.RelayHub{New: b.adapter, Follow: b.follow, Stop: set(true), Start: set(false), MaxBytes: boardLimit}
}

func (b *board) adapter(kit *relay.Kit, o relay.Options) (publisher.Publisher, error) {
	traits := relay.Traits{Name: "board", MaxBytes: boardLimit}
	switch b.fault {
	case "own name":
		o.Name = "board"
	case "private too":
		o.Private = true
	case "no limit":
		traits.MaxBytes = 0
	}
	return relay.New(kit, b, &o, traits)
}

// Push implements relay.Hub.
func (b *board) Push(ctx context.Context, m *relay.Message) error {
	body, to := m.Encode(publisher.JSON), string(m.Channel)
	switch b.fault {
	case "forgets":
		return nil
	case "leaks":
		go func() { <-time.After(time.Hour) }()
	case "any case":
		to = strings.ToLower(to)
	case "one for all":
		to = "all"
	case "newest only":
		u := *m.Update
		u.From = u.Revision - 1
		body = u.AppendJSON(nil)
	case "loses":
		if b.pushes++; b.pushes%5 == 0 {
			return nil
		}
	case "hangs":
		for b.send(to, body) != nil {
			time.Sleep(10 * time.Millisecond)
		}
		return nil
	case "later":
		b.late.Go(func() {
			time.Sleep(5 * time.Millisecond)
			_ = b.send(to, body)
		})
		return nil
	case "gives up":
		if err := b.send(to, body); err != nil {
			return work.Permanent(err)
		}
		return nil
	}
	return b.send(to, body)
}

func (b *board) send(to string, body []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.down:
		return errDown
	case len(body) > boardLimit:
		return work.Permanent(errors.New("too large"))
	}
	for r := range b.readers[to] {
		select {
		case r <- body:
		default:
			close(r)
			delete(b.readers[to], r)
		}
	}
	return nil
}

func (b *board) follow(ctx context.Context, ch motacilla.ChannelID, ready func()) iter.Seq2[*motacilla.Update, error] {
	return func(yield func(*motacilla.Update, error) bool) {
		in, to := make(chan []byte, 1000), string(ch)
		switch b.fault {
		case "any case":
			to = strings.ToLower(to)
		case "one for all":
			to = "all"
		}
		b.mu.Lock()
		if b.down {
			b.mu.Unlock()
			yield(nil, errDown)
			return
		}
		if b.readers == nil {
			b.readers = make(map[string]map[chan []byte]struct{})
		}
		if b.readers[to] == nil {
			b.readers[to] = make(map[chan []byte]struct{})
		}
		b.readers[to][in] = struct{}{}
		b.mu.Unlock()
		defer func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			delete(b.readers[to], in)
		}()
		ready()
		for {
			select {
			case <-ctx.Done():
				return
			case body, open := <-in:
				if !open {
					yield(nil, errDown)
					return
				}
				var u motacilla.Update
				if err := json.Unmarshal(body, &u); !yield(&u, err) || err != nil {
					return
				}
			}
		}
	}
}

// TestRunRelay runs the suite on a sound adapter, or, in a process of TestRelayBites, on a broken one.
func TestRunRelay(t *testing.T) {
	fault := os.Getenv(faultKey)
	if fault != "" {
		publishertest.SetPatience(4 * time.Second)
	}
	b := &board{fault: fault}
	publishertest.RunRelay(t, b.relayHub())
	b.late.Wait()
}

// TestRelayBites runs the suite on adapters that are broken on purpose, each in a process of its own. The subtest that is about the
// fault must fail.
func TestRelayBites(t *testing.T) {
	if os.Getenv(faultKey) != "" {
		return // this is such a process
	}
	places := make(chan struct{}, 8) // most of them only wait
	var all sync.WaitGroup
	for fault, subtest := range map[string]string{
		"forgets":     "Updates",
		"loses":       "Updates",
		"newest only": "Updates",
		"own name":    "Updates",
		"leaks":       "Updates",
		"any case":    "Channels",
		"one for all": "Channels",
		"private too": "Private",
		"no limit":    "Large",
		"later":       "Outage",
		"gives up":    "Outage",
		"hangs":       "Shutdown",
	} {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRunRelay$/^"+subtest+"$")
			cmd.Env = append(os.Environ(), faultKey+"="+fault)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || !strings.Contains(string(out), "--- FAIL: TestRunRelay/"+subtest) {
				t.Errorf("%s: %s did not fail: %v\n%.3000s", fault, subtest, err, out)
			} else {
				t.Logf("%s:\n%.1500s", fault, out)
			}
		})
	}
	all.Wait()
}
