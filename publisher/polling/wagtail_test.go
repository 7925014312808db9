package polling_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/polling"
)

// wagtailClient is a model of Wagtail Live's browser client, for interval and long polling. Its timestamps are numbers as in
// JavaScript.
type wagtailClient struct {
	url  string
	long bool

	live     []string          // livePosts
	last     float64           // lastUpdateTimestamp
	interval int               // pollingInterval; 0 if there is none
	page     map[string]string // what is on the page, by ID
}

type shake struct {
	LivePosts           []string
	LastUpdateTimestamp float64
	PollingInterval     int
}

type polled struct {
	Updates map[string]struct {
		Show    bool
		Content string
	}
	CurrentPosts        []string
	LastUpdateTimestamp float64
	TimeOutReached      string
}

func (c *wagtailClient) shake(ctx context.Context) error {
	var answer shake
	if _, err := c.do(ctx, http.MethodPost, c.url, &answer); err != nil {
		return err
	}
	c.live, c.last, c.interval = answer.LivePosts, answer.LastUpdateTimestamp, answer.PollingInterval
	return nil
}

// poll is one turn of its loop. moved is true if something was applied.
func (c *wagtailClient) poll(ctx context.Context) (moved bool, err error) {
	if !c.long {
		head, err := c.do(ctx, http.MethodHead, c.url, nil)
		if err != nil {
			return false, err
		}
		at, err := strconv.ParseFloat(head.Get("Last-Update-At"), 64)
		if err != nil || at <= c.last {
			return false, err
		}
	}
	var answer polled
	last := strconv.FormatFloat(c.last, 'f', -1, 64) // as String(number) formats it
	if _, err := c.do(ctx, http.MethodGet, c.url+"?last_update_ts="+last, &answer); err != nil {
		return false, err
	}
	if answer.TimeOutReached != "" {
		return false, nil
	}
	for id, u := range answer.Updates {
		if !slices.Contains(c.live, id) {
			c.live = append([]string{id}, c.live...)
		}
		c.page[id] = u.Content
	}
	c.live = slices.DeleteFunc(c.live, func(id string) bool {
		gone := !slices.Contains(answer.CurrentPosts, id)
		if gone {
			delete(c.page, id)
		}
		return gone
	})
	c.last = answer.LastUpdateTimestamp
	return true, nil
}

func (c *wagtailClient) do(ctx context.Context, method, url string, into any) (http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, errors.New(res.Status)
	}
	if into == nil {
		return res.Header, nil
	}
	return res.Header, json.NewDecoder(res.Body).Decode(into)
}

