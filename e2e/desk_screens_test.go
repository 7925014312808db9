package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/motacilla-live/motacilla"
)

// sends is the key that sends what is in the editor.
func (p *tab) sends() {
	p.t.Helper()
	p.until(`document.activeElement.matches(".editor-text")`)
	for _, k := range kb.Encode('\r') {
		if k.Type != kb.KeyChar { // what is typed goes nowhere: the page takes the key for itself
			k.Modifiers, k.Text = int64(chromedp.ModifierCtrl), ""
			p.run(call(input.DispatchKeyEvent, *k))
		}
	}
}

// shortcut presses a key. The browser puts nothing into a text that gets the focus by it, since the page takes the key for itself.
func (p *tab) shortcut(key rune) {
	p.t.Helper()
	for _, k := range kb.Encode(key) {
		if k.Type == kb.KeyChar {
			continue
		}
		if k.Type != kb.KeyUp {
			k.Type, k.Text = kb.KeyDown, ""
		}
		p.run(call(input.DispatchKeyEvent, *k))
	}
}

// writes types into the editor, which has the focus.
func (p *tab) writes(text string) {
	p.t.Helper()
	p.until(`document.activeElement.matches(".editor-text")`)
	p.types(text)
}

// leaves waits until the editor is empty and has the focus, as it is after something was sent, and leaves it.
func (p *tab) leaves() {
	p.t.Helper()
	p.until(`document.activeElement.matches(".editor-text") && document.activeElement.textContent === ""`)
	p.keys(kb.Escape)
	p.until(`document.activeElement === document.body`)
}

// chooses presses the button with this text, which is seen, and which the tabulator leads to.
func (p *tab) chooses(text string) {
	p.t.Helper()
	p.enters(fmt.Sprintf(`[...(document.querySelector("dialog[open]") ?? document).querySelectorAll("button")].find(
		(b) => b.textContent.trim() === %q && b.checkVisibility() && b.tabIndex >= 0)`, text))
}

// turnsTo presses the tab of a part of the desk.
func (p *tab) turnsTo(part string) {
	p.t.Helper()
	p.enters(fmt.Sprintf(`document.querySelector("[data-tab=%s]")`, part))
}

// enters waits until there is an element, and presses Enter there.
func (p *tab) enters(element string) {
	p.t.Helper()
	p.until(element)
	p.eval(element+`.focus()`, nil)
	p.keys(kb.Enter)
}

// posts waits until the desk shows so many posts, none of which waits.
func (p *tab) posts(n int) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelectorAll("[data-post]").length === %d && !document.querySelector("[data-waiting]")`, n))
}

// focuses waits until a post has the focus.
func (p *tab) focuses(text string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.activeElement.matches("[data-post]") && document.activeElement.querySelector(".blocks").textContent.includes(%q)`, text))
}

// deskPost is what the tests read of a post.
type deskPost struct {
	ID           motacilla.PostID
	Show, Pinned bool
}

func (d *deskSite) list(ch string) []deskPost {
	d.t.Helper()
	var got struct{ Posts []deskPost }
	d.api(http.MethodGet, "channels/"+ch+"/posts", nil, &got)
	return got.Posts
}

