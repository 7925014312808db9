package media_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/media"
	files "github.com/motacilla-live/motacilla/media/memory"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// far is a store elsewhere: nobody can seek in its files, and it may fail.
type far struct {
	media.Store

	fails error
}

func (f *far) Open(ctx context.Context, name string) (media.File, io.ReadCloser, error) {
	if f.fails != nil {
		return media.File{}, nil, f.fails
	}
	file, r, err := f.Store.Open(ctx, name)
	return file, struct{ io.ReadCloser }{r}, err
}

func (f *far) Put(ctx context.Context, name string, file media.File, r io.Reader) error {
	if f.fails != nil {
		return f.fails
	}
	return f.Store.Put(ctx, name, file, r)
}

func TestStoreElsewhere(t *testing.T) {
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	at := &far{Store: files.New(), fails: errors.New("connection refused to 10.0.0.7")}
	temp := t.TempDir()
	l, err := media.NewLibrary(at, store.Records(), &media.Options{TempDir: temp})
	if err != nil {
		t.Fatal(err)
	}
	body := jpegOf(t, photo(400, 300))
	if _, err := l.Add(t.Context(), "one", bytes.NewReader(body)); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("Add while the store fails: %v", err)
	}
	if _, err := l.Image(t.Context(), "one"); !errors.Is(err, motacilla.ErrNotFound) {
		t.Errorf("half an image: %v", err)
	}
	at.fails = nil
	if _, err := l.Add(t.Context(), "one", bytes.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	h := handler(t, l)
	whole := get(h, "GET", "/media/one/320.jpg")
	if whole.Code != 200 || whole.Header().Get("Content-Length") == "" || whole.Header().Get("ETag") == "" || whole.Body.Len() < 1000 {
		t.Errorf("%d %v, %d bytes", whole.Code, whole.Header(), whole.Body.Len())
	}
	if w := get(h, "HEAD", "/media/one/320.jpg"); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d, %d bytes", w.Code, w.Body.Len())
	}
	at.fails = errors.New("connection refused to 10.0.0.7")
	w := get(h, "GET", "/media/one/320.jpg")
	if w.Code != 503 || strings.Contains(w.Body.String(), "10.0.0.7") || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("while the store fails: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if list, err := os.ReadDir(temp); err != nil || len(list) > 0 {
		t.Errorf("temporary files are left: %v, %v", list, err)
	}
}

// TestSourceFails: an error of the source is no fault of the image: the caller may try again.
func TestSourceFails(t *testing.T) {
	s := newShelf(t, nil)
	body := jpegOf(t, photo(400, 300))
	for _, cause := range []error{errors.New("connection reset"), io.ErrUnexpectedEOF} {
		r := io.MultiReader(bytes.NewReader(body[:1000]), iotest.ErrReader(cause))
		if _, err := s.Add(t.Context(), "one", r); !errors.Is(err, cause) || errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("error is %v, want %v", err, cause)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Add(ctx, "one", bytes.NewReader(body)); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if n := len(s.files.Names()); n > 0 {
		t.Errorf("%d files are left", n)
	}
}

// FuzzAdd: whatever is uploaded, it is refused as invalid, or it is an image that can be read.
func FuzzAdd(f *testing.F) {
	f.Add(jpegOf(f, photo(20, 10)))
	f.Add(pngOf(f, photo(20, 10)))
	f.Add([]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"))
	f.Add([]byte("<svg/>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newShelf(t, &media.Options{MaxPixels: 1 << 16, MaxBytes: 1 << 16, MaxFrames: 5})
		block, err := s.Add(t.Context(), "x", bytes.NewReader(b))
		if err != nil {
			if !errors.Is(err, motacilla.ErrInvalid) || len(s.files.Names()) > 0 {
				t.Fatal(err, s.files.Names())
			}
			return
		}
		if err := validBlock(block); err != nil {
			t.Fatal(err)
		}
		if w := get(handler(t, s.Library), "GET", block.URL); w.Code != 200 {
			t.Fatal(w.Code)
		}
	})
}
