package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
)

// of returns an update of a channel other than match-42.
func of(ch, update string) string { return strings.Replace(update, "match-42", ch, 1) }

// notice returns the event of a notice.
func notice(kind, value string) string {
	return "event: " + kind + "\ndata: {\"" + kind + "\":" + value + "}\n\n"
}

// talk answers with a WebSocket for several channels: to each message of the client with the next texts, or as f says.
func talk(answer func(request string) []string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		up := gorilla.Upgrader{}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.WriteMessage(gorilla.TextMessage, []byte(`{"subscribed":[]}`))
		for {
			_, text, err := conn.ReadMessage()
			if err != nil {
				return
			}
			for _, message := range answer(string(text)) {
				_ = conn.WriteMessage(gorilla.TextMessage, []byte(message))
			}
		}
	}
}

// pairs ranges over Updates until want pairs have come or ctx ends, and returns them in brief.
func pairs(t *testing.T, o *settings, want int, channels ...motacilla.ChannelID) string {
	t.Helper()
	m := followingMany(t, o, channels...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	var list []string
	for u, err := range m.Updates(ctx) {
		switch {
		case errors.Is(err, motacilla.ErrNotFound):
			list = append(list, string(u.Channel)+" not found")
		case err != nil:
			list = append(list, string(u.Channel)+" "+err.Error())
		default:
			list = append(list, fmt.Sprintf("%s %d-%d", u.Channel, u.From, u.Revision))
		}
		if len(list) == want {
			break
		}
	}
	return strings.Join(list, ", ")
}

// TestManyComesBack has connections for several channels end in every way. The next one must have all cursors, and must come after the
// right pause.
func TestManyComesBack(t *testing.T) {
	second := time.Second
	hello := notice("subscribed", `["match-42","x"]`)
	first := hello + event(reset(0, 7)) + event(of("x", reset(0, 3)))
	for _, tt := range []struct {
		name           string
		parts          []any
		shortest, most time.Duration
		faults         int
	}{
		{"the stream ends", []any{first}, second / 4, second / 2, 0},
		{"the connection breaks", []any{first, abort{}}, second / 4, second / 2, 1},
		{"retry", []any{"retry: 60000\n" + first}, 30 * second, 60 * second, 0},
		{"silence", []any{first, hour}, 45 * second, 46 * second, 1},
		{"heartbeats, then silence", []any{first, 40 * second, notice("heartbeat", "true"), 40 * second, notice("heartbeat", "true"), hour},
			125 * second, 126 * second, 1},
		{"no update", []any{first, "data: what?\n\n", hour}, second / 4, second / 2, 1},
		{"a channel without an answer", []any{strings.Replace(first, `,"x"`, "", 1), 20 * second, notice("heartbeat", "true"), hour},
			45 * second, 46 * second, 1},
		{"too many messages", []any{first, notice("error", `{"status":429,"title":"Too Many Requests","retry_after":30}`), hour},
			30 * second, 38 * second, 1},
		{"a gap", []any{first, event(step(8, 9)), hour}, 100 * time.Millisecond, 200 * time.Millisecond, 0},
		{"an old reset", []any{first, event(reset(0, 6)), hour}, 100 * time.Millisecond, 200 * time.Millisecond, 0},
		{"refused for a while", []any{first, notice("refused", `{"channel":"x","status":503,"title":"Unavailable","retry_after":20}`), hour},
			20 * second, 26 * second, 1},
		{"forbidden now", []any{first, notice("refused", `{"channel":"x","status":403,"title":"Forbidden"}`), hour},
			second / 4, second, 0},
		{"unknown messages", []any{first, notice("news", "[1]"), "event: what\ndata: ever\n\n", event(`{"pigeon":true}`),
			notice("subscribed", `["nobody"]`), notice("refused", `{"channel":"nobody","status":404,"title":"x"}`),
			event(of("nobody", step(7, 8)))}, second / 4, second / 2, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			after := stream(hello + event(goneAt(7)) + event(of("x", step(3, 4))))
			s := &script{offers: []string{"sse"}, many: true, answer: map[string]http.HandlerFunc{"many-sse": turns(stream(tt.parts...), after)}}
			s.run(t, func(t *testing.T, o *settings) {
				faults := 0
				o.Retry = func(error, time.Duration) error { faults++; return nil }
				got := pairs(t, o, 4, match, "x")
				want := "match-42 0-7, x 0-3, match-42 7-99, x 3-4"
				if tt.name == "a channel without an answer" {
					want = "match-42 0-7, match-42 7-99, x 3-4, " // x begins at 0 again, which is no matter here
					got = strings.Join(strings.Split(got, ", ")[:2], ", ") + ", x 3-4, "
				}
				if got != want || faults != tt.faults {
					t.Errorf("got %s\nwant %s\nfaults: %d, want %d", got, want, faults, tt.faults)
				}
				asked := strings.Split(s.questions(), ", ")
				if len(asked) < 3 || asked[1] != "many-sse match-42,0 x,0" || !strings.HasPrefix(asked[2], "many-sse match-42,7 x,") {
					t.Errorf("asked: %q", asked)
				}
				if took := s.gap(1, 2); took < tt.shortest || took > tt.most {
					t.Errorf("came back after %v, want %v to %v", took, tt.shortest, tt.most)
				}
			})
		})
	}
}

