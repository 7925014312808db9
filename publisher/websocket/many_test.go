package websocket

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/route"
)

const (
	second  motacilla.ChannelID = "cup:second+leg"
	members                     = publishertest.Members
)

// several opens a connection for several channels.
func (s *site) several(header []string, want ...string) *raw {
	s.Helper()
	c, resp := s.request(http.MethodGet, "/live/websocket/?"+url.Values{"c": want}.Encode(), append(header, upgrading...)...)
	if resp.StatusCode != http.StatusSwitchingProtocols {
		s.Fatalf("got %s for the upgrade, want 101", resp.Status)
	}
	return c
}

// ask sends a message.
func (s *site) ask(c *raw, text string) {
	s.Helper()
	if _, err := c.Write(masked(0x80|gorilla.TextMessage, text)); err != nil {
		s.Fatal(err)
	}
}

// text returns the next message that is no heartbeat.
func (s *site) text(c *raw) string {
	s.Helper()
	for {
		opcode, payload, err := c.next()
		if err != nil || opcode != gorilla.TextMessage && opcode != gorilla.PingMessage {
			s.Fatalf("got a frame of opcode %d with %q (%v), want a message", opcode, payload, err)
		}
		if opcode == gorilla.TextMessage && string(payload) != `{"heartbeat":true}` {
			return string(payload)
		}
	}
}

// hears fails the test if the next message is another one.
func (s *site) hears(c *raw, want string) {
	s.Helper()
	if got := s.text(c); got != want {
		s.Fatalf("got %s, want %s", got, want)
	}
}

// trouble is the value of a notice.
type trouble struct {
	Channel       motacilla.ChannelID
	Status        int
	Title, Detail string
	Field         string
	RetryAfter    int `json:"retry_after"`
}

func (s *site) complains(c *raw, key string) trouble {
	s.Helper()
	text := s.text(c)
	var notice map[string]trouble
	if err := json.Unmarshal([]byte(text), &notice); err != nil || len(notice) != 1 || notice[key].Title == "" {
		s.Fatalf("got %s, want the notice %s", text, key)
	}
	return notice[key]
}

func (s *site) of(c *raw, ch motacilla.ChannelID) *motacilla.Update {
	s.Helper()
	u := new(motacilla.Update)
	if text := s.text(c); u.UnmarshalJSON([]byte(text)) != nil || u.Channel != ch {
		s.Fatalf("got %s, want an update of %s", text, ch)
	}
	return u
}

func content(u *motacilla.Update) string {
	var list []string
	for _, r := range u.Renders {
		list = append(list, r.Content)
	}
	return strings.Join(list, " ")
}

func TestSubscribe(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines, feed: publisher.FeedOptions{Heartbeat: 20 * time.Millisecond}})
		s.Create(second, motacilla.Public)
		c := s.several(nil)
		s.hears(c, `{"subscribed":[]}`)
		s.ask(c, `{"subscribe":{"match-42":null}}`)
		s.hears(c, `{"subscribed":["match-42"]}`)
		if u := s.of(c, match); !u.Reset {
			t.Errorf("got %+v, want a reset", u)
		}
		one := s.post("one")
		s.of(c, match)
		s.ask(c, fmt.Sprintf(`{"subscribe":{"%s":%d,"none":null,"members":0},"unsubscribe":["match-42","never"]}`, second, s.Head(second)))
		s.hears(c, `{"unsubscribed":["match-42","never"]}`)
		s.hears(c, `{"subscribed":["cup:second+leg"]}`)
		for _, want := range []trouble{{Channel: "none", Status: 404}, {Channel: "members", Status: 403}} {
			if got := s.complains(c, "refused"); got.Channel != want.Channel || got.Status != want.Status {
				t.Errorf("got the refusal %+v, want %+v", got, want)
			}
		}
		s.post("not heard")
		s.Post(second, "heard")
		if u := s.of(c, second); u.Reset || content(u) != "heard" {
			t.Errorf("got %+v", u)
		}
		// Who comes back gets what it missed. Who is there already begins anew.
		for range 2 {
			s.ask(c, fmt.Sprintf(`{"subscribe":{"match-42":%d}}`, one.Revision))
			s.hears(c, `{"subscribed":["match-42"]}`)
			if u := s.of(c, match); u.Reset || u.From != one.Revision || content(u) != "not heard" {
				t.Errorf("got %+v", u)
			}
		}
		if _, err := s.Store.DeleteChannel(t.Context(), match); err != nil {
			t.Fatal(err)
		}
		if u := s.of(c, match); !u.Gone {
			t.Errorf("got %+v, want gone", u)
		}
		s.ask(c, `{"unsubscribe":["cup:second+leg"]}`)
		s.hears(c, `{"unsubscribed":["cup:second+leg"]}`)
		s.ask(c, `{"subscribe":{"cup:second+leg":null}}`) // the connection stays when it has no channel
		s.hears(c, `{"subscribed":["cup:second+leg"]}`)
		s.of(c, second)
		if n := s.stats().Readers.Load(); n != 1 {
			t.Errorf("the connection counts as %d readers", n)
		}
		_ = c.Close()
		s.Eventually("the reader is gone", func() bool { return s.stats().Readers.Load() == 0 })
	})
}