// eventually waits until a condition holds that the server tells.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// TestDeskByKeyboard works on the desk as a journalist with a phone's screen and a keyboard: from the invitation to the end.
func TestDeskByKeyboard(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSiteWith(t, "receivers: [{type: webapp}, {type: drafts}, {type: compose, undo: 10m}]")
	p := open(t, browser(t), "about:blank")
	newAuthenticator(p).touched(true)
	p.goTo(d.invites("", "admin"))
	p.until(passkeysOffered)
	p.fill("#login", "ada")
	p.fill("#name", "Ada Moreau")
	p.press("[data-passkey] button")
	p.at("/account")

	p.goTo(d.url + "/compose")
	p.until(`document.querySelector("[data-channel=match]")`)
	p.shortcut('n')
	p.until(`document.activeElement.id === "new-title"`)
	p.keys("Cup final 2027")
	p.until(`document.querySelector("#new-id").value === "cup-final-2027"`)
	p.keys(kb.Enter)
	p.at("/compose/cup-final-2027")
	p.reads("h1", "Cup final 2027")

	p.until(`document.querySelector(".editor-text")`)
	p.shortcut('n')
	p.writes("The teams are out.")
	p.until(`document.querySelector("[data-preview]").shadowRoot.querySelector(".live-post .post-body").textContent === "The teams are out."`)
	p.sends()
	p.posts(1)
	p.until(`document.activeElement.matches(".editor-text.is-empty")`)

	p.shortcut('n')
	p.writes("The stadium:")
	p.tabTo(`.file input`)
	p.eval(chooseImage, nil)
	p.until(`document.querySelector(".editor-image textarea, .editor-text figure textarea, .editor-text textarea")`)
	p.tabTo(`.editor-text textarea`)
	p.keys("The stadium at dusk")
	p.press(`.actions .button--main`)
	p.posts(2)
	p.until(`document.querySelector("[data-post] img").alt === "The stadium at dusk"`)
	p.leaves()
	p.shortcut('j')
	p.focuses("The stadium")
	p.shortcut('j')
	p.focuses("The teams are out.")
	p.shortcut('e')
	p.writes("Edited: ")
	p.sends()
	p.leaves()
	p.until(`[...document.querySelectorAll("[data-post]")].some((e) => e.textContent.includes("Edited: The teams are out."))`)
	p.shortcut('k')
	p.focuses("Edited")
	p.shortcut('p')
	eventually(t, "it is pinned", func() bool { return d.list("cup-final-2027")[1].Pinned })
	p.until(`document.querySelector("section .post--pinned")`)
	p.until(`document.activeElement.matches("[data-post]")`)
	p.shortcut('h')
	eventually(t, "it is hidden", func() bool { return !d.list("cup-final-2027")[1].Show })
	p.shortcut('h')
	eventually(t, "it is shown", func() bool { return d.list("cup-final-2027")[1].Show })

	p.shortcut('n')
	p.writes("Kick-off")
	p.press(`.options [aria-expanded]`)
	p.tabTo("#post-time")
	p.keys("01012030")
	p.keys(kb.ArrowRight)
	p.keys("0830P")
	p.until(`document.querySelector("#post-time").value === "2030-01-01T20:30"`)
	p.until(`document.querySelector(".actions .button--main").textContent === "Schedule"`)
	p.press(`.actions .button--main`)
	p.turnsTo("drafts")
	p.until(`document.querySelector("[data-draft]").innerText.includes("Kick-off")`)

	p.eval(`document.activeElement.blur()`, nil)
	p.shortcut('j')
	p.focuses("Edited")
	p.shortcut('j')
	p.focuses("The stadium")
	p.keys(kb.Delete)
	p.posts(1)
	p.focuses("Edited")
	p.shortcut('u')
	p.posts(2)
	p.focuses("The stadium")
	p.keys(kb.Delete)
	p.posts(1)
	p.enters(`[...document.querySelectorAll(".toast")].find((e) => e.textContent.includes("Deleted")).querySelector("[aria-label=Close]")`)
	eventually(t, "the post is deleted", func() bool { return len(d.list("cup-final-2027")) == 1 })

	p.turnsTo("channel")
	p.press(`[data-do=end]`)
	p.until(`document.activeElement.closest("dialog")`)
	p.press(`dialog [data-first]`)
	var ch struct{ Ended *string }
	eventually(t, "the channel has ended", func() bool {
		d.api(http.MethodGet, "channels/cup-final-2027", nil, &ch)
		return ch.Ended != nil
	})
	p.until(`document.querySelector("[data-do=reopen]")`)

	p.eval(`document.activeElement.blur()`, nil)
	eventually(t, "the keys lead to the channels", func() bool { // one after the other within a time
		p.shortcut('g')
		p.shortcut('c')
		var at string
		p.eval(`location.pathname`, &at)
		return at == "/compose"
	})
}

// chooseImage chooses a picture in the field for files, as the browser's own dialog does.
const chooseImage = `(async () => {
	const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
	canvas.getContext("2d").fillRect(20, 20, 200, 100);
	const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
	const files = new DataTransfer();
	files.items.add(new File([blob], "stadium.png", { type: "image/png" }));
	const input = document.querySelector(".file input");
	input.files = files.files;
	input.dispatchEvent(new Event("change", { bubbles: true }));
})()`

