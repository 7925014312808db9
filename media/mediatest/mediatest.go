// Package mediatest holds media stores to the contract of media.Store.
package mediatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/media"
)

// Run runs the suite. newStore returns a store without files, for one subtest, and cleans up with t.Cleanup.
func Run(t *testing.T, newStore func(t *testing.T) media.Store) {
	for name, test := range map[string]func(*testing.T, media.Store){
		"RoundTrip": roundTrip, "Types": types, "Replace": replace, "Missing": missing, "Delete": deletes, "Names": names,
		"WrongSize": wrongSize, "FailingReader": failingReader, "EndedContext": endedContext, "Whole": whole, "OpenFile": openFile,
		"SameName": sameName, "Seek": seek,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newStore(t))
		})
	}
}

// RunShared runs the part of the suite that is about two nodes. newStores returns two handles of one store without files.
func RunShared(t *testing.T, newStores func(t *testing.T) (a, b media.Store)) {
	a, b := newStores(t)
	put(t, a, "a/1.jpg", "one")
	want(t, b, "a/1.jpg", "one")
	put(t, b, "a/1.jpg", "two")
	want(t, a, "a/1.jpg", "two")
	if err := a.Delete(t.Context(), "a/1.jpg"); err != nil {
		t.Error(err)
	}
	gone(t, b, "a/1.jpg")
}

const jpeg = "image/jpeg"

func put(t *testing.T, s media.Store, name, body string) {
	t.Helper()
	f := media.File{Type: media.TypeOf(name), Size: int64(len(body))}
	if err := s.Put(t.Context(), name, f, strings.NewReader(body)); err != nil {
		t.Fatalf("Put %q: %v", name, err)
	}
}

func read(ctx context.Context, s media.Store, name string) (media.File, string, error) {
	f, r, err := s.Open(ctx, name)
	if err != nil {
		return f, "", err
	}
	body, err := io.ReadAll(r)
	if closing := r.Close(); err == nil {
		err = closing
	}
	return f, string(body), err
}

func want(t *testing.T, s media.Store, name, body string) {
	t.Helper()
	f, got, err := read(t.Context(), s, name)
	if err != nil || got != body {
		t.Fatalf("Open %q: %d bytes, %v; want the %d bytes that were put", name, len(got), err, len(body))
	}
	if w := (media.File{Type: media.TypeOf(name), Size: int64(len(body))}); f != w {
		t.Fatalf("Open %q: %+v, want %+v", name, f, w)
	}
}

func gone(t *testing.T, s media.Store, name string) {
	t.Helper()
	if _, body, err := read(t.Context(), s, name); !errors.Is(err, motacilla.ErrNotFound) {
		t.Fatalf("Open %q: %q, %v; want ErrNotFound", name, body, err)
	}
}

// text returns n bytes that differ with seed.
func text(n int, seed uint64) string {
	b := make([]byte, n)
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = random.Read(b)
	return string(b)
}

func roundTrip(t *testing.T, s media.Store) {
	for i, n := range []int{0, 1, 1000, 64 << 10, 5<<20 + 1} {
		name := fmt.Sprintf("image-%d/%d.jpg", i, n)
		put(t, s, name, text(n, uint64(i)))
		want(t, s, name, text(n, uint64(i)))
	}
}

func types(t *testing.T, s media.Store) {
	for _, end := range []string{"jpg", "png", "gif", "webp", "avif", "bin"} {
		put(t, s, "types/1."+end, end)
		want(t, s, "types/1."+end, end)
	}
}

func replace(t *testing.T, s media.Store) {
	put(t, s, "a/1.jpg", "a longer text")
	put(t, s, "a/1.jpg", "short")
	want(t, s, "a/1.jpg", "short")
	put(t, s, "a/1.jpg", "a longer text again")
	want(t, s, "a/1.jpg", "a longer text again")
}