// TestManyTalks has requests over a WebSocket answered in every way.
func TestManyTalks(t *testing.T) {
	var mu sync.Mutex
	var requests []string
	answers := [][]string{
		{`{"subscribed":["match-42"]}`, `{"refused":{"channel":"x","status":503,"title":"x","retry_after":10}}`, reset(0, 7), of("x", reset(0, 1))},
		{`{"subscribed":["x"]}`, of("x", reset(0, 3)), step(8, 9)}, // a gap
		{`{"subscribed":["match-42"]}`, step(7, 9), `{"refused":{"channel":"x","status":403,"title":"x"}}`},
		{`{"refused":{"channel":"x","status":404,"title":"x"}}`, goneAt(9)},
	}
	s := &script{offers: []string{"websocket"}, many: true, answer: map[string]http.HandlerFunc{"many-websocket": talk(func(request string) []string {
		mu.Lock()
		defer mu.Unlock()
		requests = append(requests, request)
		return answers[len(requests)-1]
	})}}
	s.run(t, func(t *testing.T, o *settings) {
		got := pairs(t, o, 5, match, "x")
		if want := "match-42 0-7, x 0-3, match-42 7-9, x not found, match-42 9-99"; got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
		mu.Lock()
		defer mu.Unlock()
		want := `{"subscribe":{"match-42":0,"x":0}} {"subscribe":{"x":0}} {"subscribe":{"match-42":7}} {"subscribe":{"x":3}}`
		if all := strings.Join(requests, " "); all != want {
			t.Errorf("asked %s\nwant  %s", all, want)
		}
		if want := "list, many-websocket"; s.questions() != want {
			t.Errorf("asked: %s, want %s", s.questions(), want)
		}
	})
}

