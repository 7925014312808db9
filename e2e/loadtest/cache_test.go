//go:build linux

package loadtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// polled returns how many requests of pollers the program has answered.
func polled(t *testing.T, p *program) (n float64) {
	t.Helper()
	figures, err := p.metrics()
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range figures {
		if strings.HasPrefix(name, "motacilla_http_requests_total{") && strings.Contains(name, "/live/interval-polling/") {
			n += value
		}
	}
	return n
}

// key is a key of the cache.
type key struct {
	since  motacilla.Revision
	second int64
}

// story records the posts and polls so far.
type story struct {
	mu     sync.Mutex
	posts  []post
	keys   map[key]bool // of all polls; a poll has any second between its request and its answer
	asked  int
	begun  int // readers that have an answer
	behind int // readers that lack a post
}

// post is a post that the program shows.
type post struct {
	head  motacilla.Revision // of the channel
	shown time.Time          // when the program itself answered with it
}

// poller polls every second on a connection of its own.
type poller struct {
	conn  net.Conn
	in    *bufio.Reader
	path  string
	since motacilla.Revision
	seen  int // posts
	late  []time.Duration
}

// poll asks once.
func (r *poller) poll(s *story) error {
	sent, since := time.Now(), r.since
	_ = r.conn.SetDeadline(sent.Add(patience))
	_, err := fmt.Fprintf(r.conn, "GET %s?since=%d HTTP/1.1\r\nHost: live.example.org\r\n\r\n", r.path, since)
	if err != nil {
		return err
	}
	resp, err := http.ReadResponse(r.in, nil)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, body)
	}
	var u motacilla.Update
	if err := u.UnmarshalJSON(body); err != nil {
		return err
	}
	if u.From != since || u.Revision < since || u.Reset {
		return fmt.Errorf("the answer to revision %d is %s", since, body)
	}
	r.since = u.Revision
	return r.tell(s, since, sent, time.Now())
}

// tell adds a poll to the story. A poll must bring every post that the program showed before the poll's second began.
func (r *poller) tell(s *story, since motacilla.Revision, sent, answered time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for second := sent.Unix(); second <= answered.Unix(); second++ {
		s.keys[key{since, second}] = true
	}
	s.asked++
	for r.seen < len(s.posts) && s.posts[r.seen].head <= r.since {
		r.late = append(r.late, answered.Sub(s.posts[r.seen].shown))
		if r.seen++; r.seen == len(s.posts) {
			s.behind--
		}
	}
	if r.seen < len(s.posts) && s.posts[r.seen].shown.Unix() < sent.Unix() {
		return fmt.Errorf("post %d was shown at %v, a poll sent at %v does not bring it", r.seen, s.posts[r.seen].shown, sent)
	}
	return nil
}

