package main

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// The demo's first match is played to its end, and the second begins.
func TestMatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		m := &match{store: store}
		if err := m.open(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- m.play(ctx) }()
		told := func() string {
			t.Helper()
			synctest.Wait()
			page, err := store.Posts(t.Context(), demoChannel, motacilla.Query{Limit: 1000, Visible: true})
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, p := range page.Posts {
				b.WriteString(p.Content[0].Text.String())
			}
			return b.String()
		}
		if text := told(); !strings.Contains(text, "welcome to the Riverside Ground") || strings.Contains(text, "Kick-off!") {
			t.Errorf("at first the page says %s", text)
		}
		time.Sleep(unhurried)
		if text := told(); !strings.Contains(text, "Kick-off!") {
			t.Errorf("then the page says %s", text)
		}
		played := time.Duration(0)
		for _, s := range script[opening:] {
			if played += s.wait; s.wait == 0 {
				played += unhurried
			}
		}
		time.Sleep(played)
		text := told()
		for _, want := range []string{"Wagtails 2–1 Swifts</strong> · full time", "Lindqvist decides it with two"} {
			if !strings.Contains(text, want) {
				t.Errorf("at the end the page lacks %q: %s", want, text)
			}
		}
		if strings.ContainsAny(text, "{}") || strings.Contains(text, "Red card") {
			t.Errorf("at the end the page says %s", text)
		}
		time.Sleep(time.Minute)
		synctest.Wait() // a step may begin in this moment
		c, err := store.Channel(t.Context(), demoChannel)
		if err != nil || !c.Ended.IsZero() || c.Title != fixtures[1].title() {
			t.Errorf("a minute later the channel is %+v (%v)", c, err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the match ended with %v", err)
		}
	})
}
