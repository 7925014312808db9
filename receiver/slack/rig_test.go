package slack_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/slack"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/zap"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const (
	signingSecret = "8f742231b10e8888abcd99yyyzzz85a5"
	home          = motacilla.ChannelID("match-42")
)

// signal tells all who wait that something has happened.
type signal struct {
	mu sync.Mutex
	ch chan struct{} // closed at the next fire
}

func (s *signal) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}

// wait waits until is holds. It looks again after each fire.
func (s *signal) wait(t testing.TB, what string, is func() bool) {
	t.Helper()
	late := time.After(patience)
	for {
		next := s.next()
		if is() {
			return
		}
		select {
		case <-next:
		case <-late:
			t.Fatalf("after %v still not: %s", patience, what)
		}
	}
}

const patience = time.Minute

// watched is a sink that tells of each write, and that may fail.
type watched struct {
	receiver.Sink
	signal
	state sync.Mutex
	down  bool
	hold  chan struct{} // puts wait until it is closed
	held  chan struct{} // gets one for each put that waits; it may be nil
	shown bool          // a post was put that readers see
}

func (w *watched) set(down bool) {
	w.state.Lock()
	defer w.state.Unlock()
	w.down = down
}

// watchedRecords tell of each write.
type watchedRecords struct {
	motacilla.Records
	signal
}

func (w *watchedRecords) Put(ctx context.Context, r motacilla.Record) (motacilla.Record, error) {
	defer w.fire()
	return w.Records.Put(ctx, r)
}

func (w *watched) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	w.state.Lock()
	down, hold := w.down, w.hold
	w.shown = w.shown || p.Show
	w.state.Unlock()
	defer w.fire()
	if down {
		return motacilla.Post{}, motacilla.ErrUnavailable
	}
	if hold != nil {
		if w.held != nil {
			w.held <- struct{}{}
		}
		select {
		case <-hold:
		case <-ctx.Done():
			return motacilla.Post{}, ctx.Err()
		}
	}
	return w.Sink.PutPost(ctx, ch, p, replaces)
}

// images is a receiver.Images that takes PNG.
type images struct {
	mu    sync.Mutex
	added map[string]int // bytes
}

func (i *images) Add(_ context.Context, id string, r io.Reader) (motacilla.Block, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return motacilla.Block{}, err
	}
	if !bytes.HasPrefix(data, []byte("\x89PNG")) {
		return motacilla.Block{}, motacilla.Invalid("media", "must be an image")
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, twice := i.added[id]; twice {
		return motacilla.Block{}, fmt.Errorf("image %q comes twice", id)
	}
	i.added[id] = len(data)
	return motacilla.Block{Type: motacilla.ImageBlock, Media: id}, nil
}

func (i *images) Image(_ context.Context, id string) (motacilla.Block, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, ok := i.added[id]; !ok {
		return motacilla.Block{}, motacilla.ErrNotFound
	}
	return motacilla.Block{Type: motacilla.ImageBlock, Media: id}, nil
}

// rig is a receiver behind a server, on a store that others may share.
type rig struct {
	t        testing.TB
	slack    *workspace
	store    storage.Store
	sink     *watched
	records  *watchedRecords
	images   *images
	metrics  *receiver.Metrics
	receiver *slack.Receiver
	base     string
}

func client() *outbound.Client {
	return outbound.New(&outbound.Options{Allow: []netip.Prefix{
		netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
	}})
}

// options are those of a receiver for this workspace.
func (w *workspace) options(change func(*slack.Options)) *slack.Options {
	o := slack.Defaults()
	o.BotToken, o.SigningSecret, o.APIURL = botToken, signingSecret, w.apiURL()
	o.Channels = []string{"C024BE91L=match-42"}
	if change != nil {
		change(o)
	}
	return o
}

func newStore(t testing.TB) storage.Store {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.PutChannel(context.Background(), motacilla.Channel{ID: home}, 0); err != nil {
		t.Fatal(err)
	}
	return store
}

func newRig(t testing.TB, change func(*slack.Options)) *rig {
	t.Helper()
	return newNode(t, newWorkspace(t), newStore(t), &images{added: map[string]int{}}, zap.NewNop(), change)
}

// newNode returns a receiver that is not started.
func newNode(
	t testing.TB, w *workspace, store storage.Store, pictures *images, log *zap.Logger, change func(*slack.Options),
) *rig {
	t.Helper()
	r := &rig{t: t, slack: w, store: store, images: pictures, metrics: &receiver.Metrics{}}
	r.sink, r.records = &watched{Sink: r.store}, &watchedRecords{Records: r.store.Records()}
	kit := &receiver.Kit{Sink: r.sink, Records: r.records, Images: r.images, Client: client(), Metrics: r.metrics}
	var err error
	if r.receiver, err = slack.New(kit, r.slack.options(change), log); err != nil {
		t.Fatal(err)
	}
	slack.Patient(r.receiver, patience, patience)
	table := route.NewTable()
	if err := table.Add("receiver", "", r.receiver.URLs()...); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(table)
	t.Cleanup(server.Close)
	t.Cleanup(kit.Client.HTTP().CloseIdleConnections)
	r.base = server.URL
	return r
}

func (r *rig) start() {
	r.t.Helper()
	if err := r.receiver.Start(context.Background()); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(r.stop)
}

func (r *rig) stop() {
	if err := r.receiver.Shutdown(context.Background()); err != nil {
		r.t.Error(err)
	}
}

func sign(secret string, at time.Time, body []byte) (timestamp, signature string) {
	timestamp = strconv.FormatInt(at.Unix(), 10)
	h := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(h, "v0:%s:%s", timestamp, body)
	return timestamp, "v0=" + hex.EncodeToString(h.Sum(nil))
}

