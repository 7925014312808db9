package cluster

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// TestReadersInAll: three nodes have readers, and each tells their sum. One is killed, and its readers are forgotten; how soon is in the
// log. Those of another that is stopped are forgotten too.
func TestReadersInAll(t *testing.T) {
	each(t, func(t *testing.T, b *backend) {
		nodes := []*node{startNode(t, b.flags(b.addr)...), startNode(t, b.flags(b.addr)...), startNode(t, b.flags(b.addr)...)}
		must(t, nodes[0].url, http.MethodPost, "", map[string]any{"id": "match"}, nil)
		for i, n := range nodes {
			for range i + 1 {
				follow(t, n)
			}
		}
		told := func(want, on int, nodes ...*node) time.Duration {
			t.Helper()
			began := time.Now()
			for _, n := range nodes {
				for late := time.Now().Add(hang); ; pause(t.Context(), 20*time.Millisecond) {
					var got struct {
						Now, Most int
						Nodes     []struct{ Now int }
					}
					must(t, n.url, http.MethodGet, "/match/readers", nil, &got)
					if got.Now == want && len(got.Nodes) == on {
						if got.Most < want || got.Most > 6 {
							t.Errorf("at most there were %d readers, says %s", got.Most, n.url)
						}
						break
					}
					if time.Now().After(late) {
						t.Fatalf("%s says %+v, want %d readers on %d nodes", n.url, got, want, on)
					}
				}
			}
			return time.Since(began).Round(10 * time.Millisecond)
		}
		counted := told(6, 3, nodes...)
		nodes[2].kill()
		t.Logf("all were counted after %v; those of the node that was killed were forgotten after %v", counted, told(3, 2, nodes[:2]...))
		if err := nodes[1].stop(); err != nil {
			t.Error(err)
		}
		told(1, 1, nodes[0])
	})
}

// follow opens a stream on a node, and keeps it until the test ends.
func follow(t *testing.T, n *node) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+"/live/sse/match", nil)
	if err != nil {
		t.Fatal(err)
	}
	by := &http.Client{Transport: dialling(http1)}
	for late := time.Now().Add(hang); ; pause(t.Context(), 50*time.Millisecond) {
		resp, err := by.Do(r)
		if err == nil && resp.StatusCode == http.StatusOK {
			t.Cleanup(func() { _ = resp.Body.Close() })
			go func() { _, _ = io.Copy(io.Discard, resp.Body) }()
			return
		}
		if err == nil {
			_ = resp.Body.Close()
		}
		if time.Now().After(late) {
			t.Fatalf("the stream is refused: %v", err)
		}
	}
}
