package receiver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/motacilla-live/motacilla/work"
)

// album keeps images in memory, as an app's images do for all its nodes.
type album struct {
	mu    sync.Mutex
	have  map[string]string
	added int // how often an image was read to its end
	down  bool
}

func (a *album) Image(_ context.Context, id string) (motacilla.Block, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.down {
		return motacilla.Block{}, motacilla.ErrUnavailable
	}
	if _, there := a.have[id]; !there {
		return motacilla.Block{}, motacilla.ErrNotFound
	}
	return motacilla.Block{Type: motacilla.ImageBlock, URL: "/media/" + id, Media: id}, nil
}

func (a *album) Add(ctx context.Context, id string, r io.Reader) (motacilla.Block, error) {
	data, err := io.ReadAll(r)
	if err != nil || !bytes.HasPrefix(data, []byte("image")) {
		return motacilla.Block{}, motacilla.Invalid("media", "must be an image")
	}
	a.mu.Lock()
	a.added++
	if a.have == nil {
		a.have = make(map[string]string)
	}
	a.have[id] = string(data)
	a.mu.Unlock()
	return a.Image(ctx, id)
}

// newsroom is what the nodes of a test share.
type newsroom struct {
	t     *testing.T
	store *memory.Store
	album *album

	mu      sync.Mutex
	fetches map[string]int // by the file's ID
}

func newNewsroom(t *testing.T) *newsroom {
	s := memory.New(nil)
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	return &newsroom{t: t, store: s, album: &album{}, fetches: make(map[string]int)}
}

// desk is a node with Files.
type desk struct {
	*newsroom
	in    *receiver.Ingest
	files *receiver.Files
}

