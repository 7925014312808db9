//go:build linux

package upgrade

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/e2e/upgrade/crowd"
)

// process is a crowd of readers.
type process struct {
	t       *testing.T
	in      io.WriteCloser
	replies *bufio.Reader
}

// gather starts a process of readers. It returns when all have connected.
func gather(t *testing.T, spec crowd.Spec) *process {
	t.Helper()
	cmd := exec.Command(readers)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: nursery}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p := &process{t: t, in: in, replies: bufio.NewReader(out)}
	p.do(crowd.Command{Connect: &spec, Within: 5 * patience})
	return p
}

// do has the process carry out a command.
func (p *process) do(c crowd.Command) map[string]crowd.Report {
	p.t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.in.Write(append(b, '\n')); err != nil {
		p.t.Fatalf("readers: %v", err)
	}
	line, err := p.replies.ReadBytes('\n')
	if err != nil {
		p.t.Fatalf("readers: %v", err)
	}
	var reply crowd.Reply
	if err := json.Unmarshal(line, &reply); err != nil {
		p.t.Fatal(err)
	}
	if reply.Error != "" {
		p.t.Errorf("readers: %s; %s", reply.Error, line)
	}
	return reply.Groups
}

// agree waits until each reader holds what the store holds, and checks that nothing was lost or doubled on the way.
func (p *process) agree(truth crowd.Truth) map[string]crowd.Report {
	p.t.Helper()
	groups := p.do(crowd.Command{Await: truth, Within: patience})
	for name, r := range groups {
		if r.Bad() {
			p.t.Errorf("readers by %s: %d gaps, %d doubled, %d resets, wrong: %v", name, r.Gaps, r.Doubled, r.Resets, r.Wrong)
		}
	}
	return groups
}

// stayed checks that no connection of the groups that pass has ended.
func stayed(t *testing.T, groups map[string]crowd.Report, of func(name string) bool) {
	t.Helper()
	for name, r := range groups {
		if of(name) && r.Ends > 0 {
			t.Errorf("%d connections by %s have ended: %v", r.Ends, name, r.Why)
		}
	}
}

// streams reports whether a group has streams of the epoll engine.
func streams(name string) bool {
	return strings.HasPrefix(name, "sse") || strings.HasPrefix(name, "websocket")
}

// channels returns the IDs of n channels.
func channels(n int) (ids []motacilla.ChannelID) {
	for i := range n {
		ids = append(ids, motacilla.ChannelID(fmt.Sprintf("match-%d", i)))
	}
	return ids
}

// everyKind returns groups of streams of every kind on each node, with n streams in all, and drained readers beside them: held polls,
// and HTTP/2 on nodes with TLS.
func everyKind(n, drained int, nodes ...*server) (groups []crowd.Group) {
	kinds := []crowd.Group{
		{Kind: crowd.SSE, Channels: 1}, {Kind: crowd.SSE, Channels: 1, Coding: "gzip"}, {Kind: crowd.SSE, Channels: 3},
		{Kind: crowd.WebSocket, Channels: 1}, {Kind: crowd.WebSocket, Channels: 1, Coding: "deflate"}, {Kind: crowd.WebSocket, Channels: 3},
		{Kind: crowd.WebSocket, Channels: 3, Coding: "deflate"}, {Kind: crowd.WebSocket, Channels: 2, Fidgets: true},
	}
	each := max(1, n/len(kinds)/len(nodes))
	for _, node := range nodes {
		kinds := kinds
		for i := range kinds {
			kinds[i].Readers = each
		}
		kinds = append(kinds[:len(kinds):len(kinds)], crowd.Group{Kind: crowd.LongPoll, Channels: 1, Readers: drained})
		if strings.HasPrefix(node.url, "https") {
			for _, n := range []int{1, 3} {
				kinds = append(kinds, crowd.Group{Kind: crowd.HTTP2, Channels: n, Readers: drained})
			}
		}
		for _, g := range kinds {
			scheme, _, _ := strings.Cut(node.url, ":")
			g.Base = node.url
			g.Name = fmt.Sprintf("%s of %d by %s %s", g.Kind, g.Channels, scheme, g.Coding)
			if g.Fidgets {
				g.Name += "fidgeting"
			}
			groups = append(groups, g)
		}
	}
	return groups
}

// late says what the longest lag of a stream was since it was called last.
func late(crowds []*process) string {
	var lag time.Duration
	var whose string
	for _, p := range crowds {
		for name, r := range p.do(crowd.Command{Again: true}) {
			if streams(name) && r.Lag > lag {
				lag, whose = r.Lag, name
			}
		}
	}
	return fmt.Sprintf("%v (%s)", lag.Round(time.Millisecond), whose)
}
