package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
)

const (
	hour = time.Hour
	html = "text/html"
)

// problem answers with the server's own problem document.
func problem(status int, header ...string) http.HandlerFunc {
	body := fmt.Sprintf(`{"status":%d,"title":%q,"detail":"why"}`, status, http.StatusText(status))
	return say(status, "application/problem+json", body, header...)
}

// TestLadder has transports fail in every way before one works; took is how long that may take.
func TestLadder(t *testing.T) {
	works := say(200, "application/json", ends())
	for _, tt := range []struct {
		name           string
		offers         string
		sse, ws, long  http.HandlerFunc
		asked          string
		shortest, most time.Duration
	}{
		{"all silent", "sse websocket long-polling interval-polling", never, never, never,
			"list, sse 0, websocket 0, long-polling 0, interval-polling 0", 15 * time.Second, 15 * time.Second},
		{"nothing after the header", "sse websocket interval-polling", stream(hour), socket(hour), nil,
			"list, sse 0, websocket 0, interval-polling 0", 10 * time.Second, 10 * time.Second},
		{"comments are no updates", "sse interval-polling",
			stream(":\n\n", 2*time.Second, ":\n\n", 2*time.Second, ":\n\n", 2*time.Second, ":\n\n"), nil, nil,
			"list, sse 0, interval-polling 0", 5 * time.Second, 5 * time.Second},
		{"not what they should be", "sse websocket long-polling interval-polling",
			say(200, html, event(ends())), say(200, html, "hello"), say(200, html, "<html>"),
			"list, sse 0, websocket 0, long-polling 0, interval-polling 0", 0, 0},
		{"refused by a server that does not know them", "sse websocket long-polling interval-polling",
			say(404, html, "nothing here"), say(403, html, "no"), say(501, html, "what?"),
			"list, sse 0, websocket 0, long-polling 0, interval-polling 0", 0, 0},
		{"no update", "sse websocket long-polling interval-polling",
			stream(event("{}")), socket("hello"), say(200, "application/json", "[]"),
			"list, sse 0, websocket 0, long-polling 0, interval-polling 0", 0, 0},
		{"of another channel", "sse interval-polling", stream(event(strings.Replace(ends(), "match-42", "x", 1))), nil, nil,
			"list, sse 0, interval-polling 0", 0, 0},
		{"an upgrade is wanted", "sse websocket interval-polling", say(426, html, ""), say(426, html, ""), nil,
			"list, sse 0, websocket 0, interval-polling 0", 0, 0},
		{"broken by a proxy", "sse interval-polling", say(502, html, "bad gateway"), nil, nil,
			"list, sse 0, sse 0, sse 0, interval-polling 0", 250 * time.Millisecond, 4 * time.Second},
		{"ends before its first update", "websocket interval-polling", nil, socket(), nil,
			"list, websocket 0, websocket 0, websocket 0, interval-polling 0", 250 * time.Millisecond, 4 * time.Second},
		{"unknown ones", "pigeon sse", stream(event(ends())), nil, nil, "list, sse 0", 0, 0},
		{"the server's order", "interval-polling sse", nil, nil, nil, "list, interval-polling 0", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &script{offers: strings.Fields(tt.offers), answer: map[string]http.HandlerFunc{
				"sse": tt.sse, "websocket": tt.ws, "long-polling": tt.long, "interval-polling": works,
			}}
			s.run(t, func(t *testing.T, o *settings) {
				began := time.Now()
				n, err := last(t.Context(), "http://live.example", match, o)
				took := time.Since(began)
				if n != 1 || err != nil || s.questions() != tt.asked || took < tt.shortest || took > tt.most {
					t.Errorf("%d updates, %v, after %v (want %v to %v)\nasked: %s\nwant:  %s",
						n, err, took, tt.shortest, tt.most, s.questions(), tt.asked)
				}
			})
		})
	}
}

// TestSlowAtFirst has an only transport that takes 8 s: too long the first time, not the second.
func TestSlowAtFirst(t *testing.T) {
	s := &script{offers: []string{"sse"}, answer: map[string]http.HandlerFunc{"sse": stream(8*time.Second, event(ends()))}}
	s.run(t, func(t *testing.T, o *settings) {
		if n, err := last(t.Context(), "http://live.example", match, o); n != 1 || err != nil {
			t.Errorf("%d updates, %v", n, err)
		}
		if want := "list, sse 0, list, sse 0"; s.questions() != want {
			t.Errorf("asked: %s, want %s", s.questions(), want)
		}
	})
}