// opens starts a node. fetch gets the number of the call for this file.
func (n *newsroom) opens(fetch func(ctx context.Context, f receiver.File, call int) (string, error)) *desk {
	d := &desk{newsroom: n, in: receiver.NewIngest(n.store, "test", nil)}
	kit := &receiver.Kit{Sink: n.store, Records: n.store.Records(), Images: n.album}
	d.files = receiver.NewFiles(d.in, kit, func(ctx context.Context, f receiver.File) (io.ReadCloser, error) {
		n.mu.Lock()
		n.fetches[f.ID]++
		call := n.fetches[f.ID]
		n.mu.Unlock()
		text, err := fetch(ctx, f, call)
		if text == "torn" {
			return io.NopCloser(io.MultiReader(strings.NewReader("ima"), errorReader{})), nil
		}
		return io.NopCloser(strings.NewReader(text)), err
	}, nil)
	if err := d.files.Start(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(d.closes)
	return d
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, errors.New("the connection is broken") }

func (d *desk) closes() {
	if err := d.files.Shutdown(context.Background()); err != nil {
		d.t.Error(err)
	}
}

// takes stores a message with files, as receivers do.
func (d *desk) takes(id, text string, version int64, files ...receiver.File) {
	d.t.Helper()
	m := receiver.Message{ID: id, Version: version}
	if text != "" {
		m.Content = append(m.Content, motacilla.RawBlock{Type: motacilla.TextBlock, Text: text})
	}
	for _, f := range files {
		m.Content = append(m.Content, d.files.Block(f))
	}
	if _, err := d.in.Put(d.t.Context(), "c", m); err != nil {
		d.t.Fatal(err)
	}
	if err := d.files.Later(d.t.Context(), "c", id, files...); err != nil {
		d.t.Fatal(err)
	}
}

// reads returns a short form of a post: texts, and for each image whether it is pending.
func (n *newsroom) reads(id string) string {
	n.t.Helper()
	p, err := n.store.PostByMessage(n.t.Context(), "c", id)
	if err != nil {
		return err.Error()
	}
	var parts []string
	for _, b := range p.Content {
		switch {
		case b.Type == motacilla.TextBlock:
			parts = append(parts, b.Text.String())
		case b.Pending:
			parts = append(parts, "pending "+b.Alt)
		default:
			parts = append(parts, "image "+b.Alt)
		}
	}
	return strings.Join(parts, ", ")
}

func (n *newsroom) expect(what, id, want string) {
	n.t.Helper()
	synctest.Wait()
	if got := n.reads(id); got != want {
		n.t.Errorf("%s: the post is %q, want %q", what, got, want)
	}
}

// fetched fails the test unless this file was fetched so often, and images were added so often.
func (n *newsroom) fetched(file string, times, added int) {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.album.mu.Lock()
	defer n.album.mu.Unlock()
	if n.fetches[file] != times || n.album.added != added {
		n.t.Errorf("file %s was fetched %d times, want %d; %d images were added, want %d", file, n.fetches[file], times, n.album.added, added)
	}
}

func (n *newsroom) idle(d *desk) {
	n.t.Helper()
	list, err := n.store.Records().List(n.t.Context(), "queue.files-test", "", "", 0)
	if err != nil || len(list) != 0 {
		n.t.Errorf("%d jobs are left (%v)", len(list), err)
	}
}

var sun = receiver.File{ID: "F1", Alt: "sun", Name: "sun.png", Width: 640, Height: 480}

// slowly answers after 3 minutes, unless its context ends.
func slowly(ctx context.Context, _ receiver.File, _ int) (string, error) {
	select {
	case <-time.After(3 * time.Minute):
		return "image", nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func TestFileArrivesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNewsroom(t)
		d := n.opens(slowly)
		began := time.Now()
		d.takes("m", "Kick-off", 1, sun)
		d.takes("m", "Kick-off", 1, sun) // delivered twice
		for i := range 50 {
			d.takes(fmt.Sprint("other ", i), "text", 1)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("messages have waited for %v", took)
		}
		n.expect("at once", "m", "Kick-off, pending sun")
		p, err := n.store.PostByMessage(t.Context(), "c", "m")
		if err != nil || p.Content[1].Width != 640 || p.Content[1].Height != 480 {
			t.Errorf("%+v (%v)", p, err)
		}
		time.Sleep(3*time.Minute + time.Second)
		n.expect("later", "m", "Kick-off, image sun")
		d.takes("m", "Kick-off", 1, sun) // delivered late
		time.Sleep(time.Hour)
		n.fetched("F1", 1, 1)
		n.idle(d)
		if s := d.files.Stats(); s.Done == 0 || s.Waiting+s.Doing != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// What happens to the message while its image is fetched is kept.
func TestMessageChangesMeanwhile(t *testing.T) {
	moon := receiver.File{ID: "F2", Alt: "moon"}
	for want, change := range map[string]func(d *desk){
		"Goal!, image sun":             func(d *desk) { d.takes("m", "Goal!", 2, sun) },
		"Goal!":                        func(d *desk) { d.takes("m", "Goal!", 2) },
		"Goal!, image moon, image sun": func(d *desk) { d.takes("m", "Goal!", 2, moon, sun) },
		"Goal!, image moon": func(d *desk) {
			d.takes("m", "Goal!", 2)
			time.Sleep(time.Second)
			d.takes("m", "Goal!", 3, moon)
		},
		motacilla.ErrDeleted.Error(): func(d *desk) {
			if err := d.in.Remove(d.t.Context(), "c", "m"); err != nil {
				d.t.Error(err)
			}
		},
		motacilla.ErrNotFound.Error(): func(d *desk) {
			if _, err := d.store.DeleteChannel(d.t.Context(), "c"); err != nil {
				d.t.Error(err)
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newNewsroom(t)
			d := n.opens(slowly)
			d.takes("m", "Kick-off", 1, sun)
			time.Sleep(time.Minute)
			change(d)
			time.Sleep(time.Hour)
			if got := n.reads("m"); !strings.HasSuffix(got, want) {
				t.Errorf("the post is %q, want %q", got, want)
			}
			n.idle(d)
		})
	}
}

// A file that can't be had leaves its message as readers can bear it.
func TestFileThatCannotBeHad(t *testing.T) {
	for name, fetch := range map[string]func(context.Context, receiver.File, int) (string, error){
		"gone": func(context.Context, receiver.File, int) (string, error) {
			return "", work.Permanent(errors.New("404"))
		},
		"broken":    func(context.Context, receiver.File, int) (string, error) { return "<html>sign in</html>", nil },
		"no answer": func(context.Context, receiver.File, int) (string, error) { return "", errors.New("503") },
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newNewsroom(t)
			d := n.opens(fetch)
			d.takes("with text", "Kick-off", 1, sun)
			d.takes("alone", "", 1, sun)
			long := sun
			long.ID, long.Name = "F3", "<b>"+strings.Repeat("ä", 5000)
			d.takes("long name", "", 1, long)
			n.album.mu.Lock()
			n.album.down = true // giving up has to wait for the images too
			n.album.mu.Unlock()
			time.Sleep(time.Minute)
			n.album.mu.Lock()
			n.album.down = false
			n.album.mu.Unlock()
			time.Sleep(6 * time.Hour)
			n.expect(name, "with text", "Kick-off")
			n.expect(name, "alone", "sun.png")
			if got := n.reads("long name"); !strings.HasPrefix(got, "&lt;b&gt;ää") || len(got) > 300 {
				t.Errorf("%s: a long name becomes %q", name, got)
			}
			n.idle(d)
			d.takes("with text", "Goal!", 2, sun) // an edit has the file again
			n.expect(name, "with text", map[bool]string{true: "Goal!, pending sun", false: "Goal!"}[name == "no answer"])
		})
	}
}

// A connection that breaks in the middle of an image is no broken image.
func TestTornFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNewsroom(t)
		d := n.opens(func(_ context.Context, _ receiver.File, call int) (string, error) {
			if call < 4 {
				return "torn", nil
			}
			return "image", nil
		})
		d.takes("m", "Kick-off", 1, sun)
		time.Sleep(time.Hour)
		n.expect("after an hour", "m", "Kick-off, image sun")
		n.fetched("F1", 4, 1)
		n.idle(d)
	})
}

