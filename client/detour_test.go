package client_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
)

// told is what a server with too many readers says.
const told = `{"transport":"interval-polling","for":60,"retry":10}`

// sent closes a WebSocket as a server with too many readers does.
func sent(w http.ResponseWriter, r *http.Request) {
	up := gorilla.Upgrader{}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.WriteMessage(gorilla.CloseMessage, gorilla.FormatCloseMessage(4503, told))
	_, _, _ = conn.NextReader()
}

// brief leaves out of questions what is asked again and again.
func brief(questions string) string {
	var list []string
	for q := range strings.SplitSeq(questions, ", ") {
		if len(list) == 0 || list[len(list)-1] != q {
			list = append(list, q)
		}
	}
	return strings.Join(list, ", ")
}

// A reader that the server moves to another transport uses that for the time that the server says, without a pause before and after,
// and loses nothing.
func TestDetour(t *testing.T) {
	full := stream("retry: 10000\nevent: transport\ndata: " + told + "\n\n")
	json := "application/json"
	polls := turns(say(200, json, reset(0, 7)), say(200, json, step(7, 8)), say(200, json, step(8, 8)))
	refused := say(503, "application/problem+json",
		`{"status":503,"title":"Service Unavailable","transport":"interval-polling","for":60}`, "Retry-After", "10")
	for _, tt := range []struct {
		name, transport string
		full, after     http.HandlerFunc
	}{
		{"an event", "sse", full, stream(event(goneAt(8)))},
		{"a close code", "websocket", sent, socket(goneAt(8))},
		{"an answer", "long-polling", refused, say(200, json, ends())},
		{"an answer instead of an upgrade", "websocket", refused, socket(ends())},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &script{offers: []string{tt.transport, "interval-polling"}, answer: map[string]http.HandlerFunc{
				tt.transport: turns(tt.full, tt.full, tt.after), "interval-polling": polls,
			}}
			s.run(t, func(t *testing.T, o *settings) {
				o.Retry = func(err error, wait time.Duration) error {
					t.Errorf("a pause of %v, because of %v", wait, err)
					return nil
				}
				began := time.Now()
				_, err := last(t.Context(), "http://live.example", match, o)
				want := "list, T 0, interval-polling 0, interval-polling 7, interval-polling 8, T 8, interval-polling 8, T 8"
				if want = strings.ReplaceAll(want, "T", tt.transport); err != nil || brief(s.questions()) != want {
					t.Errorf("%v\nasked: %s\nwant:  %s", err, brief(s.questions()), want)
				}
				if took := time.Since(began); took < 2*time.Minute || took > 150*time.Second {
					t.Errorf("two detours of 60 to 75 s took %v", took)
				}
				if n := strings.Count(s.questions(), "interval-polling"); n < 30 || n > 70 {
					t.Errorf("the reader has polled %d times", n)
				}
			})
		})
		polls = turns(say(200, json, reset(0, 7)), say(200, json, step(7, 8)), say(200, json, step(8, 8)))
	}
}

// A reader that can't use the transport that it is told to use comes again when it may.
func TestNoDetour(t *testing.T) {
	full := stream("event: transport\ndata: " + told + "\n\n")
	after := stream(event(ends()))
	for _, tt := range []struct {
		name           string
		offers         string
		sse, interval  http.HandlerFunc
		asked          string
		shortest, most time.Duration
	}{
		{"not offered", "sse", turns(full, after), nil, "list, sse 0, sse 0", 10 * time.Second, 13 * time.Second},
		{"broken there", "sse interval-polling", turns(full, after), say(500, html, "no"),
			"list, sse 0, interval-polling 0, sse 0", time.Second / 4, time.Second},
		{"silent there", "sse interval-polling", turns(full, after), never,
			"list, sse 0, interval-polling 0, sse 0", 5 * time.Second, 6 * time.Second},
		{"no such channel there", "sse interval-polling", turns(full, after), problem(404),
			"list, sse 0, interval-polling 0, list, sse 0", 0, 0},
		{"refused there for a while", "sse interval-polling", turns(full, after),
			turns(problem(429, "Retry-After", "5"), say(200, "application/json", ends())),
			"list, sse 0, interval-polling 0, interval-polling 0", 5 * time.Second, 7 * time.Second},
		{"moved on", "sse interval-polling long-polling", turns(full, after),
			say(503, "application/problem+json", `{"status":503,"title":"x","transport":"long-polling","for":60}`, "Retry-After", "8"),
			"list, sse 0, interval-polling 0, sse 0", 8 * time.Second, 10 * time.Second},
		{"to itself", "sse", turns(stream("event: transport\ndata: "+strings.ReplaceAll(told, "interval-polling", "sse")+"\n\n"), after), nil,
			"list, sse 0, sse 0", 10 * time.Second, 13 * time.Second},
		{"to nowhere", "sse interval-polling", turns(stream("event: transport\ndata: {}\n\n"), after), nil,
			"list, sse 0, sse 0", time.Second / 4, time.Second},
		{"in no words", "sse interval-polling", turns(stream("event: transport\ndata: full\n\n"), after), nil,
			"list, sse 0, sse 0", time.Second / 4, time.Second},
		{"for no time", "sse interval-polling", turns(stream("event: transport\ndata: "+strings.ReplaceAll(told, "60", "0")+"\n\n"), after),
			nil, "list, sse 0, sse 0", time.Second / 4, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &script{offers: strings.Fields(tt.offers), answer: map[string]http.HandlerFunc{
				"sse": tt.sse, "interval-polling": tt.interval,
			}}
			s.run(t, func(t *testing.T, o *settings) {
				began := time.Now()
				_, err := last(t.Context(), "http://live.example", match, o)
				took := time.Since(began)
				if err != nil || s.questions() != tt.asked || took < tt.shortest || took > tt.most {
					t.Errorf("%v after %v (want %v to %v)\nasked: %s\nwant:  %s", err, took, tt.shortest, tt.most, s.questions(), tt.asked)
				}
			})
		})
	}
}

// A reader that may use one transport only is not moved.
func TestDetourIsNotAllowed(t *testing.T) {
	s := &script{offers: []string{"sse", "interval-polling"}, answer: map[string]http.HandlerFunc{
		"sse": turns(stream("event: transport\ndata: "+told+"\n\n"), stream(event(ends()))),
	}}
	s.run(t, func(t *testing.T, o *settings) {
		o.Transports = []string{"sse"}
		_, err := last(t.Context(), "http://live.example", match, o)
		if want := "list, sse 0, sse 0"; err != nil || s.questions() != want || s.gap(1, 2) < 10*time.Second {
			t.Errorf("%v, asked %s after %v, want %s", err, s.questions(), s.gap(1, 2), want)
		}
	})
}
