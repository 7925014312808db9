package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// picture is the path of the gallery's image.
const picture = "/picture.png"

// gallery is a server of one image that it sends slowly, and not to its end before the test lets it. It answers what the receivers
// ask Slack and Telegram.
type gallery struct {
	server *httptest.Server
	data   []byte
	chunk  int           // bytes
	pace   time.Duration // between chunks
	half   chan struct{} // gets one for each download that has reached its half
	finish chan struct{} // is closed when downloads may end

	mu        sync.Mutex
	downloads int
	complete  int
}

// newGallery makes an image of about so many bytes.
func newGallery(t *testing.T, size, chunk int, pace time.Duration) *gallery {
	t.Helper()
	side := 1
	for side*side*3 < size {
		side++
	}
	noise := image.NewNRGBA(image.Rect(0, 0, side, side))
	for i := range noise.Pix {
		if noise.Pix[i] = byte(rand.IntN(256)); i%4 == 3 {
			noise.Pix[i] = 255
		}
	}
	var data bytes.Buffer
	if err := png.Encode(&data, noise); err != nil {
		t.Fatal(err)
	}
	g := &gallery{data: data.Bytes(), chunk: chunk, pace: pace, half: make(chan struct{}, 100), finish: make(chan struct{})}
	g.server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(g.server.Close)
	return g
}

func (g *gallery) serve(w http.ResponseWriter, r *http.Request) {
	bot := "/bot" + telegramToken
	switch r.URL.Path {
	case picture, "/file" + bot + picture:
		g.send(w, r)
	case bot + "/getMe":
		_, _ = fmt.Fprint(w, `{"ok":true,"result":{"id":123456789,"is_bot":true,"first_name":"Desk","username":"desk_bot"}}`)
	case bot + "/getFile":
		_, _ = fmt.Fprintf(w, `{"ok":true,"result":{"file_id":"f1","file_unique_id":"u1","file_size":%d,"file_path":%q}}`,
			len(g.data), strings.TrimPrefix(picture, "/"))
	default:
		http.NotFound(w, r)
	}
}

func (g *gallery) send(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.downloads++
	g.mu.Unlock()
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Content-Length", fmt.Sprint(len(g.data)))
	sent, halfway := 0, false
	for chunk := range slices.Chunk(g.data, g.chunk) {
		if _, err := w.Write(chunk); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		if sent += len(chunk); sent >= len(g.data)/2 && !halfway {
			halfway = true
			g.half <- struct{}{}
			select {
			case <-g.finish:
			case <-r.Context().Done():
				return
			}
		}
		if pause(r.Context(), g.pace); r.Context().Err() != nil {
			return
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.complete++
}

// reached waits until a download has reached its half.
func (g *gallery) reached(t *testing.T) {
	t.Helper()
	select {
	case <-g.half:
	case <-time.After(hang):
		t.Fatal("nobody fetches the image")
	}
}

// TestSlowImage delivers a message whose image downloads for 200 times as long as a message takes, as 20 MB at 100 kB/s do, and
// 50 messages while it does. No message waits for the image, all are there in their order, and the image arrives once, although
// the node that fetches it is killed twice, each time in the middle. With -soak the image has its full size.
//
// The small receiver of these tests runs over every store. Those of the program share its code, and run over SQLite on two nodes;
// with -soak they run over every store too.
func TestSlowImage(t *testing.T) {
	parallel(t)
	for name, open := range backends() {
		for _, src := range sources() {
			for _, nodes := range []int{1, 2} {
				if !src.images || src.name != "pictures" && !*soak && (name != "sqlite" || nodes == 1) {
					continue
				}
				t.Run(fmt.Sprintf("%s %s %d", name, src.name, nodes), func(t *testing.T) {
					parallel(t)
					slowImage(t, open(t), src, nodes)
				})
			}
		}
	}
}

func slowImage(t *testing.T, b *backend, src source, nodes int) {
	g := newGallery(t, 200<<10, 2<<10, 20*time.Millisecond)
	if *soak {
		g = newGallery(t, 20<<20, 10<<10, 100*time.Millisecond)
	}
	s := newSite(t, b, src, g, nodes)
	first := sourceMessage{id: 1, text: "with an image", image: true}
	s.takes(0, first)
	g.reached(t)
	began := time.Now()
	for id := 2; id <= 51; id++ { // the download has stopped at its half, so whoever waits for it waits for ever
		s.takes(id%nodes, sourceMessage{id: id, text: fmt.Sprint("text ", id)})
	}
	t.Logf("50 messages in %v", time.Since(began).Round(time.Millisecond))
	fetching := 0 // the node that fetches: the only one, or the one that took the message
	for range 2 {
		s.nodes[fetching].kill()
		if nodes == 1 {
			s.start(0)
		}
		s.takes((fetching+1)%nodes, first) // the source delivers it again
		s.taken = s.taken[:len(s.taken)-1]
		g.reached(t) // after the lease of the node that was killed
		if nodes == 2 {
			s.start(fetching)
			fetching = 1 - fetching
		}
	}
	if _, err := s.image(0, first); !errors.Is(err, errNoImage) {
		t.Errorf("before the image is there: %v", err)
	}
	close(g.finish)
	found, err := s.image(0, first)
	for late := time.Now().Add(hang); errors.Is(err, errNoImage) && time.Now().Before(late); {
		pause(t.Context(), 100*time.Millisecond)
		found, err = s.image(0, first)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range nodes {
		resp, err := plain.Get(s.base(i) + found.URL)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "image/") {
			t.Errorf("node %d answers with %s, %s, for the image", i, resp.Status, kind)
		}
	}
	s.takes(0, first) // very late
	s.taken = s.taken[:len(s.taken)-1]
	var stored []string
	for _, p := range list(t, s.base(0), match).posts {
		stored = append(stored, text(p))
	}
	if !slices.Equal(stored, s.taken) {
		t.Errorf("the posts are %v, want those of %v", stored, s.taken)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.downloads != 3 || g.complete != 1 {
		t.Errorf("the image was fetched %d times, want 3, and %d times to its end, want once", g.downloads, g.complete)
	}
	must(t, s.base(0), http.MethodDelete, "/"+string(match), nil, nil)
}
