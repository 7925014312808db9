package client_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
)

// ticketed answers with a ticket for the hub at the path /hub.
func ticketed(protocol, update string, more ...string) http.HandlerFunc {
	return say(200, "application/json", fmt.Sprintf(`{"update":%s,"check_ms":60000,"hub":{"protocol":%q,"url":"/hub"%s}}`,
		update, protocol, strings.Join(more, "")))
}

const forbidden = `{"status":403,"title":"Forbidden","detail":"no"}`

// TestHub: a reader asks, connects to the hub, asks again, and then only for what does not fit.
func TestHub(t *testing.T) {
	s := &script{offers: []string{"mercure", "sse"}, answer: map[string]http.HandlerFunc{
		"mercure": turns(
			ticketed("mercure", reset(0, 7)), ticketed("mercure", step(7, 8)), // 8 came before the hub sent anything
			ticketed("mercure", step(9, 13)), ticketed("mercure", step(14, 14)), ticketed("mercure", step(15, 15)),
		),
		"hub": stream("", time.Second, event(step(7, 8)), event(step(8, 9)), event(step(8, 9)), event(step(7, 8)), // fit, twice, late
			time.Second, event(step(10, 11)), event(step(12, 13)), time.Second, // gaps
			event(step(13, 14)), event("no update"), time.Second, event(`{"channel":"other","from":14,"revision":15}`),
			event(step(14, 15)), time.Second, event(goneAt(15)), time.Hour),
	}}
	s.run(t, func(t *testing.T, o *settings) {
		var got []string
		for u, err := range following(t.Context(), "http://live.example", match, o) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%d-%d", u.From, u.Revision))
		}
		want := "0-7 7-8 8-9 9-13 13-14 14-14 14-15 15-15 15-99"
		if strings.Join(got, " ") != want {
			t.Errorf("got  %v\nwant %s", got, want)
		}
		if asked := s.questions(); !strings.HasPrefix(asked, "list, mercure 0, hub, mercure 7, mercure 9, mercure 14") ||
			strings.Count(asked, "mercure") > 6 {
			t.Errorf("asked %s", asked)
		}
	})
}

// TestHubSilent: a reader asks when the hub is silent. If that brings what the hub should have sent, it connects anew.
func TestHubSilent(t *testing.T) {
	s := &script{offers: []string{"nchan"}, answer: map[string]http.HandlerFunc{
		"nchan": turns(ticketed("nchan", reset(0, 7)), ticketed("nchan", step(7, 7)), ticketed("nchan", step(7, 7)), ticketed("nchan", step(7, 8)),
			ticketed("nchan", step(8, 9)), ticketed("nchan", ends())),
		"hub": stream("", time.Hour),
	}}
	s.run(t, func(t *testing.T, o *settings) {
		if _, err := last(t.Context(), "http://live.example", match, o); err != nil {
			t.Fatal(err)
		}
		if want := "list, nchan 0, hub, nchan 7, nchan 7, nchan 7, nchan 8, nchan 9"; s.questions() != want {
			t.Errorf("asked %s\nwant  %s", s.questions(), want)
		}
		for i := 3; i < 6; i++ {
			if d := s.gap(i, i+1); d < 48*time.Second || d > 72*time.Second {
				t.Errorf("request %d came %v after the last one", i+1, d)
			}
		}
	})
}

// TestHubDown: a reader whose hub does not work uses the next transport at once, and looks for the hub again after some minutes.
func TestHubDown(t *testing.T) {
	refusals := map[string]http.HandlerFunc{
		"a page": say(200, "text/html", "<p>Welcome"), "an error": say(502, "text/html", ""),
		"like the server": say(403, "application/problem+json", forbidden), "nothing": never,
	}
	for name, refusal := range refusals {
		t.Run(name, func(t *testing.T) {
			s := &script{offers: []string{"mercure", "sse"}, answer: map[string]http.HandlerFunc{
				"mercure": turns(ticketed("mercure", reset(0, 7)), ticketed("mercure", step(7, 7))),
				"sse":     stream(event(step(7, 7)), time.Hour),
				"hub":     turns(refusal, stream(event(goneAt(7)))),
			}}
			s.run(t, func(t *testing.T, o *settings) {
				o.Heartbeat = time.Hour
				if _, err := last(t.Context(), "http://live.example", match, o); err != nil {
					t.Fatal(err)
				}
				if want := "list, mercure 0, hub, sse 7, list, mercure 7, hub"; !strings.HasPrefix(s.questions(), want) {
					t.Errorf("asked %s\nwant  %s", s.questions(), want)
				}
				if d := s.gap(3, 4); d < 4*time.Minute || d > 6*time.Minute {
					t.Errorf("the reader came back to the hub after %v", d)
				}
			})
		})
	}
}

