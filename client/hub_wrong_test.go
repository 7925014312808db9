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
