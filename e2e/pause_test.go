package e2e

import (
	"testing"
	"time"
)

func TestPausesWithThePage(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket", "interval-polling"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, name)
			s.start()
			p := open(t, browser(t), s.url)
			p.live()
			p.hide(true)
			p.until(`document.querySelector("[data-live-status=paused]")`)
			// A request that was under way when the page was hidden may still arrive. After that there is none.
			readers := &s.feed.Metrics().Of(name).Readers
			for deadline := time.Now().Add(patience); ; {
				asked := s.asked.Load()
				time.Sleep(time.Second) // a visible page asks in that time
				if s.asked.Load() == asked && readers.Load() == 0 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("a hidden page asked %d times, and holds %d connections", s.asked.Load()-asked, readers.Load())
				}
			}
			asked := s.asked.Load()
			s.post("one")
			time.Sleep(time.Second)
			if n := s.asked.Load() - asked; n != 0 {
				t.Errorf("a hidden page asked %d times", n)
			}
			p.hide(false)
			p.shows("one")

			p.eval(`Object.defineProperty(navigator, "onLine", {value: false, configurable: true});
				window.dispatchEvent(new Event("offline"))`, nil)
			p.until(`document.querySelector("[data-live-status=offline]")`)
			s.post("two")
			p.eval(`Object.defineProperty(navigator, "onLine", {value: true, configurable: true});
				window.dispatchEvent(new Event("online"))`, nil)
			p.shows("two", "one")
		})
	}
}
