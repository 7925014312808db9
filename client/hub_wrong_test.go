package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
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
