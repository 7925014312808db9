//go:build linux

package loadtest

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/load"
)

// streams are the transports of crowds.
var streams = []load.Mode{load.SSE, load.WebSocket, load.LongPoll}

// readers returns the size of a crowd: LOAD_READERS, or 10,000, or with -short 1,000.
func readers() int {
	if n, err := strconv.Atoi(os.Getenv("LOAD_READERS")); err == nil && n > 0 {
		return n
	}
	if testing.Short() {
		return 1000
	}
	return 10_000
}

func crowd(t *testing.T, p *program, spec load.Spec) *load.Crowd {
	t.Helper()
	spec.Addr, spec.Path = p.addr, "/live/"+string(spec.Mode)+"/"+channelID+"/"
	c, err := load.NewCrowd(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// agree checks that readers got each update once and in order, and hold what the store holds.
func agree(t *testing.T, c *load.Crowd, w *writer, slow bool) {
	t.Helper()
	posts, head := w.truth(t)
	if err := c.Await(head, slow, patience); err != nil {
		t.Fatal(err)
	}
	if n, how := c.Differ(posts, slow); n > 0 {
		t.Errorf("%d readers do not hold what the store holds: %s", n, how)
	}
	if c.Gaps+c.Doubled+c.Resets+c.Malformed > 0 {
		t.Errorf("%d gaps, %d doubled, %d resets, %d malformed; ends %v", c.Gaps, c.Doubled, c.Resets, c.Malformed, c.Faults)
	}
}

// patience ends a test that hangs. It is long, because the machine may be busy.
const patience = 2 * time.Minute

// TestRestart stops the server while 10,000 readers are connected and posts are written, and starts it again with the same
// file and port. The program ends with 0. Readers are closed over some time and not at once, come back with their cursors,
// and get each update once.
func TestRestart(t *testing.T) {
	n := readers()
	files(t, uint64(n)+500)
	for _, mode := range streams {
		t.Run(string(mode), func(t *testing.T) {
			p := serve(t, "publishers: [{type: "+string(mode)+"}]\n"+
				"storage: {type: sqlite, path: "+filepath.Join(t.TempDir(), "load.db")+"}\n")
			w := newWriter(t, p, 400, 40)
			if err := w.write(t.Context()); err != nil {
				t.Fatal(err)
			}
			c := crowd(t, p, load.Spec{Mode: mode, Readers: n})
			stop := w.every(t, 350*time.Millisecond)
			defer stop()

			began := time.Now()
			if err := c.Connect(patience); err != nil {
				t.Fatal(err)
			}
			connected := time.Since(began)
			wrote := w.count()
			if err := c.Until(func() bool { return w.count() >= wrote+6 }, patience); err != nil {
				t.Fatal(err)
			}
			if len(c.Ends) > 0 {
				t.Fatalf("%d connections ended before anything had happened: %v", len(c.Ends), c.Faults)
			}

			began = time.Now()
			if err := c.Until(p.term(), patience); err != nil {
				t.Fatal(err)
			}
			drained := time.Since(began)
			if p.err != nil {
				t.Errorf("the program ended with %v\n%s", p.err, p.log)
			}
			p.start()
			if err := c.Until(func() bool { return len(c.Ends) >= n }, patience); err != nil {
				t.Fatalf("%d of %d connections ended: %v", len(c.Ends), n, err)
			}
			ends := slices.Clone(c.Ends)
			spread := ends[n*95/100].Sub(ends[n*5/100])
			if n >= 4000 && spread < 500*time.Millisecond {
				t.Errorf("nine tenths of the readers were sent away within %v: they will come back as one", spread)
			}

			if err := c.Until(func() bool { return c.Away() == 0 }, patience); err != nil {
				t.Fatalf("%d readers are still away: %v", c.Away(), err)
			}
			back := time.Since(ends[0])
			wrote = w.count()
			if err := c.Until(func() bool { return w.count() >= wrote+6 }, patience); err != nil {
				t.Fatal(err)
			}
			stop()
			agree(t, c, w, true)
			t.Logf("%d readers connected in %v; SIGTERM to exit %v, nine tenths of the ends over %v; all were back %v after "+
				"the first end, by %d connections; %d changes", n, connected.Round(time.Millisecond),
				drained.Round(time.Millisecond), spread.Round(time.Millisecond), back.Round(time.Millisecond), c.Returns, w.count())
		})
	}
}