func missing(t *testing.T, s media.Store) {
	gone(t, s, "a/1.jpg")
	put(t, s, "a/1.jpg", "one")
	for _, name := range []string{"a/2.jpg", "a", "a/", "a/1.jpg/b.jpg", "a/1", "b/1.jpg", "1.jpg"} {
		gone(t, s, name)
	}
}

func deletes(t *testing.T, s media.Store) {
	for range 2 { // also of what is not there
		if err := s.Delete(t.Context(), "a/1.jpg"); err != nil {
			t.Fatalf("Delete: %v", err)
		}
	}
	put(t, s, "a/1.jpg", "one")
	put(t, s, "a/2.jpg", "two")
	if err := s.Delete(t.Context(), "a/1.jpg"); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	gone(t, s, "a/1.jpg")
	want(t, s, "a/2.jpg", "two")
	if err := s.Delete(t.Context(), "a/2.jpg"); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	put(t, s, "a/2.jpg", "two again")
	want(t, s, "a/2.jpg", "two again")
}

// names: what could lead out of the store, or is reserved, is no name.
func names(t *testing.T, s media.Store) {
	longest := strings.Repeat("a", media.MaxName-4) + ".jpg"
	for _, name := range []string{"a.jpg", "a-b/c.d/e.jpg", longest} {
		if !media.ValidName(name) {
			t.Errorf("%q is no name", name)
		}
	}
	put(t, s, "a-b/c.d/e.jpg", "deep")
	want(t, s, "a-b/c.d/e.jpg", "deep")
	for _, name := range []string{
		"", "/a.jpg", "a//b.jpg", "../a.jpg", "a/../../b.jpg", "a/./b.jpg", "a/.b.jpg", ".a.jpg", `a\b.jpg`, "A.jpg", "a b.jpg",
		"a\x00.jpg", "ä.jpg", "a.jpg/", "c:a.jpg", "~/a.jpg", "%2e%2e/a.jpg", "a" + longest, "a.html", "a.svg", "a", "jpg",
	} {
		err := s.Put(t.Context(), name, media.File{Type: jpeg, Size: 1}, strings.NewReader("x"))
		if !errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("Put %q: %v, want ErrInvalid", name, err)
		}
		gone(t, s, name)
		if err := s.Delete(t.Context(), name); err != nil {
			t.Errorf("Delete %q: %v", name, err)
		}
	}
	for _, f := range []media.File{{Type: "image/png", Size: 1}, {Type: "", Size: 1}, {Type: jpeg, Size: -1}} {
		if err := s.Put(t.Context(), "a/1.jpg", f, strings.NewReader("x")); !errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("Put %+v: %v, want ErrInvalid", f, err)
		}
	}
}

func wrongSize(t *testing.T, s media.Store) {
	put(t, s, "a/1.jpg", "old")
	for _, size := range []int64{0, 4, 6, 1 << 40} {
		for _, name := range []string{"a/1.jpg", "a/2.jpg"} {
			if err := s.Put(t.Context(), name, media.File{Type: jpeg, Size: size}, strings.NewReader("12345")); err == nil {
				t.Errorf("Put of 5 bytes as %d: no error", size)
			}
		}
	}
	want(t, s, "a/1.jpg", "old")
	gone(t, s, "a/2.jpg")
}

func failingReader(t *testing.T, s media.Store) {
	put(t, s, "a/1.jpg", "old")
	cause := errors.New("the source has gone")
	for _, name := range []string{"a/1.jpg", "a/2.jpg"} {
		r := io.MultiReader(strings.NewReader(text(100_000, 1)), iotest.ErrReader(cause))
		err := s.Put(t.Context(), name, media.File{Type: jpeg, Size: 200_000}, r)
		if !errors.Is(err, cause) {
			t.Errorf("Put %q: %v, want the error of the reader", name, err)
		}
	}
	want(t, s, "a/1.jpg", "old")
	gone(t, s, "a/2.jpg")
}