func TestRequestsThatAreWrong(t *testing.T) {
	many := make([]string, publisher.MostChannels+1)
	for i := range many {
		many[i] = fmt.Sprintf(`"channel-%d":null`, i)
	}
	tooMany := `{"subscribe":{` + strings.Join(many, ",") + `}}`
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines})
		c := s.several(nil, string(match))
		s.hears(c, `{"subscribed":["match-42"]}`)
		s.of(c, match)
		for text, field := range map[string]string{
			"": "", "hello": "", "[]": "", "null": "", `{`: "", `{}x`: "", `{}`: "subscribe", `{"subscribe":{}} {}`: "",
			`{"subscribe":{"match-42":null}}{}`: "",
			`{"subscribe":[]}`:                  "subscribe", `{"subscribe":{"a":1,"a":2}}`: "subscribe", `{"subscribe":{"":1}}`: "subscribe",
			`{"subscribe":{"a b":1}}`: "subscribe", `{"subscribe":{"a":"1"}}`: "subscribe", `{"subscribe":{"a":-1}}`: "subscribe",
			`{"subscribe":{"a":1.5}}`: "subscribe", `{"subscribe":{"a":1e3}}`: "subscribe", `{"subscribe":{"a":true}}`: "subscribe",
			`{"subscribe":{"a":{}}}`: "subscribe", `{"unsubscribe":{}}`: "unsubscribe", `{"unsubscribe":[1]}`: "unsubscribe",
			`{"unsubscribe":["a b"]}`: "unsubscribe", `{"other":1}`: "other", tooMany: "subscribe",
		} {
			s.ask(c, text)
			if got := s.complains(c, "error"); got.Status != 400 || got.Field != field || got.Detail == "" {
				t.Errorf("%.60s: got %+v, want 400 for the field %q", text, got, field)
			}
		}
		_, _ = c.Write(masked(0x80|gorilla.BinaryMessage, `{"subscribe":{"a":1}}`))
		if got := s.complains(c, "error"); got.Status != 400 {
			t.Errorf("a binary message: got %+v", got)
		}
		s.post("goes on")
		if u := s.of(c, match); content(u) != "goes on" {
			t.Errorf("got %+v", u)
		}
		s.ask(c, strings.Repeat(" ", mostRequest+1))
		s.ends(c, gorilla.CloseMessageTooBig)
	})
}

// A connection follows at most so many channels, and its messages are counted.
func TestRequestsAreBounded(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines})
		var want []string
		for i := range publisher.MostChannels {
			ch := motacilla.ChannelID(fmt.Sprint("channel-", i))
			s.Create(ch, motacilla.Public)
			want = append(want, fmt.Sprintf("%s,%d", ch, s.Head(ch)))
		}
		c := s.several(nil, want...)
		if got := s.text(c); strings.Count(got, "channel-") != publisher.MostChannels {
			t.Fatalf("got %s", got)
		}
		s.ask(c, `{"subscribe":{"match-42":null}}`)
		if got := s.complains(c, "refused"); got.Status != 400 || got.Channel != match {
			t.Errorf("got the refusal %+v of a channel too many", got)
		}
		s.ask(c, fmt.Sprintf(`{"subscribe":{"match-42":%d},"unsubscribe":["channel-0"]}`, s.Head(match)))
		s.hears(c, `{"unsubscribed":["channel-0"]}`)
		s.hears(c, `{"subscribed":["match-42"]}`)
		var flood []byte
		for range 4 * mostControls { // some end in the next second
			flood = append(flood, masked(0x80|gorilla.TextMessage, `{"unsubscribe":["none"]}`)...)
		}
		go func() { _, _ = c.Write(flood) }()
		for {
			opcode, payload, err := c.next()
			if err != nil {
				t.Fatal(err)
			}
			if opcode == gorilla.CloseMessage {
				if code, _ := codeOf(payload); code != gorilla.ClosePolicyViolation {
					t.Errorf("got close code %d, want %d", code, gorilla.ClosePolicyViolation)
				}
				break
			}
		}
		_ = c.Close()
		s.Eventually("the reader is gone", func() bool { return s.stats().Readers.Load() == 0 })
	})
}

// The hook is asked for each channel that a reader subscribes to, with the request of the connection.
func TestSubscribePermissions(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines})
		c := s.several([]string{"Authorization: Bearer " + secret})
		s.hears(c, `{"subscribed":[]}`)
		s.ask(c, fmt.Sprintf(`{"subscribe":{"members":%d}}`, s.Head(members)))
		s.hears(c, `{"subscribed":["members"]}`)
		s.Post(members, "of members alone")
		if u := s.of(c, members); content(u) != "of members alone" {
			t.Errorf("got %+v", u)
		}
		guest := s.several(nil, string(match))
		s.hears(guest, `{"subscribed":["match-42"]}`)
		s.of(guest, match)
		s.change(func(c *motacilla.Channel) { c.Access = motacilla.Private })
		s.post("of members alone")
		if got := s.complains(guest, "refused"); got.Channel != match || got.Status != 403 {
			t.Errorf("got %+v", got)
		}
		s.ask(guest, `{"subscribe":{"match-42":null}}`)
		if got := s.complains(guest, "refused"); got.Channel != match || got.Status != 403 {
			t.Errorf("got %+v", got)
		}
	})
}

