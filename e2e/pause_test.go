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
			time.Sleep(300 * time.Millisecond) // a request under way may still arrive
			asked := s.asked.Load()
			s.post("one")
			time.Sleep(time.Second)
			if n := s.asked.Load() - asked; n != 0 {
				t.Errorf("a hidden page asked %d times", n)
			}
			if n := s.feed.Stats(name).Readers.Load(); n != 0 {
				t.Errorf("a hidden page holds %d connections", n)
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