// signed returns a request as Slack makes it.
func signed(url string, body []byte) *http.Request {
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/json")
	timestamp, signature := sign(signingSecret, time.Now(), body)
	r.Header.Set("X-Slack-Request-Timestamp", timestamp)
	r.Header.Set("X-Slack-Signature", signature)
	return r
}

func (r *rig) send(request *http.Request) (status int, body string) {
	r.t.Helper()
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	data, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(data)
}

// deliver delivers an event over HTTP, and wants 200.
func (r *rig) deliver(payload json.RawMessage) {
	r.t.Helper()
	if status, body := r.send(signed(r.base+"/hooks/slack", payload)); status != http.StatusOK {
		r.t.Fatalf("status %d: %s\n%s", status, body, payload)
	}
}

var events struct {
	sync.Mutex
	n int
}

// callback puts an event into what Slack delivers. Each has an ID of its own.
func callback(event map[string]any) json.RawMessage {
	events.Lock()
	events.n++
	id := fmt.Sprintf("Ev%08d", events.n)
	events.Unlock()
	return callbackOf(id, event)
}

func callbackOf(id string, event map[string]any) json.RawMessage {
	data, err := json.Marshal(map[string]any{
		"token": "XXYYZZ", "team_id": "T024BE7LD", "api_app_id": "A0123", "event": event, "type": "event_callback", "event_id": id,
		"event_time": 1700000000, "authorizations": []any{map[string]any{"team_id": "T024BE7LD", "user_id": "U0BOT", "is_bot": true}},
		"is_ext_shared_channel": false, "event_context": "4-eyJ",
	})
	if err != nil {
		panic(err)
	}
	return data
}

func newMessage(ts, text string, more ...any) map[string]any {
	m := map[string]any{
		"type": "message", "channel": "C024BE91L", "user": "U024BE7LH", "text": text, "ts": ts, "event_ts": ts, "channel_type": "channel",
		"client_msg_id": "c-" + ts, "team": "T024BE7LD",
	}
	for i := 0; i < len(more); i += 2 {
		m[more[i].(string)] = more[i+1]
	}
	return m
}

func changed(eventTS string, now map[string]any, previous any) map[string]any {
	m := map[string]any{
		"type": "message", "subtype": "message_changed", "hidden": true, "channel": "C024BE91L", "ts": eventTS, "event_ts": eventTS,
		"message": now, "channel_type": "channel",
	}
	if previous != nil {
		m["previous_message"] = previous
	}
	return m
}

func deleted(eventTS, ts string, previous any) map[string]any {
	m := map[string]any{
		"type": "message", "subtype": "message_deleted", "hidden": true, "channel": "C024BE91L", "ts": eventTS, "event_ts": eventTS,
		"deleted_ts": ts, "channel_type": "channel",
	}
	if previous != nil {
		m["previous_message"] = previous
	}
	return m
}

func reaction(kind, user, emoji, ts, eventTS string) map[string]any {
	return map[string]any{
		"type": "reaction_" + kind, "user": user, "reaction": emoji, "item_user": "U0G9QF9C6", "event_ts": eventTS,
		"item": map[string]any{"type": "message", "channel": "C024BE91L", "ts": ts},
	}
}

func (r *rig) posts() []motacilla.Post {
	r.t.Helper()
	page, err := r.store.Posts(context.Background(), home, motacilla.Query{Limit: 1000})
	if err != nil {
		r.t.Fatal(err)
	}
	return page.Posts
}

func (r *rig) head() motacilla.Revision {
	r.t.Helper()
	page, err := r.store.Posts(context.Background(), home, motacilla.Query{Limit: 1})
	if err != nil {
		r.t.Fatal(err)
	}
	return page.Head
}

func (r *rig) one() motacilla.Post {
	r.t.Helper()
	posts := r.posts()
	if len(posts) != 1 {
		r.t.Fatalf("there are %d posts, want 1: %s", len(posts), dump(posts))
	}
	return posts[0]
}

// until waits until the posts are as wanted.
func (r *rig) until(what string, is func([]motacilla.Post) bool) []motacilla.Post {
	r.t.Helper()
	var posts []motacilla.Post
	r.sink.wait(r.t, what, func() bool { posts = r.posts(); return is(posts) })
	return posts
}

// dump shows posts as a reader would want to compare them, the oldest first.
func dump(posts []motacilla.Post) string {
	var out strings.Builder
	for i := len(posts) - 1; i >= 0; i-- {
		p := posts[i]
		fmt.Fprintf(&out, "%s version %d by %q at %s", p.MessageID, p.SourceVersion, p.Author, p.Created.Format(time.RFC3339Nano))
		for _, flag := range []struct {
			name string
			is   bool
		}{{" hidden", !p.Show}, {" pinned", p.Pinned}, {" key", p.KeyEvent}} {
			if flag.is {
				out.WriteString(flag.name)
			}
		}
		out.WriteByte('\n')
		for _, b := range p.Content {
			switch b.Type {
			case motacilla.TextBlock:
				fmt.Fprintf(&out, "  text %s\n", b.Text)
			case motacilla.EmbedBlock:
				fmt.Fprintf(&out, "  embed %s\n", b.URL)
			default:
				fmt.Fprintf(&out, "  image %s pending=%v %dx%d alt=%q\n", firstOf(b.URL, "held"), b.Pending, b.Width, b.Height, b.Alt)
			}
		}
	}
	return out.String()
}

func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

func texts(p motacilla.Post) string {
	var all []string
	for _, b := range p.Content {
		all = append(all, b.Text.String())
	}
	return strings.Join(all, "|")
}