// TestComesBack has connections break after an update, in every way. The next request must have the cursor, and must come
// after the right pause.
func TestComesBack(t *testing.T) {
	second := time.Second
	first := event(reset(0, 7))
	for _, tt := range []struct {
		name           string
		transport      string
		first          http.HandlerFunc
		shortest, most time.Duration
		faults         int
	}{
		{"the stream ends", "sse", stream(first), second / 4, second / 2, 0},
		{"it ends within an event", "sse", stream(first, event(step(7, 8))[:40]), second / 4, second / 2, 0},
		{"it ends after an event that was not ended", "sse", stream(first, "data: "+step(7, 8)+"\n"), second / 4, second / 2, 0},
		{"the connection breaks", "sse", stream(first, event(step(7, 8))[:40], abort{}), second / 4, second / 2, 1},
		{"retry", "sse", stream("retry: 60000\n" + first), 30 * second, 60 * second, 0},
		{"retry alone", "sse", stream(first, "retry: 60000\n\n"), 30 * second, 60 * second, 0},
		{"retry is no number", "sse", stream("retry: -6e4\n" + first), second / 4, second / 2, 0},
		{"other events", "sse", stream(first, "event: news\ndata: what?\n\n"), second / 4, second / 2, 0},
		{"an event that is no update", "sse", stream(first, "data: what?\n\n", hour), second / 4, second / 2, 1},
		{"silence", "sse", stream(first, hour), 45 * second, 46 * second, 1},
		{"comments, then silence", "sse",
			stream(first, 40*second, ":\n", 40*second, ":\n", 40*second, ":\n", hour), 165 * second, 166 * second, 1},
		{"old news", "sse", stream(first, event(step(5, 7)), event(step(3, 4)), event(reset(0, 7))), second / 4, second / 2, 0},
		{"a gap", "sse", stream(first, event(step(8, 9)), hour), 0, 0, 0},
		{"a reset that leads back", "sse", stream(first, event(reset(0, 6)), hour), 0, 0, 0},
		{"going away", "websocket", socket(reset(0, 7), 1001), second / 4, second / 2, 0},
		{"a grant that has expired", "websocket", socket(reset(0, 7), 1008), second / 4, second / 2, 0},
		{"try again later", "websocket", socket(reset(0, 7), 1013), second / 4, second / 2, 1},
		{"without a word", "websocket", socket(reset(0, 7)), second / 4, second / 2, 1},
		{"silence of a socket", "websocket", socket(reset(0, 7), hour), 45 * second, 46 * second, 1},
		{"pings, then silence", "websocket",
			socket(reset(0, 7), 40*second, nil, 40*second, nil, 40*second, nil, hour), 165 * second, 166 * second, 1},
		{"a gap of a socket", "websocket", socket(reset(0, 7), step(8, 9), hour), 0, 0, 0},
		{"a held poll fails", "long-polling", turns(say(200, "application/json", reset(0, 7)), say(500, html, "")),
			second / 4, second / 2, 1},
		{"silence of a held poll", "long-polling", turns(say(200, "application/json", reset(0, 7)), never),
			45 * second, 46 * second, 1},
		{"unavailable", "long-polling",
			turns(say(200, "application/json", reset(0, 7)), problem(503, "Retry-After", "40")),
			40 * second, 50 * second, 1},
		{"too many", "interval-polling",
			turns(say(200, "application/json", reset(0, 7)), problem(429, "Retry-After", "40")),
			42 * second, 54 * second, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			after := stream(event(strings.Replace(ends(), `"from":1`, `"from":7`, 1)))
			switch tt.transport {
			case "websocket":
				after = socket(ends())
			case "long-polling", "interval-polling":
				after = say(200, "application/json", ends())
			}
			answers := []http.HandlerFunc{tt.first, after}
			if strings.HasSuffix(tt.transport, "polling") {
				answers = []http.HandlerFunc{tt.first, tt.first, after}
			}
			s := &script{offers: []string{tt.transport}, answer: map[string]http.HandlerFunc{tt.transport: turns(answers...)}}
			s.run(t, func(t *testing.T, o *settings) {
				var faults []error
				o.Retry = func(err error, _ time.Duration) error {
					faults = append(faults, err)
					return nil
				}
				n, err := last(t.Context(), "http://live.example", match, o)
				asked := "list, " + tt.transport + " 0, " + tt.transport + " 7"
				if len(answers) == 3 {
					asked += ", " + tt.transport + " 7"
				}
				if n != 2 || err != nil || s.questions() != asked || len(faults) != tt.faults {
					t.Errorf("%d updates, %v, faults %v (want %d)\nasked: %s\nwant:  %s",
						n, err, faults, tt.faults, s.questions(), asked)
				}
				if took := s.gap(1, len(answers)); took < tt.shortest || took > tt.most {
					t.Errorf("came back after %v, want %v to %v", took, tt.shortest, tt.most)
				}
			})
		})
	}
}

