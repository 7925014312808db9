package cluster

import (
	"bytes"
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
	begun  chan struct{} // gets one for each download that begins
	half   chan struct{} // gets one for each download that has reached its half
	finish chan struct{} // is closed when downloads may end

	mu        sync.Mutex
	downloads int
	complete  int
}

// noise returns an image of at least so many bytes, as a PNG.
func noise(t *testing.T, size int) []byte {
	t.Helper()
	side := 1
	for side*side*3 < size {
		side++
	}
	pixels := image.NewNRGBA(image.Rect(0, 0, side, side))
	_, _ = rand.NewChaCha8([32]byte{}).Read(pixels.Pix)
	for i := 3; i < len(pixels.Pix); i += 4 {
		pixels.Pix[i] = 255
	}
	var data bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&data, pixels); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

// newGallery returns a gallery that sends so many bytes at a time, with a pause after them.
func newGallery(t *testing.T, data []byte, chunk int, pace time.Duration) *gallery {
	t.Helper()
	g := &gallery{
		data: data, chunk: chunk, pace: pace,
		begun: make(chan struct{}, 100), half: make(chan struct{}, 100), finish: make(chan struct{}),
	}
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
	g.begun <- struct{}{}
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

// await waits for a download to begin, or to reach its half.
func (g *gallery) await(t *testing.T, event <-chan struct{}) {
	t.Helper()
	select {
	case <-event:
	case <-time.After(hang + g.duration()):
		t.Fatal("nobody fetches the image")
	}
}

// duration is how long a download takes at least.
func (g *gallery) duration() time.Duration { return time.Duration(len(g.data)/g.chunk) * g.pace }

// counts returns how many downloads have begun, and how many have come to their end.
func (g *gallery) counts() (begun, complete int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.downloads, g.complete
}
