//go:build linux

package media_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/media"
	"github.com/motacilla-live/motacilla/media/local"
	files "github.com/motacilla-live/motacilla/media/memory"
	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/motacilla-live/motacilla/storage/sqlite"
)

// childEnv says what a child process does instead of tests.
const childEnv = "MOTACILLA_MEDIA_CHILD"

// child returns this test binary as a command that runs TestChild.
func child(t testing.TB, what string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestChild$", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), childEnv+"="+what)
	cmd.Stderr = os.Stderr
	return cmd
}

// TestChild is what the child processes of other tests run.
func TestChild(t *testing.T) {
	what, argument, _ := strings.Cut(os.Getenv(childEnv), " ")
	switch what {
	case "bomb":
		bomb(t, argument)
	case "add":
		addForEver(t, argument)
	}
}

// peak returns the most memory that this process has had, in bytes.
func peak(t testing.TB) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kb int64
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

// zeros is an endless reader.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// pngHeader returns the beginning of a PNG that says it has this size.
func pngHeader(w, h uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, w), h)
	b = append(b, 8, 2, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[12:]))
	return append(b, "\x00\x00\x00\x00IEND\xaeB`\x82"...)
}

// bombs have what the error says.
var bombs = map[string]struct {
	make func(t testing.TB) io.Reader
	want string
}{
	"a PNG of 50,000 x 50,000": {func(testing.TB) io.Reader { return bytes.NewReader(pngHeader(50000, 50000)) },
		"image: must have at most 50 megapixels; it has 2500"},
	"a JPEG of 50,000 x 50,000": {func(t testing.TB) io.Reader {
		b := jpegOf(t, photo(16, 16))
		at := bytes.Index(b, []byte{0xff, 0xc0})
		binary.BigEndian.PutUint32(b[at+5:], 50000<<16|50000)
		return bytes.NewReader(b)
	}, "image: must have at most 50 megapixels; it has 2500"},
	"a GIF of 10,000 frames": {func(t testing.TB) io.Reader {
		g, frame := &gif.GIF{}, image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.Black, color.White})
		for range 10_000 {
			g.Image, g.Delay = append(g.Image, frame), append(g.Delay, 1)
		}
		var b bytes.Buffer
		if err := gif.EncodeAll(&b, g); err != nil {
			t.Fatal(err)
		}
		return &b
	}, "image: must have at most 1000 frames; it has more"},
	"an endless JPEG": {func(t testing.TB) io.Reader { return io.MultiReader(bytes.NewReader(jpegOf(t, photo(8, 8))), zeros{}) },
		"image: must have at most 20971520 bytes; it has more"},
	"a progressive JPEG of much memory": {func(t testing.TB) io.Reader {
		b := jpegOf(t, photo(16, 16))
		at := bytes.Index(b, []byte{0xff, 0xc0})
		b[at+1] = 0xc2
		b[at+11] = 0x11 // no colours are shared between pixels
		binary.BigEndian.PutUint32(b[at+5:], 7000<<16|7000)
		return bytes.NewReader(b)
	}, "image: must need at most 512 MiB of memory to be converted; this JPEG of 7000 x 7000 needs 736"},
	"an SVG with a script": {func(testing.TB) io.Reader {
		return strings.NewReader(`<?xml version="1.0"?><svg><script>alert(1)</script></svg>`)
	}, "image: is an SVG, which may have scripts and is not taken: send a JPEG, PNG, GIF or WebP"},
	"19 MB of EXIF, and no image": {func(testing.TB) io.Reader {
		segment := append([]byte{0xff, 0xe1, 0xff, 0xff}, make([]byte, 0xfffd)...)
		parts := []io.Reader{bytes.NewReader([]byte{0xff, 0xd8})}
		for range 300 { // all of one segment: the race detector's shadow of 19 MB would count as memory of ours
			parts = append(parts, bytes.NewReader(segment))
		}
		return io.MultiReader(parts...)
	}, "image: is cut off: its end is missing"},
}

// bomb adds a bomb, and prints the error and how much memory that needed.
func bomb(t *testing.T, name string) {
	give := bombs[name].make(t)
	l := newLibrary(t)
	before := peak(t)
	_, err := l.Add(t.Context(), "bomb", give)
	fmt.Printf("error %v\ntaken %d\n", err, peak(t)-before)
}

