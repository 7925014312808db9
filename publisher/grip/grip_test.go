package grip_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/grip"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

func TestMain(m *testing.M) { realserver.Main(m) }

// maxBytes is small enough for the updates of the tests to exceed it.
const maxBytes = 20_000

func options(p *realserver.Pushpin, o relay.Options) *grip.Options {
	return &grip.Options{Options: o, URL: p.Control, VerifyKey: realserver.PushpinKey, VerifyIssuer: "pushpin", MaxBytes: maxBytes}
}

var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// events reads server-sent events until the stream ends. comment is called for what is none.
func events(ctx context.Context, url string, header http.Header, comment func()) iter.Seq2[*motacilla.Update, error] {
	return func(yield func(*motacilla.Update, error) bool) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			yield(nil, err)
			return
		}
		for name, values := range header {
			req.Header[name] = values
		}
		resp, err := client.Do(req)
		if err != nil {
			yield(nil, err)
			return
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
			text, _ := io.ReadAll(resp.Body)
			yield(nil, fmt.Errorf("status %d: %s", resp.StatusCode, text))
			return
		}
		in := bufio.NewReader(resp.Body)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				yield(nil, err)
				return
			}
			switch field, value, _ := strings.Cut(strings.TrimSpace(line), ":"); field {
			case "":
				if value != "" {
					comment()
				}
			case "data":
				u := &motacilla.Update{}
				if err := json.Unmarshal([]byte(value), u); !yield(u, err) || err != nil {
					return
				}
			}
		}
	}
}

// plainOrigin has the proxy hold every connection, without anything of ours: on the channel that the path names, and on another
// one, on which a reader hears that it is subscribed.
func plainOrigin(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Grip-Hold", "stream")
		h.Add("Grip-Channel", strings.TrimPrefix(r.URL.Path, "/"))
		h.Add("Grip-Channel", r.URL.RawQuery)
	}))
	s.Config.SetKeepAlivesEnabled(false) // the suite looks for goroutines
	t.Cleanup(s.Close)
	return s
}

var doors atomic.Int64

// gate keeps readers away while Pushpin starts. Its parts find each other after it has begun to listen, and a request that comes before
// that may get no answer for a minute.
type gate struct{ sync.RWMutex }

// pass waits until Pushpin runs, or ctx ends.
func (g *gate) pass(ctx context.Context) {
	for ctx.Err() == nil {
		if g.TryRLock() {
			g.RUnlock()
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// TestRelay runs the suite with readers whom a plain origin has subscribed.
func TestRelay(t *testing.T) {
	origin := plainOrigin(t)
	p := realserver.NewPushpin(t, strings.TrimPrefix(origin.URL, "http://"))
	var up gate
	publishertest.RunRelay(t, &publishertest.RelayHub{
		New: func(kit *relay.Kit, o relay.Options) (publisher.Publisher, error) {
			return grip.New(kit, options(p, o))
		},
		Follow: func(ctx context.Context, ch motacilla.ChannelID, ready func()) iter.Seq2[*motacilla.Update, error] {
			door := fmt.Sprintf("door-%d", doors.Add(1))
			return func(yield func(*motacilla.Update, error) bool) {
				up.pass(ctx)
				ctx, cancel := context.WithCancel(ctx)
				knocking := make(chan struct{})
				go func() {
					defer close(knocking)
					knock(ctx, p.Control, door)
				}()
				defer func() { <-knocking }()
				defer cancel()
				open := false
				subscribed := func() {
					if !open {
						ready()
					}
					open = true
				}
				for u, err := range events(ctx, "http://"+p.Addr+"/live-"+string(ch)+"?"+door, nil, subscribed) {
					if !yield(u, err) {
						return
					}
				}
			}
		},
		Stop: func(testing.TB) {
			up.Lock()
			p.Kill()
		},
		Start: func(t testing.TB) {
			defer up.Unlock()
			p.Restart(t)
		},
		MaxBytes: maxBytes,
	})
}

// knock publishes a comment now and then, for a reader to hear that it is subscribed. It stops after a while.
func knock(ctx context.Context, control, channel string) {
	body := fmt.Sprintf(`{"items": [{"channel": %q, "formats": {"http-stream": {"content": ": open\n\n"}}}]}`, channel)
	for pause := 5 * time.Millisecond; pause < 2*time.Second; pause += pause / 4 {
		if resp, err := client.Post(control, "application/json", strings.NewReader(body)); err == nil {
			_ = resp.Body.Close()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func TestInvalid(t *testing.T) {
	site := publishertest.NewSite(t, nil)
	kit := &relay.Kit{Feed: site.Feed, Source: site.Source}
	const public = "-----BEGIN PUBLIC KEY-----\n" +
		"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n" +
		"q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==\n" +
		"-----END PUBLIC KEY-----\n"
	for field, change := range map[string]func(*grip.Options){
		"url":        func(o *grip.Options) { o.URL = "tcp://x" },
		"key":        func(o *grip.Options) { o.VerifyKey = public },
		"verify_key": func(o *grip.Options) { o.VerifyKey = "" },
		"formats":    func(o *grip.Options) { o.Formats = []string{"http"} },
		"prefix":     func(o *grip.Options) { o.Prefix = "a b" },
		"name":       func(o *grip.Options) { o.Name = "-" },
	} {
		o := &grip.Options{URL: "http://localhost", VerifyKey: "k"}
		change(o)
		_, err := grip.New(kit, o)
		var wrong *motacilla.FieldError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: the error is %v", field, err)
		}
	}
	if _, err := grip.New(kit, &grip.Options{URL: "https://api.fastly.com/service/x/publish/", Key: "token", VerifyKey: public}); err != nil {
		t.Error(err)
	}
}
