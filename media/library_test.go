package media_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/media"
	files "github.com/motacilla-live/motacilla/media/memory"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// photo returns an opaque image with many colours.
func photo(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{byte(x*255/w) ^ byte(x*y), byte(y * 255 / h), byte(x ^ y), 255})
		}
	}
	return m
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, m, nil); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := png.Encode(&buf, m); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// shelf is a library with what it stands on.
type shelf struct {
	*media.Library

	files *files.Store
	store *memory.Store
}

func newShelf(t testing.TB, o *media.Options) *shelf {
	t.Helper()
	s := &shelf{files: files.New(), store: memory.New(nil)}
	t.Cleanup(func() { _ = s.store.Close() })
	s.Library = s.node(t, o)
	return s
}

// node returns another library on the same stores.
func (s *shelf) node(t testing.TB, o *media.Options) *media.Library {
	t.Helper()
	l, err := media.NewLibrary(s.files, s.store.Records(), o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// handler serves the library as an app does.
func handler(t testing.TB, l *media.Library) http.Handler {
	t.Helper()
	table := route.NewTable()
	if err := table.Add("media", "/", l.URLs()...); err != nil {
		t.Fatal(err)
	}
	return table
}

func get(h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAdd(t *testing.T) {
	s := newShelf(t, nil)
	b, err := s.Add(t.Context(), "one", bytes.NewReader(jpegOf(t, photo(2000, 1000))))
	if err != nil {
		t.Fatal(err)
	}
	want := motacilla.Block{
		Type: motacilla.ImageBlock, Media: "one", URL: "/media/one/1920.jpg", Width: 1920, Height: 960, Color: b.Color,
		Srcset: "/media/one/320.jpg 320w, /media/one/640.jpg 640w, /media/one/960.jpg 960w, /media/one/1280.jpg 1280w, " +
			"/media/one/1920.jpg 1920w",
	}
	if b != want || len(b.Color) != 7 {
		t.Errorf("block is %+v\nwant %+v", b, want)
	}
	if again, err := s.Image(t.Context(), "one"); err != nil || again != b {
		t.Errorf("Image: %+v, %v", again, err)
	}
	if other, err := s.node(t, nil).Image(t.Context(), "one"); err != nil || other != b {
		t.Errorf("Image of another node: %+v, %v", other, err)
	}
	h := handler(t, s.Library)
	for i, width := range []int{320, 640, 960, 1280, 1920} {
		w := get(h, "GET", fmt.Sprintf("/media/one/%d.jpg", width))
		m, err := jpeg.Decode(w.Body)
		if err != nil || m.Bounds() != image.Rect(0, 0, width, width/2) {
			t.Errorf("size %d: status %d, %v", i, w.Code, err)
		}
	}
	// What is there is returned, and nothing is read.
	if again, err := s.Add(t.Context(), "one", failing{}); err != nil || again != b {
		t.Errorf("Add again: %+v, %v", again, err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the reader was read") }

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		w, h int
		want string
	}{
		{100, 100, "100"}, {320, 10, "320"}, {321, 10, "320 321"}, {1000, 500, "320 640 960 1000"},
		{1920, 10, "320 640 960 1280 1920"}, {1, 1, "1"}, {1, 3000, "1"}, {3000, 1, "320 640 960 1280 1920"},
	} {
		s := newShelf(t, nil)
		b, err := s.Add(t.Context(), "x", bytes.NewReader(jpegOf(t, photo(c.w, c.h))))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for part := range strings.SplitSeq(b.Srcset, ", ") {
			_, width, _ := strings.Cut(part, " ")
			got = append(got, strings.TrimSuffix(width, "w"))
		}
		if g := strings.Join(got, " "); g != c.want {
			t.Errorf("%d x %d: sizes are %s, want %s", c.w, c.h, g, c.want)
		}
		if err := validBlock(b); err != nil {
			t.Errorf("%d x %d: %v", c.w, c.h, err)
		}
	}
}

// validBlock returns why a store would refuse a post with b.
func validBlock(b motacilla.Block) error {
	p := motacilla.Post{ID: "00000000-0000-7000-8000-000000000000", Content: []motacilla.Block{b}}
	_, err := p.Admit(1)
	return err
}

func TestFormats(t *testing.T) {
	flat := image.NewPaletted(image.Rect(0, 0, 400, 300), color.Palette{color.White, color.RGBA{200, 0, 0, 255}})
	for i := range 100 {
		flat.SetColorIndex(i, i, 1)
	}
	glass := photo(400, 300)
	glass.SetNRGBA(5, 5, color.NRGBA{1, 2, 3, 100})
	var animated bytes.Buffer
	second := image.NewPaletted(image.Rect(10, 10, 20, 20), flat.Palette)
	if err := gif.EncodeAll(&animated, &gif.GIF{Image: []*image.Paletted{flat, second, second}, Delay: []int{1, 1, 1}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		give  []byte
		want  string
		color bool
	}{
		{"a photo as JPEG", jpegOf(t, photo(400, 300)), ".jpg", true},
		{"a photo as PNG", pngOf(t, photo(400, 300)), ".jpg", true},
		{"a drawing as PNG", pngOf(t, flat), ".png", true},
		{"a drawing as GIF", animated.Bytes(), ".png", true},
		{"a translucent PNG", pngOf(t, glass), ".png", false},
	} {
		s := newShelf(t, nil)
		b, err := s.Add(t.Context(), "x", bytes.NewReader(c.give))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !strings.HasSuffix(b.URL, c.want) || (b.Color != "") != c.color || b.Width != 400 || b.Height != 300 {
			t.Errorf("%s: %+v", c.name, b)
		}
	}
}

func TestColor(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 700, 500))
	for i := range m.Pix {
		m.Pix[i] = []byte{0x33, 0x66, 0x99, 0xff}[i%4]
	}
	b, err := newShelf(t, nil).Add(t.Context(), "x", bytes.NewReader(pngOf(t, m)))
	if err != nil || b.Color != "#336699" {
		t.Errorf("colour is %q, %v", b.Color, err)
	}
}

func TestServe(t *testing.T) {
	s := newShelf(t, nil)
	if _, err := s.Add(t.Context(), "one", bytes.NewReader(jpegOf(t, photo(400, 300)))); err != nil {
		t.Fatal(err)
	}
	h := handler(t, s.Library)
	w := get(h, "GET", "/media/one/320.jpg")
	tag := w.Header().Get("ETag")
	for name, want := range map[string]string{
		"Content-Type": "image/jpeg", "Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; sandbox", "Cross-Origin-Resource-Policy": "cross-origin",
		"Content-Disposition": "inline", "Access-Control-Allow-Origin": "*", "Content-Length": fmt.Sprint(w.Body.Len()),
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if w.Code != 200 || len(tag) != 34 {
		t.Errorf("status %d, ETag %s", w.Code, tag)
	}
	if w := get(h, "HEAD", "/media/one/320.jpg"); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d, %d bytes", w.Code, w.Body.Len())
	}
	if w := get(h, "GET", "/media/one/320.jpg", "If-None-Match", tag); w.Code != 304 || w.Header().Get("ETag") != tag {
		t.Errorf("If-None-Match: %d", w.Code)
	}
	part := get(h, "GET", "/media/one/320.jpg", "Range", "bytes=10-19", "If-Range", tag)
	if part.Code != 206 || part.Body.String() != w.Body.String()[10:20] {
		t.Errorf("Range: %d, %d bytes", part.Code, part.Body.Len())
	}
	if w := get(h, "POST", "/media/one/320.jpg"); w.Code != 405 {
		t.Errorf("POST: %d", w.Code)
	}
	for _, path := range []string{"/media/one/321.jpg", "/media/one/320.png", "/media/one/0320.jpg", "/media/two/320.jpg", "/media/One/320.jpg",
		"/media/one/..%2f320.jpg", "/media/..%2fone/320.jpg"} {
		w := get(h, "GET", path)
		if w.Code != 404 || w.Header().Get("Cache-Control") != "public, max-age=10" || !strings.Contains(w.Body.String(), `"status":404`) {
			t.Errorf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
		}
	}
}

// TestAddAtOnce: many nodes add one image at once. All get the same, and nothing else is left.
func TestAddAtOnce(t *testing.T) {
	for _, same := range []bool{true, false} {
		s := newShelf(t, nil)
		const nodes = 6
		got := make([]motacilla.Block, nodes)
		var all sync.WaitGroup
		for i := range nodes {
			w := 400
			if !same {
				w += i
			}
			body, l := jpegOf(t, photo(w, 300)), s.node(t, nil)
			all.Go(func() {
				var err error
				if got[i], err = l.Add(t.Context(), "one", bytes.NewReader(body)); err != nil {
					t.Errorf("Add: %v", err)
				}
			})
		}
		all.Wait()
		for _, b := range got {
			if b != got[0] {
				t.Errorf("%+v and %+v", b, got[0])
			}
		}
		if names := s.files.Names(); len(names) != 2 {
			t.Errorf("same=%v: files are %q", same, names)
		}
		h := handler(t, s.node(t, nil))
		if w := get(h, "GET", got[0].URL); w.Code != 200 {
			t.Errorf("status %d", w.Code)
		}
	}
}

func TestWrongIDs(t *testing.T) {
	s := newShelf(t, nil)
	for _, id := range []string{"", "A", "a/b", "..", "a.b", strings.Repeat("a", 65), "ä"} {
		if _, err := s.Add(t.Context(), id, failing{}); !errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("Add %q: %v", id, err)
		}
		if _, err := s.Image(t.Context(), id); !errors.Is(err, motacilla.ErrNotFound) {
			t.Errorf("Image %q: %v", id, err)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, widths := range [][]string{{"0"}, {"x"}, {"-1"}, {"15"}, {"8193"}, strings.Split(strings.Repeat("320 ", 13), " ")} {
		_, err := media.NewLibrary(files.New(), nil, &media.Options{Widths: widths})
		if !errors.Is(err, motacilla.ErrInvalid) || !strings.Contains(err.Error(), "widths") {
			t.Errorf("%q: %v", widths, err)
		}
	}
}
