//go:build linux

package upgrade

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/e2e/upgrade/crowd"
	"github.com/motacilla-live/motacilla/internal/realserver"
)

// reordered is yaml with the publishers in another order.
var reordered = strings.Replace(yaml, "publishers:\n", "publishers:\n  - {type: interval-polling}\n", 1)

// TestUnixSockets: server.addr and server.admin are Unix sockets, or with TLS server.admin alone, beside server.tls.redirect_from. All
// survive upgrades. The files of the sockets stay the same, with the mode that the configuration says, and are removed at the end. Streams
// move also if the configuration has the publishers at other places.
func TestUnixSockets(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "http", true: "https"}[secure], func(t *testing.T) {
			t.Parallel()
			dir, redirect := t.TempDir(), realserver.FreeAddress(t)
			site, admin := filepath.Join(dir, "site.sock"), filepath.Join(dir, "admin.sock")
			flags := append(backends["sqlite"](t), "--server.admin", "unix:"+admin)
			sockets := []string{admin}
			if secure {
				flags = append(flags, "--server.tls.redirect_from", redirect)
			} else {
				flags = append(flags, "--server.addr", "unix:"+site)
				sockets = append(sockets, site)
			}
			s := newServer(t, secure, yaml+"server: {socket_mode: \"0600\"}\n", flags...)
			if !secure {
				s.socket = site
			}
			s.start()
			list := channels(3)
			room := open(t, 2, list, true, s)
			groups := everyKind(32, 2, s)
			for i := range groups {
				groups[i].Socket = s.socket
			}
			p := gather(t, crowd.Spec{Channels: list, Groups: groups})
			room.goOn(20)
			var before []fs.FileInfo
			for _, path := range sockets {
				before = append(before, file(t, path))
			}
			for i := range 3 {
				mode := fs.FileMode(0o600)
				if i == 2 {
					mode = 0o660
					s.write("motacilla.yaml", reordered+"server: {socket_mode: \"0660\"}\n")
				}
				count, err := s.upgrade()
				if err != nil || count.Refused > 0 {
					t.Fatalf("upgrade: %+v, %v", count, err)
				}
				for i, path := range sockets {
					if now := file(t, path); !os.SameFile(before[i], now) || now.Mode().Perm() != mode {
						t.Errorf("%s is another file now, with the mode %v", path, now.Mode())
					}
				}
				if text := ask(t, at(admin), "http://admin/metrics", http.StatusOK); !strings.Contains(text, "motacilla_build_info{") {
					t.Errorf("/metrics: %.100s", text)
				}
				if secure {
					ask(t, fresh, "http://"+redirect+"/channels/match-1", http.StatusPermanentRedirect)
				}
			}
			room.stop()
			stayed(t, p.agree(room.truth()), streams)
			s.stop()
			for _, path := range sockets {
				if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s is left: %v", path, err)
				}
			}
		})
	}
}

func file(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	f, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
