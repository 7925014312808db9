package client_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestHubAtTheServer: a hub at the server's own address does not get the server's token, which it would take for a wrong one of its own.
// Only an nginx may ask the server who the reader is.
func TestHubAtTheServer(t *testing.T) {
	said := map[string][]any{
		"centrifugo": {`>{"id":1,"connect":{"name":"motacilla"}}`, `{"id":1,"connect":{"subs":{"m":{}}}}`, `{"push":{"channel":"m","pub":{"data":` + goneAt(7) + `}}}`},
		"pusher": {`{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\"}"}`, `>{"event":"pusher:subscribe","data":{"channel":"m"}}`,
			`{"event":"pusher_internal:subscription_succeeded","channel":"m"}`, `{"event":"update","channel":"m","data":` + goneAt(7) + `}`},
	}
	for protocol, want := range map[string]string{"mercure": "", "nchan": "Bearer of-the-server", "centrifugo": "", "pusher": ""} {
		t.Run(protocol, func(t *testing.T) {
			hub := stream(event(goneAt(7)), time.Hour)
			if said[protocol] != nil {
				hub = conversation(t, said[protocol]...)
			}
			var mu sync.Mutex
			var got []string
			s := &script{offers: []string{protocol}, answer: map[string]http.HandlerFunc{
				protocol: turns(ticketed(protocol, reset(0, 7), `,"channel":"m"`), ticketed(protocol, step(7, 7), `,"channel":"m"`)),
				"hub": func(w http.ResponseWriter, r *http.Request) {
					mu.Lock()
					got = append(got, r.Header.Get("Authorization")+", "+r.Header.Get("User-Agent"))
					mu.Unlock()
					hub(w, r)
				},
			}}
			s.run(t, func(t *testing.T, o *settings) {
				o.Token = "of-the-server"
				if _, err := last(t.Context(), "http://live.example", match, o); err != nil {
					t.Fatal(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if len(got) != 1 || got[0] != want+", motacilla-go" {
					t.Errorf("the hub got %q", got)
				}
			})
		})
	}
}

// TestHubChatter: what a hub says again and again does not make a reader ask each time, and delays nothing.
func TestHubChatter(t *testing.T) {
	chatter := func(text string) (parts []any) {
		for range 600 {
			parts = append(parts, text, time.Second)
		}
		return parts
	}
	hello := []any{`{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\"}"}`, `>{"event":"pusher:subscribe","data":{"channel":"m"}}`}
	subscribed := `{"event":"pusher_internal:subscription_succeeded","channel":"m"}`
	ends := `{"event":"update","channel":"m","data":` + goneAt(8) + `}`
	unfit := []any{`{"event":"update","channel":"m","data":` + step(8, 9) + `}`, 2 * time.Second}
	for name, text := range map[string]string{
		"subscribed": subscribed, "no update": `{"event":"news","channel":"m","data":"{}"}`,
		"an old reset": `{"event":"update","channel":"m","data":` + reset(0, 5) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			parts := append(append(append(append([]any{}, hello...), subscribed), chatter(text)...), unfit...)
			answers := ticketed("pusher", step(7, 7), `,"channel":"m"`)
			s := &script{offers: []string{"pusher"}, answer: map[string]http.HandlerFunc{"hub": conversation(t, append(parts, ends)...)}}
			began := time.Time{}
			s.answer["pusher"] = func(w http.ResponseWriter, r *http.Request) {
				switch since := r.URL.Query().Get("since"); {
				case since == "0":
					ticketed("pusher", reset(0, 7), `,"channel":"m"`)(w, r)
					began = time.Now()
				case time.Since(began) > 600*time.Second:
					ticketed("pusher", step(7, 8), `,"channel":"m"`)(w, r)
				default:
					answers(w, r)
				}
			}
			s.run(t, func(t *testing.T, o *settings) {
				o.Retry = func(err error, _ time.Duration) error { return err }
				if _, err := last(t.Context(), "http://live.example", match, o); err != nil {
					t.Fatal(err)
				}
				if n := strings.Count(s.questions(), "pusher"); n < 3 || n > 30 {
					t.Errorf("%d requests in ten minutes", n)
				}
			})
		})
	}
}

