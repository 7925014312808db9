package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// TestHubRetryEnds: Follow ends with the error that Retry returns while the hub goes on, even if Retry would have gone on the next time.
func TestHubRetryEnds(t *testing.T) {
	s := &script{offers: []string{"mercure"}, answer: map[string]http.HandlerFunc{
		"mercure": turns(ticketed("mercure", reset(0, 7)), say(503, "text/html", ""), ticketed("mercure", ends())),
		"hub":     stream("", time.Hour),
	}}
	s.run(t, func(t *testing.T, o *settings) {
		enough, told := errors.New("enough"), 0
		o.Retry = func(error, time.Duration) error {
			if told++; told == 1 {
				return enough
			}
			return nil
		}
		_, err := last(t.Context(), "http://live.example", match, o)
		if !errors.Is(err, enough) || told != 1 {
			t.Errorf("ended with %v, and Retry was told %d times", err, told)
		}
	})
}

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

// TestHubSpread: all readers lack the same at the same time, so they do not ask at once, but soon.
func TestHubSpread(t *testing.T) {
	parts := []any{""}
	answers := []http.HandlerFunc{ticketed("mercure", reset(0, 7)), ticketed("mercure", step(7, 7))}
	for i := range 20 {
		from := 7 + 2*i
		parts = append(parts, 10*time.Second, event(step(motacilla.Revision(from+1), motacilla.Revision(from+2))))
		answers = append(answers, ticketed("mercure", step(motacilla.Revision(from), motacilla.Revision(from+2))))
	}
	parts = append(parts, 10*time.Second, event(goneAt(47)))
	s := &script{offers: []string{"mercure"}, answer: map[string]http.HandlerFunc{"mercure": turns(answers...), "hub": stream(parts...)}}
	s.run(t, func(t *testing.T, o *settings) {
		if _, err := last(t.Context(), "http://live.example", match, o); err != nil {
			t.Fatal(err)
		}
		waits := map[time.Duration]bool{}
		for i := 4; i < 24; i++ { // list, ticket, hub, ticket
			d := s.gap(2, i) - time.Duration(i-3)*10*time.Second
			if waits[d] = true; d < 0 || d > 500*time.Millisecond {
				t.Errorf("request %d came %v after what did not fit", i, d)
			}
		}
		if len(waits) < 10 {
			t.Errorf("of 20 requests, all came after one of %v: %s", waits, s.questions())
		}
	})
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

// TestHubLateAnswer: an answer that is older than what the hub has sent meanwhile does not take the reader back. It asks again.
func TestHubLateAnswer(t *testing.T) {
	s := &script{offers: []string{"mercure"}, answer: map[string]http.HandlerFunc{
		"mercure": turns(ticketed("mercure", reset(0, 7)), func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(5 * time.Second)
			ticketed("mercure", reset(7, 8))(w, r)
		}, ticketed("mercure", step(9, 9))),
		"hub": stream("", 2*time.Second, event(step(7, 9)), 10*time.Second, event(goneAt(9)), time.Hour),
	}}
	s.run(t, func(t *testing.T, o *settings) {
		var got []string
		for u, err := range following(t.Context(), "http://live.example", match, o) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%d-%d", u.From, u.Revision))
		}
		if all := strings.Join(got, " "); all != "0-7 7-9 9-9 9-99" {
			t.Errorf("got %s", all)
		}
		if want := "list, mercure 0, hub, mercure 7, mercure 9"; s.questions() != want {
			t.Errorf("asked %s, want %s", s.questions(), want)
		}
	})
}

// TestHubLossesApart: a hub that loses an update now and then, and sends others between, is not left.
func TestHubLossesApart(t *testing.T) {
	s := &script{offers: []string{"mercure"}, answer: map[string]http.HandlerFunc{
		"mercure": turns(ticketed("mercure", reset(0, 7)), ticketed("mercure", step(7, 7)), ticketed("mercure", step(7, 8)),
			ticketed("mercure", step(9, 10))),
		"hub": stream("", 90*time.Second, event(step(8, 9)), 90*time.Second, event(goneAt(10)), time.Hour),
	}}
	s.run(t, func(t *testing.T, o *settings) {
		if _, err := last(t.Context(), "http://live.example", match, o); err != nil {
			t.Fatal(err)
		}
		if want := "list, mercure 0, hub, mercure 7, mercure 7, mercure 9"; s.questions() != want {
			t.Errorf("asked %s, want %s", s.questions(), want)
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

// TestHubServerIsFull: a reader that is to come later asks later, and follows the hub meanwhile.
func TestHubServerIsFull(t *testing.T) {
	full := say(503, "application/problem+json", `{"status":503,"title":"Service Unavailable"}`, "Retry-After", "40")
	s := &script{offers: []string{"mercure"}, answer: map[string]http.HandlerFunc{
		"mercure": turns(ticketed("mercure", reset(0, 7)), full, ticketed("mercure", step(8, 8))),
		"hub":     stream("", time.Second, event(step(7, 8)), time.Minute, event(goneAt(8)), time.Hour),
	}}
	s.run(t, func(t *testing.T, o *settings) {
		if _, err := last(t.Context(), "http://live.example", match, o); err != nil {
			t.Fatal(err)
		}
		if want := "list, mercure 0, hub, mercure 7, mercure 8"; s.questions() != want || s.gap(3, 4) < 40*time.Second || s.gap(3, 4) > 50*time.Second {
			t.Errorf("asked %s, the last after %v; want %s", s.questions(), s.gap(3, 4), want)
		}
	})
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
