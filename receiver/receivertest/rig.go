package receivertest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// home is the channel that the suite delivers to.
const home motacilla.ChannelID = "receivertest"

// rig is a receiver behind a server, on a store.
type rig struct {
	source   Source
	receiver receiver.Receiver
	store    storage.Store
	sink     *faulty
	base     string
}

func newRig(tb testing.TB, s Source) *rig {
	tb.Helper()
	store := memory.New(nil)
	tb.Cleanup(func() { _ = store.Close() })
	if _, err := store.PutChannel(context.Background(), motacilla.Channel{ID: home}, 0); err != nil {
		tb.Fatalf("create channel: %v", err)
	}
	r := &rig{source: s, store: store, sink: &faulty{Sink: store}}
	r.receiver = s.New(tb, &receiver.Kit{
		Sink: r.sink, Records: store.Records(), Images: receiver.NoImages{}, Metrics: &receiver.Metrics{},
		Client: outbound.New(&outbound.Options{Allow: []netip.Prefix{
			netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"), // the test's own servers
		}}),
	})
	table := route.NewTable()
	if err := table.Add("receiver", "/receivertest", r.receiver.URLs()...); err != nil {
		tb.Fatalf("mount: %v", err)
	}
	if starter, ok := r.receiver.(receiver.Starter); ok {
		if err := starter.Start(context.Background()); err != nil {
			tb.Fatalf("start: %v", err)
		}
	}
	server := httptest.NewServer(table)
	tb.Cleanup(func() {
		server.Close()
		if stopper, ok := r.receiver.(receiver.Stopper); ok {
			if err := stopper.Shutdown(context.Background()); err != nil {
				tb.Errorf("shutdown: %v", err)
			}
		}
	})
	r.base = server.URL
	return r
}

// faulty counts the calls of a sink, and fails them during an outage. While the sink is full, it refuses writes.
type faulty struct {
	receiver.Sink
	calls atomic.Int64
	down  atomic.Bool
	full  atomic.Bool
}

func (f *faulty) write() error {
	if err := f.call(); err != nil {
		return err
	}
	if f.full.Load() {
		return &motacilla.RetryError{Err: fmt.Errorf("receivertest: %w", motacilla.ErrOverloaded), After: time.Millisecond}
	}
	return nil
}

func (f *faulty) call() error {
	f.calls.Add(1)
	if f.down.Load() {
		return fmt.Errorf("receivertest: %w", motacilla.ErrUnavailable)
	}
	return nil
}

func (f *faulty) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	if err := f.call(); err != nil {
		return motacilla.Channel{}, err
	}
	return f.Sink.Channel(ctx, id)
}

func (f *faulty) Channels(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.Channel, error) {
	if err := f.call(); err != nil {
		return nil, err
	}
	return f.Sink.Channels(ctx, after, limit)
}

func (f *faulty) PostByMessage(ctx context.Context, ch motacilla.ChannelID, id string) (motacilla.Post, error) {
	if err := f.call(); err != nil {
		return motacilla.Post{}, err
	}
	return f.Sink.PostByMessage(ctx, ch, id)
}

func (f *faulty) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	if err := f.write(); err != nil {
		return motacilla.Post{}, err
	}
	return f.Sink.PutPost(ctx, ch, p, replaces)
}

func (f *faulty) DeletePost(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, replaces motacilla.Revision,
) (motacilla.Revision, error) {
	if err := f.write(); err != nil {
		return 0, err
	}
	return f.Sink.DeletePost(ctx, ch, id, replaces)
}

// deliver sends the request that makes makes, and returns the status. Only an outage and an overload excuse a status of 500 or more.
func (r *rig) deliver(tb testing.TB, makes func(string, Delivery) (*http.Request, error), d Delivery) int {
	tb.Helper()
	req, err := makes(r.base, d)
	if err != nil {
		tb.Fatalf("make request: %v", err)
	}
	if req == nil {
		tb.Fatalf("the source makes no request for message %d, version %d", d.Message, d.Version)
	}
	status := r.send(tb, req)
	if status >= 500 && !r.sink.down.Load() && !r.sink.full.Load() {
		tb.Errorf("message %d, version %d: status %d", d.Message, d.Version, status)
	}
	return status
}

// send returns the status, or 0 if the request fails. It may run outside the test's goroutine.
func (r *rig) send(tb testing.TB, req *http.Request) int {
	tb.Helper()
	if r.source.Deliver != nil {
		status, err := r.source.Deliver(r.receiver, req)
		if err != nil {
			tb.Errorf("deliver %s %s: %v", req.Method, req.URL, err)
		}
		return status
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		tb.Errorf("%s %s: %v", req.Method, req.URL, err)
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// posts returns the channel's posts, newest first, with the hidden ones.
func (r *rig) posts(tb testing.TB) motacilla.Page {
	tb.Helper()
	page, err := r.store.Posts(context.Background(), home, motacilla.Query{Limit: 1000})
	if err != nil {
		tb.Fatalf("list posts: %v", err)
	}
	return page
}

// one returns the channel's only post.
func (r *rig) one(tb testing.TB) motacilla.Post {
	tb.Helper()
	page := r.posts(tb)
	if len(page.Posts) != 1 {
		tb.Fatalf("the channel holds %d posts, want 1", len(page.Posts))
	}
	return page.Posts[0]
}

// still fails the test if the channel has changed since before was read.
func (r *rig) still(tb testing.TB, before motacilla.Page, what string) {
	tb.Helper()
	if after := r.posts(tb); after.Head != before.Head || len(after.Posts) != len(before.Posts) {
		tb.Fatalf("%s changed the channel: %d posts at %s, before %d at %s", what,
			len(after.Posts), after.Head, len(before.Posts), before.Head)
	}
}

func text(p motacilla.Post) string {
	s := ""
	for _, b := range p.Content {
		s += b.Text.String()
	}
	return s
}
