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

// person asks over a connection that others ask over too.
type person struct {
	name   string
	header []string // in pairs
	member bool
}

// people have everything with which one person's request may be taken for another's: the same words in another
// header, in another place, in another case.
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

// Many people's long polls come over one connection that a proxy keeps to the server, or one of their own. Each is
// answered with what that person may read, whoever asked before, and held or not.
func TestRightsOnOneConnection(t *testing.T) {
	for _, front := range []string{"direct", "nginx"} {
		t.Run(front, func(t *testing.T) {
			var served atomic.Int64
			s := open(t, settings{
				feed: publisher.FeedOptions{Heartbeat: 50 * time.Millisecond},
				extra: func(feed *publisher.Feed) []publisher.Publisher {
					return []publisher.Publisher{polling.NewLong(feed, &polling.LongOptions{Hold: 40 * time.Millisecond})}
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
			const rounds = 250
			asked := 0
			who, ch := all[0], match
			for range rounds {
				if rng.IntN(3) > 0 { // else the same again
					who = all[rng.IntN(len(all))]
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
				s.asks(who, ch, since, c)
				if rng.IntN(10) == 0 {
					s.Post(ch, "text of "+string(ch))
				}
			}
			n := s.Accepted()
			t.Logf("%d requests over %d connections, %d of them by way of net/http", asked, n, served.Load())
			if n > 3 {
				t.Errorf("%d requests took %d connections: none is shared", asked, n)
			}
			if served.Load() >= int64(asked) {
				t.Error("no request was held without net/http")
			}
		})
	}
}

// asks fails the test where the answer is not what that person may have.
func (s *site) asks(who person, ch motacilla.ChannelID, since motacilla.Revision, c motacilla.Channel) {
	s.Helper()
	resp := s.Do(http.MethodGet, fmt.Sprintf("/live/long-polling/%s/?since=%d", ch, since), who.header...)
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	allowed := who.member || c.Access == motacilla.Public
	if !allowed {
		if resp.StatusCode != http.StatusForbidden || strings.Contains(string(body), "text of") {
			s.Fatalf("%s gets of %s: %s %s", who.name, ch, resp.Status, body)
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
		s.Fatalf("%s gets of %s: %s %s (%v)", who.name, ch, resp.Status, body, err)
	}
	late := since == 0 && u.Revision < c.Head // the feed may not have heard yet
	if u.Channel != string(ch) || u.From != since || u.Revision != c.Head && !late || u.Reset != (since == 0) {
		s.Fatalf("%s asks %s after %d and gets %s", who.name, ch, since, body)
	}
}

// A guest's poll is held on a kept connection when the channel becomes private; neither the held one nor the next one
// gets what is of members alone.
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
			for round := range 20 {
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
				if round%2 == 1 { // the second of the same, held without net/http
					first := get(asked)
					s.Eventually("held", func() bool { return stats.Readers.Load() == 1 })
					asked = s.post("public").Revision
					<-first
				}
				held := get(asked)
				s.Eventually("held", func() bool { return stats.Readers.Load() == 1 })
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
