package polling_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/route"
)

// roundAnswer is an answer to a request that names its round.
type roundAnswer struct {
	motacilla.Update
	round   int64  // next_round, or -1
	control string // Cache-Control
}

func decodeRound(t *testing.T, header http.Header, body []byte) roundAnswer {
	t.Helper()
	var u motacilla.Update
	more := struct {
		Round *int64 `json:"next_round"`
	}{}
	if err := u.UnmarshalJSON(body); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if err := json.Unmarshal(body, &more); err != nil {
		t.Fatal(err)
	}
	a := roundAnswer{u, -1, header.Get("Cache-Control")}
	if more.Round != nil {
		a.round = *more.Round
	}
	return a
}

func (a *asked) round(t *testing.T) roundAnswer {
	t.Helper()
	<-a.done
	if a.Code != http.StatusOK {
		t.Fatalf("%d %s", a.Code, a.Body)
	}
	return decodeRound(t, a.Header(), a.Body.Bytes())
}

func whilePublic(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) {
	return route.Grant{WhilePublic: true}, nil
}

func TestRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		s.authorize = whilePublic
		s.post("Goal")
		head := s.head()
		issued := time.Now()
		target := func(round int64) string { return fmt.Sprintf("%s?since=%d&round=%d", longPath, head, round) }
		expect := func(a *asked, took time.Duration, round int64) {
			t.Helper()
			got := a.round(t)
			if !got.Heartbeat() || got.round != round || a.took != took || got.control != polling.SharedIdle {
				t.Errorf("after %v: %+v; want round %d after %v", a.took, got, round, took)
			}
		}
		// A reader that arrives later, after 10 s, is in the same round. A hold that begins in a round ends in the next.
		first := s.begin(t.Context(), "GET", target(0))
		time.Sleep(10 * time.Second)
		late := s.begin(t.Context(), "GET", target(0))
		expect(first, 25*time.Second, 1)
		expect(late, 25*time.Second, 1)
		expect(s.get(target(1)), 25*time.Second, 2)
		// A round that is over is not held.
		expect(s.get(target(0)), 0, 2)
		expect(s.get(target(1)), 0, 2)
		expect(s.get(target(1)+"&hold=0"), 0, 2)
		expect(s.get(target(0)+"&hold=0"), 0, 2) // a reader that arrives now
		expect(s.get(target(2)+"&hold=0"), 0, 2)
		// The reader's clock does not count, and a round that is still to come is held. The next is another one.
		expect(s.get(target(5)), 25*time.Second, 6)
		if passed := time.Since(issued); passed != 85*time.Second {
			t.Errorf("%v have passed", passed)
		}
		held := s.begin(t.Context(), "GET", target(3))
		synctest.Wait()
		p := s.post("Goal")
		got := held.round(t)
		if got.Revision != p.Revision || len(got.Renders) != 1 || got.round != -1 || got.control != polling.SharedNews {
			t.Errorf("got %+v, want the post", got)
		}
		if got := s.get(target(3)).round(t); got.Revision != p.Revision || got.control != polling.SharedNews {
			t.Errorf("later: got %+v, want the post", got)
		}
	})
}

// Nobody may keep answers for readers with a permission of their own, those without a round, and those about errors.
func TestNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		own := route.Grant{Expires: time.Now().Add(time.Hour)}
		s.authorize = func(r *http.Request, ch motacilla.ChannelID, a route.Action) (route.Grant, error) {
			if r.Header.Get("Authorization") != "" {
				return own, nil
			}
			return whilePublic(r, ch, a)
		}
		old := s.head()
		s.post("Goal")
		target := func(cursor motacilla.Revision, more string) string {
			return fmt.Sprintf("%s?since=%d%s", longPath, cursor, more)
		}
		for _, cursor := range []motacilla.Revision{old, s.head()} {
			for _, a := range []*asked{
				s.get(target(cursor, "")), s.get(target(cursor, "&hold=0")),
				s.get(target(cursor, "&round=0"), "Authorization", "Bearer x"),
				s.get(target(cursor, "&round=0&hold=0"), "Authorization", "Bearer x"),
			} {
				if control := a.Header().Get("Cache-Control"); a.Code != 200 || control != "no-store" {
					t.Errorf("from %d: %d, Cache-Control: %q", cursor, a.Code, control)
				}
			}
		}
		for more, field := range map[string]string{
			"&round=": "round", "&round=x": "round", "&round=-1": "round", "&round=1&round=1": "round", "&round=1234567890123456": "round",
		} {
			a := s.get(target(old, more))
			var problem struct{ Field string }
			if err := json.Unmarshal(a.Body.Bytes(), &problem); err != nil || a.Code != 400 || problem.Field != field ||
				a.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %v %s", more, a.Code, a.Header(), a.Body)
			}
		}
		held := s.begin(t.Context(), "GET", target(s.head(), "&round=99"))
		synctest.Wait()
		head := s.head()
		s.EditChannel(match, func(c *motacilla.Channel) { c.Access = motacilla.Private })
		if got := held.round(t); !got.Heartbeat() || got.Revision != head || got.control != "no-store" {
			t.Errorf("when the channel became private: %+v", got)
		}
	})
}

