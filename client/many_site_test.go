package client_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/internal/tlsrecord/recordtest"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/route"
)

// field is a server with many channels. The client's connections to it can be cut.
type field struct {
	*publishertest.Site
	server *publishertest.Server
	http   *http.Client

	mu      sync.Mutex
	conns   map[net.Conn]struct{}                         // of the client
	asked   map[string]int                                // requests by path
	without bool                                          // the list of transports names no address for several channels
	front   func(http.ResponseWriter, *http.Request) bool // sees every request first; true: it has answered
}

// plant starts a server. secure is with TLS.
func plant(t *testing.T, secure bool, o *publishertest.SiteOptions) *field {
	t.Helper()
	f := &field{Site: publishertest.NewSite(t, o), conns: map[net.Conn]struct{}{}, asked: map[string]int{}}
	f.Add(sse.New(f.Feed, nil))
	f.Add(websocket.New(f.Feed, nil))
	f.Add(polling.NewLong(f.Feed, &polling.LongOptions{Hold: time.Second}))
	f.Add(polling.NewInterval(f.Feed, &polling.IntervalOptions{Interval: 20 * time.Millisecond}))
	list := route.Route{Name: "list", Pattern: "/channels/{channel_id}/transports", Handler: http.HandlerFunc(f.list)}
	if err := f.Routes.Add("site", "", route.Guard(list, route.Read, f.Token.Authorize)); err != nil {
		t.Fatal(err)
	}
	f.server = f.Serve(&publishertest.ServerOptions{TLS: secure, Handler: f.see})
	transport := &http.Transport{DialContext: f.dial, MaxIdleConnsPerHost: 200, DialTLSContext: f.dialTLS}
	f.http = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	return f
}

func (f *field) list(w http.ResponseWriter, r *http.Request) {
	ch, err := route.ChannelID(r)
	if err == nil {
		_, err = f.Store.Channel(r.Context(), ch)
	}
	if err != nil {
		route.WriteError(w, r, err)
		return
	}
	f.mu.Lock()
	without := f.without
	f.mu.Unlock()
	var list []map[string]string
	for _, name := range ours() {
		offer := map[string]string{"name": name, "url": "/live/" + name + "/" + string(ch) + "/"}
		if !without && !strings.HasSuffix(name, "polling") {
			offer["many"] = "/live/" + name + "/"
		}
		list = append(list, offer)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"transports": list})
}

func (f *field) see(routes http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.asked[r.URL.Path]++
		front := f.front
		f.mu.Unlock()
		if front == nil || !front(w, r) {
			routes.ServeHTTP(w, r)
		}
	})
}

// requests returns how many requests there have been whose path begins with prefix.
func (f *field) requests(prefix string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for path, times := range f.asked {
		if strings.HasPrefix(path, prefix) {
			n += times
		}
	}
	return n
}

// intercept has see ask front first.
func (f *field) intercept(front func(http.ResponseWriter, *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.front = front
}

// tracked is a connection of a field.
type tracked struct {
	net.Conn
	field *field
}

func (c *tracked) Close() error {
	c.field.mu.Lock()
	delete(c.field.conns, c)
	c.field.mu.Unlock()
	return c.Conn.Close()
}

func (f *field) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", f.server.Listener.Addr().String())
	if err != nil {
		return nil, err
	}
	c := &tracked{conn, f}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conns[c] = struct{}{}
	return hurried{c}, nil
}

func (f *field) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := f.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	config := recordtest.Trusting()
	config.NextProtos = []string{"http/1.1"}
	secured := tls.Client(conn.(hurried).Conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return hurried{secured}, nil
}

// cut breaks some connections of the client.
func (f *field) cut(share float64) {
	f.mu.Lock()
	var chosen []net.Conn
	for c := range f.conns {
		if rand.Float64() < share {
			chosen = append(chosen, c)
		}
	}
	f.mu.Unlock()
	for _, c := range chosen {
		_ = c.Close()
	}
}

