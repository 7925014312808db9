//go:build linux

package upgrade

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/e2e/upgrade/crowd"
)

// TestBrokenProgram upgrades to programs and configurations that do not work. The answer and the log say why. The old process goes
// on, and no stream is closed. When the program is mended, the server is upgraded.
func TestBrokenProgram(t *testing.T) {
	t.Parallel()
	s := newServer(t, false, yaml, backends["sqlite"](t)...)
	s.path = filepath.Join(s.dir, "motacilla")
	install(t, s.path, func(to io.Writer) error { return copyOf(to, binary) })
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
		install(t, s.path, func(to io.Writer) error {
			_, err := io.WriteString(to, "#!/bin/sh\n"+text+"\n")
			return err
		})
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

	install(t, s.path, func(to io.Writer) error { return copyOf(to, binary) })
	s.write("motacilla.yaml", yaml+"\nserver: {adress: 127.0.0.1:80}\n")
	fails("a wrong key", "exit status", `unknown key "server.adress"`)
	s.write("motacilla.yaml", yaml+"\nserver: {admin: '"+taken.Addr().String()+"'}\n")
	fails("an address that is taken", "exit status", taken.Addr().String())
	s.write("motacilla.yaml", yaml)
	if _, err := s.upgrade(); err != nil {
		t.Error(err)
	}
	room.stop()
	groups := p.agree(room.truth())
	stayed(t, groups, streams)
	s.stop()
}

// install puts a program in place of another one, as package managers do.
func install(t *testing.T, path string, write func(to io.Writer) error) {
	t.Helper()
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	err = write(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func copyOf(to io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(to, f)
	return err
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
