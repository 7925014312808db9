package e2e

import (
	"net/http"
	"testing"
)

// TestSeveralChannelsByEventSource: a browser's EventSource sees updates of several channels as plain messages. It takes the position
// from a block that has only an id, and resumes everywhere with it.
func TestSeveralChannelsByEventSource(t *testing.T) {
	t.Parallel()
	s := serve(t, "sse")
	s.api(http.MethodPost, "channels", text{"id": "second", "title": "Another match"}, nil)
	p := open(t, browser(t), s.site()+"/healthz")
	p.eval(`window.updates = []; window.notices = [];
		const source = new EventSource("/live/sse/?c=`+string(channel)+`&c=second&c=none");
		source.onmessage = e => updates.push(JSON.parse(e.data));
		for (const kind of ["subscribed", "refused"]) source.addEventListener(kind, e => notices.push(JSON.parse(e.data)[kind])); 0`, nil)
	p.until(`updates.length === 2 && updates.every(u => u.reset)`)
	p.until(`JSON.stringify(notices[0]) === '["` + string(channel) + `","second"]' && notices[1].channel === "none" && notices[1].status === 404`)
	s.post("one")
	p.until(`updates.length === 3 && updates[2].channel === "` + string(channel) + `"`)
	s.stop() // before it ends the stream, the server sends the position
	s.start()
	s.post("right after")
	s.api(http.MethodPost, "channels/second/posts", text{"text": "over there"}, nil)
	p.until(`JSON.stringify(updates).includes("right after") && JSON.stringify(updates).includes("over there")`)
	p.until(`notices.length === 4 && updates.filter(u => u.reset).length === 2`)
	p.until(`["` + string(channel) + `", "second"].every(ch => updates.filter(u => u.channel === ch)
		.every((u, i, all) => i === 0 || u.from === all[i-1].revision))`)
}
