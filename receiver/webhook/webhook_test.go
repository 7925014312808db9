package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound/outboundtest"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webhook"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// A delivery that is not the source's is answered with 401, and writes nothing, for each way of verification.
func TestVerification(t *testing.T) {
	body := []byte(`{"text":"Goal!","channel":"match-42"}`)
	for _, way := range []string{"github", "stripe", "slack", "standard", "websub", "bearer", "basic", "header", "hmac", "path"} {
		t.Run(way, func(t *testing.T) {
			o := plain(func(o *webhook.Options) { o.Verify, o.Secrets = way, []string{secret} })
			path, good := "/hooks/webhook", http.Header{}
			switch way {
			case "standard":
				o.Secrets = []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
			case "basic":
				o.Secrets, good = []string{"ann:" + secret}, http.Header{"Authorization": {"Basic YW5uOmEgbG9uZyBlbm91Z2ggc2VjcmV0"}}
			case "bearer":
				good.Set("Authorization", "Bearer "+secret)
			case "header":
				o.Header = "X-Token"
				good.Set("X-Token", secret)
			case "hmac":
				o.Header, o.Prefix, o.Separator, o.Timestamp = "X-Signature", "v1=", ",", "t="
				good.Set("X-Signature", signed(body, time.Now(), secret))
			case "path":
				path += "/a%20long%20enough%20secret"
			}
			r := newRig(t, o, nil)
			before := r.head()
			paths := []string{"/hooks/webhook", path}
			if way == "path" {
				paths = []string{"/hooks/webhook/" + strings.Repeat("x", 20), "/hooks/webhook/a%20long%20enough%20secre"}
			}
			r.header = http.Header{"Authorization": {"Bearer wrong"}, "X-Token": {"wrong"}, "X-Signature": {signed(body, time.Now(), "wrong")}}
			for _, p := range paths {
				status, answer := r.deliver(p, body)
				if status != http.StatusUnauthorized || strings.Contains(answer, secret) {
					t.Errorf("%s: %d %s", p, status, answer)
				}
			}
			if r.head() != before || len(r.posts()) != 0 {
				t.Error("something was written")
			}
			if n := r.metrics.Counts()[receiver.Delivery{Receiver: "webhook", Result: receiver.Refused}]; n != 2 {
				t.Errorf("%d deliveries are counted as refused", n)
			}
			if r.header = good; len(good) == 0 && way != "path" {
				return // package verify tests the signature
			}
			if status, answer := r.deliver(path, body); status != http.StatusOK || len(r.posts()) != 1 {
				t.Errorf("%d %s, %d posts", status, answer, len(r.posts()))
			}
		})
	}
}

func TestWrongVerification(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	kit := &receiver.Kit{Sink: store, Records: store.Records(), Images: receiver.NoImages{}}
	for _, c := range []struct {
		set   func(*webhook.Options)
		field string
	}{
		{func(o *webhook.Options) {}, "verify"},
		{func(o *webhook.Options) { o.Verify = "none" }, "verify"},
		{func(o *webhook.Options) { o.Verify, o.Secrets = "bearer", nil }, "secrets"},
		{func(o *webhook.Options) { o.Verify, o.Secrets = "path", []string{"short"} }, "secrets"},
		{func(o *webhook.Options) { o.Verify, o.Secrets = "basic", []string{"short"} }, "secrets[0]"},
		{func(o *webhook.Options) { o.Verify, o.Header = "github", "X" }, "header"},
		{func(o *webhook.Options) { o.Verify, o.Timestamp = "bearer", "X" }, "timestamp"},
		{func(o *webhook.Options) { o.Verify = "hmac" }, "header"},
	} {
		o := plain(func(o *webhook.Options) { o.Secrets = []string{secret} })
		c.set(o)
		_, err := webhook.New(kit, o, nil)
		if field, problem := fieldOf(err); field != c.field || strings.Contains(problem, "short") {
			t.Errorf("%+v: %v, want %s", o, err, c.field)
		}
	}
}

