package sse

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
)

const second motacilla.ChannelID = "cup:second+leg"

// several is the path of a connection that follows channels, each with or without a cursor.
func severalPath(want ...string) string { return "/live/sse/?" + url.Values{"c": want}.Encode() }

// several opens a connection that follows several channels.
func (s *site) several(header []string, want ...string) *stream {
	s.Helper()
	resp := s.Do(http.MethodGet, severalPath(want...), header...)
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		s.Fatalf("GET %v: %s %s", want, resp.Status, body)
	}
	return &stream{newEventStream(resp.Body), resp, resp.Body}
}

// notice returns the next event, which must be of a type, and the value of its only key.
func (s *site) notice(st *stream, kind string, value any) {
	s.Helper()
	m, err := st.next()
	for err == nil && m.Type == "heartbeat" && kind != "heartbeat" {
		m, err = st.next()
	}
	if err != nil {
		s.Fatalf("the stream ended, want %s: %v", kind, err)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(m.Data), &object); err != nil || m.Type != kind || len(object) != 1 {
		s.Fatalf("got an event of type %q with %s, want one of type %s", m.Type, m.Data, kind)
	}
	if err := json.Unmarshal(object[kind], value); err != nil {
		s.Fatalf("%v in %s", err, m.Data)
	}
}

// refusal is the value of a notice.
type refusal struct {
	Channel    motacilla.ChannelID
	Status     int
	Title      string
	Detail     string
	RetryAfter int `json:"retry_after"`
	Transport  string
	For        int
}

func (s *site) subscribed(st *stream, want ...motacilla.ChannelID) {
	s.Helper()
	var got []motacilla.ChannelID
	if s.notice(st, "subscribed", &got); !slices.Equal(got, want) {
		s.Fatalf("subscribed to %v, want %v", got, want)
	}
}

func (s *site) refused(st *stream, ch motacilla.ChannelID, status int) refusal {
	s.Helper()
	var got refusal
	if s.notice(st, "refused", &got); got.Channel != ch || got.Status != status || got.Title == "" {
		s.Fatalf("got the refusal %+v, want %d for %s", got, status, ch)
	}
	return got
}

// of returns the next update, which must be one of a channel.
func (s *site) of(st *stream, ch motacilla.ChannelID) *motacilla.Update {
	s.Helper()
	u := s.any(st)
	if u.Channel != ch {
		s.Fatalf("got an update of %s, want one of %s", u.Channel, ch)
	}
	return u
}

// any returns the next update.
func (s *site) any(st *stream) *motacilla.Update {
	s.Helper()
	m, err := st.next()
	for err == nil && m.Type == "heartbeat" {
		m, err = st.next()
	}
	u := new(motacilla.Update)
	if err == nil && m.Type == "" {
		err = u.UnmarshalJSON([]byte(m.Data))
	}
	if err != nil || m.Type != "" {
		s.Fatalf("got %+v, want an update (%v)", m, err)
	}
	return u
}

// position reads on until a position follows that is not before, and returns it. There must be heartbeats.
func (s *site) position(st *stream, before string) string {
	s.Helper()
	for st.lastID == before {
		if m, err := st.next(); err != nil || m.Type != "heartbeat" {
			s.Fatalf("got %+v, want heartbeats until there is a position (%v)", m, err)
		}
	}
	return st.lastID
}

func beats() publisher.FeedOptions { return publisher.FeedOptions{Heartbeat: 30 * time.Millisecond} }

func at(ch motacilla.ChannelID, rev motacilla.Revision) string { return fmt.Sprintf("%s,%d", ch, rev) }

