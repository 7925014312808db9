package client_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// manyPosts is more than any buffer holds, and as much as the race detector reads in reasonable time. An update may have
// five times as many.
const manyPosts = 100

// large returns a reset with many posts, each as large as a post may be.
func large(gone bool) string {
	u := motacilla.Update{
		Channel: match, Revision: manyPosts, Reset: true, Complete: true, State: &motacilla.State{Title: "Large"}, Gone: gone,
	}
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	content := strings.Repeat("x", motacilla.MaxText)
	for i := range manyPosts {
		at := begin.Add(time.Duration(i) * time.Second)
		u.Renders = append(u.Renders, motacilla.Render{
			ID: motacilla.NewPostID(at), Show: true, Content: content, Created: at, Modified: at, Revision: motacilla.Revision(i + 1),
		})
	}
	return string(u.AppendJSON(nil))
}

// TestLarge reads an update of megabytes over each transport.
func TestLarge(t *testing.T) {
	body := large(true)
	for name, answer := range map[string]http.HandlerFunc{
		"sse": stream(event(body)), "websocket": socket(body), "long-polling": say(200, "application/json", body),
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{offers: []string{name}, answer: map[string]http.HandlerFunc{name: answer}}
			s.run(t, func(t *testing.T, o *settings) {
				for u, err := range following(t.Context(), "http://live.example", match, o) {
					if err != nil || len(u.Renders) != manyPosts || len(u.Renders[manyPosts-1].Content) != motacilla.MaxText {
						t.Fatalf("%d posts, %v", len(u.Renders), err)
					}
				}
				if want := "list, " + name + " 0"; s.questions() != want {
					t.Errorf("asked: %s, want %s", s.questions(), want)
				}
			})
		})
	}
}

// TestTooLarge has the first transport bring an update that is larger than MaxUpdate.
func TestTooLarge(t *testing.T) {
	long := strings.Replace(ends(), `"removals"`, `"more":"`+strings.Repeat("x", 20_000)+`","removals"`, 1)
	for name, answer := range map[string]http.HandlerFunc{
		"sse": stream(event(long)), "websocket": socket(long), "long-polling": say(200, "application/json", long),
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{offers: []string{name, "interval-polling"}, answer: map[string]http.HandlerFunc{
				name: answer, "interval-polling": say(200, "application/json", ends()),
			}}
			s.run(t, func(t *testing.T, o *settings) {
				o.MaxUpdate = 10_000
				n, err := last(t.Context(), "http://live.example", match, o)
				if want := "list, " + name + " 0, interval-polling 0"; n != 1 || err != nil || s.questions() != want {
					t.Errorf("%d updates, %v; asked: %s, want %s", n, err, s.questions(), want)
				}
			})
		})
	}
}