// TestDeskReview: a contributor submits a draft, an editor returns it with a note, the contributor mends it, and the editor publishes it.
func TestDeskReview(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t)
	cleo, ben := d.desk(d.person("cleo", "contributor")), d.desk(d.person("ben", "editor"))
	for _, p := range []*tab{cleo, ben} {
		p.until(`document.querySelector(".editor-text")`)
	}
	cleo.shortcut('n')
	cleo.writes("The fans sing.")
	cleo.until(`document.querySelector(".actions .button--main").textContent === "Submit"`)
	cleo.sends()
	cleo.turnsTo("drafts")

	ben.turnsTo("drafts")
	ben.until(`document.querySelector("[data-draft]").innerText.includes("The fans sing.")`)
	ben.chooses("Return")
	ben.until(`document.activeElement.id === "return-note"`)
	ben.keys("Which song?")
	ben.chooses("Return")

	cleo.until(`document.querySelector(".draft-note").textContent === "Which song?"`)
	cleo.chooses("Edit")
	cleo.writes("Blue is the colour. ")
	cleo.sends()

	// It is submitted a moment after its text has changed, and can be returned then.
	ben.until(`["Blue is the colour. The fans sing.", "Return"].every(
		(words) => document.querySelector("[data-draft]").innerText.includes(words))`)
	ben.chooses("Publish")
	eventually(t, "the draft is a post", func() bool { return len(d.list("match")) == 1 })
	ben.until(`document.querySelector("[data-post]")`)
	cleo.until(`document.querySelector("[data-post]")`)
}

// TestDeskTwoEditors: two editors edit the same post. Each sees that the other does. Whoever still writes when the other's change
// arrives is told at once, and whose change comes second decides between the two; nothing is lost.
func TestDeskTwoEditors(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	ann, ben := twoAtOnePost(t)
	ben.writes("Ben: ")
	ann.writes("Ann: ")
	ann.sends()
	ben.until(`document.querySelector(".composer .banner--bad").innerText.includes("ann changed this post")`)
	ben.chooses("Show")
	ben.until(`document.querySelector("dialog .side--left").textContent === "Ben: A goal" && document.querySelector("dialog .side--right").textContent === "Ann: A goal"`)
	ben.keys(kb.Escape)
	ben.until(`!document.querySelector("dialog")`)
	ben.chooses("Save changes")
	ben.turnsTo("posts")
	ben.chooses("Compare")
	ben.until(`[...document.querySelectorAll("dialog mark")].some((m) => m.textContent.includes("Ann"))`)
	ben.chooses("Take mine")
	ben.posts(1)
	for _, p := range []*tab{ann, ben} {
		p.until(`document.querySelector("[data-post] .blocks").innerText.includes("Ben: A goal")`)
	}
}

// violations checks all that is seen with axe-core, and permits nothing.
func (p *tab) violations(axe string) {
	p.t.Helper()
	p.eval(axe+`;0`, nil)
	var found []string
	p.eval(`axe.run().then((r) => r.violations.map((v) => v.id + ": " + v.help + ": " + v.nodes.map((n) => n.html.slice(0, 200) +
		" " + n.failureSummary).slice(0, 3).join(" | ")))`, &found)
	for _, v := range found {
		p.t.Error(v)
	}
}