// TestHubAway: a hub that has worked is tried three times before the next transport.
func TestHubAway(t *testing.T) {
	down := say(503, "text/html", "")
	s := &script{offers: []string{"mercure", "sse"}, answer: map[string]http.HandlerFunc{
		"mercure": turns(ticketed("mercure", reset(0, 7)), ticketed("mercure", step(7, 7))),
		"sse":     stream(event(ends())),
		"hub":     turns(stream("", time.Second, abort{}), down, stream("", time.Second), down, down, down),
	}}
	s.run(t, func(t *testing.T, o *settings) {
		var told []string
		o.Retry = func(err error, _ time.Duration) error {
			told = append(told, err.Error())
			return nil
		}
		if _, err := last(t.Context(), "http://live.example", match, o); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(s.questions(), "hub"); n != 6 || !strings.HasSuffix(s.questions(), "hub, sse 7") {
			t.Errorf("asked %s", s.questions())
		}
		if len(told) != 5 || !strings.HasPrefix(told[0], "mercure: the hub: ") {
			t.Errorf("Retry was told %q", told)
		}
	})
}

// TestHubWithoutChannel: a hub that does not get the channel is not looked for again.
func TestHubWithoutChannel(t *testing.T) {
	s := &script{offers: []string{"mercure", "sse"}, answer: map[string]http.HandlerFunc{
		"mercure": say(501, "application/problem+json", `{"status":501,"title":"Not Implemented"}`),
		"sse":     stream(event(reset(0, 7)), time.Hour, event(goneAt(7))),
	}}
	s.run(t, func(t *testing.T, o *settings) {
		o.Heartbeat = time.Hour
		if _, err := last(t.Context(), "http://live.example", match, o); err != nil {
			t.Fatal(err)
		}
		if want := "list, mercure 0, sse 0"; s.questions() != want {
			t.Errorf("asked %s\nwant  %s", s.questions(), want)
		}
	})
}

// TestHubServerAway: while the server has an outage, the hub's connection goes on. If the server refuses, that is the end.
func TestHubServerAway(t *testing.T) {
	outage := say(503, "application/problem+json", `{"status":503,"title":"Service Unavailable"}`)
	s := &script{offers: []string{"mercure", "sse"}, answer: map[string]http.HandlerFunc{
		"mercure": turns(ticketed("mercure", reset(0, 7)), outage, outage, ticketed("mercure", step(8, 9)), say(403, "application/problem+json", forbidden)),
		"hub":     stream(event(step(7, 8)), time.Minute, event(step(20, 21)), time.Hour),
	}}
	s.run(t, func(t *testing.T, o *settings) {
		faults := 0
		o.Retry = func(error, time.Duration) error { faults++; return nil }
		_, err := last(t.Context(), "http://live.example", match, o)
		if !errors.Is(err, motacilla.ErrForbidden) {
			t.Errorf("ended with %v", err)
		}
		if n := strings.Count(s.questions(), "hub"); n != 1 || faults != 2 {
			t.Errorf("%d connections, %d faults, asked %s", n, faults, s.questions())
		}
	})
}

