//go:build linux

package upgrade

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/e2e/upgrade/crowd"
	"github.com/motacilla-live/motacilla/internal/realserver"
)

// TestBrokenProgram upgrades to programs and configurations that do not work. The answer and the log say why. The old process goes
// on, and no stream is closed. When the program is mended, the server is upgraded, and has what is new in the configuration.
func TestBrokenProgram(t *testing.T) {
	t.Parallel()
	s := newServer(t, false, yaml, backends["sqlite"](t)...)
	s.path = filepath.Join(s.dir, "motacilla")
	installed(t, s.path)
	s.start()
	list := channels(3)
	room := open(t, 2, list, true, s)
	p := gather(t, crowd.Spec{Channels: list, Groups: everyKind(32, 2, s)})
	room.goOn(20)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()

	fails := func(what, answer, log string) {
		t.Helper()
		from := len(s.logged())
		why := s.refuses()
		if !strings.Contains(why, answer) {
			t.Errorf("%s: the answer is %q, expected it to have %q", what, why, answer)
		}
		s.says(from, "the upgrade failed, and this process goes on")
		for _, text := range []string{answer, log} {
			if !strings.Contains(s.logged()[from:], text) {
				t.Errorf("%s: the log lacks %q:\n%s", what, text, s.logged()[from:])
			}
		}
	}
	script := func(text string) {
		t.Helper()
		install(t, s.path, strings.NewReader("#!/bin/sh\n"+text+"\n"))
	}
	script("echo this release is broken >&2; exit 3")
	fails("a program that ends", "exit status 3", "this release is broken")
	script(`"` + binary + `" "$@"; :`)
	fails("a program that starts the server", "the command must run the server itself", "")
	if *soak { // this takes a minute
		script("exec sleep 600")
		fails("a program that hangs", "the new process was not ready within 1m0s", "")
	}
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	fails("no program", "no such file", "")

	installed(t, s.path)
	s.write("motacilla.yaml", yaml+"\nserver: {adress: 127.0.0.1:80}\n")
	fails("a wrong key", "exit status", `unknown key "server.adress"`)
	s.write("motacilla.yaml", yaml+"\nserver: {admin: '"+taken.Addr().String()+"'}\n")
	fails("an address that is taken", "exit status", taken.Addr().String())
	admin := realserver.FreeAddress(t)
	s.write("motacilla.yaml", yaml+"\nserver: {admin: '"+admin+"'}\n")
	s.signal()
	ask(t, fresh, "http://"+admin+"/metrics", http.StatusOK)
	room.stop()
	groups := p.agree(room.truth())
	stayed(t, groups, streams)
	s.stop()
}

// install puts a program in place of another one, as package managers do. Another process writes it: the processes that this one
// starts meanwhile would have the file open, and then it can't be run.
func install(t *testing.T, path string, from io.Reader) {
	t.Helper()
	cmd := exec.Command("sh", "-c", `cat >"$0.new" && chmod 0700 "$0.new" && mv "$0.new" "$0"`, path)
	cmd.Stdin = from
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("install %s: %v\n%s", path, err, out)
	}
}

// installed installs the program of the tests.
func installed(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	install(t, path, f)
}

// TestMemory: the posts of a server with the store memory would be lost, so it refuses.
func TestMemory(t *testing.T) {
	t.Parallel()
	s := newServer(t, false, yaml, "--storage.type", "memory")
	s.start()
	list := channels(3)
	room := open(t, 2, list, true, s)
	p := gather(t, crowd.Spec{Channels: list, Groups: everyKind(16, 2, s)})
	room.goOn(20)
	for range 3 {
		if why := s.refuses(); !strings.Contains(why, "storage.type is memory") || !strings.Contains(why, "choose another store") {
			t.Errorf("the answer is %q", why)
		}
	}
	out, err := exec.Command(binary, "upgrade", strconv.Itoa(s.pid())).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "storage.type is memory") {
		t.Errorf("motacilla upgrade: %v, %s", err, out)
	}
	room.stop()
	groups := p.agree(room.truth())
	stayed(t, groups, func(string) bool { return true })
	s.stop()
}
