package e2e

import (
	"fmt"
	"testing"
)

// TestElementMovesNothingThatIsRead puts the element below an article, and into a box that scrolls.
func TestElementMovesNothingThatIsRead(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	s := f.serveTo(t, "sse")
	for i := range 30 {
		s.post(fmt.Sprintf("<p>post %d</p><p>more</p><p>and more</p>", i))
	}
	chromium := browser(t)
	// The browser's own scroll anchoring would hide a defect of the element. Safari does not have it.
	const alone = `addEventListener("DOMContentLoaded", () => {
		const sheet = new CSSStyleSheet();
		sheet.replaceSync("* { overflow-anchor: none !important } .box { height: 400px; overflow: auto }");
		document.adoptedStyleSheets = [sheet];
	})`
	const article = `<article>` + paragraphs + `</article>`
	// The place is measured in every frame.
	watch := func(p *tab, what string) {
		p.eval(`new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {
			const top = () => (`+what+`).getBoundingClientRect().top, was = top();
			window.moved = 0;
			const watch = () => { window.moved = Math.max(window.moved, Math.abs(top() - was)); requestAnimationFrame(watch) };
			watch();
			done();
		})))`, nil)
	}
	still := func(p *tab) {
		t.Helper()
		var moved float64
		p.eval(`new Promise(done => setTimeout(() => done(window.moved), 150))`, &moved)
		if moved > 1 {
			t.Errorf("what is being read moved by %.1f px", moved)
		}
	}
	came := func(p *tab, text string) { p.until(visibleInElement + `[0].includes("` + text + `")`) }
	tenth := root + `.querySelectorAll(".live-post")[10]`
	button := root + `.querySelector(".new-posts")`

	t.Run("deep in the list", func(t *testing.T) {
		f.body.Store(article + element(""))
		p := open(t, chromium, f.url, alone)
		p.elementIs("live")
		p.eval(`window.read = `+tenth+`; scrollBy(0, read.getBoundingClientRect().top - 100)`, nil)
		watch(p, `read`)
		for i := range 5 {
			s.post(fmt.Sprint("deep ", i))
		}
		came(p, "deep 4")
		p.until(`/5 new posts/.test(` + button + `.textContent) && !` + button + `.hidden`)
		still(p)
		p.eval(button+`.click()`, nil)
		p.until(button + `.hidden && Math.abs(document.querySelector("live-posts").getBoundingClientRect().top) < 2`)
		p.close()
	})
	t.Run("in the article above", func(t *testing.T) {
		p := open(t, chromium, f.url, alone)
		p.elementIs("live")
		p.eval(`scrollTo(0, document.querySelector("live-posts").getBoundingClientRect().top - 300)`, nil)
		watch(p, `document.querySelector("article").lastElementChild`)
		s.post("above")
		came(p, "above")
		still(p)
		p.until(button + `.hidden`)
		p.close()
	})
	t.Run("below the list", func(t *testing.T) {
		f.body.Store(element("") + `<section>` + paragraphs + `</section>`)
		p := open(t, chromium, f.url, alone)
		p.elementIs("live")
		p.eval(`scrollTo(0, document.documentElement.scrollHeight)`, nil)
		watch(p, `document.querySelector("section").lastElementChild`)
		s.post("below")
		came(p, "below")
		still(p)
		p.close()
	})
	t.Run("in a box that scrolls", func(t *testing.T) {
		f.body.Store(`<div class="box">` + element("") + `</div>`)
		p := open(t, chromium, f.url, alone)
		p.elementIs("live")
		p.eval(`window.read = `+tenth+`;
			document.querySelector(".box").scrollTop += read.getBoundingClientRect().top - 200; 0`, nil)
		watch(p, `read`)
		s.post("boxed")
		came(p, "boxed")
		p.until(`/1 new post/.test(` + button + `.textContent) && scrollY === 0`)
		still(p)
		p.close()
	})
}

const paragraphs = `<p>One</p><p>Two</p><p>Three</p><p>Four</p><p>Five</p><p>Six</p><p>Seven</p><p>Eight</p><p>Nine</p>` +
	`<p>Ten</p><p>Eleven</p><p>Twelve</p><p>Thirteen</p><p>Fourteen</p><p>Fifteen</p><p>Sixteen</p><p>Seventeen</p>` +
	`<p>Eighteen</p><p>Nineteen</p><p>Twenty</p><p>Twenty-one</p><p>Twenty-two</p><p>Twenty-three</p><p>Twenty-four</p>`