// TestManyLadder has addresses for several channels fail in every way, before one works or each channel is polled.
func TestManyLadder(t *testing.T) {
	works := stream(notice("subscribed", `["match-42"]`) + event(reset(0, 7)))
	for _, tt := range []struct {
		name            string
		sse, ws         http.HandlerFunc
		asked           string
		atLeast, atMost time.Duration
		polls           string // what polling answers; "" is as it should
	}{
		{"silent", never, never, "list, many-sse match-42,0, many-websocket, list, interval-polling 0", 10 * time.Second, 11 * time.Second, ""},
		{"not what they should be", say(200, html, ""), say(200, html, ""),
			"list, many-sse match-42,0, many-websocket, list, interval-polling 0", 0, 0, ""},
		{"unknown to the server", problem(404), problem(404),
			"list, many-sse match-42,0, list, many-websocket, list, list, interval-polling 0", 0, 0, ""},
		{"broken by a proxy", say(502, html, ""), nil, "list, many-sse match-42,0, many-sse match-42,0, many-sse match-42,0, many-websocket, " +
			"list, interval-polling 0", 250 * time.Millisecond, 4 * time.Second, ""},
		{"full", turns(problem(503, "Retry-After", "40"), works), nil, "list, many-sse match-42,0, many-sse match-42,0",
			40 * time.Second, 50 * time.Second, ""},
		{"all broken once", turns(say(501, html, ""), works), nil, "list, many-sse match-42,0, many-websocket, list, interval-polling 0, " +
			"list, many-sse match-42,0", 250 * time.Millisecond, time.Second, "broken"},
		{"moved", turns(stream("event: transport\ndata: "+told+"\n\n"), works), nil,
			"list, many-sse match-42,0, list, interval-polling 0", 0, 0, ""},
		{"moved to nowhere", turns(stream("event: transport\ndata: "+strings.ReplaceAll(told, "interval", "x")+"\n\n"), works), nil,
			"list, many-sse match-42,0, many-sse match-42,0", 10 * time.Second, 13 * time.Second, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.ws == nil {
				tt.ws = say(501, html, "")
			}
			polls := tt.polls
			if polls == "" {
				polls = reset(0, 7)
			}
			s := &script{offers: []string{"sse", "websocket", "interval-polling"}, many: true, answer: map[string]http.HandlerFunc{
				"many-sse": tt.sse, "many-websocket": tt.ws, "interval-polling": say(200, "application/json", polls),
			}}
			s.run(t, func(t *testing.T, o *settings) {
				began := time.Now()
				got := pairs(t, o, 1, match)
				took := time.Since(began)
				if got != "match-42 0-7" || s.questions() != tt.asked || took < tt.atLeast || took > tt.atMost {
					t.Errorf("%s after %v (want %v to %v)\nasked: %s\nwant:  %s", got, took, tt.atLeast, tt.atMost, s.questions(), tt.asked)
				}
			})
		})
	}
}

// TestManyDetour: a reader that was moved to polling comes back to its connection for several channels.
func TestManyDetour(t *testing.T) {
	s := &script{offers: []string{"sse", "interval-polling"}, many: true, answer: map[string]http.HandlerFunc{
		"many-sse": turns(stream("event: transport\ndata: "+told+"\n\n"),
			stream(notice("subscribed", `["match-42"]`)+event(goneAt(8)))),
		"interval-polling": turns(say(200, "application/json", reset(0, 7)), say(200, "application/json", step(7, 8)),
			say(200, "application/json", step(8, 8))),
	}}
	s.run(t, func(t *testing.T, o *settings) {
		o.Retry = func(err error, wait time.Duration) error {
			t.Errorf("a pause of %v, because of %v", wait, err)
			return nil
		}
		began := time.Now()
		got := pairs(t, o, 3, match)
		if want := "match-42 0-7, match-42 7-8, match-42 8-99"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if took := time.Since(began); took < time.Minute || took > 76*time.Second {
			t.Errorf("a detour of 60 to 75 s took %v", took)
		}
		want := "list, many-sse match-42,0, list, interval-polling 0, interval-polling 7, interval-polling 8, many-sse match-42,8"
		if brief(s.questions()) != want {
			t.Errorf("asked: %s\nwant:  %s", brief(s.questions()), want)
		}
	})
}

// TestManySlowConsumer works on each update longer than a connection may be silent. The connection must stay.
func TestManySlowConsumer(t *testing.T) {
	updates := []string{reset(0, 1), step(1, 2), of("x", reset(0, 2)), of("x", step(2, 3)), step(2, 3)}
	for name, answer := range map[string]http.HandlerFunc{
		"sse": stream(notice("subscribed", `["match-42"]`)+event(updates[0])+event(updates[1])+
			notice("refused", `{"channel":"y","status":404,"title":"x"}`)+notice("subscribed", `["x"]`)+
			event(updates[2])+event(updates[3])+event(updates[4]), hour),
		"websocket": talk(func(string) []string {
			return append([]string{`{"subscribed":["match-42"]}`, updates[0], updates[1], `{"refused":{"channel":"y","status":404,"title":"x"}}`,
				`{"subscribed":["x"]}`}, updates[2:]...)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{offers: []string{name}, many: true, answer: map[string]http.HandlerFunc{"many-" + name: answer}}
			s.run(t, func(t *testing.T, o *settings) {
				n := 0
				for range followingMany(t, o, match, "x", "y").Updates(t.Context()) {
					if n++; n == 6 {
						break
					}
					time.Sleep(2 * time.Minute)
				}
				if n := strings.Count(s.questions(), "many"); n != 1 {
					t.Errorf("asked: %s", s.questions())
				}
			})
		})
	}
}

