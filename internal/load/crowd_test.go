//go:build linux

package load

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

const (
	postA = "019a0000-0000-7000-8000-00000000000a"
	postB = "019a0000-0000-7000-8000-00000000000b"
)

// changed returns an update between two revisions that has a post, and removes the post removed unless that is "".
func changed(from, to int, post, removed, more string) string {
	const at = `"2026-01-02T03:04:05.000000Z"`
	renders, removals := "", ""
	if post != "" {
		renders = fmt.Sprintf(`%q:{"show":true,"content":"","created":%s,"modified":%s,"pinned":false,"revision":%d}`,
			post, at, at, to)
	}
	if removed != "" {
		removals = fmt.Sprintf("%q", removed)
	}
	return fmt.Sprintf(`{"channel":"c","from":%d,"revision":%d,"renders":{%s},"removals":[%s]%s}`,
		from, to, renders, removals, more)
}

const reset = `,"reset":true,"complete":true,"title":"","ended":null`

// TestWhatACrowdSees sends a crowd the updates of servers that do something wrong.
func TestWhatACrowdSees(t *testing.T) {
	snapshot := changed(0, 5, postA, "", reset)
	tests := []struct {
		name  string
		sent  []string
		want  CrowdReport
		right bool // in the end the readers hold only B of revision 8
	}{
		{name: "as it should be", sent: []string{snapshot, changed(5, 6, "", "", ""), changed(6, 8, postB, postA, "")},
			right: true},
		{name: "a heartbeat", sent: []string{snapshot, changed(5, 5, "", "", ""), changed(5, 8, postB, postA, "")},
			right: true},
		{name: "a gap", sent: []string{snapshot, changed(6, 8, postB, "", "")}, want: CrowdReport{Gaps: 1}},
		{name: "twice", sent: []string{snapshot, changed(5, 8, postB, "", ""), changed(5, 8, postB, "", "")},
			want: CrowdReport{Doubled: 1}},
		{name: "a reset unasked", sent: []string{snapshot, changed(0, 8, postB, "", reset)}, want: CrowdReport{Resets: 1},
			right: true},
		{name: "malformed", sent: []string{snapshot, `{"from":1}`, changed(5, 8, postB, "", "")},
			want: CrowdReport{Malformed: 1}},
		{name: "a removal that is missing", sent: []string{snapshot, changed(5, 8, postB, "", "")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sent := streamHead + "retry: 20\ndata: " + strings.Join(tt.sent, "\n\ndata: ") + "\n\n"
			spec := Spec{Addr: script(t, SSE, sent, 100), Mode: SSE, Path: "/", Readers: 2, Slow: 1}
			c, err := NewCrowd(spec)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			if err := c.Connect(patience); err != nil {
				t.Fatal(err)
			}
			if err := c.Await(8, true, patience); err != nil {
				t.Fatal(err)
			}
			seen := func() [4]int { return [4]int{c.Gaps, c.Doubled, c.Resets, c.Malformed} }
			want := [4]int{2 * tt.want.Gaps, 2 * tt.want.Doubled, 2 * tt.want.Resets, 2 * tt.want.Malformed}
			if err := c.Until(func() bool { return seen() == want }, patience); err != nil { // what follows revision 8
				t.Fatalf("gaps, doubled, resets, malformed: got %v, want %v", seen(), want)
			}
			calm := time.Now().Add(50 * time.Millisecond) // for what should not come
			if err := c.Until(func() bool { return time.Now().After(calm) }, patience); err != nil || seen() != want {
				t.Errorf("gaps, doubled, resets, malformed: got %v, want %v (%v)", seen(), want, err)
			}
			n, how := c.Differ(map[motacilla.PostID]motacilla.Revision{postB: 8}, true)
			if (n == 0) != tt.right {
				t.Errorf("%d readers differ: %s", n, how)
			}
		})
	}
}

// TestACrowdComesBack ends connections. The readers come back with their cursors when the server said.
func TestACrowdComesBack(t *testing.T) {
	c, err := NewCrowd(Spec{Addr: script(t, SSE, streamHead+"retry: 20\ndata: "+changed(0, 5, postA, "", reset)+"\n\n"+
		"data: "+changed(5, 6, "", "", ",\"gone\":true")+"\n\n", 1000), Mode: SSE, Path: "/", Readers: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.Connect(patience); err != nil {
		t.Fatal(err)
	}
	if err := c.Await(6, false, patience); err != nil {
		t.Fatal(err)
	}
	for i := range c.client.conns {
		c.client.fail(&c.client.conns[i], i, fmt.Errorf("cut off"))
		if wait := time.Until(c.readers[i].due); wait > 30*time.Millisecond {
			t.Errorf("a reader that was told to come back after 20 ms waits for %v", wait)
		}
	}
	if err := c.Until(func() bool { return c.Resets == 3 }, patience); err != nil {
		t.Fatalf("%d came back and got a reset, which they had not asked for: %v", c.Resets, err)
	}
	if asked := string(c.request(&conn{revision: 6})); !strings.Contains(asked, "?since=6 HTTP/1.1\r\n") {
		t.Errorf("a reader at 6 asks %q", asked)
	}
}
