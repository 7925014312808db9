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

// readers returns the size of a crowd: LOAD_READERS, or usual. The client has the race detector, the server has not.
func readers(usual int) int {
	if n, err := strconv.Atoi(os.Getenv("LOAD_READERS")); err == nil && n > 0 {
		return n
	}
	return usual
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
	if err := c.Connect(patience); err != nil {
		t.Fatal(err)
	}
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

// keptUp reports whether the machine let the crowd read all the time. If it did not, the server may have taken readers for
// dead that do read, and was right: the test can't tell.
func keptUp(t *testing.T, c *load.Crowd) bool {
	t.Helper()
	const most = time.Second
	if c.Paused > most {
		t.Logf("this machine is too busy to tell whether the server ends connections that it should keep: "+
			"once the readers did not read for %v", c.Paused.Round(time.Millisecond))
	}
	return c.Paused <= most
}

// patience ends a test that hangs. It is long, because the machine may be busy.
const patience = 2 * time.Minute

// TestRestart stops the server while readers are connected and posts are written, and starts it again with the same file
// and port. The program ends with 0. Readers come back with their cursors, and get each update once.
func TestRestart(t *testing.T) {
	for _, mode := range streams {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			n := readers(2000)
			files(t, uint64(n)+500)
			p, w := written(t, "publishers: [{type: "+string(mode)+"}]\n"+
				"storage: {type: sqlite, path: "+filepath.Join(t.TempDir(), "load.db")+"}\n", 400, 40, 350*time.Millisecond)
			began := time.Now()
			c := crowd(t, p, load.Spec{Mode: mode, Readers: n})
			connected := time.Since(began)
			w.more(t, c, 6)
			early := len(c.Ends)
			if early > 0 && keptUp(t, c) {
				t.Fatalf("%d connections ended before anything had happened: %v", early, c.Faults)
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
			if err := c.Until(func() bool { return len(c.Ends) >= early+n }, patience); err != nil {
				t.Fatalf("%d of %d connections ended: %v", len(c.Ends)-early, n, err)
			}
			ends := slices.Clone(c.Ends[early:])
			if err := c.Until(func() bool { return c.Away() == 0 }, patience); err != nil {
				t.Fatalf("%d readers are still away: %v", c.Away(), err)
			}
			back := time.Since(ends[0])
			w.more(t, c, 6)
			w.stop()
			agree(t, c, w, true)
			t.Logf("%d readers connected in %v; SIGTERM to exit %v, nine tenths of the ends over %v; all were back %v after "+
				"the first end, by %d connections; %d changes", n, connected.Round(time.Millisecond), drained.Round(time.Millisecond),
				ends[n*95/100].Sub(ends[n*5/100]).Round(time.Millisecond), back.Round(time.Millisecond), c.Returns, w.count())
		})
	}
}
