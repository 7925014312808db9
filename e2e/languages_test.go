package e2e

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/page/languages"
)

var languageShots = flag.String("language-shots", "", "the folder into which pictures of pages in other languages are written")

// tongue is a site in another language than English. Its channel, posts and author are in that language too.
type tongue struct {
	tag, site, title, author, text string

	language *page.Language
	english  map[string]*regexp.Regexp // what must not be left of English
}

func tongues(t *testing.T) []*tongue {
	t.Helper()
	list := []*tongue{
		{tag: "ar", site: "الصحيفة", title: "نهائي الكأس، دقيقة بدقيقة", author: "ليلى منصور",
			text: "انطلقت المباراة قبل قليل، والملعب ممتلئ عن آخره."},
		{tag: "de", site: "Zeitung", title: "Das Pokalfinale, Minute für Minute", author: "Ada Krüger",
			text: "Das Spiel hat eben begonnen, und das Stadion ist bis auf den letzten Platz gefüllt."},
	}
	set, err := languages.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range list {
		if l.language, err = set.Language(l.tag); err != nil {
			t.Fatal(err)
		}
		l.english = englishBut(l.language)
	}
	return list
}

// englishBut returns the words of English that do not occur in a language, as expressions by the word.
func englishBut(l *page.Language) map[string]*regexp.Regexp {
	english := page.English()
	texts := append([]string{}, english.Months...)
	own := strings.Join(l.Months, "\n")
	collect := func(from *page.Language, add func(string)) {
		for _, word := range from.Words {
			add(word)
		}
		for _, forms := range from.Plurals {
			for _, form := range forms {
				add(form)
			}
		}
	}
	collect(l, func(word string) { own += "\n" + word })
	collect(english, func(word string) { texts = append(texts, word) })
	found := map[string]*regexp.Regexp{}
	for _, text := range texts {
		for _, part := range regexp.MustCompile(`\{[a-z]+\}`).Split(text, -1) {
			part = strings.Trim(part, " ,")
			if len(part) >= 3 && !strings.Contains(own, part) {
				found[part] = regexp.MustCompile(`(^|\PL)` + regexp.QuoteMeta(part) + `($|\PL)`)
			}
		}
	}
	return found
}

// said is a script that returns all texts and labels below of, also in shadow roots.
const said = `(of => {
	const texts = [];
	const walk = node => {
		if (node.nodeType === Node.TEXT_NODE && node.data.trim()) texts.push(node.data.trim());
		if (node.nodeType === Node.ELEMENT_NODE) {
			if (node.matches("script, style")) return;
			for (const name of ["aria-label", "title", "placeholder", "data-label"]) {
				if (node.getAttribute(name)) texts.push(node.getAttribute(name));
			}
			if (node.shadowRoot) walk(node.shadowRoot);
		}
		node.childNodes.forEach(walk);
	};
	walk(of);
	return texts;
})`

// speaks checks a page, or an element in it, on a phone and on a desktop: its words, its direction, and its width.
func (l *tongue) speaks(p *tab, what, of string) {
	p.t.Helper()
	var texts []string
	p.eval(said+"("+of+")", &texts)
	if len(texts) == 0 {
		p.t.Errorf("%s: there is no text", what)
	}
	latin := regexp.MustCompile(`[A-Za-z]{2,}`)
	for _, text := range texts {
		for word, expression := range l.english {
			if expression.MatchString(text) {
				p.t.Errorf("%s: %q is English: %q", what, text, word)
			}
		}
		if rest := strings.ReplaceAll(text, "UTC", ""); l.tag == "ar" && latin.MatchString(rest) {
			p.t.Errorf("%s: %q has Latin letters", what, text)
		}
	}
	var direction string
	p.eval(`getComputedStyle(`+of+`).direction`, &direction)
	if direction != l.language.Direction {
		p.t.Errorf("%s: it is written %s", what, direction)
	}
	for _, width := range []int64{1280, 390} {
		p.run(chromedp.EmulateViewport(width, 844))
		var over int
		p.eval(`document.documentElement.scrollWidth - innerWidth`, &over)
		if over > 0 {
			p.t.Errorf("%s: at a width of %d it is %d pixels too wide", what, width, over)
		}
		if dir := *languageShots; dir != "" {
			png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
			if err != nil {
				p.t.Fatal(err)
			}
			name := fmt.Sprintf("%s-%s-%d.png", l.tag, strings.ReplaceAll(what, " ", "-"), width)
			if err := os.WriteFile(filepath.Join(dir, name), png, 0o644); err != nil {
				p.t.Fatal(err)
			}
		}
	}
}

