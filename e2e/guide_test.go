package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestWebSocketGuide runs the script of docs/websocket.md in a page of the server. The script follows a channel, and comes
// back with its cursor after a restart.
func TestWebSocketGuide(t *testing.T) {
	t.Parallel()
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
	p := open(t, browser(t), s.site()+"/healthz")
	p.eval(script+`; window.updates = [];
		follow(location.origin.replace("http", "ws") + "/live/websocket/`+string(channel)+`/", u => updates.push(u)); 0`, nil)
	p.until(`updates.length > 0 && updates[0].reset`)
	s.post("one")
	p.until(`updates.some(u => !u.reset && Object.keys(u.renders).length === 1)`)
	s.post("right before")
	s.stop()
	s.start()
	s.post("right after")
	p.until(`JSON.stringify(updates).includes("right after")`)
	p.until(`updates.filter(u => u.reset).length === 1 && updates.every((u, i) => i === 0 || u.from === updates[i-1].revision)`)
}

// TestAnyPageGuide makes pages of the HTML in docs/any-page.md and docs/browser-client.md, without changes.
func TestAnyPageGuide(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	s := f.serveTo(t, "sse")
	f.policy.Store("")
	id := string(channel) + "-42"
	s.api(http.MethodPost, "channels", text{"id": id, "title": "The final"}, nil)
	s.api(http.MethodPost, "channels/"+id+"/posts", text{"text": "Whistle!"}, nil)
	chromium := browser(t)
	for _, tt := range []struct {
		guide  string
		blocks int
	}{{"any-page", 3}, {"browser-client", 1}} {
		text, err := os.ReadFile("../docs/" + tt.guide + ".md")
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Split(string(text), "```html\n")[1:]
		if len(blocks) != tt.blocks {
			t.Errorf("%s quotes %d pages, want %d", tt.guide, len(blocks), tt.blocks)
		}
		for i, block := range blocks {
			t.Run(fmt.Sprint(tt.guide, " ", i), func(t *testing.T) {
				html, _, _ := strings.Cut(block, "```")
				f.body.Store(strings.ReplaceAll(html, "https://live.example.org", "SERVER"))
				p := open(t, chromium, f.url)
				if tt.guide == "browser-client" {
					p.live()
					p.shows("Whistle!")
				} else {
					p.elementIs("live")
					p.until(visibleInElement + `[0] === "Whistle!"`)
				}
				p.close()
			})
		}
	}
}
