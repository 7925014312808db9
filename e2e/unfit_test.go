package e2e

import (
	"testing"
)

// TestFollowingTabAsksForWhatItMissed drops one update on its way from the leading page to one that follows. The next
// update does not fit, and the page that follows must ask the server at once, without taking the lead.
func TestFollowingTabAsksForWhatItMissed(t *testing.T) {
	t.Parallel()
	s := newStack(t, "sse")
	s.start()
	chromium := browser(t)
	one := open(t, chromium, s.url, `{
		const send = BroadcastChannel.prototype.postMessage;
		window.drop = "";
		BroadcastChannel.prototype.postMessage = function (message) {
			if (window.drop === "all" || (window.drop === "words" && !message.update)) return;
			send.call(this, message);
		};
	}`)
	one.live()
	two := open(t, chromium, s.url, holdTimers("ms >= 5000")) // it does not lead, however slow the first is
	two.live()
	const leader = `navigator.locks.query().then(locks => window.leader = locks.held.map(l => l.clientId).join())`
	var before, after string
	two.eval(leader, &before)
	asked := two.times("sse")
	one.eval(`window.drop = "all"`, nil)
	s.post("one")
	one.shows("one")
	one.eval(`window.drop = "words"`, nil) // only the update itself can tell the other page
	s.post("two")
	two.shows("two", "one")
	if n := two.times("sse"); n == asked {
		t.Error("the page that follows did not ask the server")
	}
	two.eval(leader, &after)
	if before == "" || before != after {
		t.Errorf("the lead went from %q to %q", before, after)
	}
}