const whole = `document.documentElement`

// serve starts the program in the language, with posts of every kind.
func (l *tongue) serve(t *testing.T, env ...string) *program {
	t.Helper()
	s := serve(t, "sse", append(env, "MOTACILLA_PAGE_LANGUAGE="+l.tag, "MOTACILLA_PAGE_NAME="+l.site)...)
	s.channel(text{"title": l.title})
	start := time.Now().Add(-48 * time.Hour).UTC()
	for i := range 53 {
		s.api(http.MethodPost, "channels/match/posts", text{
			"text": l.text, "author": l.author, "created": start.Add(time.Duration(i) * time.Minute).Format(time.RFC3339),
		}, nil)
	}
	for _, post := range []text{{"pinned": true}, {"key_event": true}} {
		post["text"], post["author"] = l.text, l.author
		s.api(http.MethodPost, "channels/match/posts", post, nil)
	}
	s.edit(s.post(l.text), text{"text": l.text + " 1:0"})
	return s
}

// TestLanguages reads a whole site in languages other than English, while things happen to its channel.
func TestLanguages(t *testing.T) {
	t.Parallel()
	for _, l := range tongues(t) {
		t.Run(l.tag, func(t *testing.T) {
			t.Parallel()
			s := l.serve(t)
			chromium := browser(t)
			p := open(t, chromium, s.url, holdTimers(`ms === 1000`)) // of what is announced
			p.live()
			l.speaks(p, "live page", whole)

			count := func(n int) { p.until(fmt.Sprintf(`document.querySelectorAll(".live-post").length === %d`, n)) }
			count(50)
			key := s.post(l.text)
			count(51)
			s.edit(key, text{"text": l.text + " 2:0", "key_event": true, "pinned": true})
			p.until(`document.querySelectorAll("[data-pinned=true]").length === 2 && document.querySelectorAll(".post-edited").length === 2`)
			p.until(fmt.Sprintf(`[...document.querySelectorAll("[data-pinned=true]")].every(e =>
				getComputedStyle(e, "::before").content === %q)`, `"`+l.language.Words["pinned"]+`"`))
			l.speaks(p, "edited and pinned", whole)

			p.fire(`ms === 1000`)
			p.until(`document.querySelector("[data-live-announce]").textContent`)
			p.eval(`document.querySelectorAll(".live-post-wrapper")[20].scrollIntoView()`, nil)
			s.post(l.text)
			p.until(`!document.querySelector("[data-live-new]").hidden`)
			l.speaks(p, "new post above", whole)
			p.eval(`document.querySelector("[data-live-older]").click()`, nil)
			p.until(`document.querySelector("[data-live-older]").hidden`)
			l.speaks(p, "earlier posts loaded", whole)

			s.stop()
			p.until(`document.querySelector("[data-live-status=reconnecting]")`)
			l.speaks(p, "connection lost", whole)
			cmd := exec.Command(binary, "storage", "barrier")
			cmd.Dir, cmd.Env = s.dir, s.env
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("motacilla storage barrier: %v\n%s", err, out)
			}
			s.start()
			p.live()
			l.speaks(p, "reset", whole)

			server := s.site()
			other := open(t, chromium, server+"/")
			other.until(`document.querySelector(".channel time").title`)
			l.speaks(other, "index", whole)
			other.goTo(server + "/nothing")
			l.speaks(other, "error page", whole)
			other.goTo(s.url + "?before=" + strings.ReplaceAll(time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05.000000Z"), "+", "%2B") +
				"_019ab000-0000-7000-8000-000000000001")
			other.until(`document.querySelector(".newest") && document.querySelector(".post-time").title`)
			l.speaks(other, "page of earlier posts", whole)
			other.run(call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
			other.goTo(s.url)
			l.speaks(other, "page without scripts", whole)
			other.run(call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{}))

			s.channel(text{"ended": time.Now().UTC().Format(time.RFC3339)})
			p.until(`document.documentElement.classList.contains("has-ended")`)
			l.speaks(p, "ended", whole)
			s.channel(text{"access": "private"})
			p.until(`document.querySelector("[data-live-status=refused]")`)
			l.speaks(p, "private", whole)
			other.goTo(s.url)
			other.until(`document.querySelector("form.sign-in")`)
			l.speaks(other, "sign-in page", whole)
			other.eval(`document.querySelector("#token").value = "wrong"; void document.querySelector("form.sign-in").requestSubmit()`, nil)
			other.until(`location.pathname === "/sign-in"`)
			l.speaks(other, "wrong token", whole)

			s.channel(text{"access": "public"})
			other.goTo(s.url)
			other.live()
			s.api(http.MethodDelete, "channels/match", nil, nil)
			other.until(`document.querySelector("[data-live-status=gone]")`)
			l.speaks(other, "gone", whole)
			other.goTo(server + "/")
			l.speaks(other, "index without channels", whole)
		})
	}
}

