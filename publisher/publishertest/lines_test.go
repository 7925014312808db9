package publishertest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/route"
)

// lines is a publisher that is not ours: a stream of updates, one on each line. fault names what is wrong with it.
type lines struct {
	feed  *publisher.Feed
	fault string

	stats   *publisher.Stats
	stop    context.CancelFunc
	stopped context.Context
	streams sync.WaitGroup
	mu      sync.Mutex
	first   map[motacilla.ChannelID]*motacilla.Update // of stale
	count   atomic.Int64
	one     chan struct{}              // of blocks
	queues  map[*atomic.Int64]struct{} // of queues: the last revision in each
}

func newLines(fault string) publishertest.New {
	return func(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
		p := &lines{
			feed: feed, fault: fault, stats: feed.Metrics().Of("lines"),
			first: map[motacilla.ChannelID]*motacilla.Update{}, one: make(chan struct{}, 1),
			queues: map[*atomic.Int64]struct{}{},
		}
		p.stopped, p.stop = context.WithCancel(context.Background())
		return p
	}
}

func (p *lines) URLs() []route.Route {
	pattern := "lines/{channel_id}/"
	if p.fault == "moves" {
		pattern = fmt.Sprintf("lines%d/{channel_id}/", p.count.Add(1))
	}
	return []route.Route{{Name: "lines", Pattern: pattern, Handler: http.HandlerFunc(p.serve)}}
}

func (p *lines) Shutdown(ctx context.Context) error {
	switch p.fault {
	case "hangs":
		<-ctx.Done()
		return ctx.Err()
	case "undying":
		return nil
	}
	p.mu.Lock()
	p.stop()
	p.mu.Unlock()
	if p.fault != "rushes" {
		p.streams.Wait()
	}
	return nil
}

func (p *lines) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped.Err() != nil {
		return false
	}
	p.streams.Add(1)
	p.stats.Readers.Add(1)
	return true
}

func (p *lines) end() {
	if p.fault != "miscounts" {
		p.stats.Readers.Add(-1)
	}
	p.streams.Done()
}

