package e2e

import (
	"net/http"
	"regexp"
	"testing"
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
	p.fill("#login", "ada")
	p.fill("#name", "Ada")
	p.fill("#password", "correct horse battery")
	p.press(`form[action*=invitation] button[type=submit]`)
	p.at("/account")

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