// Two messages have the same file. The second is stored before the file has arrived, and queued after that.
func TestFileOfTwoMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNewsroom(t)
		d := n.opens(slowly)
		d.takes("first", "one", 1, sun)
		second := receiver.Message{ID: "second", Content: []motacilla.RawBlock{d.files.Block(sun)}}
		if _, _, err := d.in.Post(t.Context(), "c", second); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		n.expect("first", "first", "one, image sun")
		if err := d.files.Later(t.Context(), "c", "second", sun); err != nil {
			t.Fatal(err)
		}
		n.expect("second", "second", "image sun")
		n.fetched("F1", 1, 1)
		n.idle(d)
	})
}

// A node stops while it fetches. The next one, or another, does it again, and the image is there once.
func TestFilesOverNodes(t *testing.T) {
	for _, together := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			n := newNewsroom(t)
			first := n.opens(slowly)
			first.takes("m", "Kick-off", 1, sun)
			time.Sleep(time.Minute)
			var others []*desk
			if together {
				others = append(others, n.opens(slowly), n.opens(slowly))
				time.Sleep(time.Second)
			}
			first.closes()
			n.expect("after the stop", "m", "Kick-off, pending sun")
			if !together {
				others = append(others, n.opens(slowly))
			}
			others[0].takes("m", "Kick-off", 1, sun) // the source delivers it again
			time.Sleep(time.Hour)
			n.expect("later", "m", "Kick-off, image sun")
			n.fetched("F1", 2, 1)
			n.idle(others[0])
		})
	}
}

// Later fails while the store does not answer, so that the source delivers the message again.
func TestLaterDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNewsroom(t)
		d := n.opens(slowly)
		kit := &receiver.Kit{Sink: n.store, Records: failing{n.store.Records()}, Images: n.album}
		broken := receiver.NewFiles(d.in, kit, nil, nil)
		if _, _, err := d.in.Post(t.Context(), "c", receiver.Message{ID: "m", Content: []motacilla.RawBlock{d.files.Block(sun)}}); err != nil {
			t.Fatal(err)
		}
		if err := broken.Later(t.Context(), "c", "m", sun); !errors.Is(err, motacilla.ErrUnavailable) {
			t.Errorf("%v", err)
		}
	})
}

type failing struct{ storage.Records }

func (failing) Put(context.Context, storage.Record) (storage.Record, error) {
	return storage.Record{}, motacilla.ErrUnavailable
}
