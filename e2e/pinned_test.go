package e2e

import (
	"fmt"
	"slices"
	"testing"

	"github.com/motacilla-live/motacilla"
)

// TestOlderPostsBelowPinnedOnes has more pinned posts than two pages hold. The page shows them all. One click on "Earlier posts"
// must then bring posts that are below them.
func TestOlderPostsBelowPinnedOnes(t *testing.T) {
	t.Parallel()
	s := newStack(t, "long-polling")
	var want []string
	for i := range 170 {
		id := s.post(fmt.Sprint("post ", i))
		if want = append(want, fmt.Sprint("post ", i)); i >= 60 {
			s.edit(id, func(p *motacilla.Post) { p.Pinned = true })
		}
	}
	s.start()
	slices.Reverse(want)
	p := open(t, browser(t), s.site()+"/channels/match")
	p.live()
	p.shows(want[:110]...)
	p.eval(`document.querySelector("[data-live-older]").click()`, nil)
	p.shows(want[:151]...)
	p.eval(`document.querySelector("[data-live-older]").click()`, nil)
	p.shows(want...)
	p.until(`document.querySelector("[data-live-older]").hidden`)
}
