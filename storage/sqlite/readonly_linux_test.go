package sqlite

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/motacilla-live/motacilla"
)

// Linux does not remount read-only what a process has open for writing, so a running store's turn is SQLite's own.
func TestReadOnlyWhileOpen(t *testing.T) {
	s := opened(t, filepath.Join(t.TempDir(), "live.db"))
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.file.write.Exec("PRAGMA query_only = 1"); err != nil {
		t.Fatal(err)
	}
	_, err := s.PutPost(t.Context(), "c", motacilla.Post{Content: []motacilla.Block{motacilla.PlainText("x")}}, 0)
	if !errors.Is(err, motacilla.ErrUnavailable) || !contains(err, "readonly") {
		t.Errorf("error is %v", err)
	}
	if _, err := s.Channel(t.Context(), "c"); err != nil {
		t.Errorf("read: %v", err)
	}
	if _, err := s.file.write.Exec("PRAGMA query_only = 0"); err != nil {
		t.Fatal(err)
	}
	_, err = s.PutPost(t.Context(), "c", motacilla.Post{Content: []motacilla.Block{motacilla.PlainText("x")}}, 0)
	if err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestReadOnlyFileSystem(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("needs to mount a tmpfs, which is root's: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	path := filepath.Join(dir, "live.db")
	s := opened(t, path)
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path, nil); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("error is %v", err)
	} else {
		t.Log(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	s = opened(t, path)
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "d"}, 0); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if _, err := s.Channel(t.Context(), "c"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