// TestDeskAccessible checks each screen and each dialog with axe-core, in light and dark, on a phone and on a desk.
func TestDeskAccessible(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	axe := axeCore(t)
	d := newDeskSite(t)
	for _, body := range []text{
		{"content": []text{{"type": "text", "value": text{"text": "<p>A <a href=\"https://example.org/\">link</a></p><blockquote><p>Words</p></blockquote>"}}}},
		{"text": "Goal!", "key_event": true, "author": "Ada Moreau"}, {"text": "Kick-off", "pinned": true}, {"text": "A rumour", "show": false},
		{"content": []text{{"type": "score", "value": text{"home": "Rovers", "away": "United", "home_score": "1", "away_score": "0", "note": "19'"}}}},
		{"text": "https://www.youtube.com/watch?v=dQw4w9WgXcQ"},
	} {
		d.api(http.MethodPost, "channels/match/posts", body, nil)
	}
	d.api(http.MethodPost, "channels", text{"id": "private", "title": "Private", "access": "private"}, nil)
	d.api(http.MethodPost, "channels", text{"id": "over", "title": "Over"}, nil)
	d.api(http.MethodPatch, "channels/over", text{"ended": "2026-01-01T00:00:00Z"}, nil)
	for _, words := range []string{"submitted", "scheduled"} {
		var made struct{ ID string }
		d.api(http.MethodPost, "channels/match/drafts", text{"text": words}, &made)
		step, body := "submit", text{}
		if words == "scheduled" {
			step, body = "schedule", text{"at": "2030-01-01T00:00:00Z"}
		}
		d.api(http.MethodPost, "channels/match/drafts/"+made.ID+"/"+step, body, nil)
	}
	session := d.person("ada", "admin")
	p := open(t, d.as(browser(t), session), "about:blank")
	p.run(call(page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})) // the policy would stop axe
	check := func(name string) {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(name+", "+scheme, func(t *testing.T) {
				p.t = t
				p.colours(scheme)
				p.violations(axe)
			})
		}
		p.t = t
	}
	escape := func() {
		p.keys(kb.Escape)
		p.until(`!document.querySelector("dialog")`)
	}
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"phone", 390, 844}, {"desk", 1440, 900}} {
		at := func(name string) { check(size.name + ": " + name) }
		p.run(chromedp.EmulateViewport(size.width, size.height))
		p.goTo(d.url + "/compose")
		p.until(`document.querySelectorAll("[data-channel]").length === 3`)
		at("channels")
		p.chooses("New channel")
		p.until(`document.querySelector("dialog")`)
		at("new channel")
		escape()

		p.goTo(d.url + "/compose/match")
		p.posts(6)
		p.shortcut('n')
		p.writes("Something to say")
		p.until(`document.querySelector("[data-preview]").shadowRoot.querySelector(".live-post")`)
		p.press(".options [aria-expanded]")
		at("write")
		p.eval(`document.activeElement.blur()`, nil)
		p.shortcut('?')
		p.until(`document.querySelector("dialog")`)
		at("shortcuts")
		escape()
		if size.name == "phone" {
			p.turnsTo("posts")
		}
		at("posts")
		p.eval(`document.querySelector("[data-post] .menu button").focus()`, nil)
		p.keys(kb.Enter)
		p.until(`document.activeElement.matches("[role=menuitem]")`)
		at("menu")
		p.keys(kb.Enter)
		p.until(`document.querySelector("dialog .version")`)
		at("history")
		escape()
		p.turnsTo("drafts")
		p.until(`document.querySelectorAll("[data-draft]").length === 2`)
		at("drafts")
		p.chooses("Return")
		p.until(`document.querySelector("dialog textarea")`)
		at("return")
		escape()
		p.chooses("Schedule")
		p.until(`document.querySelector("#schedule-at")`)
		at("schedule")
		escape()
		p.turnsTo("channel")
		at("channel")
		p.chooses("Delete the channel")
		p.until(`document.querySelector("#delete-id")`)
		at("delete the channel")
		escape()
	}

	// A conflict: what was edited here was changed there.
	p.shortcut('j')
	p.until(`document.activeElement.matches("[data-post]")`)
	p.shortcut('e')
	p.writes("Mine: ")
	for _, post := range d.list("match") {
		if post.Pinned {
			d.edit(post.ID, text{"text": "Kick-off at eight"})
		}
	}
	p.until(`document.querySelector(".composer .banner--bad")`)
	check("another has changed it")
	p.chooses("Show")
	p.until(`document.querySelector("dialog .both")`)
	check("both versions")
	escape()
	p.chooses("Save changes")
	p.until(`document.querySelector("[data-waiting]")`)
	check("conflict in the list")
	p.chooses("Compare")
	p.until(`document.querySelector("dialog .both")`)
	check("conflict")
}
