package sse

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/route"
)

// person is one of several that share a connection.
type person struct {
	name   string
	header []string // in pairs
	member bool
}

// people differ by as little as possible, so that one could be taken for another: the same words in another header or in
// another place.
func people(t *testing.T) []person {
	w := httptest.NewRecorder()
	token := route.NewToken(secret, nil, nil)
	if err := token.SignIn(w, httptest.NewRequest(http.MethodPost, "/", nil), secret); err != nil {
		t.Fatal(err)
	}
	c := w.Result().Cookies()[0]
	cookie := c.Name + "=" + c.Value
	other := c.Name + "=" + strings.Repeat("A", len(c.Value))
	return []person{
		{"token", []string{"Authorization", "Bearer " + secret}, true},
		{"cookie", []string{"Cookie", cookie}, true},
		{"cookie among others", []string{"Cookie", "a=b; " + cookie}, true},
		{"nothing", nil, false},
		{"nothing, another browser", []string{"User-Agent", "another"}, false},
		{"another token", []string{"Authorization", "Bearer a_long_secret"}, false},
		{"another cookie", []string{"Cookie", other}, false},
		{"the token elsewhere", []string{"X-Authorization", "Bearer " + secret}, false},
		{"the cookie elsewhere", []string{"X-Cookie", cookie}, false},
	}
}

// The long polls of many people come over one connection, as from a proxy. Each is answered with what that person may read,
// whether the request is parked or not.
func TestRightsOnOneConnection(t *testing.T) {
	for _, front := range []string{"direct", "nginx"} {
		t.Run(front, func(t *testing.T) {
			var served atomic.Int64
			s := open(t, settings{
				feed: publisher.FeedOptions{Heartbeat: 50 * time.Millisecond},
				extra: func(feed *publisher.Feed) []publisher.Publisher {
					return []publisher.Publisher{polling.NewLong(feed, &polling.LongOptions{Hold: 20 * time.Millisecond})}
				},
				seen: func() { served.Add(1) },
			})
			if front == "nginx" {
				s.behindNginx(proxies["keepalive"])
			}
			for _, ch := range []motacilla.ChannelID{match, members} {
				s.Post(ch, "text of "+string(ch))
			}
			all := people(t)
			rng := rand.New(rand.NewPCG(1, 2))
			const rounds = 100
			asked := 0
			asker, ch := all[0], match
			for range rounds {
				if rng.IntN(3) > 0 { // otherwise the same again
					asker = all[rng.IntN(len(all))]
				}
				if rng.IntN(3) == 0 {
					ch = []motacilla.ChannelID{match, members}[rng.IntN(2)]
				}
				c, err := s.Store.Channel(t.Context(), ch)
				if err != nil {
					t.Fatal(err)
				}
				since := []motacilla.Revision{0, c.Head, c.Head}[rng.IntN(3)]
				asked++
				s.asks(asker, ch, since, c)
				if rng.IntN(10) == 0 {
					s.Post(ch, "text of "+string(ch))
				}
			}
			n := s.Accepted()
			t.Logf("%d requests over %d connections, %d of them by way of net/http", asked, n, served.Load())
			if n > 3 {
				t.Errorf("%d requests took %d connections, want 3 at most", asked, n)
			}
			if served.Load() >= int64(asked) {
				t.Error("no request was parked without net/http")
			}
		})
	}
}

// asks fails the test if the answer is not what that person may read.
func (s *site) asks(p person, ch motacilla.ChannelID, since motacilla.Revision, c motacilla.Channel) {
	s.Helper()
	resp := s.Do(http.MethodGet, fmt.Sprintf("/live/long-polling/%s/?since=%d", ch, since), p.header...)
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	allowed := p.member || c.Access == motacilla.Public
	if !allowed {
		if resp.StatusCode != http.StatusForbidden || strings.Contains(string(body), "text of") {
			s.Fatalf("%s gets of %s: %s %s", p.name, ch, resp.Status, body)
		}
		return
	}
	var u struct {
		Channel  string
		From     motacilla.Revision
		Revision motacilla.Revision
		Reset    bool
	}
	if err := json.Unmarshal(body, &u); err != nil || resp.StatusCode != http.StatusOK {
		s.Fatalf("%s gets of %s: %s %s (%v)", p.name, ch, resp.Status, body, err)
	}
	late := since == 0 && u.Revision < c.Head         // the feed may not know yet
	over := since == 0 && u.Revision == 0 && !u.Reset // nor anything of the channel, when the time to wait was over
	if u.Channel != string(ch) || u.From != since || u.Revision != c.Head && !late || u.Reset != (since == 0) && !over {
		s.Fatalf("%s asks %s after %d and gets %s", p.name, ch, since, body)
	}
}

// A guest's poll is held when the channel becomes private. Neither that request nor the next one gets a post for members.
func TestHeldWhileItBecomesPrivate(t *testing.T) {
	for _, front := range []string{"direct", "nginx"} {
		t.Run(front, func(t *testing.T) {
			s := open(t, settings{extra: func(feed *publisher.Feed) []publisher.Publisher {
				return []publisher.Publisher{polling.NewLong(feed, nil)}
			}})
			if front == "nginx" {
				s.behindNginx(proxies["keepalive"])
			}
			stats := s.Feed.Metrics().Of("long-polling")
			for round := range 10 {
				s.access(motacilla.Public)
				asked := s.head()
				get := func(since motacilla.Revision) <-chan string {
					got := make(chan string, 1)
					go func() {
						resp := s.Do(http.MethodGet, fmt.Sprintf("/live/long-polling/%s/?since=%d", match, since))
						body, _ := io.ReadAll(resp.Body)
						got <- fmt.Sprint(resp.StatusCode, " ", string(body))
					}()
					return got
				}
				if round%2 == 1 { // the same request again, parked without net/http
					first := get(asked)
					s.Eventually("the request is held", func() bool { return stats.Readers.Load() == 1 })
					asked = s.post("public").Revision
					<-first
				}
				held := get(asked)
				s.Eventually("the request is held", func() bool { return stats.Readers.Load() == 1 })
				s.access(motacilla.Private)
				p := s.post("of members alone")
				if got := <-held; strings.Contains(got, "of members alone") {
					t.Fatalf("the guest's held request gets %s", got)
				}
				if got := <-get(p.Revision); !strings.HasPrefix(got, "403") {
					t.Fatalf("the guest's next request gets %s", got)
				}
			}
		})
	}
}

func (s *site) access(access motacilla.Access) {
	s.EditChannel(match, func(c *motacilla.Channel) { c.Access = access })
}
