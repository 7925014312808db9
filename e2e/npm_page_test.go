package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// following makes a page of another site follow the channel with @motacilla/client, without the element. The page has the
// last view in window.view, and all statuses in window.statuses.
func following(t *testing.T, options string) (*program, *tab) {
	t.Helper()
	files := http.FileServer(http.Dir("../packages/client"))
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<!doctype html><title>Another site</title>`))
			return
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(site.Close)
	s := serve(t, "sse,long-polling", "MOTACILLA_SERVER_ORIGINS="+site.URL)
	for i := range 60 {
		s.post(fmt.Sprint("post ", i))
	}
	p := open(t, browser(t), site.URL, holdTimers(firstUpdate),
		`window.uncaught = []; addEventListener("error", e => uncaught.push(e.message))`)
	p.eval(fmt.Sprintf(`(async () => {
		window.client = await import("/index.js");
		window.statuses = [];
		window.options = {src: "http://%s", channel: "match", onUpdate: v => window.view = v, onStatus: s => statuses.push(s), %s};
		window.follower = client.follow(options);
	})()`, s.addr, options), nil)
	p.until(`follower.status === "live"`)
	return s, p
}

// contents is a script that tells how many posts are shown and whether a text is among them.
func contents(count int, text string) string {
	return fmt.Sprintf(`view.posts().length === %d && view.posts().some(p => p.content.includes(%q))`, count, text)
}

func TestNPMFollowInPage(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	s, p := following(t, "")
	p.until(contents(50, "post 59") + ` && !view.complete && statuses.join() === "connecting,live"`)
	s.post("post 60")
	p.until(contents(51, "post 60"))
	p.eval(`Promise.all([follower.loadOlder(), follower.loadOlder()])`, nil)
	p.until(contents(61, "post 0<") + ` && view === follower.view && view.complete`)

	p.eval(`follower.stop()`, nil)
	p.until(`follower.status === "paused"`)
	s.readers("sse", 0)
	s.post("while away")
	p.eval(`window.before = view.revision; follower.start(); follower.start()`, nil)
	p.until(contents(62, "while away") + ` && view.revision > before`)
	s.readers("sse", 1)
	s.api(http.MethodDelete, "channels/"+string(channel), nil, nil)
	p.until(`follower.status === "gone" && view.gone && uncaught.length === 0`)
}

// TestNPMFollowFromASnapshot goes on from a snapshot that went through JSON, as from a server that renders pages.
func TestNPMFollowFromASnapshot(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	s, p := following(t, "")
	p.eval(`(async () => {
		follower.stop();
		window.start = JSON.parse(JSON.stringify(await client.snapshot(options)));
		window.updates = 0;
		window.follower = client.follow({...options, snapshot: start, onUpdate: v => { window.view = v; updates++ }});
	})()`, nil)
	p.until(`follower.status === "live" && follower.view.revision === start.revision && follower.view.posts().length === 50`)
	s.post("after the snapshot")
	p.until(contents(51, "after the snapshot") + ` && updates === 1`)
}

// TestNPMCallbackThatThrows tests that an app's error is told, and that the connection stays.
func TestNPMCallbackThatThrows(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	s, p := following(t, `only: ["long-polling"], onUpdate: v => { window.view = v; throw new Error("of the app") }`)
	s.post("post 60")
	p.until(contents(51, "post 60") + ` && uncaught.length === 2 && uncaught[1].includes("of the app")`)
	p.until(`statuses.join() === "connecting,live"`)
}

// TestNPMFollowInWorker follows in a worker, which has no document.
func TestNPMFollowInWorker(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	s, p := following(t, "")
	p.eval(`follower.stop()`, nil)
	s.readers("sse", 0)
	p.eval(`{
		const code = "import {follow} from " + JSON.stringify(location.origin + "/index.js") + ";" +
			"follow({src: " + JSON.stringify(options.src) + ", channel: 'match', onUpdate: v => postMessage(v.posts().length)})";
		window.worker = new Worker(URL.createObjectURL(new Blob([code], {type: "text/javascript"})), {type: "module"});
		worker.onmessage = e => window.counted = e.data;
	}`, nil)
	p.until(`counted === 50`)
	s.readers("sse", 1)
	s.post("post 60")
	p.until(`counted === 51`)
}