// TestSlowConsumer works on each update longer than a connection may be silent. The connection must stay.
func TestSlowConsumer(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"sse":       stream(event(reset(0, 1)), event(step(1, 2)), event(step(2, 3)), event(goneAt(3))),
		"websocket": socket(reset(0, 1), step(1, 2), step(2, 3), goneAt(3)),
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{offers: []string{name}, answer: map[string]http.HandlerFunc{name: answer}}
			s.run(t, func(t *testing.T, o *settings) {
				n := 0
				for _, err := range following(t.Context(), "http://live.example", match, o) {
					if err != nil {
						t.Fatal(err)
					}
					if n++; n > 4 {
						break
					}
					time.Sleep(2 * time.Minute)
				}
				if want := "list, " + name + " 0"; n != 4 || s.questions() != want {
					t.Errorf("%d updates; asked: %s, want %s", n, s.questions(), want)
				}
			})
		})
	}
}

// TestAway has the server away for a while. That is not the transport's fault, however often it is tried.
func TestAway(t *testing.T) {
	s := &script{offers: []string{"sse", "websocket"}, answer: map[string]http.HandlerFunc{
		"sse": turns(stream(event(reset(0, 7)), abort{}), stream(event(ends()))),
	}}
	s.run(t, func(t *testing.T, o *settings) {
		s.away = 10
		var waits []time.Duration
		o.Retry = func(_ error, wait time.Duration) error {
			waits = append(waits, wait)
			return nil
		}
		began, n := time.Now(), 0
		for _, err := range following(t.Context(), "http://live.example", match, o) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			s.mu.Lock()
			s.away = 10 * (2 - n)
			s.mu.Unlock()
		}
		if want := "list, sse 0, sse 7"; n != 2 || s.questions() != want {
			t.Errorf("%d updates; asked: %s, want %s", n, s.questions(), want)
		}
		if len(waits) != 21 || waits[9] < 7500*time.Millisecond || waits[9] > 15*time.Second || waits[0] > time.Second/2 {
			t.Errorf("waited %v", waits)
		}
		t.Logf("the failures took %v", time.Since(began))
	})
}

// TestTurnedAway has the server itself say that it is full, more often than a transport may fail.
func TestTurnedAway(t *testing.T) {
	full := problem(503, "Retry-After", "30")
	s := &script{offers: []string{"websocket", "sse"}, answer: map[string]http.HandlerFunc{
		"websocket": turns(full, full, full, full, full, socket(ends())),
	}}
	s.run(t, func(t *testing.T, o *settings) {
		began := time.Now()
		n, err := last(t.Context(), "http://live.example", match, o)
		if took := time.Since(began); n != 1 || err != nil || took < 150*time.Second || strings.Contains(s.questions(), "sse") {
			t.Errorf("%d updates, %v, after %v; asked: %s", n, err, took, s.questions())
		}
	})
}