// TestWagtailConvergence makes random edits, with a clock that stands still and goes back. The client's page must be what the
// store holds.
func TestWagtailConvergence(t *testing.T) {
	for _, long := range []bool{false, true} {
		t.Run(map[bool]string{false: "interval", true: "long"}[long], func(t *testing.T) {
			now := time.UnixMicro(1763890000_123456)
			var mu sync.Mutex
			clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
			s := open(t, clock, nil, &polling.LongOptions{Timeout: time.Second})
			rng := rand.New(rand.NewPCG(1, 2))
			var posts []motacilla.Post
			for range 5 {
				posts = append(posts, s.post("Before"))
			}
			c := &wagtailClient{url: s.interval(), long: long, page: map[string]string{}}
			if long {
				c.url = s.long()
			}
			if err := c.shake(t.Context()); err != nil {
				t.Fatal(err)
			}
			if want := ids(posts, true); !slices.Equal(c.live, want) {
				t.Errorf("livePosts = %v, want %v", c.live, want)
			}
			if want := map[bool]int{false: 3000, true: 0}[long]; c.interval != want {
				t.Errorf("pollingInterval = %d, want %d", c.interval, want)
			}
			for _, p := range posts {
				c.page[string(p.ID)] = render(p)
			}
			for round := range 200 {
				mu.Lock()
				switch rng.IntN(4) {
				case 0:
					now = now.Add(-time.Hour)
				case 1:
					now = now.Add(time.Microsecond)
				case 2:
					now = now.Add(time.Second)
				}
				mu.Unlock()
				for range 1 + rng.IntN(4) {
					posts = s.change(rng, posts, round)
				}
				for c.last != seconds(s.head()) {
					if _, err := c.poll(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if len(c.live) != len(c.page) {
					t.Fatalf("round %d: livePosts has %d posts, the page %d", round, len(c.live), len(c.page))
				}
				if len(c.page) != len(posts) {
					t.Fatalf("round %d: the page has %d posts, the store %d", round, len(c.page), len(posts))
				}
				for _, p := range posts {
					if got, want := c.page[string(p.ID)], render(p); got != want {
						t.Fatalf("round %d: the page has %q for %s, want %q", round, got, p.ID, want)
					}
				}
			}
		})
	}
}

func (s *site) change(rng *rand.Rand, posts []motacilla.Post, round int) []motacilla.Post {
	s.Helper()
	if len(posts) == 0 || rng.IntN(3) == 0 {
		return append(posts, s.post(fmt.Sprintf("Post of round %d", round)))
	}
	at := rng.IntN(len(posts))
	if rng.IntN(4) == 0 {
		s.Remove(match, posts[at].ID)
		return slices.Delete(posts, at, at+1)
	}
	posts[at] = s.Edit(match, posts[at].ID, func(p *motacilla.Post) {
		if rng.IntN(3) == 0 {
			p.Show = !p.Show
		} else {
			p.Content = []motacilla.Block{motacilla.PlainText(fmt.Sprintf("Edit %d of round %d", rng.Int(), round))}
		}
	})
	return posts
}

func ids(posts []motacilla.Post, newestFirst bool) []string {
	posts = slices.Clone(posts)
	slices.SortFunc(posts, func(a, b motacilla.Post) int { return a.Key().Compare(b.Key()) })
	if newestFirst {
		slices.Reverse(posts)
	}
	list := make([]string, len(posts))
	for i, p := range posts {
		list[i] = string(p.ID)
	}
	return list
}

// seconds returns the revision in seconds, as a number of JavaScript.
func seconds(r motacilla.Revision) float64 {
	f, _ := strconv.ParseFloat(r.Timestamp(), 64)
	return f
}

// TestWagtailBytes compares answers byte by byte.
func TestWagtailBytes(t *testing.T) {
	tick := int64(1763890000_000000)
	var mu sync.Mutex
	s := open(t, func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		tick += 500_000
		return time.UnixMicro(tick)
	}, nil, nil)
	a := s.post("a")
	b := s.post("b <i>")
	b = s.Edit(match, b.ID, func(p *motacilla.Post) { p.Show = false })
	head := b.Revision.Timestamp()
	shaken := fmt.Sprintf(`{"livePosts":["%s","%s"],"lastUpdateTimestamp":%s`, b.ID, a.ID, head)
	renderA := fmt.Sprintf(`"%s":{"show":true,"content":"\u003cp\u003ea\u003c/p\u003e"}`, a.ID)
	renderB := fmt.Sprintf(
		`"%s":{"show":false,"content":"\u003cdiv class=\"live-post\" data-post-id=\"%s\"\u003e\u003c/div\u003e"}`, b.ID, b.ID)
	rest := fmt.Sprintf(`},"currentPosts":["%s","%s"],"lastUpdateTimestamp":%s}`, a.ID, b.ID, head)
	for _, test := range []struct{ method, url, want string }{
		{"POST", s.interval(), shaken + `,"pollingInterval":3000}`},
		{"POST", s.long(), shaken + `}`},
		{"HEAD", s.interval(), ""},
		{"GET", s.interval() + "?last_update_ts=0", `{"updates":{` + renderA + "," + renderB + rest},
		{"GET", s.long() + "?last_update_ts=0.0", `{"updates":{` + renderA + "," + renderB + rest},
		{"GET", s.interval() + "?last_update_ts=" + a.Revision.Timestamp(), `{"updates":{` + renderB + rest},
		{"GET", s.long() + "?last_update_ts=" + a.Revision.Timestamp() + "999", `{"updates":{` + renderB + rest},
		{"GET", s.interval() + "?last_update_ts=" + head, `{"updates":{` + rest},
		{"GET", s.interval() + "?last_update_ts=999999999999", `{"updates":{` + rest},
	} {
		res, body := s.ask(test.method, test.url)
		if res.StatusCode != 200 || body != test.want {
			t.Errorf("%s %s: %d\n%s\nwant\n%s", test.method, test.url, res.StatusCode, body, test.want)
		}
		if at := res.Header.Get("Last-Update-At"); test.method == "HEAD" && at != head {
			t.Errorf("Last-Update-At: %q, want %q", at, head)
		}
		if kind := res.Header.Get("Content-Type"); test.method != "HEAD" && kind != "application/json" {
			t.Errorf("Content-Type: %q", kind)
		}
	}
}

func TestWagtailUnknownChannel(t *testing.T) {
	s := open(t, nil, nil, nil)
	for _, path := range []string{"interval-polling", "long-polling"} {
		url := s.server.URL + "/live/" + path + "/nothing-here/"
		for _, method := range []string{"POST", "GET", "HEAD"} {
			want := http.StatusNotFound
			if method == "HEAD" && path == "long-polling" {
				want = http.StatusMethodNotAllowed
			}
			if res, _ := s.ask(method, url); res.StatusCode != want {
				t.Errorf("%s %s: %d, want %d", method, url, res.StatusCode, want)
			}
		}
	}
}

func (s *site) ask(method, url string, header ...string) (*http.Response, string) {
	s.Helper()
	res := s.server.Do(method, url, header...)
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil {
		s.Fatal(err)
	}
	return res, body.String()
}