// Of a document that is wrong nothing is written, and the source gets 422 with the option and the part.
func TestNothingOfAWrongDocumentIsWritten(t *testing.T) {
	r := newRig(t, plain(func(o *webhook.Options) {
		o.Each, o.Channel, o.Verify, o.Secrets = "$[*]", "{{.channel}}", "bearer", []string{secret}
		o.Response = `{{len .}} {{document}}`
	}), nil)
	before := r.head()
	for body, want := range map[string]struct {
		status int
		within string
	}{
		`[{"channel":"match-42","text":"a"},{"channel":"match-42"}]`:          {422, `"field":"text"`},
		`[{"channel":"match-42","text":"a"},{"channel":"","text":"b"}]`:       {422, `"field":"channel"`},
		`[{"channel":"match-42","text":"a"},{"channel":"no-such","text":""}]`: {422, `$[1]`},
		`[{"channel":"match-42","text":"a"},{"channel":"none","text":"b"}]`:   {404, `none`},
		`{`: {422, `"field":"body"`},
	} {
		status, answer := r.deliver("/hooks/webhook", []byte(body))
		var problem struct {
			Status int
			Detail string
		}
		if err := json.Unmarshal([]byte(answer), &problem); err != nil || problem.Status != want.status || status != want.status ||
			!strings.Contains(answer, want.within) {
			t.Errorf("%s: %d %s", body, status, answer)
		}
		if r.head() != before {
			t.Fatalf("%s: something was written", body)
		}
	}
	if status, answer := r.deliver("/hooks/webhook", []byte(`[{"channel":"match-42","text":"a"}]`)); status != 200 || answer != "1 [map[channel:match-42 text:a]]" {
		t.Errorf("%d %q", status, answer)
	}
	if status, answer := r.deliver("/hooks/webhook", bytes.Repeat([]byte("x"), 1<<20+1)); status != 400 || !strings.Contains(answer, "1048576") {
		t.Errorf("%d %q", status, answer)
	}
}

// gallery is an Images that keeps what it gets.
type gallery struct {
	mu    sync.Mutex
	has   map[string]string
	added chan string
}

func (g *gallery) Add(_ context.Context, id string, r io.Reader) (motacilla.Block, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return motacilla.Block{}, err
	}
	g.mu.Lock()
	g.has[id] = string(data)
	g.mu.Unlock()
	g.added <- string(data)
	return motacilla.Block{Type: motacilla.ImageBlock, Media: id, URL: "/media/" + id}, nil
}

func (g *gallery) Image(_ context.Context, id string) (motacilla.Block, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.has[id]; !ok {
		return motacilla.Block{}, motacilla.ErrNotFound
	}
	return motacilla.Block{Type: motacilla.ImageBlock, Media: id, URL: "/media/" + id}, nil
}

// An image is fetched after its post is stored, once, and by the client that can't reach private addresses.
func TestImages(t *testing.T) {
	release := make(chan struct{})
	images := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-release
		fmt.Fprint(w, "picture ", r.URL.Path)
	}))
	defer images.Close()
	g := &gallery{has: map[string]string{}, added: make(chan string, 10)}
	r := newRig(t, plain(func(o *webhook.Options) {
		o.Verify, o.Secrets, o.MessageID = "bearer", []string{secret}, "{{.id}}"
		o.Image, o.ImageAlt = []string{"@.photos[*].url", "@.cover"}, "{{.alt}}"
	}), g, netip.MustParsePrefix("127.0.0.0/8"))
	body := fmt.Appendf(nil, `{"id":1,"text":"Goal!","alt":"A bird","photos":[{"url":"%s/a"},{"url":"%[1]s/b"}],"cover":null}`, images.URL)
	for range 2 {
		if status, answer := r.deliver("/hooks/webhook", body); status != 200 {
			t.Fatal(status, answer)
		}
	}
	p := r.posts()[0]
	if len(r.posts()) != 1 || len(p.Content) != 3 || !p.Content[1].Pending || p.Content[2].Alt != "A bird" {
		t.Fatalf("before the images arrive: %+v", r.posts())
	}
	close(release)
	got := map[string]bool{<-g.added: true, <-g.added: true}
	if !got["picture /a"] || !got["picture /b"] {
		t.Errorf("fetched %v", got)
	}
	watch(t, r, func(p motacilla.Post) bool {
		return len(p.Content) == 3 && !p.Content[1].Pending && !p.Content[2].Pending
	})
	head := r.head()
	if status, answer := r.deliver("/hooks/webhook", body); status != 200 || r.head() != head {
		t.Errorf("again: %d %s; the post changed: %t", status, answer, r.head() != head)
	}
	// Another text keeps the images.
	if status, answer := r.deliver("/hooks/webhook", bytes.Replace(body, []byte("Goal!"), []byte("Goal by Ann!"), 1)); status != 200 {
		t.Fatal(status, answer)
	}
	if p := r.posts()[0]; len(p.Content) != 3 || p.Content[1].Pending || p.Content[2].Pending || !strings.Contains(htmlOf(p), "Ann") {
		t.Errorf("after the edit: %+v", p.Content)
	}
	if len(g.added) != 0 {
		t.Error("an image was fetched again")
	}
}