// TestListRefused has the list of transports refused.
func TestListRefused(t *testing.T) {
	for _, tt := range []struct {
		name    string
		list    http.HandlerFunc
		final   error
		atLeast time.Duration
	}{
		{"no such channel", problem(404), motacilla.ErrNotFound, 0},
		{"a channel that was removed", problem(410), motacilla.ErrNotFound, 0},
		{"malformed", problem(400), motacilla.ErrInvalid, 0},
		{"nothing in common", say(200, "application/json", `{"transports":[{"name":"pigeon","url":"/x"}]}`), client.ErrNoTransport, 0},
		{"an empty list", say(200, "application/json", `{"transports":[]}`), client.ErrNoTransport, 0},
		{"a method that the server does not know", problem(405), client.ErrNoTransport, 0},
		// What the server did not write itself is an outage.
		{"no list", say(200, "application/json", `{"maintenance":true}`), nil, 0},
		{"no JSON", say(200, html, `<html>`), nil, 0},
		{"404 of a proxy", say(404, "text/plain", "no backend"), nil, 0},
		{"410 of a proxy", say(410, html, ""), nil, 0},
		{"401 of a proxy", say(401, html, "who are you?"), nil, 0},
		{"403 of a proxy", say(403, html, "no"), nil, 0},
		{"400 of a proxy", say(400, html, "no"), nil, 0},
		{"problem of a gateway", say(404, "application/problem+json", `{"type":"https://gateway.example/x","title":"No route"}`), nil, 0},
		{"unavailable", problem(503, "Retry-After", "40"), nil, 40 * time.Second},
		{"too many", say(429, html, "slow down", "Retry-After", "40"), nil, 40 * time.Second},
		{"no answer", never, nil, 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list := say(200, "application/json", `{"transports":[{"name":"sse","url":"/sse"}]}`)
			s := &script{answer: map[string]http.HandlerFunc{"list": turns(tt.list, list), "sse": stream(event(ends()))}}
			s.run(t, func(t *testing.T, o *settings) {
				began := time.Now()
				n, err := last(t.Context(), "http://live.example", match, o)
				if !errors.Is(err, tt.final) || (tt.final == nil) != (n == 1) {
					t.Errorf("%d updates, then %v; want %v", n, err, tt.final)
				}
				if took := time.Since(began); took < tt.atLeast || took > tt.atLeast*5/4+time.Second {
					t.Errorf("took %v, want a little more than %v", took, tt.atLeast)
				}
			})
		})
	}
}

// TestFinalOnTransport has the server itself refuse a transport for good.
func TestFinalOnTransport(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		list   http.HandlerFunc // when it is asked again
		want   error
	}{
		{"sse", problem(403), nil, motacilla.ErrForbidden},
		{"sse", problem(401), nil, motacilla.ErrUnauthorized},
		{"sse", problem(400), nil, motacilla.ErrInvalid},
		{"sse", problem(404), problem(404), motacilla.ErrNotFound},
		{"websocket", problem(403), nil, motacilla.ErrForbidden},
		{"websocket", socket(1008), nil, motacilla.ErrForbidden},
		{"websocket", socket(4404), problem(404), motacilla.ErrNotFound},
		{"long-polling", problem(403), nil, motacilla.ErrForbidden},
		// The path has changed. The list decides.
		{"sse", turns(problem(404), stream(event(ends()))), nil, nil},
	} {
		list := say(200, "application/json", `{"transports":[{"name":"`+tt.name+`","url":"/`+tt.name+`"}]}`)
		if tt.list != nil {
			list = turns(list, tt.list)
		}
		s := &script{answer: map[string]http.HandlerFunc{"list": list, tt.name: tt.answer}}
		s.run(t, func(t *testing.T, o *settings) {
			n, err := last(t.Context(), "http://live.example", match, o)
			if !errors.Is(err, tt.want) || (tt.want == nil) != (n == 1) {
				t.Errorf("%s: %d updates, then %v; want %v (asked: %s)", tt.name, n, err, tt.want, s.questions())
			}
		})
	}
}

