package live_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
)

// diary has what was started and stopped, in order.
type diary struct {
	mu   sync.Mutex
	list []string
}

func (d *diary) note(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, what)
}

func (d *diary) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.list)
}

// part is a receiver with a goroutine. Shutdown of one that was not started is an error.
type part struct {
	name  string
	diary *diary
	fails error
	ends  func() // is called before Start fails
	runs  bool
	stop  chan struct{}
	done  chan struct{}
}

func newPart(d *diary, name string, fails error) *part {
	return &part{name: name, diary: d, fails: fails, ends: func() {}, stop: make(chan struct{}), done: make(chan struct{})}
}

func (p *part) Start(context.Context) error {
	p.diary.note("start " + p.name)
	if p.fails != nil {
		p.ends()
		return p.fails
	}
	p.runs = true
	go func() {
		defer close(p.done)
		<-p.stop
	}()
	return nil
}

func (p *part) Shutdown(ctx context.Context) error {
	p.diary.note("stop " + p.name)
	if !p.runs {
		return errors.New(p.name + " does not run")
	}
	close(p.stop)
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *part) URLs() []route.Route {
	return []route.Route{{Name: p.name, Pattern: "/" + p.name, Handler: nothing}}
}

// quiet is a publisher. Its Shutdown may be called though it was not started, and again.
type quiet struct {
	name  string
	diary *diary
	fails error
}

func (q quiet) Start(context.Context) error { q.diary.note("start " + q.name); return q.fails }

func (q quiet) Shutdown(context.Context) error { q.diary.note("stop " + q.name); return nil }

func (q quiet) URLs() []route.Route {
	return []route.Route{{Name: q.name, Pattern: q.name + "/{channel_id}", Handler: nothing}}
}

// TestStartFails: what was started is stopped, the rest is left alone, and the error says what failed.
func TestStartFails(t *testing.T) {
	defer leaktest.None(t)
	fault := errors.New("no such host")
	for _, tt := range []struct {
		name  string
		fails string
		ended bool // the context that Start gets, before it fails
		want  []string
		says  string
	}{
		{"a receiver", "slack", false, []string{"start mail", "start slack", "stop first", "stop second", "stop mail"}, `start receiver "slack": no such host`},
		{"a publisher", "second", false, []string{"start mail", "start slack", "start first", "start second", "stop first", "stop second", "stop slack", "stop mail"}, `start publisher "second": no such host`},
		{"because the context has ended", "slack", true, []string{"start mail", "start slack", "stop first", "stop second", "stop mail"}, `start receiver "slack": no such host`},
	} {
		d := &diary{}
		fails := func(name string) error {
			if name == tt.fails {
				return fault
			}
			return nil
		}
		o := options(t)
		o.Publishers = func(*live.Parts) []publisher.Publisher {
			return []publisher.Publisher{quiet{"first", d, fails("first")}, quiet{"second", d, fails("second")}}
		}
		ctx, cancel := context.WithCancel(t.Context())
		slack := newPart(d, "slack", fails("slack"))
		if tt.ended {
			slack.ends = cancel
		}
		o.Receivers = func(*live.Parts) []receiver.Receiver {
			return []receiver.Receiver{newPart(d, "mail", fails("mail")), slack}
		}
		l, err := live.New(o)
		if err != nil {
			t.Fatal(err)
		}
		err = l.Start(ctx)
		cancel()
		if !errors.Is(err, fault) || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.says)
		}
		got := d.all()
		if i := slices.Index(got, "stop second"); i >= 0 && got[i+1] == "stop first" { // publishers stop at the same time
			got[i], got[i+1] = got[i+1], got[i]
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestShutdownWithoutStart ends a site that never ran.
func TestShutdownWithoutStart(t *testing.T) {
	defer leaktest.None(t)
	o := options(t)
	d := &diary{}
	o.Receivers = func(*live.Parts) []receiver.Receiver { return []receiver.Receiver{newPart(d, "mail", nil)} }
	l, err := live.New(o)
	if err == nil {
		err = l.Shutdown(t.Context())
	}
	if err != nil || len(d.all()) > 0 {
		t.Errorf("%v, %q", err, d.all())
	}
}

// TestDrain: streams end, held polls are answered, new readers are refused, and the site says that it is not ready. Pages
// stay until Shutdown.
func TestDrain(t *testing.T) {
	t.Parallel()
	s := start(t, options(t))
	server := s.serve(s, false)
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("a site that runs is not ready: %v", err)
	}
	stream := get(t, server.Client(), server.URL+base+"/live/sse/match/")
	lines := bufio.NewScanner(stream.Body)
	head := events{t, lines}.next().Revision
	polled := make(chan int, 1)
	go func() {
		resp := get(t, server.Client(), server.URL+base+"/live/long-polling/match/?since="+head.String())
		polled <- resp.StatusCode
	}()
	await(t, "the poll is held", func() bool { return s.Feed.Metrics().Of("long-polling").Readers.Load() == 1 })
	for range 2 { // it may be called again
		if err := s.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for lines.Scan() { // the close message, and the end
	}
	if status := <-polled; status != http.StatusOK && status != http.StatusServiceUnavailable {
		t.Errorf("the poll got %d", status)
	}
	if err := s.Ready(t.Context()); !errors.Is(err, motacilla.ErrClosed) {
		t.Errorf("ready while it drains: %v", err)
	}
	if w := s.ask("GET", base+"/live/sse/match/", ""); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("a new reader: %d %s", w.Code, w.Body)
	}
	if w := s.ask("GET", base+"/channels/match", ""); w.Code != http.StatusOK {
		t.Errorf("a page: %d", w.Code)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// mute is a store that does not answer a ping.
type mute struct{ storage.Store }

func (mute) Ping(context.Context) error { return motacilla.ErrUnavailable }

func TestNotReadyWithoutTheStore(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Store = mute{o.Store}
	if err := start(t, o).Ready(t.Context()); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("ready: %v", err)
	}
}

// TestStoreStaysOpen: the store is the app's.
func TestStoreStaysOpen(t *testing.T) {
	t.Parallel()
	o := options(t)
	for range 2 {
		l, err := live.New(o)
		if err == nil {
			err = errors.Join(l.Start(t.Context()), l.Shutdown(t.Context()))
		}
		if err == nil {
			_, err = o.Store.Channel(t.Context(), match)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestTwoSites run in one process, with stores of their own.
func TestTwoSites(t *testing.T) {
	t.Parallel()
	one, other := options(t), options(t)
	other.BasePath = "/sports"
	a, b := start(t, one), start(t, other)
	mux := http.NewServeMux()
	mux.Handle(base+"/", a)
	mux.Handle("/sports/", b)
	a.post("news")
	for path, want := range map[string]bool{base + "/channels/match": true, "/sports/channels/match": false} {
		w := ask(mux, "GET", path, "")
		if w.Code != http.StatusOK || strings.Contains(w.Body.String(), ">news<") != want {
			t.Errorf("%s: %d, want the post %v\n%s", path, w.Code, want, w.Body)
		}
	}
}