func TestSeveralChannels(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c, feed: beats()})
		s.Create(second, motacilla.Public)
		s.post("one")
		st := s.several(nil, string(match), at(second, s.Head(second)), "none", string(members))
		s.subscribed(st, match, second)
		if r := s.refused(st, "none", 404); r.Detail == "" || r.RetryAfter != 0 {
			t.Errorf("got the refusal %+v", r)
		}
		s.refused(st, members, 403)
		if u := s.of(st, match); !u.Reset || texts(u) != "one" {
			t.Errorf("got %+v, want a reset", u)
		}
		for i := range 3 {
			s.Post(second, fmt.Sprint("second ", i))
			if u := s.of(st, second); u.Reset || texts(u) != fmt.Sprint("second ", i) {
				t.Errorf("got %+v", u)
			}
			s.post(fmt.Sprint("first ", i))
			if u := s.of(st, match); u.Reset || texts(u) != fmt.Sprint("first ", i) {
				t.Errorf("got %+v", u)
			}
		}
		if n := s.stats().Readers.Load(); n != 1 {
			t.Errorf("the connection counts as %d readers, want 1", n)
		}
		_ = st.body.Close()
		s.Eventually("the reader is gone", func() bool { return s.stats().Readers.Load() == 0 })
	})
}

// A reader that was cut off resumes everywhere, from the position or from the cursors in the address.
func TestSeveralResume(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c, feed: beats()})
		s.Create(second, motacilla.Public)
		want := []string{string(match), string(second), "none"}
		st := s.several(nil, want...)
		s.subscribed(st, match, second)
		s.refused(st, "none", 404)
		s.any(st)
		s.any(st)
		first := s.position(st, "")
		s.post("a")
		s.of(st, match)
		id := s.position(st, first)
		_ = st.body.Close()
		s.Post(second, "b")

		st = s.several([]string{"Last-Event-ID", id}, want...)
		s.subscribed(st, match, second)
		s.refused(st, "none", 404)
		if u := s.of(st, second); u.Reset || texts(u) != "b" {
			t.Errorf("after the position came %+v, want b", u)
		}
		s.post("c")
		if u := s.of(st, match); u.Reset || texts(u) != "c" {
			t.Errorf("after the position came %+v, want c", u)
		}
		_ = st.body.Close()

		// An older position leads to what followed then. What is no position is ignored.
		for header, want := range map[string]string{first: "a c", "1795478399370607": "", id[1:]: "", id + ",1": "", "\u00e9": ""} {
			st = s.several([]string{"Last-Event-ID", header}, string(match), at(second, s.Head(second)), "none")
			s.subscribed(st, match, second)
			s.refused(st, "none", 404)
			u := s.any(st)
			for want != "" && u.Channel != match {
				u = s.any(st)
			}
			if u.Reset != (want == "") || want != "" && texts(u) != want {
				t.Errorf("Last-Event-ID %q led to %+v, want %q", header, u, want)
			}
			_ = st.body.Close()
		}
	})
}

// If nothing can be followed, the answer is that of one channel.
func TestSeveralRefused(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c})
		many := make([]string, publisher.MostChannels+1)
		for i := range many {
			many[i] = fmt.Sprint("channel-", i)
		}
		for status, queries := range map[int][]string{
			400: {
				"", "?c=", "?c=,1", "?c=match-42,", "?c=match-42,x", "?c=match-42,-1", "?c=match-42,99999999999999999999", "?c=a,1,1",
				"?c=match-42&c=match-42,1", "?c=a%20b", "?c=a+b", "?c=match-42&since=1", "?c=%zz", "?" + url.Values{"c": many}.Encode(),
			},
			404: {"?c=none", "?c=none&c=members"},
			403: {"?c=members&c=none"},
		} {
			for _, query := range queries {
				resp := s.Do(http.MethodGet, "/live/sse/"+query)
				var p route.Problem
				if err := json.NewDecoder(resp.Body).Decode(&p); err != nil || resp.StatusCode != status || p.Status != status {
					t.Errorf("%s: got %s with %+v, want %d", query, resp.Status, p, status)
				}
				if wrong := p.Field != "c" && p.Field != "since"; status == 400 && wrong {
					t.Errorf("%s: the problem %+v names no parameter", query, p)
				}
			}
		}
		if n := s.stats().Readers.Load(); n != 0 {
			t.Errorf("%d readers are counted", n)
		}
		if resp := s.Do(http.MethodPost, severalPath("match-42")); resp.StatusCode != 405 {
			t.Errorf("POST: %s", resp.Status)
		}
		if resp := s.Do(http.MethodGet, severalPath("match-42"), "Cookie", "a="+strings.Repeat("b", 40<<10)); resp.StatusCode != 400 {
			t.Errorf("a long cookie: %s", resp.Status)
		}
	})
}