// TestOneOfEachFails has one channel refused for a while, with a connection for each. The others go on, and it comes back.
func TestOneOfEachFails(t *testing.T) {
	full := problem(503, "Retry-After", "10")
	s := &script{answer: map[string]http.HandlerFunc{}}
	list := func(name string) http.HandlerFunc {
		return say(200, "application/json", `{"transports":[{"name":"sse","url":"/`+name+`"}]}`)
	}
	s.answer["channels/x/transports"], s.answer["x"] = list("x"), turns(full, full, stream(event(of("x", reset(0, 3))), hour))
	s.answer["list"], s.answer["m"] = list("m"), stream(event(reset(0, 7)), 40*time.Second, event(step(7, 8)), hour)
	s.run(t, func(t *testing.T, o *settings) {
		var faults []string
		o.Retry = func(err error, wait time.Duration) error {
			faults = append(faults, err.Error())
			return nil
		}
		began := time.Now()
		if got, want := pairs(t, o, 3, match, "x"), "match-42 0-7, x 0-3, match-42 7-8"; got != want || time.Since(began) > 41*time.Second {
			t.Errorf("got %s after %v, want %s", got, time.Since(began), want)
		}
		if len(faults) != 2 || !strings.Contains(faults[0], `channel "x"`) {
			t.Errorf("the failures are %q", faults)
		}
	})
}

// TestRemoveInTheLoop removes a channel of which an update has come already, and begins it anew. Nothing of what has come is yielded.
func TestRemoveInTheLoop(t *testing.T) {
	hello := notice("subscribed", `["match-42","x"]`)
	s := &script{offers: []string{"sse"}, many: true, answer: map[string]http.HandlerFunc{"many-sse": turns(
		stream(hello+event(reset(0, 7))+event(of("x", reset(0, 3)))+event(of("x", step(3, 4)))+event(step(7, 8)), hour),
		stream(hello+event(of("x", reset(5, 6)))))}}
	s.run(t, func(t *testing.T, o *settings) {
		m := followingMany(t, o, match, "x")
		var got []string
		for u, err := range m.Updates(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, fmt.Sprintf("%s %d", u.Channel, u.Revision)); len(got) == 3 {
				break
			}
			if len(got) == 1 {
				m.Remove("x")
				_ = m.Add("x", 5)
			}
		}
		if all := strings.Join(got, ", "); all != "match-42 7, match-42 8, x 6" || m.Cursors()["x"] != 6 {
			t.Errorf("got %s, and x is at %d", all, m.Cursors()["x"])
		}
		if want := "list, many-sse match-42,0 x,0, many-sse match-42,8 x,5"; s.questions() != want {
			t.Errorf("asked: %s, want %s", s.questions(), want)
		}
	})
}

// TestManyAwayForGood: a failure ends everything if Retry says so.
func TestManyAwayForGood(t *testing.T) {
	enough := errors.New("enough")
	s := &script{offers: []string{"sse"}, away: 1 << 30}
	s.run(t, func(t *testing.T, o *settings) {
		n := 0
		o.Retry = func(error, time.Duration) error {
			if n++; n == 3 {
				return enough
			}
			return nil
		}
		if got := pairs(t, o, 2, match, "x"); !strings.HasSuffix(got, ": enough") || strings.Contains(got, ", ") {
			t.Errorf("got %s", got)
		}
	})
}
