package local_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/media"
	"github.com/motacilla-live/motacilla/media/local"
	"github.com/motacilla-live/motacilla/media/mediatest"
)

func open(t *testing.T, path string) *local.Store {
	s := local.New(&local.Options{Path: path})
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStore(t *testing.T) {
	mediatest.Run(t, func(t *testing.T) media.Store { return open(t, filepath.Join(t.TempDir(), "new", "media")) })
}

func TestShared(t *testing.T) {
	mediatest.RunShared(t, func(t *testing.T) (a, b media.Store) {
		path := filepath.Join(t.TempDir(), "media")
		return open(t, path), open(t, path)
	})
}

func put(t *testing.T, s media.Store, name string) error {
	t.Helper()
	return s.Put(t.Context(), name, media.File{Type: "image/jpeg", Size: 1}, strings.NewReader("x"))
}

// TestNothingIsLeft: the folder is made by the first Put. Deleted files leave no folders.
func TestNothingIsLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "media")
	s := open(t, path)
	_, _, _ = s.Open(t.Context(), "a/1.jpg")
	_ = s.Delete(t.Context(), "a/1.jpg")
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Fatalf("the folder is there before a file is: %v", err)
	}
	if err := put(t, s, "a/b/1.jpg"); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), "a/b/1.jpg"); err != nil {
		t.Fatal(err)
	}
	_ = filepath.WalkDir(path, func(at string, _ os.DirEntry, _ error) error {
		if rest, _ := filepath.Rel(path, at); rest != "." && rest != ".unfinished" {
			t.Errorf("%s is left", rest)
		}
		return nil
	})
}

// TestLinks: a symbolic link in the folder leads nobody out of it.
func TestLinks(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret.jpg"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "media")
	s := open(t, path)
	if err := put(t, s, "a/1.jpg"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(path, "out")); err != nil {
		t.Skip(err)
	}
	if _, _, err := s.Open(t.Context(), "out/secret.jpg"); err == nil {
		t.Error("Open reads a file outside")
	}
	if err := put(t, s, "out/new.jpg"); err == nil {
		t.Error("Put writes a file outside")
	}
	_ = s.Delete(t.Context(), "out/secret.jpg")
	list, err := os.ReadDir(outside)
	if err != nil || len(list) != 1 {
		t.Errorf("outside are %v, %v", list, err)
	}
}

// TestTidy: what a process that died has left is removed when it is a day old.
func TestTidy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "media")
	unfinished := filepath.Join(path, ".unfinished")
	if err := os.MkdirAll(unfinished, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{"old": 25 * time.Hour, "new": time.Hour} {
		file := filepath.Join(unfinished, name)
		at := time.Now().Add(-age)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := put(t, open(t, path), "a/1.jpg"); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(unfinished)
	if err != nil || len(list) != 1 || list[0].Name() != "new" {
		t.Errorf("left are %v, %v", list, err)
	}
}
