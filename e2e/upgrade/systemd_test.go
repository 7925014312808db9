//go:build linux

package upgrade

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla/e2e/upgrade/crowd"
	"golang.org/x/sys/unix"
)

// notices are what processes have told systemd, each with the PID of its sender.
type notices struct {
	mu   sync.Mutex
	list []notice
}

type notice struct {
	pid  int
	text string
}

// notified listens where systemd would.
func notified(t *testing.T, path string) *notices {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := conn.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
	}
	if err != nil {
		t.Fatal(err)
	}
	n := &notices{}
	var reading sync.WaitGroup
	reading.Go(func() {
		text, oob := make([]byte, 4096), make([]byte, unix.CmsgSpace(unix.SizeofUcred))
		for {
			size, more, _, _, err := conn.ReadMsgUnix(text, oob)
			if err != nil {
				return
			}
			n.add(string(text[:size]), oob[:more])
		}
	})
	t.Cleanup(func() {
		_ = conn.Close()
		reading.Wait()
	})
	return n
}

func (n *notices) add(text string, oob []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	one := notice{text: text}
	if messages, err := unix.ParseSocketControlMessage(oob); err == nil && len(messages) == 1 {
		if who, err := unix.ParseUnixCredentials(&messages[0]); err == nil {
			one.pid = int(who.Pid)
		}
	}
	n.list = append(n.list, one)
}

// all returns what was told so far, without the watchdog.
func (n *notices) all() (list []notice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, one := range n.list {
		if one.text != "WATCHDOG=1" {
			list = append(list, one)
		}
	}
	return list
}

// alive reports whether a process has told the watchdog that it lives.
func (n *notices) alive(pid int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Contains(n.list, notice{pid, "WATCHDOG=1"})
}

// TestSystemd runs a server as systemd does with socket activation, a watchdog and notices. The sockets are the test's own, so that a
// process can't open them anew. The notices come in the right order, also in two upgrades.
func TestSystemd(t *testing.T) {
	t.Parallel()
	s := newServer(t, true, yaml, backends["sqlite"](t)...)
	var names []string
	addrs := make(map[string]string)
	for _, name := range []string{"redirect", "web", "admin"} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f, err := ln.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		names, addrs[name] = append(names, name), ln.Addr().String()
		s.files = append(s.files, f)
		_ = ln.Close()
	}
	s.url = "https://" + addrs["web"]
	s.flags = append(s.flags, "--server.admin", addrs["admin"], "--server.tls.redirect_from", addrs["redirect"],
		"--server.addr", addrs["web"])
	n := notified(t, filepath.Join(s.dir, "notify"))
	s.before = []string{"sh", "-c", `export LISTEN_PID=$$ WATCHDOG_PID=$$; exec "$@"`, "sh"}
	s.env = append(s.env, "NOTIFY_SOCKET="+filepath.Join(s.dir, "notify"), "WATCHDOG_USEC=300000",
		fmt.Sprint("LISTEN_FDS=", len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	s.start()
	// From now on nobody can open the sockets: the test has them too.
	list := channels(3)
	room := open(t, 2, list, true, s)
	p := gather(t, crowd.Spec{Channels: list, Groups: everyKind(16, 2, s)})
	room.goOn(20)

	serve := func() {
		t.Helper()
		s.await("the watchdog hears of the process", func() bool { return n.alive(s.pid()) })
		ask(t, fresh, "http://"+addrs["admin"]+"/metrics", http.StatusOK)
		ask(t, fresh, "http://"+addrs["redirect"]+"/", http.StatusPermanentRedirect)
	}
	s.await("systemd is told that the server is ready", func() bool { return len(n.all()) == 1 })
	want := [][]notice{{{s.pid(), "READY=1"}}}
	serve()
	for range 2 {
		old := s.pid()
		if _, err := s.upgrade(); err != nil {
			t.Fatal(err)
		}
		// Both come at the same time, from two processes.
		want = append(want, []notice{{old, fmt.Sprint("MAINPID=", s.pid())}, {s.pid(), "READY=1"}})
		serve()
	}
	room.stop()
	stayed(t, p.agree(room.truth()), streams)
	s.stop()
	want = append(want, []notice{{s.pid(), "STOPPING=1"}})
	s.await("systemd is told that the server stops", func() bool { return len(n.all()) >= len(slices.Concat(want...)) })
	got := n.all()
	for _, some := range want {
		next := got[:min(len(some), len(got))]
		if got = got[len(next):]; !slices.Equal(next, some) && (len(next) != 2 || !slices.Equal(next, []notice{some[1], some[0]})) {
			t.Errorf("systemd was told %v, expected %v", next, some)
		}
	}
	if len(got) > 0 {
		t.Errorf("systemd was told %v beside", got)
	}
	if log := s.logged(); strings.Contains(log, "systemd was not told") {
		t.Error("systemd could not be told something")
	}
}

// TestUnknownSocket: a socket that systemd has opened for something that is not configured is an error that says so.
func TestUnknownSocket(t *testing.T) {
	t.Parallel()
	s := newServer(t, false, yaml, backends["sqlite"](t)...)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = f.Close(), ln.Close() }()
	s.files = []*os.File{f}
	s.before = []string{"sh", "-c", `export LISTEN_PID=$$; exec "$@"`, "sh"}
	s.env = append(s.env, "LISTEN_FDS=1", "LISTEN_FDNAMES=admin")
	s.launch()
	if status := s.status(s.pid()); status.ExitStatus() <= 0 {
		t.Errorf("the server ended with %d, expected an error", status.ExitStatus())
	}
	if log := s.logged(); !strings.Contains(log, `a socket for the listener "admin", which is not configured`) {
		t.Errorf("the log is %s", log)
	}
}
