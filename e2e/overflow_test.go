package e2e

import (
	"slices"
	"testing"
)

// TestPollsWhileTheServerIsFull allows one reader. Another browser is told to poll, shows what is posted, and tries its stream again
// when the server's time is over: in vain at first, and then it takes the place of the reader that has left.
func TestPollsWhileTheServerIsFull(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, name+",long-polling,interval-polling",
				"MOTACILLA_SERVER_LIMITS_READERS=1", "MOTACILLA_SERVER_LIMITS_OVERFLOW=polling")
			one := open(t, browser(t), s.url, holdTimers(firstUpdate))
			one.live()
			two := open(t, browser(t), s.url, holdTimers(firstUpdate+" || ms >= 50000"), `
				window.statuses = [];
				addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
					const status = document.querySelector("[data-live-status]")?.dataset.liveStatus;
					if (status !== statuses.at(-1)) statuses.push(status);
				}).observe(document, {subtree: true, attributes: true, attributeFilter: ["data-live-status"]}));`)
			const back = `ms > 50000 && ms <= 150000` // the server says 60 to 120 s, and the page adds up to a quarter
			two.live()
			s.post("one")
			two.shows("one")
			two.sets(back)
			if n := two.times(name); n != 1 {
				t.Errorf("the page asked for its stream %d times, want 1: the server says at once what to do", n)
			}
			two.fire(back)
			two.asks(name, 2)
			two.sets(back)
			s.post("two")
			two.shows("two", "one")

			one.close()
			s.readers(name, 0)
			two.fire(back)
			two.asks(name, 3)
			s.readers(name, 1)
			two.forget()
			s.post("three")
			two.shows("three", "two", "one")
			two.until(`sessionStorage.getItem("motacilla-transport").includes("` + name + `")`)
			if used := transports(two); slices.Contains(used, "interval-polling") || slices.Contains(used, "long-polling") {
				t.Errorf("the page has its stream, and asked %q", used)
			}
			two.until(`!statuses.includes("reconnecting") && !statuses.includes("offline")`)
		})
	}
}