// TestPolls checks when polling asks again: as the server says, and not at once if requests are not held.
func TestPolls(t *testing.T) {
	next := strings.Replace(step(7, 7), `"removals"`, `"next_poll_ms":20000,"removals"`, 1)
	for _, tt := range []struct {
		name, transport string
		answers         []http.HandlerFunc
		shortest, most  time.Duration // between the second question and the third
	}{
		{"as the server says", "interval-polling", []http.HandlerFunc{say(200, "", reset(0, 7)), say(200, "", next)},
			16 * time.Second, 24 * time.Second},
		{"by itself", "interval-polling", []http.HandlerFunc{say(200, "", reset(0, 7)), say(200, "", step(7, 7))},
			2400 * time.Millisecond, 3600 * time.Millisecond},
		{"held", "long-polling", []http.HandlerFunc{say(200, "", reset(0, 7)), say(200, "", step(7, 8))}, 0, 0},
		{"not held", "long-polling", []http.HandlerFunc{say(200, "", reset(0, 7)), say(200, "", step(7, 7))},
			800 * time.Millisecond, 1200 * time.Millisecond},
		{"drained", "long-polling", []http.HandlerFunc{say(200, "", reset(0, 7)), say(200, "", next)},
			16 * time.Second, 24 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer := turns(append(tt.answers, say(200, "", ends()))...)
			s := &script{offers: []string{tt.transport}, answer: map[string]http.HandlerFunc{tt.transport: answer}}
			s.run(t, func(t *testing.T, o *settings) {
				if n, err := last(t.Context(), "http://live.example", match, o); n != 3 || err != nil {
					t.Errorf("%d updates, %v", n, err)
				}
				if gap := s.gap(2, 3); gap < tt.shortest || gap > tt.most {
					t.Errorf("asked again after %v, want %v to %v", gap, tt.shortest, tt.most)
				}
			})
		})
	}
}

// TestRounds checks what long polling asks for. A round that the server names is asked for at once. An answer that a cache has
// kept must not make it ask in a tight loop.
func TestRounds(t *testing.T) {
	at := func(cursor, next int) string {
		more := fmt.Sprintf(`"next_round":%d,"removals"`, next)
		return strings.Replace(step(motacilla.Revision(cursor), motacilla.Revision(cursor)), `"removals"`, more, 1)
	}
	for _, tt := range []struct {
		name    string
		answers []string
		asked   string // the query of the last question
		pause   bool   // before it
	}{
		{"arriving", []string{at(7, 41)}, "since=7&round=41", false},
		{"the time is up", []string{at(7, 41), at(7, 42), at(7, 43)}, "since=7&round=43", false},
		{"news", []string{at(7, 41), step(7, 8)}, "since=8&round=0", false},
		{"the same round", []string{at(7, 41), at(7, 41)}, "since=7&round=41", true},
		{"an older round", []string{at(7, 41), at(7, 40)}, "since=7&round=41", true},
		{"no round", []string{at(7, 41), step(7, 7)}, "since=7&round=41", true},
		{"an old update", []string{at(7, 41), step(5, 6)}, "since=7&round=41", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var answers []http.HandlerFunc
			for _, body := range tt.answers {
				answers = append(answers, say(200, "", body))
			}
			answer, queries := turns(append(answers, say(200, "", ends()))...), []string(nil)
			s := &script{offers: []string{"long-polling"}}
			s.answer = map[string]http.HandlerFunc{"long-polling": func(w http.ResponseWriter, r *http.Request) {
				queries = append(queries, r.URL.RawQuery)
				answer(w, r)
			}}
			s.run(t, func(t *testing.T, o *settings) {
				o.Since = 7
				if _, err := last(t.Context(), "http://live.example", match, o); err != nil {
					t.Error(err)
				}
				n := len(tt.answers)
				if len(queries) != n+1 || queries[0] != "since=7&round=0&hold=0" || queries[n] != tt.asked {
					t.Errorf("asked %q, want %s at last", queries, tt.asked)
				}
				if gap := s.gap(n, n+1); (gap >= 800*time.Millisecond) != tt.pause || !tt.pause && gap != 0 {
					t.Errorf("asked again after %v", gap)
				}
			})
		})
	}
}

// TestUnchanged has interval polling ask with the ETag, and the server answer that nothing has changed.
func TestUnchanged(t *testing.T) {
	tags := ""
	answer := turns(
		say(200, "", reset(0, 7), "ETag", `"0-7"`), say(200, "", step(7, 7), "ETag", `"7-7"`),
		say(304, "", ""), say(304, "", ""), say(200, "", ends()),
	)
	s := &script{offers: []string{"interval-polling"}, answer: map[string]http.HandlerFunc{
		"interval-polling": func(w http.ResponseWriter, r *http.Request) {
			tags += r.Header.Get("If-None-Match") + " "
			answer(w, r)
		},
	}}
	s.run(t, func(t *testing.T, o *settings) {
		n, err := last(t.Context(), "http://live.example", match, o)
		if want := `  "7-7" "7-7" "7-7" `; n != 3 || err != nil || tags != want {
			t.Errorf("%d updates, %v, with the tags %s; want 3 and %s", n, err, tags, want)
		}
	})
}