// TestHubPace: what never fits makes few requests.
func TestHubPace(t *testing.T) {
	var parts []any
	for i := range 600 {
		parts = append(parts, event(step(motacilla.Revision(1000+i), motacilla.Revision(2000+i))), time.Second)
	}
	s := &script{offers: []string{"mercure"}, answer: map[string]http.HandlerFunc{
		"mercure": turns(ticketed("mercure", reset(0, 7)), ticketed("mercure", step(7, 7))),
		"hub":     turns(stream(parts...), stream(event(strings.Replace(gone, `"from":1,"revision":99`, `"from":7,"revision":9999`, 1)), time.Hour)),
	}}
	s.run(t, func(t *testing.T, o *settings) {
		if _, err := last(t.Context(), "http://live.example", match, o); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(s.questions(), "mercure"); n < 10 || n > 30 {
			t.Errorf("%d requests in ten minutes", n)
		}
	})
}

// TestHubToken: the hub gets its own token, and not the server's.
func TestHubToken(t *testing.T) {
	var mu sync.Mutex
	sent := map[string]string{}
	noting := func(next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			sent[strings.Trim(r.URL.Path, "/")] = r.Header.Get("Authorization") + ", " + r.Header.Get("User-Agent")
			mu.Unlock()
			next(w, r)
		}
	}
	s := &script{offers: []string{"mercure"}, answer: map[string]http.HandlerFunc{
		"mercure": noting(turns(ticketed("mercure", reset(0, 7), `,"token":"of-the-hub"`))),
		"hub":     noting(stream(event(goneAt(7)))),
	}}
	s.run(t, func(t *testing.T, o *settings) {
		o.Token = "of-the-server"
		if _, err := last(t.Context(), "http://live.example", match, o); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if sent["mercure"] != "Bearer of-the-server, motacilla-go" || sent["hub"] != "Bearer of-the-hub, motacilla-go" {
			t.Errorf("sent %q", sent)
		}
	})
}

// conversation is a hub that sends and expects texts in turns: what begins with > is expected.
func conversation(t *testing.T, parts ...any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		up := gorilla.Upgrader{}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for _, part := range parts {
			switch part := part.(type) {
			case time.Duration:
				time.Sleep(part)
			case string:
				want, expected := strings.CutPrefix(part, ">")
				if !expected {
					_ = conn.WriteMessage(gorilla.TextMessage, []byte(part))
					continue
				}
				_, got, err := conn.ReadMessage()
				if err != nil || string(got) != want {
					t.Errorf("the client sends %s (%v), want %s", got, err, want)
					return
				}
			}
		}
		_, _, _ = conn.ReadMessage()
	}
}

