package webpush

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const match motacilla.ChannelID = "match"

// service stands for the push services of browsers, which are on the Internet. It decrypts what it gets, as a browser does.
type service struct {
	t    *testing.T
	http *httptest.Server
	// answer is asked for each message; nil is 201. It may write an answer of its own, and then returns false.
	answer func(w http.ResponseWriter, path string, attempt int) bool

	mu       sync.Mutex
	browsers map[string]browserKeys // by path
	got      map[string][]string    // messages by path
	asked    map[string]int         // requests by path
	headers  map[string]http.Header // of the last request by path
	more     chan struct{}          // has a token if something came
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{
		t: t, browsers: map[string]browserKeys{}, got: map[string][]string{}, asked: map[string]int{},
		headers: map[string]http.Header{}, more: make(chan struct{}, 1),
	}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.http.EnableHTTP2 = true
	s.http.StartTLS()
	t.Cleanup(s.http.Close)
	return s
}

func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	path := r.URL.Path
	s.mu.Lock()
	keys, known := s.browsers[path]
	s.asked[path]++
	attempt := s.asked[path]
	s.headers[path] = r.Header
	s.mu.Unlock()
	if s.answer != nil && !s.answer(w, path, attempt) {
		return
	}
	if !known {
		w.WriteHeader(http.StatusGone)
		return
	}
	text := keys.open(s.t, body)
	s.mu.Lock()
	s.got[path] = append(s.got[path], text)
	s.mu.Unlock()
	w.WriteHeader(http.StatusCreated)
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// browser returns a new subscription at the service.
func (s *service) browser(path string) *Subscription {
	to, keys := subscribed(s.t, s.http.URL+path)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.browsers[path] = keys
	return to
}

// times returns how often the browsers of these paths got a message, and how many requests there were.
func (s *service) times(paths ...string) (messages []int, requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range paths {
		messages = append(messages, len(s.got[p]))
		requests += s.asked[p]
	}
	return messages, requests
}

// header returns that of the last request to a path.
func (s *service) header(path string) http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.headers[path]
}

// client returns a client that may call the service.
func (s *service) client() *outbound.Client {
	roots := x509.NewCertPool()
	roots.AddCert(s.http.Certificate())
	c := outbound.New(&outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Roots: roots})
	s.t.Cleanup(c.Close)
	return c
}

// rig is a publisher with a store and a service.
type rig struct {
	t       *testing.T
	store   *memory.Store
	feed    *publisher.Feed
	service *service
	*Publisher
}

func newRig(t *testing.T, o *Options) *rig {
	t.Helper()
	return newRigOf(t, o, nil)
}

// newRigOf is newRig with options of the feed.
func newRigOf(t *testing.T, o *Options, of *publisher.FeedOptions) *rig {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: match, Title: "The match"}, 0); err != nil {
		t.Fatal(err)
	}
	feed := publisher.NewFeed(store, page.NewRenderer(), of)
	if err := feed.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = feed.Close() })
	r := &rig{t: t, store: store, feed: feed, service: newService(t)}
	r.Publisher = r.node(o, store)
	return r
}

// node returns another publisher of the same store, by way of source.
func (r *rig) node(o *Options, source relay.Source) *Publisher {
	r.t.Helper()
	if o == nil {
		o = Defaults()
	}
	o.Contact = "mailto:live@example.org"
	p, err := New(&relay.Kit{Feed: r.feed, Source: source, Client: r.service.client()}, o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(p.client.Close)
	p.patience = time.Minute // a machine may be slow
	p.queue = p.newQueue(time.Millisecond, 20*time.Millisecond)
	return p
}

// start runs a publisher until the test ends, and waits until it tells of what happens from then on.
func start(t *testing.T, p *Publisher) {
	t.Helper()
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	await(t, "the node leads", func() bool { return p.Status().Leading })
}

// send lets a publisher do its jobs until the test ends.
func send(t *testing.T, p *Publisher) {
	t.Helper()
	identify(t, p)
	if err := p.queue.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.queue.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// identify lets a publisher answer and send without running.
func identify(t *testing.T, p *Publisher) {
	t.Helper()
	if err := p.identify(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// subscribers subscribes n browsers, and returns their paths at the service.
func (r *rig) subscribers(n int) []string {
	r.t.Helper()
	c, err := r.store.Channel(r.t.Context(), match)
	if err != nil {
		r.t.Fatal(err)
	}
	paths := make([]string, n)
	for i := range n {
		paths[i] = fmt.Sprint("/", i)
		to := reader{Subscription: r.service.browser(paths[i]), whilePublic: true, born: c.Created}
		if err := r.readers.Load().save(r.t.Context(), match, "", to, time.Hour); err != nil {
			r.t.Fatal(err)
		}
	}
	return paths
}

func (r *rig) post(p motacilla.Post) motacilla.Post {
	r.t.Helper()
	stored, err := r.store.PutPost(r.t.Context(), match, p, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	return stored
}

func (r *rig) edit(id motacilla.PostID, edit func(p *motacilla.Post)) {
	r.t.Helper()
	if _, err := storage.Edit(r.t.Context(), r.store, match, id, func(p *motacilla.Post) error { edit(p); return nil }); err != nil {
		r.t.Fatal(err)
	}
}

// tell posts a key event and tells of it.
func (r *rig) tell() motacilla.Post {
	r.t.Helper()
	post := r.post(goal())
	if err := r.Tell(r.t.Context(), match, post.ID); err != nil {
		r.t.Fatal(err)
	}
	return post
}

func goal() motacilla.Post {
	return motacilla.Post{Show: true, KeyEvent: true, Content: []motacilla.Block{motacilla.PlainText("Goal!")}}
}

// await waits until cond is true.
func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !cond(); {
		if time.Now().After(deadline) {
			t.Fatal("never came true: ", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
