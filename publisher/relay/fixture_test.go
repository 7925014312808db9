package relay_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// text renders a post as its first text.
type text struct{}

func (text) RenderPost(p motacilla.Post) (motacilla.HTML, error) { return p.Content[0].Text, nil }

// cuttable is a node's way to the store. It can be cut, and counts reads.
type cuttable struct {
	storage.Store

	mu    sync.Mutex
	cut   bool
	reads map[string]int
}

func (c *cuttable) set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
}

func (c *cuttable) pass(call string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		return fmt.Errorf("a test: %w", motacilla.ErrUnavailable)
	}
	if c.reads == nil {
		c.reads = make(map[string]int)
	}
	c.reads[call]++
	return nil
}

func (c *cuttable) count(call string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reads[call]
}

func (c *cuttable) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	if err := c.pass("Channel"); err != nil {
		return motacilla.Channel{}, err
	}
	return c.Store.Channel(ctx, id)
}

func (c *cuttable) Channels(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.Channel, error) {
	if err := c.pass("Channels"); err != nil {
		return nil, err
	}
	return c.Store.Channels(ctx, after, limit)
}

func (c *cuttable) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error) {
	if err := c.pass("Posts"); err != nil {
		return motacilla.Page{}, err
	}
	return c.Store.Posts(ctx, ch, q)
}

func (c *cuttable) Changes(ctx context.Context, ch motacilla.ChannelID, since motacilla.Revision, limit int) (motacilla.Changes, error) {
	if err := c.pass("Changes"); err != nil {
		return motacilla.Changes{}, err
	}
	return c.Store.Changes(ctx, ch, since, limit)
}

func (c *cuttable) Heads(ctx context.Context, chs []motacilla.ChannelID) (map[motacilla.ChannelID]motacilla.Revision, error) {
	if err := c.pass("Heads"); err != nil {
		return nil, err
	}
	return c.Store.Heads(ctx, chs)
}

func (c *cuttable) Records() motacilla.Records { return &records{c.Store.Records(), c} }

// records are those of a cuttable.
type records struct {
	motacilla.Records
	way *cuttable
}

func (r *records) Get(ctx context.Context, namespace, key string) (motacilla.Record, error) {
	if err := r.way.pass("Get"); err != nil {
		return motacilla.Record{}, err
	}
	return r.Records.Get(ctx, namespace, key)
}

func (r *records) Put(ctx context.Context, rec motacilla.Record) (motacilla.Record, error) {
	if err := r.way.pass("Put"); err != nil {
		return motacilla.Record{}, err
	}
	return r.Records.Put(ctx, rec)
}

func (r *records) Delete(ctx context.Context, namespace, key string, version int64) error {
	if err := r.way.pass("Delete"); err != nil {
		return err
	}
	return r.Records.Delete(ctx, namespace, key, version)
}

func (r *records) List(ctx context.Context, namespace, prefix, after string, limit int) ([]motacilla.Record, error) {
	if err := r.way.pass("List"); err != nil {
		return nil, err
	}
	return r.Records.List(ctx, namespace, prefix, after, limit)
}

// node is a feed with a relay.
type node struct {
	t     testing.TB
	way   *cuttable
	feed  *publisher.Feed
	relay *relay.Relay
	over  bool
}

// start starts a node that relays store to hub.
func start(t testing.TB, store storage.Store, hub relay.Hub, o relay.Options, traits relay.Traits) *node {
	t.Helper()
	n := &node{t: t, way: &cuttable{Store: store}}
	n.feed = publisher.NewFeed(n.way, text{}, &publisher.FeedOptions{})
	if err := n.feed.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if traits.Name == "" {
		traits.Name = "test"
	}
	var err error
	if n.relay, err = relay.New(&relay.Kit{Feed: n.feed, Source: n.way}, hub, &o, traits); err != nil {
		t.Fatal(err)
	}
	if err := n.relay.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *node) stop() {
	n.t.Helper()
	if n.over {
		return
	}
	n.over = true
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := n.relay.Shutdown(ctx); err != nil {
		n.t.Errorf("Shutdown: %v", err)
	}
	_ = n.feed.Close()
}

// pushed is what a hub got.
type pushed struct {
	channel        motacilla.ChannelID
	from, revision motacilla.Revision
	term           int64
}

// hub is a hub in memory.
type hub struct {
	answer func(ctx context.Context, m *relay.Message) error // nil takes all

	mu  sync.Mutex
	got []pushed
}

func (h *hub) Push(ctx context.Context, m *relay.Message) error {
	if h.answer != nil {
		if err := h.answer(ctx, m); err != nil {
			return err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got = append(h.got, pushed{m.Channel, m.From, m.Revision, m.Term})
	return nil
}

// all returns what the hub got.
func (h *hub) all() []pushed {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]pushed(nil), h.got...)
}

// at returns how far the hub is in each channel.
func (h *hub) at() map[motacilla.ChannelID]motacilla.Revision {
	at := make(map[motacilla.ChannelID]motacilla.Revision)
	for _, p := range h.all() {
		at[p.channel] = p.revision
	}
	return at
}

// gaps says what a hub that began at the revisions began lacks, or got from an older leader after a newer one.
func (h *hub) gaps(began map[motacilla.ChannelID]motacilla.Revision) (wrong []string) {
	at, term := make(map[motacilla.ChannelID]motacilla.Revision), int64(0)
	for ch, rev := range began {
		at[ch] = rev
	}
	for _, p := range h.all() {
		if p.from > at[p.channel] && at[p.channel] != 0 {
			wrong = append(wrong, fmt.Sprintf("%s: what is from %d to %d comes at %d", p.channel, p.from, p.revision, at[p.channel]))
		}
		if p.term < term {
			wrong = append(wrong, fmt.Sprintf("%s: a message of the term %d comes after one of %d", p.channel, p.term, term))
		}
		at[p.channel], term = max(at[p.channel], p.revision), max(term, p.term)
	}
	return wrong
}

func newStore(t testing.TB) *memory.Store {
	s := memory.New(nil)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func create(t testing.TB, s storage.Store, ch motacilla.ChannelID) motacilla.Channel {
	t.Helper()
	c, err := s.PutChannel(context.Background(), motacilla.Channel{ID: ch, Title: "A match"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func post(t testing.TB, s storage.Store, ch motacilla.ChannelID, text string) motacilla.Post {
	t.Helper()
	p, err := s.PutPost(context.Background(), ch, motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText(text)}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// eventually waits until cond is true.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for late := time.Now().Add(time.Minute); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("not after a minute: %s", what)
		}
	}
}
