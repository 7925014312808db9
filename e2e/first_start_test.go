package e2e

import (
	"image"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/motacilla-live/motacilla/internal/realserver"
)

var firstLink = regexp.MustCompile(`Make the first account, within 24 hours: (\S+)`)

// TestFirstStart: the server prints a link. Whoever opens it in a browser has an account, and writes the first post with nothing
// else. The link works once, also after a restart, and then there is no other one.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	s := serve(t, "sse", "MOTACILLA_ACCESS=people")
	link := s.firstLink()
	p := open(t, browser(t), link)
	p.makesAccount()

	var status int
	write := func(path, body string) {
		t.Helper()
		p.eval(`fetch("/api/channels`+path+`", {method: "POST", headers: {"Content-Type": "application/json"},
			body: JSON.stringify(`+body+`)}).then(r => r.status)`, &status)
		if status != http.StatusCreated {
			t.Fatalf("POST %s: %d", path, status)
		}
	}
	write("", `{id: "derby", title: "The derby", access: "private"}`)
	p.goTo(s.site() + "/channels/derby")
	p.live()
	write("/derby/posts", `{text: "Kick-off"}`)
	p.shows("Kick-off")

	s.stop()
	s.start()
	p.goTo(link)
	p.until(`document.querySelector("#wrong")`)
	p.goTo(s.site() + "/channels/derby") // the session outlives the server
	p.shows("Kick-off")
	s.stop()
	if again := firstLink.FindString(s.output.String()); again != "" {
		t.Errorf("there is an account, and the server prints: %s", again)
	}
}

// makesAccount fills in the form of an invitation.
func (p *tab) makesAccount() {
	p.t.Helper()
	p.fill("#login", "ada")
	p.fill("#name", "Ada")
	p.fill("#password", "correct horse battery")
	p.press(`form[action*=invitation] button[type=submit]`)
	p.at("/account")
}

// firstLink waits for the link for the first account.
func (p *program) firstLink() (link string) {
	p.t.Helper()
	await(p.t, "the server prints the first link", func() bool {
		if found := firstLink.FindStringSubmatch(p.output.String()); found != nil {
			link = found[1]
		}
		return link != ""
	})
	return link
}

// TestFirstPost: nothing is configured but the port. Whoever opens the link finds the desk, makes a channel and publishes a post with a
// picture, by what the pages offer alone, and readers see it.
func TestFirstPost(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	in, reader, photo := browser(t), browser(t), newPhoto(t)
	addr := "127.0.0.1:" + strconv.Itoa(realserver.FreePort(t))
	s := &program{
		t: t, run: []string{binary, "serve"}, ready: "/readyz", dir: t.TempDir(), addr: addr, wire: overTCP,
		env: append(plainEnv(), "MOTACILLA_SERVER_ADDR="+addr),
	}
	began := time.Now()
	s.start()
	p := open(t, in, s.firstLink())
	p.makesAccount()
	p.press(`main a[href="/compose"]`)
	p.at("/compose")
	p.chooses("New channel")
	p.until(`document.activeElement.id === "new-title"`)
	p.keys("The derby" + kb.Enter)
	p.at("/compose/the-derby")

	p.tabTo(".editor-text")
	p.writes("Kick-off at the stadium")
	p.tabTo(".file input")
	p.run(chromedp.SetUploadFiles(chromedp.CSS(".file input"), []string{photo}))
	p.until(`document.querySelector(".editor-text textarea")`)
	p.tabTo(".editor-text textarea")
	p.keys("The stadium at dusk")
	p.press(".actions .button--main")
	p.posts(1)

	p.turnsTo("channel")
	const link = `[...document.querySelectorAll("a")].find((a) => a.textContent.startsWith("Open the live page") && a.checkVisibility())`
	p.until(link)
	var page string
	p.eval(link+`.href`, &page)
	r := open(t, reader, page)
	r.at("/channels/the-derby")
	r.until(`document.querySelector(".live-post img[alt='The stadium at dusk']").naturalWidth > 0`)
	r.until(`document.querySelector(".live-post").innerText.includes("Kick-off at the stadium")`)
	t.Logf("readers saw it %v after the server was started", time.Since(began).Round(10*time.Millisecond))
}

// newPhoto returns the path of a picture.
func newPhoto(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stadium.png")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err = png.Encode(f, image.NewGray(image.Rect(0, 0, 640, 360))); err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}
