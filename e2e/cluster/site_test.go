package cluster

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// pictureNode builds picturenode with the race detector, once. Its folder is removed with that of binary.
var pictureNode = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(binary), "picturenode")
	build := exec.Command("go", "build", "-race", "-o", path, "./picturenode")
	build.Stdout, build.Stderr, build.Env = os.Stderr, os.Stderr, append(os.Environ(), "CGO_ENABLED=1")
	return path, build.Run()
})

// site is nodes with the receivers of several sources, over one store and one folder of images.
type site struct {
	t     *testing.T
	desks []*desk
	flags []string
	nodes []*node // nil before start
}

// desk is a source with the channel that it feeds, and with a gallery of its own.
type desk struct {
	source
	gallery *gallery
	taken   []string // the texts of the messages that were acknowledged, in their order
}

// newSite returns a site whose first node is started.
func newSite(t *testing.T, b *backend, nodes int, sources []source, gallery func() *gallery) *site {
	t.Helper()
	s := &site{t: t, nodes: make([]*node, nodes)}
	s.flags = append(b.flags(b.addr), "--media.type", "local", "--media.path", filepath.Join(t.TempDir(), "media"))
	for _, src := range sources {
		s.desks = append(s.desks, &desk{source: src, gallery: gallery()})
	}
	s.start(0)
	for _, d := range s.desks {
		must(t, s.base(0), http.MethodPost, "", map[string]any{"id": d.channel()}, nil)
	}
	return s
}

// away are the errors of picturenode that may end if it is started again. It has one status for all errors.
var away = regexp.MustCompile(`store unavailable|deadline exceeded`)

func (s *site) start(i int) {
	s.t.Helper()
	path, err := pictureNode()
	if err != nil {
		s.t.Fatal(err)
	}
	file := config + "outbound: {allow: [127.0.0.0/8]}\nreceivers:\n  - {type: webapp}\n"
	for _, d := range s.desks {
		if line := d.config(d.gallery.server.URL); line != "" {
			file += "  - " + line + "\n"
		}
	}
	s.nodes[i] = startProgram(s.t, program{path: path, config: file, away: func(n *node) bool { return away.MatchString(n.out.String()) }},
		s.flags...)
}

func (s *site) base(i int) string { return s.nodes[i].url }

// deliver delivers a message to a node once.
func (d *desk) deliver(base string, m sourceMessage) error {
	r, err := d.request(base, d.gallery.server.URL, m)
	if err != nil {
		return err
	}
	resp, err := keeper.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if said := problem(resp); resp.StatusCode >= 300 {
		return fmt.Errorf("message %d of %s is answered with %s %s", m.id, d.name, resp.Status, said)
	}
	return nil
}

// repeat delivers a message until it is acknowledged, as sources do, and returns how long that has taken. base is called before
// each attempt.
func (d *desk) repeat(t *testing.T, base func() string, m sourceMessage) (time.Duration, error) {
	began := time.Now()
	for {
		err := d.deliver(base(), m)
		if took := time.Since(began); err == nil || took > hang || t.Context().Err() != nil {
			return took, err
		}
		pause(t.Context(), 50*time.Millisecond)
	}
}

// again delivers a message to a node until it is acknowledged, and returns how long that has taken.
func (s *site) again(d *desk, i int, m sourceMessage) time.Duration {
	s.t.Helper()
	took, err := d.repeat(s.t, func() string { return s.base(i) }, m)
	if err != nil {
		s.t.Fatal(err)
	}
	return took
}

// takes is again for a message that was not delivered before.
func (s *site) takes(d *desk, i int, m sourceMessage) time.Duration {
	s.t.Helper()
	took := s.again(d, i, m)
	d.taken = append(d.taken, m.text)
	return took
}

// text returns the text of a post.
func text(p motacilla.Post) string {
	var all []string
	for _, b := range p.Content {
		if b.Type == motacilla.TextBlock {
			all = append(all, tags.ReplaceAllString(b.Text.String(), ""))
		}
	}
	return strings.Join(all, " ")
}

var tags = regexp.MustCompile(`<[^>]*>`)

// errNoImage says that a post's image is not there yet.
var errNoImage = errors.New("the image is pending")

// image returns the image of the post of a message. It may be written meanwhile.
func (s *site) image(d *desk, m sourceMessage) (found motacilla.Block, err error) {
	s.t.Helper()
	var newest struct {
		Posts []postJSON `json:"posts"`
	}
	must(s.t, s.base(0), http.MethodGet, "/"+string(d.channel())+"/posts?limit=100", nil, &newest)
	images := 0
	for _, listed := range newest.Posts {
		p := listed.post()
		if text(p) != m.text {
			continue
		}
		for _, b := range p.Content {
			if b.Type == motacilla.ImageBlock {
				found = b
				images++
			}
		}
	}
	switch {
	case images != 1:
		return found, fmt.Errorf("the post has %d images", images)
	case found.Pending:
		return found, errNoImage
	}
	return found, nil
}

// arrived waits until the image of a message is there.
func (s *site) arrived(d *desk, m sourceMessage) motacilla.Block {
	s.t.Helper()
	// To convert an image of full size takes 20 s of a processor with the race detector, and all receivers' come at once.
	for late := time.Now().Add(5*hang + d.gallery.duration()); ; pause(s.t.Context(), 100*time.Millisecond) {
		found, err := s.image(d, m)
		if err == nil {
			return found
		}
		if !errors.Is(err, errNoImage) || time.Now().After(late) {
			s.t.Fatalf("%s: %v", d.name, err)
		}
	}
}