// watch waits until the only post is as is wants it.
func watch(t *testing.T, r *rig, is func(motacilla.Post) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	moved := make(chan struct{}, 1)
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		_ = r.store.Watch(ctx, func(motacilla.Moved) {
			select {
			case moved <- struct{}{}:
			default:
			}
		})
	}()
	defer func() { cancel(); <-watching }()
	look := time.NewTicker(time.Second) // for what moved before Watch began
	defer look.Stop()
	for {
		if posts := r.posts(); len(posts) == 1 && is(posts[0]) {
			return
		}
		select {
		case <-moved:
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("the posts stay %+v", r.posts())
		}
	}
}

func TestPrivateAddressesAreRefused(t *testing.T) {
	inside := outboundtest.NewPrivate(t)
	redirecting, paths := inside.Redirects(t)
	g := &gallery{has: map[string]string{}, added: make(chan string, 10)}
	r := newRig(t, plain(func(o *webhook.Options) {
		o.Verify, o.Secrets, o.Image = "bearer", []string{secret}, []string{"@.photos[*]"}
	}), g, netip.MustParsePrefix("127.0.0.1/32"))
	var photos []string
	for _, address := range inside.Addresses() {
		// What can't be an address at all is refused with the document.
		if !strings.HasPrefix(address, "http://") || strings.Contains(address, "@") {
			if status, answer := r.deliver("/hooks/webhook", fmt.Appendf(nil, `{"text":"Goal!","photos":[%q]}`, address)); status != 422 {
				t.Errorf("%s: %d %s", address, status, answer)
			}
			continue
		}
		photos = append(photos, address)
	}
	for _, path := range paths {
		photos = append(photos, redirecting.URL+path)
	}
	body, err := json.Marshal(map[string]any{"text": "Goal!", "photos": photos})
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := r.deliver("/hooks/webhook", body); status != 200 {
		t.Fatal(status, answer)
	}
	watch(t, r, func(p motacilla.Post) bool { return len(p.Content) == 1 })
	inside.Untouched(t)
}

// 1,000 documents at once, each delivered twice, make 1,000 posts.
func TestBurst(t *testing.T) {
	r := newRig(t, plain(func(o *webhook.Options) {
		o.Verify, o.Secrets, o.MessageID = "bearer", []string{secret}, "{{.id}}"
	}), nil)
	work := make(chan int)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for n := range work {
				if status, answer := r.deliver("/hooks/webhook", fmt.Appendf(nil, `{"id":%d,"text":"Goal %[1]d"}`, n)); status != 200 {
					t.Errorf("%d: %d %s", n, status, answer)
				}
			}
		})
	}
	for n := range 2000 {
		work <- n % 1000
	}
	close(work)
	wg.Wait()
	if n := len(r.posts()); n != 1000 {
		t.Errorf("%d posts", n)
	}
}

// A document names any ID that its author likes. It must not reach the posts of other sources in the channel.
func TestPostsOfOtherSourcesAreLeftAlone(t *testing.T) {
	r := newRig(t, plain(func(o *webhook.Options) {
		o.Verify, o.Secrets, o.MessageID, o.Remove = "bearer", []string{secret}, "{{.id}}", []string{"@.gone"}
	}), nil)
	const id = "C024BE91L-1795742597.406918"
	other := receiver.NewIngest(r.store, "slack", nil)
	if _, _, err := other.Post(t.Context(), "match-42", receiver.Message{ID: id, Text: "of another source"}); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{`{"id":"` + id + `","text":"changed"}`, `{"id":"` + id + `","text":"","gone":true}`} {
		if status, answer := r.deliver("/hooks/webhook", []byte(body)); status != 200 {
			t.Fatal(status, answer)
		}
		p, err := r.store.PostByMessage(t.Context(), "match-42", id)
		if err != nil || p.Content[0].Text.String() != "of another source" {
			t.Errorf("after %s: %+v, %v", body, p, err)
		}
	}
}