// TestHubText: what a hub says comes into the error of a failure without its control characters.
func TestHubText(t *testing.T) {
	for protocol, talk := range map[string][]any{
		"centrifugo": {`>{"id":1,"connect":{"name":"motacilla"}}`, `{"id":1,"error":{"code":101,"message":"no\nfake: \u001b[2J\u202e"}}`},
		"pusher":     {`{"event":"pusher:error","data":{"code":4001,"message":"no\nfake: \u001b[2J\u202e"}}`},
	} {
		t.Run(protocol, func(t *testing.T) {
			s := &script{offers: []string{protocol}, answer: map[string]http.HandlerFunc{
				protocol: ticketed(protocol, reset(0, 7), `,"channel":"m"`), "hub": conversation(t, talk...),
			}}
			s.run(t, func(t *testing.T, o *settings) {
				o.Retry = func(err error, _ time.Duration) error { return err }
				_, err := last(t.Context(), "http://live.example", match, o)
				if err == nil || strings.ContainsAny(err.Error(), "\n\x1b\u202e") || !strings.Contains(err.Error(), "(no fake: ") {
					t.Errorf("ended with %q", fmt.Sprint(err))
				}
			})
		})
	}
}

// TestHubPermit: a refused token of a subscription is not taken for the hub's refusal.
func TestHubPermit(t *testing.T) {
	s := &script{offers: []string{"pusher"}, answer: map[string]http.HandlerFunc{
		"pusher": ticketed("pusher", reset(0, 7), `,"channel":"private-m","auth":"/auth"`),
		"hub":    conversation(t, `{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\"}"}`),
		"auth":   say(400, "application/problem+json", `{"status":400,"title":"Bad Request","detail":"what is this"}`),
	}}
	s.run(t, func(t *testing.T, o *settings) {
		o.Retry = func(err error, _ time.Duration) error { return err }
		_, err := last(t.Context(), "http://live.example", match, o)
		if err == nil || !strings.Contains(err.Error(), "the server gives no token for the subscription: the server answered 400 Bad Request: what is this") {
			t.Errorf("ended with %v", err)
		}
	})
}

// TestHubEnds: a hub that ends a subscription or the connection is connected to anew, and Retry is told what it says.
func TestHubEnds(t *testing.T) {
	for name, end := range map[string]string{
		"the subscription: 2501 (expired)": `{"push":{"channel":"m","unsubscribe":{"code":2501,"reason":"expired"}}}`,
		"the connection: 3005 (expired)":   `{"push":{"disconnect":{"code":3005,"reason":"expired"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			hello := []any{`>{"id":1,"connect":{"name":"motacilla"}}`, `{"id":1,"connect":{"subs":{"m":{}}}}`}
			s := &script{offers: []string{"centrifugo"}, answer: map[string]http.HandlerFunc{
				"centrifugo": turns(ticketed("centrifugo", reset(0, 7), `,"channel":"m"`), ticketed("centrifugo", step(7, 7), `,"channel":"m"`)),
				"hub": turns(conversation(t, append(hello, time.Second, end)...),
					conversation(t, append(hello, `{"push":{"channel":"other","pub":{"data":`+goneAt(7)+`}}}`, time.Second,
						`{"push":{"channel":"m","pub":{"data":`+step(7, 8)+`}}}`, `{"push":{"channel":"m","pub":{"data":`+goneAt(8)+`}}}`)...)),
			}}
			s.run(t, func(t *testing.T, o *settings) {
				var told []string
				o.Retry = func(err error, _ time.Duration) error { told = append(told, err.Error()); return nil }
				n, err := last(t.Context(), "http://live.example", match, o)
				if err != nil || n != 6 { // of two tickets, two questions, and what the hub sends of this channel
					t.Fatalf("%d updates, ended with %v", n, err)
				}
				if len(told) != 1 || told[0] != "centrifugo: the hub: it ends "+name {
					t.Errorf("Retry was told %q", told)
				}
			})
		})
	}
}

// TestHubTooLong: no more of a hub's message is kept than an update may have.
func TestHubTooLong(t *testing.T) {
	long := strings.Repeat(" ", 100_000) + goneAt(7)
	for protocol, hub := range map[string]http.HandlerFunc{
		"mercure": stream(event(long), time.Hour),
		"centrifugo": conversation(t, `>{"id":1,"connect":{"name":"motacilla"}}`, `{"id":1,"connect":{"subs":{"m":{}}}}`,
			`{"push":{"channel":"m","pub":{"data":`+long+`}}}`),
	} {
		t.Run(protocol, func(t *testing.T) {
			s := &script{offers: []string{protocol}, answer: map[string]http.HandlerFunc{
				protocol: turns(ticketed(protocol, reset(0, 7), `,"channel":"m"`), ticketed(protocol, step(7, 7), `,"channel":"m"`)), "hub": hub,
			}}
			s.run(t, func(t *testing.T, o *settings) {
				o.MaxUpdate = 50_000
				o.Retry = func(err error, _ time.Duration) error { return err }
				_, err := last(t.Context(), "http://live.example", match, o)
				if err == nil || !strings.Contains(err.Error(), "the hub: an update is longer than FollowOptions.MaxUpdate") {
					t.Errorf("ended with %v", err)
				}
			})
		})
	}
}
