package e2e

import (
	"testing"
)

// TestFollowingTabAsksForWhatItMissed drops one update on its way from the leading page to one that follows. The next
// update does not fit. The page that follows must have the leading one ask the server for what is missing, without taking the lead.
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
	asked := one.times("sse")
	one.eval(`window.drop = "all"`, nil)
	s.post("one")
	one.shows("one")
	one.eval(`window.drop = "words"`, nil) // only the update itself can tell the other page
	s.post("two")
	two.shows("two", "one")
	if one.times("sse") == asked || two.times("sse") > 0 {
		t.Error("the leading page did not ask the server again")
	}
	two.eval(leader, &after)
	if before == "" || before != after {
		t.Errorf("the lead went from %q to %q", before, after)
	}
}
