package e2e

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
)

var shots = flag.String("shots", "", "the folder into which pictures of the page are written; else a temporary one")

const largest = 200 << 10 // bytes of a picture in the documentation

// TestPictures takes the pictures of the documentation: go test -run Pictures . -args -shots=../docs
func TestPictures(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	dir := *shots
	if dir == "" {
		dir = t.TempDir()
	}
	s := newStack(t, "long-polling")
	newspaper := realserver.FreeAddress(t)
	s.origins = route.NewOrigins("http://" + newspaper)
	if _, err := storage.EditChannel(t.Context(), s.store, channel, func(c *motacilla.Channel) error {
		c.Title = "Cup final: Rovers v United, minute by minute"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, p := range []struct {
		ago                 time.Duration
		author, text, embed string
		key, pinned, edited bool
	}{
		{52, "Ada Moreau", "<p>Kick-off at 20:00. The roof is open, the pitch is wet, and both sides are unchanged.</p>",
			"", false, true, false},
		{41, "Ada Moreau", "<p>The teams are out. A minute’s applause for <em>Jo Whitlock</em>, who served the club for " +
			"forty years.</p>", "", false, false, false},
		{23, "", "<p>Goal! Okafor, from 25 metres. Rovers 1, United 0</p>", "", true, false, false},
		{17, "Sam Lindqvist", "<p>A word on that goal: it is her ninth from outside the box this season, more than any " +
			"other <a href=\"https://example.org/\">whole team</a> in the league.</p>",
			"https://www.example.org/statistics/okafor", false, false, true},
		{6, "Ada Moreau", "<p>United press. Two corners in a minute, both cleared by Lund.</p>", "", false, false, false},
		{0, "Ada Moreau", "<p>Half-time. The better side leads, but only just.</p>", "", false, false, false},
	} {
		content := []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(p.text))}
		if p.embed != "" {
			content = append(content, motacilla.Block{Type: motacilla.EmbedBlock, URL: p.embed})
		}
		post, err := s.store.PutPost(t.Context(), channel, motacilla.Post{
			Show: true, Author: p.author, KeyEvent: p.key, Pinned: p.pinned, Content: content,
			Created: now.Add(-p.ago * time.Minute),
		}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if p.edited {
			s.edit(post.ID, func(p *motacilla.Post) { p.Author += ", statistics" })
		}
	}
	s.start()
	example(t, newspaper, "http://"+s.addr)
	chromium := browser(t)
	p, other := open(t, chromium, s.url), open(t, chromium, "http://"+newspaper)
	harbour := open(t, chromium, theme(t).url)
	harbour.live()
	p.live()
	other.elementIs("live")
	other.eval(`scrollTo(0, 0)`, nil)
	for name, of := range map[string]struct {
		p             *tab
		width, height int64
		dark          bool
	}{
		"page-desktop": {p, 1280, 900, false}, "page-phone": {p, 390, 844, true},
		"any-page-desktop": {other, 1280, 1000, false}, "any-page-phone": {other, 390, 844, true},
		"theme-desktop": {harbour, 1280, 900, false},
	} {
		png := of.p.shot(of.width, of.height, of.dark)
		if len(png) > largest {
			t.Errorf("%s has %d bytes, more than %d", name, len(png), largest)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
