package telegram

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const (
	testChat    = -1001234567890
	testChannel = motacilla.ChannelID("match-42")
)

// images keeps images in memory. What begins with "bad" is no image.
type images struct {
	mu   sync.Mutex
	kept map[string][]byte
}

func (i *images) Add(_ context.Context, id string, r io.Reader) (motacilla.Block, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return motacilla.Block{}, err
	}
	if bytes.HasPrefix(data, []byte("bad")) {
		return motacilla.Block{}, motacilla.Invalid("media", "is not an image")
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.kept[id] = data
	return motacilla.Block{Type: motacilla.ImageBlock, Media: id, URL: "/media/" + id}, nil
}

func (i *images) Image(_ context.Context, id string) (motacilla.Block, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, ok := i.kept[id]; !ok {
		return motacilla.Block{}, motacilla.ErrNotFound
	}
	return motacilla.Block{Type: motacilla.ImageBlock, Media: id, URL: "/media/" + id}, nil
}

// logs is a log that is kept.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logs) Sync() error { return nil }

// world is Telegram, a store and the nodes that share it.
type world struct {
	tb      testing.TB
	api     *botAPI
	store   storage.Store
	images  *images
	metrics *receiver.Metrics
	logs    *logs
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	store := memory.New(nil)
	tb.Cleanup(func() { _ = store.Close() })
	w := &world{tb: tb, api: newBotAPI(tb), store: store, images: &images{kept: map[string][]byte{}}, metrics: &receiver.Metrics{}, logs: &logs{}}
	w.channel(testChannel)
	tb.Cleanup(func() {
		if log := w.logs.String(); strings.Contains(log, testToken) || strings.Contains(log, strings.Split(testToken, ":")[1]) {
			tb.Errorf("the log has the token: %s", log)
		}
	})
	return w
}

func (w *world) channel(id motacilla.ChannelID) {
	w.tb.Helper()
	if _, err := w.store.PutChannel(context.Background(), motacilla.Channel{ID: id}, 0); err != nil {
		w.tb.Fatalf("create channel: %v", err)
	}
}

func (w *world) kit() *receiver.Kit {
	return &receiver.Kit{
		Sink: w.store, Records: w.store.Records(), Images: w.images, Metrics: w.metrics, PublicURL: "https://live.example.org/news",
		Client: outbound.New(&outbound.Options{Allow: []netip.Prefix{
			netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"), // the double
		}}),
	}
}

func (w *world) options() *Options {
	return &Options{Token: testToken, API: w.api.URL, Channels: []string{fmt.Sprintf("%d=%s", testChat, testChannel)}}
}

func (w *world) logger() *zap.Logger {
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), w.logs, zapcore.DebugLevel))
}

// node is a receiver behind a server.
type node struct {
	*world
	r    *Receiver
	base string
	stop func()
}

func (w *world) node(o *Options) *node {
	w.tb.Helper()
	r, err := New(w.kit(), o, w.logger())
	if err != nil {
		w.tb.Fatalf("new: %v", err)
	}
	table := route.NewTable()
	if err := table.Add("receiver", "/x", r.URLs()...); err != nil {
		w.tb.Fatalf("mount: %v", err)
	}
	if err := r.Start(context.Background()); err != nil {
		w.tb.Fatalf("start: %v", err)
	}
	server := httptest.NewServer(table)
	n := &node{world: w, r: r, base: server.URL}
	n.stop = sync.OnceFunc(func() {
		server.Close()
		if err := r.Shutdown(context.Background()); err != nil {
			w.tb.Errorf("shutdown: %v", err)
		}
	})
	w.tb.Cleanup(n.stop)
	return n
}

// request is a delivery of Telegram.
func request(base, body string) *http.Request {
	req, err := http.NewRequest(http.MethodPost, base+"/telegram/123456789", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(secretHeader, deriveSecret(testToken))
	return req
}

func send(req *http.Request) (int, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// deliver delivers updates, and fails the test unless each is answered with 200.
func (n *node) deliver(updates ...string) {
	n.tb.Helper()
	for _, u := range updates {
		if status, err := send(request(n.base, u)); status != http.StatusOK {
			n.tb.Errorf("status %d, %v for %s", status, err, u)
		}
	}
}

// page returns the posts of a channel, oldest first.
func (w *world) page(ch motacilla.ChannelID) motacilla.Page {
	w.tb.Helper()
	page, err := w.store.Posts(context.Background(), ch, motacilla.Query{Limit: 2000})
	if err != nil {
		w.tb.Fatalf("list posts: %v", err)
	}
	for i, j := 0, len(page.Posts)-1; i < j; i, j = i+1, j-1 {
		page.Posts[i], page.Posts[j] = page.Posts[j], page.Posts[i]
	}
	return page
}

// post returns the channel's only post.
func (w *world) post() motacilla.Post {
	w.tb.Helper()
	posts := w.page(testChannel).Posts
	if len(posts) != 1 {
		w.tb.Fatalf("there are %d posts, want 1", len(posts))
	}
	return posts[0]
}

// show is a post's content, a line for each block.
func show(p motacilla.Post) string {
	var out []string
	for _, b := range p.Content {
		switch {
		case b.Type == motacilla.TextBlock:
			out = append(out, b.Text.String())
		case b.Type == motacilla.EmbedBlock:
			out = append(out, "embed "+b.URL)
		case b.Pending:
			out = append(out, fmt.Sprintf("image pending %dx%d", b.Width, b.Height))
		default:
			out = append(out, fmt.Sprintf("image %dx%d", b.Width, b.Height))
		}
	}
	return strings.Join(out, "\n")
}

func (w *world) removed(messageID string) bool {
	_, err := w.store.PostByMessage(context.Background(), testChannel, messageID)
	return errors.Is(err, motacilla.ErrDeleted)
}