// TestHubDialects: what is said over WebSocket, and how long the hub may be silent.
func TestHubDialects(t *testing.T) {
	over := goneAt(7)
	quoted := strings.ReplaceAll(over, `"`, `\"`)
	for _, tt := range []struct {
		name, protocol, ticket string
		talk                   []any
	}{
		{"centrifugo", "centrifugo", `,"channel":"live:m","token":"c","subscription":"s"`, []any{
			`>{"id":1,"connect":{"token":"c","name":"motacilla"}}`, `{"id":1,"connect":{"client":"x","ping":25,"pong":true}}`,
			`>{"id":2,"subscribe":{"channel":"live:m","token":"s"}}`, 25 * time.Second, `{}`, `>{}`, `{"id":2,"subscribe":{}}`,
			`{"push":{"channel":"other","pub":{"data":{}}}}` + "\n" + `{"push":{"channel":"live:m","pub":{"data":` + over + `}}}`,
		}},
		{"centrifugo, subscribed by the token", "centrifugo", `,"channel":"live:m","token":"c"`, []any{
			`>{"id":1,"connect":{"token":"c","name":"motacilla"}}`, `{"id":1,"connect":{"subs":{"live:m":{}}}}`, time.Hour, `{}`,
			`{"push":{"channel":"live:m","pub":{"data":` + over + `}}}`,
		}},
		{"pusher", "pusher", `,"channel":"private-m","auth":"/auth"`, []any{
			`{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\",\"activity_timeout\":30}"}`,
			`>{"event":"pusher:subscribe","data":{"channel":"private-m","auth":"k:1.2"}}`,
			`{"event":"pusher_internal:subscription_succeeded","channel":"private-m","data":"{}"}`,
			`{"event":"pusher:ping","data":{}}`, `>{"event":"pusher:pong","data":{}}`,
			`>{"event":"pusher:ping","data":{}}`, 20 * time.Second, `{"event":"pusher:pong","data":"{}"}`,
			`{"event":"client-update","channel":"private-m","data":"` + quoted + `"}`, time.Second, // of another reader
			`{"event":"update","channel":"private-m","data":"` + strings.ReplaceAll(step(7, 8), `"`, `\"`) + `"}`,
			`{"event":"update","channel":"private-m","data":"` + strings.Replace(quoted, `from\":7`, `from\":8`, 1) + `"}`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			after := ticketed(tt.protocol, step(7, 7), tt.ticket)
			s := &script{offers: []string{tt.protocol}, answer: map[string]http.HandlerFunc{
				tt.protocol: turns(ticketed(tt.protocol, reset(0, 7), tt.ticket), after),
				"hub":       conversation(t, tt.talk...),
				"auth": func(w http.ResponseWriter, r *http.Request) {
					if r.Method != http.MethodPost || r.FormValue("channel_name") != "private-m" {
						t.Errorf("%s %v", r.Method, r.Form)
					}
					_, _ = io.WriteString(w, `{"auth":"k:`+r.FormValue("socket_id")+`"}`)
				},
			}}
			s.run(t, func(t *testing.T, o *settings) {
				o.FirstUpdate = time.Minute
				o.Retry = func(err error, _ time.Duration) error { return err }
				if _, err := last(t.Context(), "http://live.example", match, o); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestHubSilence: a WebSocket whose hub sends nothing any more is left.
func TestHubSilence(t *testing.T) {
	for protocol, talk := range map[string][]any{
		"centrifugo": {`>{"id":1,"connect":{"name":"motacilla"}}`, `{"id":1,"connect":{"ping":25,"subs":{"m":{}}}}`},
		"pusher": {`{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\"}"}`, `>{"event":"pusher:subscribe","data":{"channel":"m"}}`,
			`{"event":"pusher_internal:subscription_succeeded","channel":"m"}`, `>{"event":"pusher:ping","data":{}}`},
	} {
		t.Run(protocol, func(t *testing.T) {
			s := &script{offers: []string{protocol}, answer: map[string]http.HandlerFunc{
				protocol: turns(ticketed(protocol, reset(0, 7), `,"channel":"m"`), ticketed(protocol, step(7, 7), `,"channel":"m"`)),
				"hub":    conversation(t, talk...),
			}}
			s.run(t, func(t *testing.T, o *settings) {
				enough := errors.New("enough")
				began := time.Now()
				o.Retry = func(err error, _ time.Duration) error {
					if !strings.Contains(err.Error(), "silent") {
						t.Error(err)
					}
					return enough
				}
				_, err := last(t.Context(), "http://live.example", match, o)
				if d := time.Since(began); !errors.Is(err, enough) || d < 50*time.Second || d > 3*time.Minute {
					t.Errorf("after %v: %v", d, err)
				}
			})
		})
	}
}

// TestHubForMany: channels that are followed together each have a connection to the hub, or all use the next transport.
func TestHubForMany(t *testing.T) {
	s := &script{offers: []string{"mercure", "sse"}, many: true, answer: map[string]http.HandlerFunc{
		"mercure":  turns(ticketed("mercure", reset(0, 7)), ticketed("mercure", step(7, 7))),
		"hub":      say(404, "text/html", ""),
		"many-sse": stream("event: subscribed\ndata: {\"subscribed\":[\"match-42\"]}\n\n", event(goneAt(7)), time.Hour),
	}}
	s.run(t, func(t *testing.T, o *settings) {
		for u, err := range followingMany(t, o, match).Updates(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if u.Gone {
				break
			}
		}
		if asked := s.questions(); strings.Count(asked, "hub") > 3 || !strings.Contains(asked, "many-sse") {
			t.Errorf("asked %s", asked)
		}
	})
}
