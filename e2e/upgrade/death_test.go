//go:build linux

package upgrade

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/e2e/upgrade/crowd"
	"github.com/motacilla-live/motacilla/internal/handover"
	"golang.org/x/sys/unix"
)

// points are what the log says in the course of an upgrade.
var points = []string{
	"starting a new process", "The new process has the PID", `"msg":"listening"`, "The new process is ready.",
	"The new process accepts connections.", "connections were handed over.", "took over from the old process",
	"a new process has taken over",
}

// victim is who is killed.
type victim string

const (
	oldOne victim = "the old process"
	newOne victim = "the new process"
	both   victim = "both processes"
)

// TestDeath kills processes with SIGKILL at random points of upgrades. While one of the two lives, new requests are answered. If both
// are dead, the server is started again. In the end the store has all that was acknowledged, and each reader what the store has.
func TestDeath(t *testing.T) {
	stores(t, func(t *testing.T, _ string, flags []string) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewPCG(seed, 0))
		s := newServer(t, false, yaml, flags...)
		s.start()
		list := channels(3)
		room := open(t, 2, list, false, s)
		p := gather(t, crowd.Spec{Channels: list, Groups: everyKind(40, 5, s)})
		room.goOn(20)
		victims := []victim{oldOne, newOne, both}
		deaths := 10
		if *soak {
			deaths = 10 * len(victims)
		}
		for i := range deaths {
			s.die(points[rng.IntN(len(points))], time.Duration(rng.IntN(150))*time.Millisecond, victims[i%len(victims)])
			if t.Failed() {
				t.FailNow()
			}
		}
		room.stop()
		groups := p.agree(room.truth())
		ends := 0
		for _, r := range groups {
			ends += r.Ends
		}
		t.Logf("%d changes, %d connections ended", room.made(), ends)
		s.stop()
	})
}

// die begins an upgrade, waits for a point of it and then for a while, and kills. It returns when one process is left.
func (s *server) die(point string, wait time.Duration, who victim) {
	s.t.Helper()
	old, from := s.pid(), len(s.logged())
	stop := s.begin(old)
	defer stop()
	s.says(from, point)
	time.Sleep(wait)
	var killed []int
	for _, pid := range s.living() {
		if who == both || (pid == old) == (who == oldOne) {
			_ = unix.Kill(pid, unix.SIGKILL)
			killed = append(killed, pid)
		}
	}
	for _, pid := range killed {
		s.await("a killed process ends", func() bool { return !lives(pid) })
	}
	text := fmt.Sprintf("%v after %q %s was killed: %v", wait, point, who, killed)
	left := s.living()
	s.t.Logf("%s; %v is left", text, left)
	survives := len(left) > 0
	s.await("the server answers, and one process is left, after "+text, func() bool {
		if left = s.living(); len(left) == 0 {
			// The old process may have given up its place before the new one was killed. Then it ends.
			if survives && (who != newOne || !strings.Contains(s.logged()[from:], "a new process has taken over")) {
				s.t.Fatalf("%s: no process is left", text)
			}
			survives = false
			s.launch()
		}
		return len(left) == 1 && s.ready()
	})
	if left[0] != s.pid() {
		s.pids = append(s.pids, left[0])
	}
}

// begin has the server upgraded in the background. stop ends the waiting for it.
func (s *server) begin(pid int) (stop func()) {
	s.t.Helper()
	s.await("the process can be upgraded", func() bool {
		pids, err := handover.Servers()
		return err == nil && slices.Contains(pids, pid)
	})
	ctx, cancel := context.WithCancel(s.t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		for ctx.Err() == nil {
			_, err := handover.Ask(ctx, pid, func(string) {})
			again := func(why string) bool { return err != nil && strings.Contains(err.Error(), why) }
			if !again("still taking over") && !again("is under way") { // what came before may not be over
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return func() {
		cancel()
		<-over
	}
}