// client returns a client with short pauses.
func (f *field) client(t testing.TB) *client.Client {
	t.Helper()
	c, err := client.New(f.server.URL, &client.Options{HTTP: f.http, MinWait: time.Millisecond, MaxWait: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// channels makes n channels.
func (f *field) channels(prefix string, n int) []motacilla.ChannelID {
	list := make([]motacilla.ChannelID, n)
	for i := range list {
		list[i] = motacilla.ChannelID(fmt.Sprintf("%s:%d", prefix, i))
		f.Create(list[i], motacilla.Public)
	}
	return list
}

// busy are feed options with which a test sees many deltas and resets, and heartbeats.
var busy = publisher.FeedOptions{Heartbeat: 200 * time.Millisecond, Repair: 100 * time.Millisecond, PageSize: 10, CatchUp: 40}

// crowd ranges over Updates, and keeps what it holds of each channel.
type crowd struct {
	*client.Many
	moved chan struct{} // has something when something has come
	stop  func()

	mu      sync.Mutex
	views   map[motacilla.ChannelID]*motacilla.View
	refused map[motacilla.ChannelID]error
	again   map[motacilla.ChannelID]bool // added again: what was on its way may come twice
	resets  int
	wrong   error // a promise was broken
	ended   error // the last pair's
	retries []error
}

// watch follows channels until the test's end, or until stop is called. edit may change the options.
func (f *field) watch(t testing.TB, c *client.Client, edit func(*client.FollowOptions), channels ...motacilla.ChannelID) *crowd {
	t.Helper()
	w := &crowd{moved: make(chan struct{}, 1), views: map[motacilla.ChannelID]*motacilla.View{}, refused: map[motacilla.ChannelID]error{},
		again: map[motacilla.ChannelID]bool{}}
	o := &client.FollowOptions{FirstUpdate: patience, Heartbeat: patience, Retry: func(err error, _ time.Duration) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.retries = append(w.retries, err)
		return nil
	}}
	if edit != nil {
		edit(o)
	}
	var err error
	if w.Many, err = c.FollowMany(o); err != nil {
		t.Fatal(err)
	}
	for _, ch := range channels {
		if err := w.Add(ch, 0); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	w.stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(w.stop)
	go func() {
		defer close(ended)
		for u, err := range w.Updates(ctx) {
			w.take(&u, err)
		}
	}()
	return w
}

func over(name string) func(*client.FollowOptions) {
	return func(o *client.FollowOptions) { o.Transports = []string{name} }
}

func (w *crowd) take(u *motacilla.Update, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() {
		select {
		case w.moved <- struct{}{}:
		default:
		}
	}()
	switch {
	case err != nil && u.Channel == "":
		w.ended = err
		return
	case err != nil:
		w.refused[u.Channel] = err
		return
	}
	v := w.views[u.Channel]
	if v == nil {
		v = &motacilla.View{}
		w.views[u.Channel] = v
	}
	before := v.Revision
	again := v.Apply(u, true)
	switch {
	case w.wrong != nil:
	case again:
		w.wrong = fmt.Errorf("%s: an update from %d to %d can't be applied at %d", u.Channel, u.From, u.Revision, before)
	case u.Heartbeat():
		w.wrong = fmt.Errorf("%s: a heartbeat at %d", u.Channel, u.Revision)
	case !u.Reset && u.Revision <= before && !w.again[u.Channel]:
		w.wrong = fmt.Errorf("%s: an update from %d to %d came at %d", u.Channel, u.From, u.Revision, before)
	}
	if u.Reset {
		w.resets++
	}
}

// add adds a channel at the revision that w holds.
func (w *crowd) add(t testing.TB, ch motacilla.ChannelID) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var since motacilla.Revision
	if v := w.views[ch]; v != nil {
		since, w.again[ch] = v.Revision, true
	}
	if err := w.Add(ch, since); err != nil {
		t.Fatal(err)
	}
}

// until waits until cond is true. It is called with w.mu held.
func (w *crowd) until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	late := time.After(patience)
	for {
		w.mu.Lock()
		done, wrong, ended := cond(), w.wrong, w.ended
		w.mu.Unlock()
		switch {
		case wrong != nil:
			t.Fatal(wrong)
		case done:
			return
		case ended != nil:
			t.Fatalf("it has ended with %v, and not: %s", ended, what)
		}
		select {
		case <-w.moved:
		case <-late:
			w.mu.Lock()
			defer w.mu.Unlock()
			t.Fatalf("not after %v: %s; the last failures are %v", patience, what, w.retries[max(0, len(w.retries)-3):])
		}
	}
}

// settle waits until channels are as the store has them.
func (w *crowd) settle(t testing.TB, f *field, channels ...motacilla.ChannelID) {
	t.Helper()
	for _, ch := range channels {
		head := f.Head(ch)
		w.until(t, fmt.Sprintf("%s is at %d", ch, head), func() bool { return w.views[ch] != nil && w.views[ch].Revision >= head })
		w.mu.Lock()
		err := f.Differ(w.views[ch], ch)
		w.again[ch] = false
		w.mu.Unlock()
		if err != nil {
			t.Fatalf("%s: %v", ch, err)
		}
	}
}
