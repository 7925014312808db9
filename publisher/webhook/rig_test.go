package webhook_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/publisher/webhook"
	"github.com/motacilla-live/motacilla/receiver/verify"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const (
	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	second = "whsec_dGhlIHNlY29uZCBzZWNyZXQgb2YgdGhlIHRlc3Qh"
)

// message is what a target gets.
type message struct {
	ID        string    `json:"-"`
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      struct {
		Relay   string           `json:"relay"`
		Term    int64            `json:"term"`
		Private bool             `json:"private"`
		Page    string           `json:"page"`
		Update  motacilla.Update `json:"update"`
	} `json:"data"`
}

// target is a receiver of webhooks. It checks each message with the project's own verifier and with the reference library.
type target struct {
	testing.TB
	url string

	mu      sync.Mutex
	answer  http.HandlerFunc // in place of taking the message; nil takes it
	calls   int
	got     []message
	readers map[chan message]motacilla.ChannelID
}

func newTarget(t testing.TB) *target {
	tg := &target{TB: t, readers: make(map[chan message]motacilla.ChannelID)}
	server := httptest.NewServer(http.HandlerFunc(tg.take))
	t.Cleanup(server.Close)
	tg.url = server.URL + "/hook"
	return tg
}

// stop has the target answer nothing until start.
func (tg *target) stop(testing.TB) {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	tg.answer = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) } // which closes the connection
	for reader := range tg.readers {
		close(reader)
	}
	clear(tg.readers)
}

func (tg *target) start(testing.TB) { tg.refuse(0) }

// refuse has the target answer with a status from now on; 0 takes messages.
func (tg *target) refuse(status int) {
	if status == 0 {
		tg.respond(nil)
		return
	}
	tg.respond(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
}

func (tg *target) respond(answer http.HandlerFunc) {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	tg.answer = answer
}

func (tg *target) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	m, err := read(r, body)
	if err != nil {
		tg.Errorf("a message is wrong: %v\n%v\n%s", err, r.Header, body)
	}
	tg.mu.Lock()
	defer tg.mu.Unlock()
	tg.calls++
	if tg.answer != nil {
		tg.answer(w, r)
		return
	}
	tg.got = append(tg.got, m)
	for reader, ch := range tg.readers {
		if ch == m.Data.Update.Channel {
			reader <- m
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// read checks a message and reads it.
func read(r *http.Request, body []byte) (m message, err error) {
	own, err := verify.Standard(0, secret)
	if err != nil {
		return m, err
	}
	if err := own.Verify(r.Header, body, time.Now()); err != nil {
		return m, fmt.Errorf("receiver/verify: %w", err)
	}
	foreign, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return m, err
	}
	if err := foreign.Verify(body, r.Header); err != nil {
		return m, fmt.Errorf("the reference library: %w", err)
	}
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		return m, fmt.Errorf("it is a %s of %s", r.Method, r.Header.Get("Content-Type"))
	}
	m.ID = r.Header.Get("webhook-id")
	return m, json.Unmarshal(body, &m)
}

// messages returns what the target has taken.
func (tg *target) messages() []message {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	return slices.Clone(tg.got)
}

func (tg *target) called() int {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	return tg.calls
}

// rig is a site with targets.
type rig struct {
	*publishertest.Site
	ahead  atomic.Int64 // how much the relay's clock is ahead of the store's; nanoseconds
	client *outbound.Client
}

func newRig(t testing.TB, o *publishertest.SiteOptions) *rig {
	r := &rig{}
	if o == nil {
		o = &publishertest.SiteOptions{}
	}
	o.Feed.Clock = func() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }
	r.Site = publishertest.NewSite(t, o)
	r.client = outbound.New(nil)
	t.Cleanup(r.client.Close)
	return r
}

func (r *rig) kit() *relay.Kit {
	return &relay.Kit{Feed: r.Feed, Source: r.Source, Client: r.client, PublicURL: "https://live.example.org/blog"}
}

var local = []string{"127.0.0.0/8"}

// options are those of a test's target, with little time for everything.
func options(url string) *webhook.Options {
	return &webhook.Options{
		Options: relay.Options{Name: "partner", Timeout: publishertest.Patience, Backoff: 50 * time.Millisecond},
		URL:     url, Secrets: []string{secret}, Allow: local,
	}
}

// start starts a publisher, and waits until it pushes.
func (r *rig) start(o *webhook.Options) (p *webhook.Target, stop func()) {
	r.Helper()
	p, err := webhook.New(r.kit(), o)
	if err != nil {
		r.Fatal(err)
	}
	if err := publisher.Starter(p).Start(r.Context()); err != nil {
		r.Fatal(err)
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			if err := p.Shutdown(r.Context()); err != nil {
				r.Error(err)
			}
		})
	}
	r.Cleanup(stop)
	r.Eventually("the relay pushes", func() bool { return p.Status().Leading })
	return p, stop
}