func endedContext(t *testing.T, s media.Store) {
	put(t, s, "a/1.jpg", "old")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Put(ended, "a/1.jpg", media.File{Type: jpeg, Size: 3}, strings.NewReader("new")); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: %v", err)
	}
	if _, _, err := read(ended, s, "a/1.jpg"); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v", err)
	}
	if err := s.Delete(ended, "a/1.jpg"); !errors.Is(err, context.Canceled) {
		t.Errorf("Delete: %v", err)
	}
	want(t, s, "a/1.jpg", "old")
}

// whole: while files are replaced and deleted, readers see whole files only.
func whole(t *testing.T, s media.Store) {
	const writers, rounds = 4, 25
	const name = "a/1.jpg"
	bodies := map[string]bool{}
	for i := range writers {
		bodies[text(50_000+i*10_000, uint64(i))] = true
	}
	done := make(chan struct{})
	var writing, reading sync.WaitGroup
	for i := range writers {
		writing.Go(func() {
			for range rounds {
				body := text(50_000+i*10_000, uint64(i))
				if err := s.Put(t.Context(), name, media.File{Type: jpeg, Size: int64(len(body))}, strings.NewReader(body)); err != nil {
					t.Errorf("Put: %v", err)
				}
			}
		})
	}
	writing.Go(func() {
		for range rounds {
			if err := s.Delete(t.Context(), name); err != nil {
				t.Errorf("Delete: %v", err)
			}
		}
	})
	for range 2 {
		reading.Go(func() {
			for {
				f, body, err := read(t.Context(), s, name)
				if err == nil && (!bodies[body] || f.Size != int64(len(body))) {
					t.Errorf("a reader sees %d bytes of a file of %d, which nobody has put", len(body), f.Size)
				}
				if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
					t.Errorf("Open: %v", err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	writing.Wait()
	close(done)
	reading.Wait()
	put(t, s, name, "the end")
	want(t, s, name, "the end")
}

// openFile: what is open can be read to its end.
func openFile(t *testing.T, s media.Store) {
	body := text(1<<20, 1)
	put(t, s, "a/1.jpg", body)
	_, r, err := s.Open(t.Context(), "a/1.jpg")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	first := make([]byte, 1000)
	if _, err := io.ReadFull(r, first); err != nil {
		t.Fatal(err)
	}
	put(t, s, "a/1.jpg", "another")
	if err := s.Delete(t.Context(), "a/1.jpg"); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(r)
	if got := string(first) + string(rest); err != nil || got != body {
		t.Errorf("%d bytes, %v; want the %d bytes that were there when the file was opened", len(got), err, len(body))
	}
}

// sameName: many Puts of the same file, as when two nodes add an image at once.
func sameName(t *testing.T, s media.Store) {
	body := text(100_000, 1)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := s.Put(t.Context(), "a/1.jpg", media.File{Type: jpeg, Size: int64(len(body))}, strings.NewReader(body)); err != nil {
				t.Errorf("Put: %v", err)
			}
		})
	}
	all.Wait()
	want(t, s, "a/1.jpg", body)
}

// seek: a store need not return an io.Seeker. If it does, that must work.
func seek(t *testing.T, s media.Store) {
	body := text(100_000, 1)
	put(t, s, "a/1.jpg", body)
	_, r, err := s.Open(t.Context(), "a/1.jpg")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	seeker, ok := r.(io.ReadSeeker)
	if !ok {
		return
	}
	for _, at := range []int64{99_000, 10, 0} {
		if _, err := seeker.Seek(at, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(seeker)
		if err != nil || !bytes.Equal(rest, []byte(body[at:])) {
			t.Errorf("from %d: %d bytes, %v", at, len(rest), err)
		}
	}
	if n, err := seeker.Seek(0, io.SeekEnd); err != nil || n != int64(len(body)) {
		t.Errorf("the end is at %d, %v", n, err)
	}
}
