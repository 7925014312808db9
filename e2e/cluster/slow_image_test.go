package cluster

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSlowImage delivers, through each receiver, a message whose image downloads for 200 times as long as a message takes, as 20 MB
// at 100 kB/s do, and 50 messages while it does. No message waits for the image, all are there in their order, and the image
// arrives once, although the node that fetches it is killed twice, each time in the middle. With -soak the image has its full size.
//
// All receivers run on the same nodes, since each death of a node costs the 30 s of its lease. Nothing here depends on how long
// anything takes, so with -soak the stores are tested at the same time too.
func TestSlowImage(t *testing.T) {
	t.Parallel()
	type run struct {
		store string
		wire  wire
		nodes int
	}
	runs := []run{{"sqlite", overTLS, 1}, {"redis", overTCP, 2}}
	if *soak {
		runs = append(runs, run{"postgres", overTLS, 2})
	}
	for _, run := range runs {
		t.Run(fmt.Sprintf("%s %d", run.store, run.nodes), func(t *testing.T) {
			t.Parallel()
			b := backends()[run.store](t)
			b.wire = run.wire
			slowImage(t, b, run.nodes)
		})
	}
}

func slowImage(t *testing.T, b *backend, nodes int) {
	data, chunk, pace := noise(t, 200e3), int(2e3), 20*time.Millisecond
	if *soak {
		data, chunk, pace = noise(t, 20e6), 10e3, 100*time.Millisecond
	}
	s := newSite(t, b, nodes, slices.DeleteFunc(sources(), func(s source) bool { return !s.images }), func() *gallery {
		return newGallery(t, data, chunk, pace)
	})
	began, first := time.Now(), sourceMessage{id: 1, text: "with an image", image: true}
	for _, d := range s.desks {
		s.takes(d, 0, first)
		d.gallery.await(t, d.gallery.begun)
	}
	fetching := 0 // the node that fetches. The other node is started only now, so it has no part in that
	if nodes == 2 {
		s.start(1)
	}
	var took []time.Duration
	for id := 2; id <= 51; id++ { // downloads stop at their half, so whoever waits for one waits for ever
		for _, d := range s.desks {
			one := s.takes(d, id%nodes, sourceMessage{id: id, text: fmt.Sprint("text ", id)})
			if took = append(took, one); one > time.Second {
				t.Logf("%s: message %d has taken %v, until %v", d.name, id, round(one), time.Now().UTC().Format(time.TimeOnly))
			}
		}
		if *soak {
			pause(t.Context(), 2*time.Second)
		}
	}
	slices.Sort(took)
	t.Logf("%d messages while the images download: median %v, slowest %v", len(took), round(took[len(took)/2]), round(took[len(took)-1]))
	s.halfway()
	for range 2 {
		s.nodes[fetching].kill()
		killed := time.Now()
		if nodes == 1 {
			s.start(0)
		}
		for _, d := range s.desks {
			s.again(d, (fetching+1)%nodes, first)
		}
		s.halfway() // after the lease of the node that was killed
		t.Logf("%v after a node was killed, its images have reached their half again", round(time.Since(killed)))
		if nodes == 2 {
			s.start(fetching)
			fetching = 1 - fetching
		}
	}
	for _, d := range s.desks {
		if _, err := s.image(d, first); !errors.Is(err, errNoImage) {
			t.Errorf("%s: before the image is there: %v", d.name, err)
		}
	}
	for _, d := range s.desks {
		close(d.gallery.finish)
	}
	for _, d := range s.desks {
		s.served(s.arrived(d, first).URL)
		t.Logf("%s: the image of %d bytes is there after %v", d.name, len(d.gallery.data), round(time.Since(began)))
	}
	for _, d := range s.desks {
		s.again(d, 0, first) // very late
		s.settled(d)
	}
}

// halfway waits until a download of each source has reached its half.
func (s *site) halfway() {
	s.t.Helper()
	for _, d := range s.desks {
		d.gallery.await(s.t, d.gallery.half)
	}
}

// served checks that all nodes serve an image.
func (s *site) served(path string) {
	s.t.Helper()
	for i := range s.nodes {
		resp, err := fresh.Get(s.base(i) + path)
		if err != nil {
			s.t.Fatal(err)
		}
		_ = resp.Body.Close()
		if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "image/") {
			s.t.Errorf("node %d answers with %s, %s, for the image", i, resp.Status, kind)
		}
	}
}

// settled checks what a source has left: its posts in their order, and one image, which was fetched to its end once.
func (s *site) settled(d *desk) {
	s.t.Helper()
	var stored []string
	for _, p := range list(s.t, s.base(0), d.channel()).posts {
		stored = append(stored, text(p))
	}
	if !slices.Equal(stored, d.taken) {
		s.t.Errorf("%s: the posts are %v, want those of %v", d.name, stored, d.taken)
	}
	if begun, complete := d.gallery.counts(); begun < 3 || complete != 1 {
		s.t.Errorf("%s: the image was fetched %d times, want 3, and %d times to its end, want once", d.name, begun, complete)
	}
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
