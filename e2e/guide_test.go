package e2e

import (
	"os"
	"strings"
	"testing"
)

// TestWebSocketGuide runs the script of docs/websocket.md in a page of the server's: it follows, and comes back with its
// cursor when the server was away.
func TestWebSocketGuide(t *testing.T) {
	guide, err := os.ReadFile("../docs/websocket.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(guide), "```js\n")
	script, _, found := strings.Cut(block, "follow(\"wss:")
	if !found {
		t.Fatal("the guide quotes no script that follows")
	}
	s := serve(t, "websocket")
	p := open(t, browser(t), "http://"+s.addr+"/healthz")
	p.eval(script+`; window.updates = [];
		follow(location.origin.replace("http", "ws") + "/live/websocket/`+string(channel)+`/", u => updates.push(u)); 0`, nil)
	p.until(`updates.length === 1 && updates[0].reset`)
	s.post("one")
	p.until(`updates.length === 2 && Object.keys(updates[1].renders).length === 1`)
	s.post("right before")
	s.stop()
	s.start()
	s.post("right after")
	p.until(`JSON.stringify(updates).includes("right after")`)
	p.until(`updates.filter(u => u.reset).length === 1 && updates.every((u, i) => i === 0 || u.from === updates[i-1].revision)`)
}