// One of two channels does not exist, and the other is out of reach. The answer says what may pass, so that the reader comes back.
func TestSeveralUnavailable(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c, authorize: func(_ *http.Request, ch motacilla.ChannelID, _ route.Action) (route.Grant, error) {
			if ch == match {
				return route.Grant{}, motacilla.ErrUnavailable
			}
			return route.Grant{}, nil
		}})
		if resp := s.Do(http.MethodGet, "/live/sse/?c=none&c=match-42"); resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("got %s, want 503", resp.Status)
		}
	})
}

// A channel that is deleted ends, and the others go on.
func TestSeveralDeleted(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c})
		s.Create(second, motacilla.Public)
		st := s.several(nil, string(match), string(second))
		s.subscribed(st, match, second)
		s.any(st)
		s.any(st)
		for _, ch := range []motacilla.ChannelID{second, match} {
			if ch == match {
				s.post("goes on")
				if u := s.of(st, match); texts(u) != "goes on" {
					t.Errorf("got %+v", u)
				}
			}
			if _, err := s.Store.DeleteChannel(t.Context(), ch); err != nil {
				t.Fatal(err)
			}
			if u := s.of(st, ch); !u.Gone {
				t.Errorf("got %+v, want gone", u)
			}
		}
		if m, err := st.next(); !errors.Is(err, io.EOF) {
			t.Errorf("after the last channel came %+v, %v; want the end", m, err)
		}
		s.Eventually("the reader is gone", func() bool { return s.stats().Readers.Load() == 0 })
	})
}

// A channel that becomes private is refused to those who may not read it, and the others go on.
func TestSeveralBecomePrivate(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c})
		s.Create(second, motacilla.Public)
		want := []string{string(match), string(second)}
		guest, member := s.several(nil, want...), s.several([]string{"Authorization", "Bearer " + secret}, want...)
		for _, st := range []*stream{guest, member} {
			s.subscribed(st, match, second)
			s.any(st)
			s.any(st)
		}
		s.access(motacilla.Private)
		s.post("of members alone")
		s.refused(guest, match, 403)
		s.Post(second, "for all")
		if u := s.of(guest, second); texts(u) != "for all" {
			t.Errorf("the guest got %+v", u)
		}
		got := ""
		for !strings.Contains(got, "of members alone") || !strings.Contains(got, "for all") {
			got += texts(s.any(member))
		}
	})
}

// Each channel has its own permission. The hook learns the channel in both ways.
func TestSeveralPermissions(t *testing.T) {
	const lasts = 300 * time.Millisecond
	each(t, func(t *testing.T, c connection) {
		hook := func(r *http.Request, ch motacilla.ChannelID, action route.Action) (route.Grant, error) {
			if r.PathValue("channel_id") != string(ch) || action != route.Read {
				return route.Grant{}, fmt.Errorf("the path value is %q, want %q", r.PathValue("channel_id"), ch)
			}
			switch ch {
			case second:
				return route.Grant{Expires: time.Now().Add(lasts)}, nil
			case "panics":
				panic("a test")
			case "forbidden":
				return route.Grant{}, motacilla.ErrForbidden
			}
			return route.Grant{}, nil
		}
		s := open(t, settings{connection: c, authorize: hook})
		s.Create(second, motacilla.Public)
		st := s.several(nil, string(members), "forbidden", "panics", string(second))
		s.subscribed(st, members, second)
		s.refused(st, "forbidden", 403)
		s.refused(st, "panics", 500)
		s.any(st)
		s.any(st)
		s.refused(st, second, 403)
		s.Post(second, "too late")
		s.Post(members, "goes on")
		if u := s.of(st, members); texts(u) != "goes on" {
			t.Errorf("got %+v", u)
		}
	})
}

