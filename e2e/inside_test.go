package e2e

import (
	"fmt"
	"slices"
	"testing"

	"github.com/motacilla-live/motacilla"
)

func TestIntervalPollingRevalidates(t *testing.T) {
	t.Parallel()
	s := newStack(t, "interval-polling")
	s.post("one")
	s.start()
	p := open(t, browser(t), s.url)
	p.live()
	await(t, "three answers are 304", func() bool { return s.unchanged.Load() >= 3 })
	s.post("two")
	p.shows("two", "one")
}

func TestFocusAndSelectionAreKept(t *testing.T) {
	t.Parallel()
	s := newStack(t, "interval-polling")
	for range 20 { // so that there is room to scroll
		s.post("an older one")
	}
	one := s.post(`a <a href="https://example.org/">link</a> and words to select`)
	s.post("two")
	s.start()
	p := open(t, browser(t), s.url)
	p.live()
	p.eval(fmt.Sprintf(`window.one = document.querySelector('[data-post-id="%s"]');
		window.one.querySelector("a").focus({preventScroll: true});
		getSelection().selectAllChildren(window.one.querySelector(".post-body"));`, one), nil)
	var before, after float64
	p.eval(`window.one.getBoundingClientRect().top`, &before)
	three := s.post("three")
	s.edit(three, func(p *motacilla.Post) { p.Pinned = true })
	p.until(`document.querySelector("[data-pinned=true]")`)
	p.until(`document.activeElement.textContent === "link"`)
	p.until(`getSelection().toString().includes("words to select")`)
	p.eval(`window.one.getBoundingClientRect().top`, &after)
	if after-before > 1 || before-after > 1 {
		t.Errorf("what is selected moved by %.1f px, though at the top of the page", after-before)
	}
	s.edit(one, func(p *motacilla.Post) { p.Content = []motacilla.Block{motacilla.PlainText("other words")} })
	p.until(`document.body.textContent.includes("other words")`)
	p.until(`document.activeElement.matches(".live-post-wrapper")`)
	p.until(`document.activeElement.textContent.includes("other words")`)
}

// TestScriptThatGotPastTheReceiverDoesNotRun stores a script, which no receiver accepts. The policy of the page stops it.
func TestScriptThatGotPastTheReceiverDoesNotRun(t *testing.T) {
	t.Parallel()
	const evil = `<script>window.ran = 1</script><img src="/none" onerror="window.ran = 2">text`
	s := newStack(t, "long-polling")
	s.post(evil)
	s.start()
	p := open(t, browser(t), s.url)
	p.live()
	s.post(evil)
	p.until(`document.querySelectorAll(".live-post").length === 2`)
	p.eval(`new Promise(done => setTimeout(done, 300))`, nil)
	p.until(`window.ran === undefined`)
}

func TestOlderPostsLoadInPlace(t *testing.T) {
	t.Parallel()
	s := newStack(t, "long-polling")
	var want []string
	for i := range 120 {
		s.post(fmt.Sprint("post ", i))
		want = append(want, fmt.Sprint("post ", i))
	}
	slices.Reverse(want)
	s.start()
	p := open(t, browser(t), s.url)
	p.live()
	p.shows(want[:50]...)
	p.eval(`document.querySelector("[data-live-older]").click()`, nil)
	p.shows(want[:100]...)
	p.eval(`document.querySelector("[data-live-older]").click()`, nil)
	p.shows(want...)
	p.until(`document.querySelector("[data-live-older]").hidden`)
}