// A cookie counts only from origins that are trusted, also for channels that are subscribed to later.
func TestSubscribeWithCookie(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines, origins: route.NewOrigins("*")})
		for origin, status := range map[string]int{"http://live.example": 0, "https://evil.example": 403} {
			c := s.several([]string{"Origin: " + origin, "Cookie: " + s.cookie()}, string(match))
			s.hears(c, `{"subscribed":["match-42"]}`)
			s.of(c, match)
			s.ask(c, `{"subscribe":{"members":null}}`)
			if status == 0 {
				s.hears(c, `{"subscribed":["members"]}`)
				s.of(c, members)
			} else if got := s.complains(c, "refused"); got.Status != status {
				t.Errorf("%s: got %+v", origin, got)
			}
			_ = c.Close()
		}
	})
}

func TestSeveralRefused(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines})
		c := s.several(nil, "none", "members")
		s.ends(c, codeGone)
		for target, status := range map[string]int{
			"/live/websocket/?c=members":               403,
			"/live/websocket/?c=match-42&c=match-42,1": 400,
			"/live/websocket/?since=1":                 400,
		} {
			if _, resp := s.request(http.MethodGet, target, upgrading...); resp.StatusCode != status {
				t.Errorf("%s: got %s, want %d", target, resp.Status, status)
			}
		}
		for _, target := range []string{"/live/websocket/?c=match-42", "/live/websocket/"} {
			if _, resp := s.request(http.MethodGet, target); resp.StatusCode != http.StatusUpgradeRequired {
				t.Errorf("%s: got %s, want 426", target, resp.Status)
			}
		}
		if _, resp := s.request(http.MethodPost, "/live/websocket/", upgrading...); resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("POST: got %s", resp.Status)
		}
		s.Eventually("no reader is counted", func() bool { return s.stats().Readers.Load() == 0 })
	})
}

// One of two channels does not exist, and the other is out of reach. A reader that got close code 4404 would not come back.
func TestSeveralUnavailable(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		hook := func(_ *http.Request, ch motacilla.ChannelID, _ route.Action) (route.Grant, error) {
			if ch == match {
				return route.Grant{}, motacilla.ErrUnavailable
			}
			return route.Grant{}, nil
		}
		s := open(t, settings{goroutines: goroutines, authorize: hook})
		_, resp := s.request(http.MethodGet, "/live/websocket/?c=none&c=match-42", upgrading...)
		if resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("got %s, want 503", resp.Status)
		}
	})
}

// In a drain the reader gets the close frame, whatever it follows.
func TestSeveralDrain(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines})
		full, empty := s.several(nil, string(match)), s.several(nil)
		s.hears(full, `{"subscribed":["match-42"]}`)
		s.of(full, match)
		s.hears(empty, `{"subscribed":[]}`)
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Shutdown()
		}()
		s.ends(full, gorilla.CloseGoingAway)
		s.ends(empty, gorilla.CloseGoingAway)
		<-done
	})
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"subscribe":{"match-42":1763890000456789,"match-43":null},"unsubscribe":["match-44"]}`))
	f.Add([]byte(`{"subscribe":{"a":1,"a":2}}`))
	f.Add([]byte(`{"unsubscribe":["a"]}]`))
	f.Add([]byte("{\"subscribe\":{\"\xff\":1}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := parseRequest(text)
		if r.Bad != nil {
			return
		}
		// What is understood means the same to another parser, and is bounded.
		var other struct {
			Subscribe   map[motacilla.ChannelID]*motacilla.Revision `json:"subscribe"`
			Unsubscribe []motacilla.ChannelID                       `json:"unsubscribe"`
		}
		if err := json.Unmarshal(text, &other); err != nil {
			t.Fatalf("%q is understood, but is no JSON: %v", text, err)
		}
		if len(other.Subscribe) != len(r.Subscribe) || !slices.Equal(other.Unsubscribe, r.Unsubscribe) ||
			len(r.Subscribe) > publisher.MostChannels || len(r.Unsubscribe) > publisher.MostChannels {
			t.Fatalf("%q is %+v, want %+v", text, r, other)
		}
		for _, c := range r.Subscribe {
			want := motacilla.Revision(0)
			if given := other.Subscribe[c.Channel]; given != nil {
				want = *given
			}
			if _, err := motacilla.ParseChannelID(string(c.Channel)); err != nil || c.After != want {
				t.Fatalf("%q is %+v, want %+v (%v)", text, r, other, err)
			}
		}
	})
}