func (p *lines) serve(w http.ResponseWriter, r *http.Request) {
	if p.fault != "any method" && !route.Allow(w, r, http.MethodGet) {
		return
	}
	switch {
	case p.begin():
		defer p.end()
	case p.fault != "reopens":
		route.WriteError(w, r, motacilla.ErrClosed)
		return
	}
	if p.fault == "panics" && r.Header.Get("Upgrade") != "" {
		panic("what is this?")
	}
	ch, _ := route.ChannelID(r)
	cursor, err := motacilla.ParseRevision(r.URL.Query().Get("since"))
	if err != nil {
		route.WriteError(w, r, err)
		return
	}
	if p.fault == "deaf" { // ignores the cursor
		cursor = 0
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if p.fault != "reopens" || p.stopped.Err() == nil {
		defer context.AfterFunc(p.stopped, cancel)()
	}
	if expires := route.GrantOf(r).Expires; !expires.IsZero() && p.fault != "never expires" {
		ctx, cancel = context.WithDeadline(ctx, expires)
		defer cancel()
	}
	if p.fault != "irrevocable" {
		stop := route.GrantOf(r).Holder.OnRevoke(cancel)
		if p.fault != "waits on" {
			defer stop()
		}
	}
	sub, err := publishertest.Subscribe(ctx, p.feed, ch, cursor)
	switch {
	case err != nil && p.fault == "silent":
		return
	case err != nil && p.fault == "denies": // that there is such a channel, in an outage
		route.WriteError(w, r, motacilla.ErrNotFound)
		return
	case err != nil:
		route.WriteError(w, r, err)
		return
	}
	if p.fault == "leaks" {
		go func() { <-time.After(time.Hour) }()
	}
	next := sub.Next
	if p.fault == "queues" {
		next = p.queue(ctx, sub)
	}
	for n := 0; ; n++ {
		delta, err := next(ctx)
		if err == nil && p.fault != "gossips" {
			_, err = p.feed.Readable(r, ch, delta.Revision)
		}
		if err != nil {
			if p.fault == "rushes" && p.stopped.Err() != nil { // a close message, when nobody waits for it
				time.Sleep(10 * time.Second) // until the test knows that Shutdown has returned, on a busy machine too
				_, _ = fmt.Fprintln(w)
			}
			return
		}
		if err := p.write(w, p.line(ch, delta)); err != nil {
			return
		}
		if !delta.Heartbeat() && p.fault != "uncounted" {
			p.stats.Deliveries.Add(1)
		}
		if n == 0 && p.fault == "joins late" { // as if nothing could have happened since the first delta was read
			time.Sleep(500 * time.Microsecond) // for something to happen, on a busy machine too
			c, err := p.feed.Channel(ctx, ch)
			if err != nil {
				return
			}
			if sub, err = publishertest.Subscribe(ctx, p.feed, ch, c.Head); err != nil {
				return
			}
			if _, err := sub.Next(ctx); err != nil {
				return
			}
			next = sub.Next
		}
	}
}

func (p *lines) write(w http.ResponseWriter, line []byte) error {
	rc := http.NewResponseController(w)
	switch p.fault {
	case "blocks": // all readers wait for each other's sockets
		p.one <- struct{}{}
		defer func() { <-p.one }()
	case "endures": // a reader that takes nothing
	default:
		_ = rc.SetWriteDeadline(time.Now().Add(p.feed.Options().Stall))
	}
	if _, err := fmt.Fprintf(w, "%s\n", line); err != nil {
		return err
	}
	return rc.Flush()
}

// queue keeps every delta for a reader, however slowly it takes them. No reader gets a delta before the queues of all of them
// have come so far, since the feed merges what a queue is late for.
func (p *lines) queue(ctx context.Context, sub *publishertest.Subscription) func(context.Context) (*publisher.Delta, error) {
	deltas, last := make(chan *publisher.Delta, 1<<16), new(atomic.Int64)
	p.mu.Lock()
	p.queues[last] = struct{}{}
	p.mu.Unlock()
	go func() {
		defer close(deltas)
		defer func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			delete(p.queues, last)
		}()
		for {
			delta, err := sub.Next(ctx)
			if err != nil {
				return
			}
			last.Store(int64(delta.Revision))
			deltas <- delta
		}
	}()
	return func(ctx context.Context) (*publisher.Delta, error) {
		delta := <-deltas
		if delta == nil {
			return nil, io.EOF
		}
		for !p.queued(delta.Revision) && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		return delta, ctx.Err()
	}
}

// queued reports whether every queue has come to a revision.
func (p *lines) queued(rev motacilla.Revision) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for last := range p.queues {
		if last.Load() < int64(rev) {
			return false
		}
	}
	return true
}

func (p *lines) line(ch motacilla.ChannelID, delta *publisher.Delta) []byte {
	u := *delta.Update
	switch p.fault {
	case "loses": // in every delta: on a busy machine there are few, and what one loses the next may bring
		if !u.Reset && len(u.Renders) > 0 {
			u.Renders = u.Renders[1:]
		}
	case "undead":
		u.Removals = nil
	case "leaky": // hides nothing
		for i := range u.Renders {
			u.Renders[i].Show = true
		}
	case "stale":
		p.mu.Lock()
		defer p.mu.Unlock()
		if old := p.first[ch]; old != nil && u.Reset {
			u = *old
			u.From = delta.From
		} else if u.Reset {
			p.first[ch] = delta.Update
		}
	case "":
		return delta.Encode(publisher.JSON)
	}
	return u.AppendJSON(nil)
}

// followLines reads one stream.
func followLines(ctx context.Context, url string, since motacilla.Revision) iter.Seq2[*motacilla.Update, error] {
	return func(yield func(*motacilla.Update, error) bool) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s?since=%d", url, since), nil)
		if err != nil {
			yield(nil, err)
			return
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = res.Body.Close() }()
		switch res.StatusCode {
		case http.StatusOK:
		case http.StatusNotFound:
			yield(nil, motacilla.ErrNotFound)
			return
		default:
			yield(nil, errors.New(res.Status))
			return
		}
		stream := bufio.NewScanner(res.Body)
		stream.Buffer(nil, 16<<20)
		for stream.Scan() {
			u := new(motacilla.Update)
			if err := json.Unmarshal(stream.Bytes(), u); err != nil {
				yield(nil, err)
				return
			}
			if !yield(u, nil) {
				return
			}
		}
	}
}
