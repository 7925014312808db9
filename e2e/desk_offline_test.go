package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestDeskTwoEditorsOneOffline: two editors have the same post open, and change it. One of them has no net for a while. Whoever comes
// second decides between the two, whoever was first is told what became of it, and all versions are kept.
func TestDeskTwoEditorsOneOffline(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	t.Run("the other one is first", func(t *testing.T) {
		t.Parallel()
		ann, ben := twoAtOnePost(t)
		ann.offline(true)
		ann.until(`document.querySelector("[data-state=offline]")`)
		ann.writes("Ann: ")
		ann.sends()
		ann.until(`document.querySelector("[data-post]").textContent.includes("Ann: A goal")`) // waits
		ben.writes("Ben: ")
		ben.sends()
		ben.saved("Ben: A goal")
		ann.offline(false)
		ann.decides("Ann: A goal", "Ben: A goal", "ben")
		ben.overtaken("ann", "Ann: A goal", "Ben: A goal", "A goal")
	})
	t.Run("the one without a net is first", func(t *testing.T) {
		t.Parallel()
		ann, ben := twoAtOnePost(t)
		ann.offline(true)
		ann.until(`document.querySelector("[data-state=offline]")`)
		ann.writes("Ann: ")
		ann.sends()
		ben.writes("Ben: ")
		ann.offline(false)
		ann.saved("Ann: A goal")
		ben.until(`document.querySelector(".composer .banner--bad").innerText.includes("ann changed this post")`)
		ben.sends()
		ben.decides("Ben: A goal", "Ann: A goal", "ann")
		ann.overtaken("ben", "Ben: A goal", "Ann: A goal", "A goal")
	})
	t.Run("the other one is first, and the one without a net still writes", func(t *testing.T) {
		t.Parallel()
		ann, ben := twoAtOnePost(t)
		ann.offline(true)
		ann.until(`document.querySelector("[data-state=offline]")`)
		ann.writes("Ann: ")
		ben.writes("Ben: ")
		ben.sends()
		ben.saved("Ben: A goal")
		ann.offline(false)
		ann.until(`document.querySelector(".composer .banner--bad").innerText.includes("ben changed this post")`)
		ann.sends()
		ann.decides("Ann: A goal", "Ben: A goal", "ben")
		ben.overtaken("ann", "Ann: A goal", "Ben: A goal", "A goal")
	})
}

// twoAtOnePost has two editors open a post. Each sees that the other does.
func twoAtOnePost(t *testing.T) (ann, ben *tab) {
	t.Helper()
	d := newDeskSite(t)
	d.post("A goal")
	ann, ben = d.desk(d.person("ann", "editor")), d.desk(d.person("ben", "editor"))
	for _, p := range []*tab{ann, ben} {
		p.posts(1)
		p.shortcut('j')
		p.focuses("A goal")
		p.shortcut('e')
		p.until(`document.activeElement.matches(".editor-text") && document.activeElement.innerText.includes("A goal")`)
	}
	ann.until(`document.querySelector(".composer .banner").innerText.includes("ben")`)
	ben.until(`document.querySelector(".composer .banner").innerText.includes("ann")`)
	return ann, ben
}

// saved waits until the server has a change, and nothing waits.
func (p *tab) saved(words string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector("[data-state=live]").textContent === "Connected" && !document.querySelector(".badge--wait") &&
		document.querySelector("[data-post] .blocks").textContent.includes(%q)`, words))
}

// decides waits until the editor is told of a conflict, sees that both versions are there, and takes the own one.
func (p *tab) decides(mine, theirs, name string) {
	p.t.Helper()
	p.until(`document.querySelector("[data-tab=posts] .count--bad")`)
	p.turnsTo("posts")
	p.chooses("Compare")
	p.until(fmt.Sprintf(`document.querySelector("dialog .side--left").textContent === %q &&
		document.querySelector("dialog .side--right").textContent === %q && document.querySelector("dialog").textContent.includes("By " + %q)`,
		mine, theirs, name))
	p.chooses("Take mine")
	p.posts(1)
	p.saved(mine)
}

// overtaken waits until the editor is told that somebody has changed the post since, and finds all versions.
func (p *tab) overtaken(name string, versions ...string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector(".toasts").textContent.includes(%q + " changed a post after you")`, name))
	p.chooses("Show")
	p.until(fmt.Sprintf(`document.querySelectorAll("dialog .version").length === %d`, len(versions)))
	for i, words := range versions {
		p.until(fmt.Sprintf(`(() => {
			const text = document.querySelectorAll("dialog .version-text")[%d].cloneNode(true);
			text.querySelectorAll("del").forEach((e) => e.remove());
			return text.textContent === %q;
		})()`, i, words))
	}
	p.keys(kb.Escape)
}
