package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// TestTabsConverge edits at random while pages are hidden, shown, cut off, opened and closed, and the server restarts. In
// the end each page shows what the store holds.
func TestTabsConverge(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]wire{"sse": overHTTP2, "websocket": overTCP} {
		w = w.unless()
		t.Run(name+" over "+string(w), func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Log("seed", seed)
			r := rand.New(rand.NewPCG(seed, 0))
			s := newStack(t, name)
			s.wire = w
			s.start()
			chromium := browser(t)
			var tabs []*tab
			for range 3 {
				tabs = append(tabs, open(t, chromium, s.url))
			}
			online := func(p *tab, on bool) {
				event := map[bool]string{true: "online", false: "offline"}[on]
				p.eval(fmt.Sprintf(`Object.defineProperty(navigator, "onLine", {value: %v, configurable: true});
					window.dispatchEvent(new Event(%q))`, on, event), nil)
			}
			type held struct {
				id   motacilla.PostID
				text string
				show bool
			}
			var posts []held
			edit := func(i int) {
				s.edit(posts[i].id, func(p *motacilla.Post) {
					p.Content, p.Show = []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(posts[i].text))}, posts[i].show
				})
			}
			for n := range 120 {
				switch i := r.IntN(max(len(posts), 1)); {
				case len(posts) == 0 || r.IntN(3) == 0:
					body := fmt.Sprint("post ", n)
					posts = append(posts, held{s.post(body), body, true})
				case len(posts) > 30 || r.IntN(5) == 0:
					s.remove(posts[i].id)
					posts = slices.Delete(posts, i, i+1)
				case r.IntN(2) == 0:
					posts[i].show = !posts[i].show
					edit(i)
				default:
					posts[i].text = fmt.Sprint("edited ", n)
					edit(i)
				}
				p := tabs[r.IntN(len(tabs))]
				switch r.IntN(20) {
				case 0, 1:
					p.hide(true)
				case 2, 3, 4:
					p.hide(false)
				case 5:
					online(p, false)
				case 6, 7:
					online(p, true)
				case 8:
					p.close()
					tabs = slices.DeleteFunc(tabs, func(other *tab) bool { return other == p })
					tabs = append(tabs, open(t, chromium, s.url))
				case 9:
					if r.IntN(3) == 0 {
						s.stop()
						s.start()
					}
				}
			}
			want := []string{}
			for _, post := range slices.Backward(posts) {
				if post.show {
					want = append(want, post.text)
				}
			}
			for _, p := range tabs {
				p.hide(false)
				online(p, true)
			}
			for _, p := range tabs {
				p.shows(want...)
				p.live()
				p.cameOver(w)
			}
			readers := &s.feed.Metrics().Of(name).Readers
			await(t, "all pages of one browser share a connection", func() bool { return readers.Load() == 1 })
		})
	}
}