func newLibrary(t testing.TB) *media.Library {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	l, err := media.NewLibrary(files.New(), store.Records(), &media.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestBombs: each is refused before memory is taken. The error names the limit.
func TestBombs(t *testing.T) {
	for name, b := range bombs {
		t.Run(name, func(t *testing.T) {
			out, err := child(t, "bomb "+name).Output()
			if err != nil {
				t.Fatal(err)
			}
			var taken int64
			head, rest, _ := strings.Cut(string(out), "\ntaken ")
			if _, err := fmt.Sscan(rest, &taken); err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(head, ": "+b.want) {
				t.Errorf("%s\nwant %s", head, b.want)
			}
			const most = 64 << 20 // also with the race detector
			if taken > most {
				t.Errorf("it took %d MiB of memory", taken>>20)
			}
			t.Logf("peak memory rose by %.1f MiB", float64(taken)/(1<<20))
		})
	}
}

// shop opens what lasts in a folder.
func shop(t testing.TB, dir string) (*media.Library, *sqlite.Store) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "posts.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	folder := local.New(&local.Options{Path: filepath.Join(dir, "media")})
	t.Cleanup(func() { _ = folder.Close() })
	l, err := media.NewLibrary(folder, store.Records(), &media.Options{TempDir: dir, Widths: []string{"16", "32", "64", "128"}})
	if err != nil {
		t.Fatal(err)
	}
	return l, store
}

// addForEver adds images until it is killed. It prints the ID of each.
func addForEver(t *testing.T, dir string) {
	l, _ := shop(t, dir)
	body := jpegOf(t, photo(200, 150))
	for i := 0; ; i++ {
		id := fmt.Sprintf("image-%d", i)
		if _, err := l.Add(t.Context(), id, bytes.NewReader(body)); err != nil {
			t.Fatal(err)
		}
		fmt.Println("added", id)
	}
}

// TestKilled: a node that adds images is killed again and again. An image is whole or not there, what was acknowledged is there,
// and what is left of the others is collected.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	added := map[string]bool{}
	for round := range 8 {
		cmd := child(t, "add "+dir)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		news := 0
		for lines.Scan() {
			if id, ok := strings.CutPrefix(lines.Text(), "added "); ok && !added[id] {
				added[id] = true
				news++
			}
			if news > round {
				time.Sleep(rand.N(15 * time.Millisecond)) // any moment of an Add will do
				break
			}
		}
		_ = cmd.Process.Kill()
		for lines.Scan() {
			if id, ok := strings.CutPrefix(lines.Text(), "added "); ok {
				added[id] = true
			}
		}
		_ = cmd.Wait()
		if news == 0 {
			t.Fatal("the child has added nothing")
		}
	}
	l, store := shop(t, dir)
	records, err := store.Records().List(t.Context(), "media", "", "", 10_000)
	if err != nil {
		t.Fatal(err)
	}
	h, known, halves := handler(t, l), 0, 0
	for _, r := range records {
		b, err := l.Image(t.Context(), r.Key)
		if errors.Is(err, motacilla.ErrNotFound) {
			halves++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		delete(added, r.Key)
		for size := range strings.SplitSeq(b.Srcset, ", ") {
			url, _, _ := strings.Cut(size, " ")
			if w := get(h, "GET", url); w.Code != 200 {
				t.Errorf("%s: status %d", url, w.Code)
			} else if _, err := jpeg.Decode(w.Body); err != nil {
				t.Errorf("%s: %v", url, err)
			}
			known++
		}
	}
	if len(added) > 0 {
		t.Errorf("of the images that were acknowledged there are not %v", added)
	}
	t.Logf("%d records, %d of images that were not finished", len(records), halves)
	collectRemains(t, l, store, filepath.Join(dir, "media"), known)
}

// collectRemains makes what is unfinished old, collects it, and counts the files that are left.
func collectRemains(t *testing.T, l *media.Library, store *sqlite.Store, folder string, want int) {
	t.Helper()
	records, err := store.Records().List(t.Context(), "media", "", "", 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		var e map[string]any
		if err := json.Unmarshal(r.Value, &e); err != nil {
			t.Fatal(err)
		}
		e["since"] = time.Now().Add(-25 * time.Hour)
		if r.Value, err = json.Marshal(e); err == nil {
			_, err = store.Records().Put(t.Context(), r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := media.NewCollector(l, store).Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := 0
	_ = filepath.WalkDir(folder, func(path string, d os.DirEntry, _ error) error {
		if strings.HasSuffix(path, ".jpg") && !d.IsDir() {
			got++
		}
		return nil
	})
	if got != want {
		t.Errorf("%d files are left, want the %d of whole images", got, want)
	}
}

// BenchmarkAdd measures photos as telephones make them: time, and the peak memory of the process.
func BenchmarkAdd(b *testing.B) {
	for _, c := range []struct {
		name    string
		w, h, n int
	}{{"12 megapixels", 4000, 3000, 1}, {"48 megapixels", 8000, 6000, 1}, {"12 megapixels, 8 at a time", 4000, 3000, 8}} {
		body := jpegOf(b, photo(c.w, c.h))
		b.Run(c.name, func(b *testing.B) {
			l := newLibrary(b)
			debug.FreeOSMemory()                                      // of making the photo
			_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // proc(5): the peak begins again
			i, began := 0, used(b)
			for b.Loop() {
				var all sync.WaitGroup
				for range c.n {
					i++
					id := fmt.Sprint(i)
					all.Go(func() {
						if _, err := l.Add(b.Context(), id, bytes.NewReader(body)); err != nil {
							b.Error(err)
						}
					})
				}
				all.Wait()
			}
			b.ReportMetric(float64((used(b)-began).Milliseconds())/float64(i), "cpu-ms/image")
			b.ReportMetric(float64(peak(b))/(1<<20), "peak-MiB")
		})
	}
}

// used returns how long processors have worked for this process.
func used(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
