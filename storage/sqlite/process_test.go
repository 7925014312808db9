package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/motacilla-live/motacilla"
)

// processEnv is the path of the file that a child process shares with the test.
const processEnv = "MOTACILLA_SQLITE_PROCESS"

const postsEach = 100

// other is the child process of TestTwoProcesses, which goes on at each line that it reads.
func other(t *testing.T, path string) {
	s := opened(t, path)
	in := bufio.NewScanner(os.NewFile(3, "in"))
	out := os.NewFile(4, "out")
	hints := watched(t, s)
	fmt.Fprintln(out, "watching")
	for m := range hints {
		if m.Channel == "of-test" {
			break
		}
	}
	fmt.Fprintln(out, "told")
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "of-other"}, 0); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(out, "made")
	in.Scan()
	for _, rev := range writeMany(t, s) {
		fmt.Fprintln(out, rev)
	}
}

func watched(t *testing.T, s *Store) <-chan motacilla.Moved {
	ctx, cancel := context.WithCancel(t.Context())
	hints, ended := make(chan motacilla.Moved, 10*postsEach), make(chan error, 1)
	go func() { ended <- s.Watch(ctx, func(m motacilla.Moved) { hints <- m }) }()
	t.Cleanup(func() { cancel(); <-ended })
	<-hints // it has begun
	return hints
}

func writeMany(t *testing.T, s *Store) (revs []motacilla.Revision) {
	for range postsEach {
		p, err := s.PutPost(t.Context(), "of-test", motacilla.Post{
			Show: true, Content: []motacilla.Block{motacilla.PlainText("x")},
		}, 0)
		if err != nil {
			t.Fatal(err)
		}
		revs = append(revs, p.Revision)
	}
	return revs
}

func TestTwoProcesses(t *testing.T) {
	if path := os.Getenv(processEnv); path != "" {
		other(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "live.db")
	childIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, childOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTwoProcesses$", "-test.timeout=20m")
	child.Env = append(os.Environ(), processEnv+"="+path)
	child.ExtraFiles = []*os.File{childIn, childOut}
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = childIn.Close(), childOut.Close()
	lines := bufio.NewReader(out)
	read := func(want string) {
		t.Helper()
		if line, err := lines.ReadString('\n'); err != nil || line != want+"\n" {
			t.Fatalf("the other process says %q (%v), want %q", line, err, want)
		}
	}

	s := opened(t, path) // while the other process opens it
	hints := watched(t, s)
	read("watching")
	made, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "of-test"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	read("told")
	read("made")
	for {
		if m := <-hints; m.Channel == "of-other" {
			break
		}
	}

	if _, err := io.WriteString(in, "write\n"); err != nil {
		t.Fatal(err)
	}
	all := append(writeMany(t, s), made.Head)
	for range postsEach {
		var rev motacilla.Revision
		if _, err := fmt.Fscanln(lines, &rev); err != nil {
			t.Fatal(err)
		}
		all = append(all, rev)
	}
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	facts, err := s.Changes(t.Context(), "of-test", made.Head, 0)
	if err != nil || !facts.Known || !slices.Equal(facts.Issued, all[1:]) || len(facts.Posts) != 2*postsEach {
		t.Fatalf("%d revisions, %d posts (%v), want %d", len(facts.Issued), len(facts.Posts), err, 2*postsEach)
	}
}

func TestCorruptFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "live.db")
	if err := os.WriteFile(path, []byte("this is no database, long enough to be read as one"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), path, nil)
	if !errors.Is(err, motacilla.ErrUnavailable) || !contains(err, "file is not a database") || !contains(err, path) {
		t.Fatalf("error is %v", err)
	}
}
