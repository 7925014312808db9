package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBackForwardCache leaves a page and comes back. The browser keeps a page that has no open connection, with its script.
// The page goes on from its cursor, and so does the element.
func TestBackForwardCache(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sse", "websocket", "long-polling"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForeign(t)
			s := f.serveTo(t, name)
			s.post("one")
			chromium := contextOf(t, wholeBrowser)
			page, other := open(t, chromium, s.url), open(t, chromium, f.url)
			page.live()
			other.elementIs("live")
			s.readers(name, 2) // two origins, and so two connections
			for _, p := range []*tab{page, other} {
				p.eval(`window.kept = true; addEventListener("pageshow", e => { window.persisted = e.persisted })`, nil)
			}
			page.run(chromedp.Navigate(s.site() + "/"))
			page.until(`document.querySelector(".channels")`)
			other.run(chromedp.Navigate(f.url + "/other"))
			other.until(`document.querySelector(".other")`)
			s.readers(name, 0)
			s.post("two")
			page.eval(`void history.back()`, nil)
			other.eval(`void history.back()`, nil)
			page.shows("two", "one")
			other.holds("two", "one")
			for _, p := range []*tab{page, other} {
				p.until(`window.kept && window.persisted`)
			}
			s.readers(name, 2)
			s.post("three")
			page.shows("three", "two", "one")
			other.holds("three", "two", "one")
		})
	}
}