// The end of a stream tells the position, and when to come back.
func TestSeveralEnd(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		for _, drain := range []bool{false, true} {
			o := settings{connection: c, lifetime: 150 * time.Millisecond}
			if drain {
				o.lifetime = 0
			}
			s := open(t, o)
			s.Create(second, motacilla.Public)
			st := s.several(nil, string(match), string(second))
			s.subscribed(st, match, second)
			s.any(st)
			s.any(st)
			if drain {
				s.Shutdown()
			}
			if m, err := st.next(); !errors.Is(err, io.EOF) {
				t.Fatalf("got %+v, %v; want the end", m, err)
			}
			want := []publisher.Cursor{{Channel: match}, {Channel: second}}
			if resume(want, st.lastID); want[0].After != s.head() || want[1].After != s.Head(second) {
				t.Errorf("the position %q is %v, want the heads", st.lastID, want)
			}
			if len(st.Retry) != 2 {
				t.Errorf("got retry %v, want one at the beginning and one at the end", st.Retry)
			}
			s.Close()
		}
	})
}

// A connection counts once for the node and the address, and for each of its channels.
func TestSeveralLimits(t *testing.T) {
	for _, test := range []struct {
		limits publisher.Limits
		then   string // the channel of one more reader
		status int
	}{
		{publisher.Limits{PerChannel: 1}, string(match), 503},
		{publisher.Limits{PerChannel: 1, Overflow: "interval-polling"}, string(match), 200}, // a stream that says so
		{publisher.Limits{PerChannel: 1}, string(members), 200},
		{publisher.Limits{Readers: 1}, string(members), 503},
		{publisher.Limits{Readers: 2}, string(members), 200},
		{publisher.Limits{PerAddress: 1}, string(members), 429},
		{publisher.Limits{PerAddress: 2}, string(members), 200},
	} {
		s := open(t, settings{feed: publisher.FeedOptions{Limits: test.limits}})
		s.Create(second, motacilla.Public)
		st := s.several(nil, string(match), string(second))
		s.subscribed(st, match, second)
		resp := s.Do(http.MethodGet, severalPath(test.then), "Authorization", "Bearer "+secret)
		if resp.StatusCode != test.status || (test.status != 200) != (resp.Header.Get("Retry-After") != "") {
			t.Errorf("%+v: got %s with Retry-After %q, want %d", test, resp.Status, resp.Header.Get("Retry-After"), test.status)
		}
		_ = resp.Body.Close()
		if test.limits.PerChannel > 0 && test.then == string(match) {
			other := s.several([]string{"Authorization", "Bearer " + secret}, string(match), string(members))
			s.subscribed(other, members)
			if r := s.refused(other, match, 503); r.RetryAfter < 5 || r.Transport != test.limits.Overflow || (r.For > 0) != (r.Transport != "") {
				t.Errorf("got the refusal %+v, want when to try again, and the transport %q", r, test.limits.Overflow)
			}
			_ = other.body.Close()
		}
		_ = st.body.Close()
		s.Eventually("the readers are gone", func() bool { return s.stats().Readers.Load() == 0 })
		again := s.several([]string{"Authorization", "Bearer " + secret}, string(match), string(second), string(members))
		s.subscribed(again, match, second, members)
		s.Close()
	}
}

func FuzzPosition(f *testing.F) {
	want := []publisher.Cursor{{Channel: match}, {Channel: second}}
	f.Add(string(position(nil, mark(want), []motacilla.Revision{1, 1763890000456789})))
	f.Add("")
	f.Add(mark(want) + ".1,2")
	f.Add(mark(want) + ".-1,zzzzzzzzzzzzzzzz")
	f.Fuzz(func(t *testing.T, id string) {
		got := []publisher.Cursor{{Channel: match, After: 7}, {Channel: second, After: 8}}
		resume(got, id)
		if got[0].After == 7 && got[1].After == 8 {
			return
		}
		for _, c := range got {
			if c.After < 0 {
				t.Fatalf("%q gives %v", id, got)
			}
		}
		again := []publisher.Cursor{{Channel: match}, {Channel: second}}
		made := position(nil, mark(again), []motacilla.Revision{got[0].After, got[1].After})
		resume(again, strings.TrimSpace(strings.TrimPrefix(string(made), "id: ")))
		if !slices.Equal(again, got) {
			t.Fatalf("%q gives %v, and then %v", id, got, again)
		}
	})
}
