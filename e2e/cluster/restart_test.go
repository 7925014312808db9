package cluster

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
)

// metric returns one metric of a node.
func metric(t *testing.T, n *node, name string) int {
	t.Helper()
	resp, err := fresh.Get(n.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			figure, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return int(figure)
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// TestManyReadersAfterARestart restarts a node. Hundreds of readers come back, each with another cursor, and go on from
// there. All of them together cost a few reads of the store.
func TestManyReadersAfterARestart(t *testing.T) {
	const crowd, most = 300, 20
	each(t, func(t *testing.T, b *backend) {
		first := startNode(t, b.flags(b.addr)...)
		base := first.url
		must(t, base, http.MethodPost, "", map[string]any{"id": match}, nil)
		var p postJSON
		must(t, base, http.MethodPost, "/"+string(match)+"/posts", map[string]any{"text": "0"}, &p)
		cursors := make([]motacilla.Revision, crowd)
		keep := &http.Client{Transport: keeping(8)}
		defer keep.CloseIdleConnections()
		const writers = 8
		var work sync.WaitGroup
		for w := range writers {
			work.Go(func() {
				for i := w; i < crowd && !t.Failed(); i += writers {
					var edited postJSON
					edit := func() (int, error) {
						status, _, err := requestBy(t.Context(), keep, base, http.MethodPatch,
							"/"+string(match)+"/posts/"+string(p.ID), map[string]any{"text": fmt.Sprint(i + 1)}, &edited)
						return status, err
					}
					status, err := edit()
					for late := time.Now().Add(hang); (status == http.StatusServiceUnavailable || unread(err)) && time.Now().Before(late); {
						pause(t.Context(), 50*time.Millisecond)
						status, err = edit()
					}
					if err != nil || status != http.StatusOK && status != http.StatusConflict {
						t.Errorf("edit: %d, %v", status, err)
					}
					if cursors[i] = edited.Revision; status == http.StatusConflict {
						cursors[i] = p.Revision
					}
				}
			})
		}
		work.Wait()
		if t.Failed() {
			t.FailNow()
		}
		head := list(t, base, match).channel.Head
		first.kill()
		again := startNode(t, b.flags(b.addr)...)
		base = again.url
		rand.Shuffle(len(cursors), func(i, j int) { cursors[i], cursors[j] = cursors[j], cursors[i] })
		began := time.Now()
		before := metric(t, again, "motacilla_store_reads_total")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		var resets atomic.Int64
		var there sync.WaitGroup // each stays until all have come
		c, err := client.New(base, &client.Options{HTTP: &http.Client{Transport: keeping(crowd)}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseIdleConnections()
		there.Add(crowd)
		for i, cursor := range cursors {
			work.Go(func() {
				arrived := sync.OnceFunc(there.Done)
				defer arrived()
				o := &client.FollowOptions{
					Transports: client.Transports()[i%3 : i%3+1], Since: cursor, FirstUpdate: 5 * time.Minute, Heartbeat: time.Minute,
				}
				for u, err := range c.Follow(ctx, match, o) {
					switch {
					case ctx.Err() != nil:
						return
					case err == nil && u.Heartbeat() && u.Revision != head: // the store took its time
						continue
					case err != nil || u.Revision != head:
						t.Errorf("since %d: at %d, %v; the head is %d", cursor, u.Revision, err, head)
						return
					case u.Reset:
						resets.Add(1)
					}
					arrived()
				}
			})
		}
		there.Wait()
		if ctx.Err() != nil {
			t.Error("not all readers have come back")
		}
		reads := metric(t, again, "motacilla_store_reads_total") - before
		took := time.Since(began)
		cancel()
		work.Wait()
		// A reader for whom the store takes too long gets the newest page in place of what it missed.
		if n := resets.Load(); n > 0 && took < 2*time.Second {
			t.Errorf("%d readers did not go on from where they were", n)
		}
		repairs := int(took/time.Second) + 1 // one read a second for all channels together
		if reads > most+repairs {
			t.Errorf("%d reads of the store for %d readers; want at most %d, and %d that look for lost hints", reads, crowd, most, repairs)
		}
		t.Logf("%d readers came back in %v with %d reads of the store and %d resets", crowd, took.Round(time.Millisecond), reads, resets.Load())
	})
}
