package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestElementsConverge posts at random while elements come and go, pages are hidden, shown, opened and closed, and the server is killed.
// In the end each element shows all posts of its channel, each once and in order, over one connection.
func TestElementsConverge(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]wire{"sse": overTLS, "websocket": overHTTP2} {
		w = w.unless()
		t.Run(name+" over "+string(w), func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Log("seed", seed)
			r := rand.New(rand.NewPCG(seed, 0))
			const channels = 6
			f, m := matchSiteOver(t, w, channels, name)
			f.body.Store("")
			chromium := browser(t)
			type page struct {
				*tab
				shows []int
			}
			var pages []*page
			fresh := func() *page {
				p := &page{tab: open(t, chromium, f.url, noteUpdates)}
				p.until(`customElements.get("live-posts")`)
				return p
			}
			for range 3 {
				pages = append(pages, fresh())
			}
			for n := range 150 {
				ch := r.IntN(channels)
				m.post(fmt.Sprint("m", ch), fmt.Sprint("post ", n))
				i := r.IntN(len(pages))
				p := pages[i]
				switch at := slices.Index(p.shows, ch); r.IntN(12) {
				case 0, 1, 2:
					if at < 0 {
						p.add(m.s, ch, ch+1)
						p.shows = append(p.shows, ch)
					}
				case 3:
					if at >= 0 {
						p.drop(fmt.Sprint("m", ch))
						p.shows = slices.Delete(p.shows, at, at+1)
					}
				case 4:
					p.hide(true)
				case 5, 6:
					p.hide(false)
				case 7:
					if r.IntN(3) == 0 {
						p.close()
						pages[i] = fresh()
					}
				case 8:
					if r.IntN(4) == 0 {
						m.s.kill()
						m.s.start()
					}
				}
			}
			for _, p := range pages {
				p.hide(false)
			}
			for _, p := range pages {
				p.cameOver(w)
				if len(p.shows) == 0 {
					p.add(m.s, 0, 1)
					p.shows = []int{0}
				}
				for _, ch := range p.shows {
					p.until(fmt.Sprintf(`statusOf("m%d") === "live"`, ch))
					newest := m.texts[fmt.Sprint("m", ch)]
					m.showNewest(p.tab, ch, newest)
				}
			}
			m.s.readers(name, 1)
		})
	}
}

// showNewest waits until an element shows the newest posts. It need not have those before the newest 50.
func (m *matches) showNewest(p *tab, ch int, newest []string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`JSON.stringify(shown("m%d").slice(0, 50)) === JSON.stringify(%s) && twice.length === 0`,
		ch, quoted(newest[:min(len(newest), 50)])))
}