// TestBehindCache checks what docs/caching.md promises. If all readers poll each second, the server gets one request per
// second and revision. A post comes with the first poll of the next second. Neither depends on the speed of the machine.
func TestBehindCache(t *testing.T) {
	t.Parallel()
	const interval, posts = time.Second, 5
	readers := readers(500)
	files(t, uint64(3*readers))
	p := serve(t, "storage: {type: memory}\npublishers: [{type: interval-polling, interval: 1s}, {type: long-polling}]\n")
	w := newWriter(t, p, 300, 50)
	front := behindNginx(t, p.addr)
	_, head := w.truth(t)

	s := &story{keys: make(map[key]bool)}
	ctx, cancel := context.WithCancel(t.Context())
	var working sync.WaitGroup
	defer working.Wait()
	defer cancel()
	path := "/live/interval-polling/" + channelID + "/"
	crowd := make([]*poller, readers)
	for i := range crowd {
		conn, err := net.Dial("tcp4", front)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		crowd[i] = &poller{conn: conn, in: bufio.NewReaderSize(conn, 1024), path: path, since: head}
	}
	before := polled(t, p)
	for i, r := range crowd {
		working.Go(func() {
			wait := time.NewTimer(interval * time.Duration(i) / time.Duration(readers))
			defer wait.Stop()
			for first := true; ; first = false {
				select {
				case <-wait.C:
				case <-ctx.Done():
					return
				}
				if err := r.poll(s); err != nil {
					t.Errorf("reader %d: %v", i, err)
					cancel()
					return
				}
				if first {
					s.mu.Lock()
					s.begun++
					s.mu.Unlock()
				}
				wait.Reset(interval)
			}
		})
	}

	s.until(ctx, t, func() bool { return s.begun == readers })
	began := time.Now()
	direct := 0.0 // requests of the test itself
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for n := range posts {
		status, answer, err := w.call(t.Context(), http.MethodPost, "/"+channelID+"/posts", map[string]any{"text": fmt.Sprintf("Post %d", n)})
		if err != nil || status != http.StatusCreated {
			t.Fatalf("post: %d %s %v", status, answer, err)
		}
		_, now := w.truth(t)
		for shown := head; shown < now; direct++ {
			resp, err := plain.Get(fmt.Sprintf("http://%s%s?since=%d", p.addr, path, head))
			if err != nil {
				t.Fatal(err)
			}
			var u motacilla.Update
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err = errors.Join(err, u.UnmarshalJSON(body)); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			shown = u.Revision
		}
		head = now
		s.mu.Lock()
		s.posts, s.behind = append(s.posts, post{now, time.Now()}), readers
		s.mu.Unlock()
		<-tick.C
	}
	s.until(ctx, t, func() bool { return s.behind == 0 })
	took := time.Since(began)
	cancel()
	working.Wait()

	var late []time.Duration
	for _, r := range crowd {
		late = append(late, r.late...)
	}
	slices.Sort(late)
	asked := polled(t, p) - before - direct
	t.Logf("%d requests of readers are %.0f of the server, at most %d by the cache's keys, in %v; a post is seen after %v (median), %v (the last)",
		s.asked, asked, len(s.keys), took.Round(time.Second), late[len(late)/2].Round(time.Millisecond), late[len(late)-1].Round(time.Millisecond))
	if asked > float64(len(s.keys)) {
		t.Errorf("%v requests reach the server, for %d answers that the cache keeps", asked, len(s.keys))
	}
	if asked*20 > float64(s.asked) {
		t.Errorf("%v of %d requests reach the server", asked, s.asked)
	}
	passesBy(t, w, front)
}

// until waits until done returns true. It is called with s.mu held.
func (s *story) until(ctx context.Context, t *testing.T, done func() bool) {
	t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(patience); ; {
		s.mu.Lock()
		over := done()
		s.mu.Unlock()
		if over {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			t.FailNow()
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d readers have an answer, %d lack a post", s.begun, s.behind)
		}
	}
}

// passesBy checks that the cache does not keep what it must not.
func passesBy(t *testing.T, w *writer, front string) {
	t.Helper()
	get := func(method, path string, headers ...string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+front+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := plain.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = drain(resp.Body)
		_ = resp.Body.Close()
		return resp
	}
	path := "/live/interval-polling/" + channelID + "/"
	if resp := get(http.MethodHead, path); resp.StatusCode != http.StatusOK || resp.Header.Get("Last-Update-At") == "" {
		t.Errorf("HEAD: %s %v", resp.Status, resp.Header)
	}
	if resp := get(http.MethodPost, path); resp.StatusCode != http.StatusOK {
		t.Errorf("the handshake: %s", resp.Status)
	}
	status, answer, err := w.call(t.Context(), http.MethodPost, "", map[string]any{"id": "secret", "access": "private"})
	if err != nil || status != http.StatusCreated {
		t.Fatalf("make a private channel: %d %s %v", status, answer, err)
	}
	secret := "/live/interval-polling/secret/?since=0"
	for range 3 {
		if resp := get(http.MethodGet, secret, "Authorization", "Bearer "+token); resp.StatusCode != http.StatusOK {
			t.Errorf("a private channel, with the token: %s", resp.Status)
		}
		if resp := get(http.MethodGet, secret); resp.StatusCode != http.StatusForbidden {
			t.Errorf("a private channel, without it: %s", resp.Status)
		}
	}
}
