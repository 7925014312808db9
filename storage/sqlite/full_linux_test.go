package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/motacilla-live/motacilla"
)

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("needs to mount a tmpfs, which is root's: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	s := opened(t, filepath.Join(dir, "live.db"))
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	post := motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(strings.Repeat("x", 60<<10)))}}
	stored := 0
	for ; ; stored++ {
		_, err := s.PutPost(t.Context(), "c", post, 0)
		if errors.Is(err, motacilla.ErrUnavailable) {
			break
		}
		if err != nil || stored > 100 {
			t.Fatalf("post %d on a full disk: %v", stored, err)
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutPost(t.Context(), "c", post, 0); err != nil {
		t.Fatalf("when there is room again: %v", err)
	}
	page, err := s.Posts(t.Context(), "c", motacilla.Query{Limit: 200})
	if err != nil || len(page.Posts) != stored+1 {
		t.Fatalf("%d posts (%v), want %d", len(page.Posts), err, stored+1)
	}
}