func (l *line) round() roundAnswer {
	l.Helper()
	resp, err := http.ReadResponse(l.in, nil)
	if err != nil {
		l.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		l.Fatalf("%s: %s (%v)", resp.Status, body, err)
	}
	return decodeRound(l.T, resp.Header, body)
}

// TestParkedRounds has the rounds of requests that the epoll engine holds. Only the first passes through the handlers.
func TestParkedRounds(t *testing.T) {
	s, handled := openCounted(t, &polling.LongOptions{Hold: 100 * time.Millisecond})
	s.authorize = whilePublic
	l := s.dial(t)
	at := s.head()
	ask := func(round int64) { l.say(request(fmt.Sprintf("%d&round=%d", at, round), "")) }
	var round int64 = 1 << 20
	for range 3 {
		ask(round)
		got := l.round()
		if !got.Heartbeat() || got.Revision != at || got.round != round+1 || got.control != polling.SharedIdle {
			t.Fatalf("got %+v after round %d", got, round)
		}
		round++
	}
	ask(0) // long over
	if got := l.round(); !got.Heartbeat() || got.round < 1 || got.round >= 1<<20 {
		t.Errorf("got %+v, want the present round", got)
	}
	if n := handled.Load(); n != 1 {
		t.Errorf("got %d requests through the handlers, want the first one", n)
	}
}

// TestParkedRoundIsOver parks a request for a round that is over. It is answered at once, and not after an hour.
func TestParkedRoundIsOver(t *testing.T) {
	s := build(t, func() time.Time { return time.Now().Add(-150 * time.Minute) }, nil, &polling.LongOptions{Hold: time.Hour})
	s.authorize = whilePublic
	s.server = s.Serve(nil)
	l := s.dial(t)
	at := s.head()
	l.say(request(fmt.Sprintf("%d&round=2", at), ""))
	s.isParked()
	at = s.post("Goal").Revision
	if got := l.round(); got.Revision != at {
		t.Fatalf("got %+v, want the post", got)
	}
	l.say(request(fmt.Sprintf("%d&round=1", at), "")) // the engine reads it
	if got := l.round(); !got.Heartbeat() || got.round != 2 || got.control != polling.SharedIdle {
		t.Errorf("got %+v, want the present round", got)
	}
}

func TestParkedIsShared(t *testing.T) {
	s, handled := openCounted(t, &polling.LongOptions{Hold: time.Hour})
	s.authorize = whilePublic
	l := s.dial(t)
	at := s.head()
	for round := range 3 {
		l.say(request(fmt.Sprintf("%d&round=%d", at, 10+round), ""))
		s.isParked()
		p := s.post("Goal")
		got := l.round()
		if got.From != at || got.Revision != p.Revision || got.round != -1 || got.control != polling.SharedNews {
			t.Fatalf("got %+v, want the post", got)
		}
		at = p.Revision
	}
	if n := handled.Load(); n != 1 {
		t.Errorf("got %d requests through the handlers, want the first one", n)
	}
	// The same reader without a round: the connection is given back to the handlers.
	l.say(request(at, ""))
	s.Eventually("the request passes through the handlers", func() bool { return handled.Load() == 2 })
	s.isParked()
	s.post("Goal")
	if got := l.round(); got.control != "no-store" {
		t.Errorf("without a round: %+v", got)
	}
	l.say(request(fmt.Sprintf("%d&round=x", at), ""))
	if status, _ := l.answer(); status != http.StatusBadRequest {
		t.Errorf("got %d for a round that is no number", status)
	}
}

// What ends a parked request without news says so in its headers.
func TestParkedEnds(t *testing.T) {
	for name, test := range map[string]struct {
		end     func(s *site)
		control string
	}{
		"private": {func(s *site) {
			s.EditChannel(match, func(c *motacilla.Channel) { c.Access = motacilla.Private })
		}, "no-store"},
		"drain": {func(s *site) {
			if err := s.holds.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}, polling.SharedIdle},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := openCounted(t, &polling.LongOptions{Hold: time.Hour})
			s.authorize = whilePublic
			l := s.dial(t)
			at := s.head()
			l.say(request(fmt.Sprintf("%d&round=7", at), ""))
			s.isParked()
			test.end(s)
			if got := l.round(); !got.Heartbeat() || got.Revision != at || got.round != 8 || got.control != test.control {
				t.Errorf("got %+v", got)
			}
		})
	}
	t.Run("deleted", func(t *testing.T) {
		s, _ := openCounted(t, &polling.LongOptions{Hold: time.Hour})
		s.authorize = whilePublic
		l := s.dial(t)
		l.say(request(fmt.Sprintf("%d&round=7", s.head()), ""))
		s.isParked()
		if _, err := s.Store.DeleteChannel(t.Context(), match); err != nil {
			t.Fatal(err)
		}
		if got := l.round(); !got.Gone || got.control != polling.SharedNews {
			t.Errorf("got %+v", got)
		}
	})
}
