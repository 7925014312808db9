package oembed

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const channel = motacilla.ChannelID("match")

// site is the internet of a test: a server on loopback, which is a provider and has pages.
type site struct {
	*httptest.Server
	hits atomic.Int64
	mu   sync.Mutex
	on   map[string]http.HandlerFunc // by path
}

func newSite(t *testing.T) *site {
	s := &site{on: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		s.mu.Lock()
		h := s.on[r.URL.Path]
		s.mu.Unlock()
		if h == nil {
			http.NotFound(w, r)
			return
		}
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) handle(path string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on[path] = h
}

// says makes a path answer with a body.
func (s *site) says(path, mediaType, body string) {
	s.handle(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		fmt.Fprint(w, body)
	})
}

// list has one provider, whose pages are below /video/.
func (s *site) list() []*provider {
	return []*provider{{
		Name: "Tube", Endpoint: s.URL + "/oembed", Schemes: []string{"127.0.0.1/video/*"},
		Hosts: []string{"tube.example", "127.0.0.1"}, Player: true,
	}}
}

// posts is a store that tells of what is put.
type posts struct {
	*memory.Store
	put chan motacilla.Post
}

func (p *posts) PutPost(
	ctx context.Context, ch motacilla.ChannelID, post motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	stored, err := p.Store.PutPost(ctx, ch, post, replaces)
	if err == nil {
		p.put <- stored
	}
	return stored, err
}

// rig is an Embeds with what it needs.
type rig struct {
	*Embeds
	t     *testing.T
	site  *site
	posts *posts
	logs  *observer.ObservedLogs
}

func newRig(t *testing.T, o *Options) *rig {
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: channel}, 0); err != nil {
		t.Fatal(err)
	}
	return rigOn(t, newSite(t), &posts{store, make(chan motacilla.Post, 1000)}, o)
}

func rigOn(t *testing.T, s *site, p *posts, o *Options) *rig {
	core, logs := observer.New(zapcore.DebugLevel)
	client := outbound.New(&outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	t.Cleanup(client.Close)
	e, err := newEmbeds(s.list(), p.Records(), client, p, &images{kept: map[string]bool{}}, o, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	e.queue = e.newQueue(time.Millisecond, 20*time.Millisecond)
	return &rig{e, t, s, p, logs}
}

func (r *rig) start() {
	r.t.Helper()
	if err := r.Start(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(r.stop)
}

func (r *rig) stop() {
	if err := r.Shutdown(context.Background()); err != nil {
		r.t.Error(err)
	}
}

// post puts a post with embeds, and queues them.
func (r *rig) post(urls ...string) motacilla.Post {
	r.t.Helper()
	var content []motacilla.Block
	for _, u := range urls {
		content = append(content, motacilla.Block{Type: motacilla.EmbedBlock, URL: u})
	}
	p, err := r.posts.Store.PutPost(r.t.Context(), channel, motacilla.Post{Show: true, Content: content}, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, u := range urls {
		if err := r.Later(r.t.Context(), channel, p.ID, u); err != nil {
			r.t.Fatal(err)
		}
	}
	return p
}

// card waits for the card of a page, in a new post.
func (r *rig) card(url string) motacilla.Card {
	r.t.Helper()
	r.post(url)
	return (<-r.posts.put).Content[0].Card
}

// answers makes the provider answer with fields.
func (s *site) answers(fields map[string]any) {
	body, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	s.says("/oembed", "application/json", string(body))
}

// images is a library that takes what begins with "image".
type images struct {
	mu   sync.Mutex
	kept map[string]bool
	down bool
}

func (i *images) Add(_ context.Context, id string, r io.Reader) (motacilla.Block, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return motacilla.Block{}, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.down {
		return motacilla.Block{}, motacilla.ErrUnavailable
	}
	if !strings.HasPrefix(string(data), "image") {
		return motacilla.Block{}, motacilla.Invalid("image", "must be one")
	}
	i.kept[id] = true
	return i.block(id), nil
}

func (i *images) Image(_ context.Context, id string) (motacilla.Block, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.kept[id] {
		return motacilla.Block{}, fmt.Errorf("image: %w", motacilla.ErrNotFound)
	}
	return i.block(id), nil
}

func (i *images) block(id string) motacilla.Block {
	return motacilla.Block{
		Type: motacilla.ImageBlock, Media: id, URL: "/media/" + id + "/2000.jpg",
		Srcset: "/media/" + id + "/320.jpg 320w, /media/" + id + "/960.jpg 960w, /media/" + id + "/2000.jpg 2000w",
	}
}

func (i *images) forget() {
	i.mu.Lock()
	defer i.mu.Unlock()
	clear(i.kept)
}