// TestElementInAnotherLanguage shows an English server's channel in pages that speak another language, under a strict
// policy.
func TestElementInAnotherLanguage(t *testing.T) {
	t.Parallel()
	for _, l := range tongues(t) {
		t.Run(l.tag, func(t *testing.T) {
			t.Parallel()
			f := newForeign(t)
			s := f.serveTo(t, "sse")
			s.channel(text{"title": l.title})
			for _, post := range []text{{"pinned": true}, {"key_event": true}, {}} {
				post["text"], post["author"] = l.text, l.author
				s.api(http.MethodPost, "channels/match/posts", post, nil)
			}
			id := s.post(l.text)
			s.edit(id, text{"text": l.text + " 1:0"})
			f.body.Store(element(`lang="` + l.tag + `"`))
			p := open(t, browser(t), f.url)
			frame := root + `.querySelector(".frame")`
			p.elementIs("live")
			p.until(frame + `.lang === "` + l.tag + `"`)
			l.speaks(p, "element", frame)
			s.edit(id, text{"key_event": true, "pinned": true})
			p.until(root + `.querySelectorAll("[data-pinned=true]").length === 2`)
			l.speaks(p, "element after a pin", frame)
			p.eval(`document.querySelector("live-posts").lang = ""`, nil)
			p.until(frame + `.lang === "" && ` + root + `.querySelector(".badge--live").textContent === "Live"`)
			p.eval(fmt.Sprintf(`document.querySelector("live-posts").lang = %q`, l.tag), nil)
			p.until(frame + `.lang === "` + l.tag + `"`)
			s.channel(text{"access": "private"})
			p.elementIs("refused")
			l.speaks(p, "element of a private channel", frame)
		})
	}
}

// TestElementWithoutItsLanguage: a server that has no words of a language is no reason to show nothing.
func TestElementWithoutItsLanguage(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	s := f.serveTo(t, "sse")
	s.post("one")
	f.body.Store(element(`lang="pl-PL"`))
	p := open(t, browser(t), f.url, warnings)
	p.elementIs("live")
	p.holds("one")
	p.eval(`warned`, &[]string{})
	p.until(`warned.length === 1 && warned[0].includes("no words for the language pl-PL")`)
	p.until(root + `.querySelector(".badge--live").textContent === "Live"`)
}
