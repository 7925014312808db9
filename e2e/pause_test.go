package e2e

import "testing"

// countTimers is a script for open. It keeps the timers that wait.
const countTimers = `{
	const later = window.setTimeout, forget = window.clearTimeout;
	window.timersLeft = new Set();
	window.setTimeout = (run, ms = 0, ...args) => {
		const id = later(() => { timersLeft.delete(id); run(...args) }, ms);
		timersLeft.add(id);
		return id;
	};
	window.clearTimeout = id => { timersLeft.delete(id); forget(id) };
}`

func TestPausesWithThePage(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket", "interval-polling"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, name)
			s.start()
			p := open(t, browser(t), s.url, countTimers)
			p.live()
			p.hide(true)
			p.until(`document.querySelector("[data-live-status=paused]")`)
			p.until(`timersLeft.size === 0`) // without a timer it does not ask by itself
			readers := &s.feed.Metrics().Of(name).Readers
			await(t, "a hidden page holds no connection", func() bool { return readers.Load() == 0 })
			asked := p.times(name)
			s.post("one")
			p.until(`timersLeft.size === 0`)
			if n := p.times(name) - asked; n != 0 {
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
