package app

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// leftOver makes the file of a socket that no process has, as a server leaves it that was killed.
func leftOver(t *testing.T, path string) {
	t.Helper()
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
}

func socketIn(t *testing.T) address {
	return address{network: "unix", at: filepath.Join(t.TempDir(), "s"), mode: 0o660}
}

// TestStaleSocket: a file at which nobody answers is replaced, also if many servers try at once. One of them gets it.
func TestStaleSocket(t *testing.T) {
	for range 20 {
		a := socketIn(t)
		leftOver(t, a.at)
		var all sync.WaitGroup
		listeners, errs := make([]net.Listener, 8), make([]error, 8)
		for i := range listeners {
			all.Go(func() { listeners[i], errs[i] = a.open(t.Context(), "server.addr") })
		}
		all.Wait()
		won := 0
		for i, ln := range listeners {
			if errs[i] == nil {
				won++
				defer ln.Close()
			} else if !strings.Contains(errs[i].Error(), "another program listens there") {
				t.Error(errs[i])
			}
		}
		conn, err := net.Dial("unix", a.at)
		if won != 1 || err != nil {
			t.Fatalf("%d of 8 servers have the socket, dial: %v", won, err)
		}
		conn.Close()
	}
}

// TestOneServerLooksAtATime: while another server looks at the file of a socket, it is not touched.
func TestOneServerLooksAtATime(t *testing.T) {
	a := socketIn(t)
	leftOver(t, a.at)
	unlock, err := lockFolder(t.Context(), filepath.Dir(a.at))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // a server that need not wait for the lock goes on to the file, and says so
	if _, err := a.open(ctx, "server.addr"); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "whether a server listens") {
		t.Errorf("error is %v", err)
	}
	if _, err := os.Lstat(a.at); err != nil {
		t.Error(err)
	}
	unlock()
	ln, err := a.open(t.Context(), "server.addr")
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Error(err)
	}
}

// TestSocketThatIsNotOurs: what is no stale socket stays where it is, and the error says what to do.
func TestSocketThatIsNotOurs(t *testing.T) {
	taken, plain, none := socketIn(t), socketIn(t), socketIn(t)
	ln, err := net.Listen("unix", taken.at)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := os.WriteFile(plain.at, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	none.at = filepath.Join(filepath.Dir(none.at), "nowhere", "s")
	for want, a := range map[string]address{
		"another program listens there; stop it, or choose another address with server.admin": taken,
		"there is a file that is no socket; choose another address with server.admin":         plain,
		"there is no such folder": none,
	} {
		if _, err := a.open(t.Context(), "server.admin"); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "unix:"+a.at) {
			t.Errorf("%s: error is %v, want %q", a, err, want)
		}
	}
	if text, err := os.ReadFile(plain.at); err != nil || string(text) != "mine" {
		t.Errorf("the file is %q, %v", text, err)
	}
	if conn, err := net.Dial("unix", taken.at); err != nil {
		t.Errorf("the other server can't be reached: %v", err)
	} else {
		conn.Close()
	}
}

// TestFileOfASocket: it has the mode of the configuration, and Close removes it, but not that of another server.
func TestFileOfASocket(t *testing.T) {
	for _, mode := range []fs.FileMode{0o600, 0o660, 0o666} {
		a := socketIn(t)
		a.mode = mode
		ln, err := a.open(t.Context(), "server.addr")
		if err != nil {
			t.Fatal(err)
		}
		if file, err := os.Stat(a.at); err != nil || file.Mode().Perm() != mode {
			t.Errorf("mode is %v, %v; want %v", file.Mode(), err, mode)
		}
		if err := ln.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(a.at); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the file is still there: %v", err)
		}
	}
	a := socketIn(t)
	ln, err := a.open(t.Context(), "server.addr")
	if err != nil {
		t.Fatal(err)
	}
	next := filepath.Join(filepath.Dir(a.at), "next") // a server that takes over puts its own file there
	other, err := net.Listen("unix", next)
	if err != nil {
		t.Fatal(err)
	}
	other.(*net.UnixListener).SetUnlinkOnClose(false)
	defer other.Close()
	if err := os.Rename(next, a.at); err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Error(err)
	}
	conn, err := net.Dial("unix", a.at)
	if err != nil {
		t.Fatalf("the file of the other server is gone: %v", err)
	}
	conn.Close()
}

func TestAddresses(t *testing.T) {
	long := "unix:/" + strings.Repeat("x", longestSocket)
	for text, wrong := range map[string]string{
		"127.0.0.1:8080": "", ":8080": "", "[::1]:80": "", "unix:/run/s": "", long[:len(long)-1]: "",
		"127.0.0.1": "host:port", "unix:": "absolute path", "unix:s": "absolute path", "unix:@s": "absolute path", long: "too long",
	} {
		a, err := parseAddress(text)
		if (err == nil) != (wrong == "") || err != nil && !strings.Contains(err.Error(), wrong) || err == nil && a.String() != text {
			t.Errorf("%s: %v, %v; want %q", text, a, err, wrong)
		}
	}
	for text, right := range map[string]bool{
		"0660": true, "0600": true, "666": true, "0777": true, "": false, "0060": false, "0400": false, "0888": false, "01660": false, "rw": false,
	} {
		if _, err := parseMode(text); (err == nil) != right {
			t.Errorf("mode %q: %v", text, err)
		}
	}
}

// What another process still uses stays: Close removes the file of a socket only if nobody has taken over.
func TestSocketThatWasHandedOver(t *testing.T) {
	a := socketIn(t)
	first, err := a.open(t.Context(), "server.addr")
	if err != nil {
		t.Fatal(err)
	}
	f, err := first.(*socketListener).File()
	if err != nil {
		t.Fatal(err)
	}
	passed, err := net.FileListener(f)
	_ = f.Close()
	if err != nil {
		t.Fatal(err)
	}
	second, err := keepSocket(passed, a)
	if err != nil {
		t.Fatal(err)
	}
	first.(*socketListener).leave()
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	conn, err := net.Dial("unix", a.at)
	if err != nil {
		t.Fatalf("the socket is gone: %v", err)
	}
	_ = conn.Close()
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("unix", a.at); err == nil {
		t.Error("the file of the socket is still there")
	}
}
