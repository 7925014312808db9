package storagetest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

const crashEnv = "MOTACILLA_STORAGETEST_CRASH"

// ack describes a write that the store acknowledged to the child.
type ack struct {
	ID       motacilla.PostID
	Revision motacilla.Revision
	Text     string // what the post says; "" if it was removed
	Next     string // what the post says after the child's next write
}

// allows reports whether a store may hold got after it acknowledged a. A write that was under way when the child was
// killed may be stored, at once or later: a database server finishes the request of a client that has died.
func (a ack) allows(got ack) bool {
	if got.Text == a.Text && got.Revision == a.Revision {
		return true
	}
	return a.Next != a.Text && got.Text == a.Next && got.Revision > a.Revision
}

// RunDurable runs a process that writes, kills it, and looks for every acknowledged write. It does so again and again.
// open opens the store. path is the same each time; a store that is a file may live there. The process is the test's
// own binary. It runs the test that calls RunDurable, which therefore must not be a subtest.
func RunDurable(t *testing.T, open func(ctx context.Context, path string) (storage.Store, error)) {
	if path := os.Getenv(crashEnv); path != "" {
		writeUntilKilled(t, open, path)
		return
	}
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	if err := durable(t, t.TempDir()+"/live.db", rounds, open); err != nil {
		t.Fatal(err)
	}
}

// writeUntilKilled runs in the child. It prints each acknowledgement before it begins the next write.
func writeUntilKilled(t *testing.T, open func(context.Context, string) (storage.Store, error), path string) {
	s, err := open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	acks := os.NewFile(3, "acks")
	say := func(a ack) {
		line, _ := json.Marshal(a)
		if _, err := acks.Write(append(line, '\n')); err != nil {
			os.Exit(0) // the parent is gone
		}
	}
	for n := 0; ; n++ {
		text := fmt.Sprintf("post %d of %d", n, os.Getpid())
		edited := text + ", edited"
		after := edited // what the post says after its edit
		if n%3 == 0 {
			after = "" // it is removed
		}
		content := []motacilla.Block{motacilla.Text(text)}
		p, err := s.PutPost(t.Context(), "crash", motacilla.Post{Author: text, Content: content}, 0)
		if err != nil {
			t.Fatal(err)
		}
		say(ack{p.ID, p.Revision, text, edited})
		rev := p.Revision
		p.Author, p.Content = edited, []motacilla.Block{motacilla.Text(edited)}
		p, err = s.PutPost(t.Context(), "crash", p, rev)
		if err != nil {
			t.Fatal(err)
		}
		say(ack{p.ID, p.Revision, edited, after})
		if after == "" {
			rev, err := s.DeletePost(t.Context(), "crash", p.ID, 0)
			if err != nil {
				t.Fatal(err)
			}
			say(ack{ID: p.ID, Revision: rev})
		}
	}
}

// durable returns an error that names what was lost or torn.
func durable(
	t *testing.T, path string, rounds int, open func(context.Context, string) (storage.Store, error),
) error {
	s, err := open(t.Context(), path)
	if err != nil {
		return err
	}
	first, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "crash"}, 0)
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	acked, last := make(map[motacilla.PostID]ack), first.Head
	for round := range rounds {
		said, err := killed(t, path)
		if err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		for _, a := range said {
			if a.Revision <= last {
				return fmt.Errorf("round %d: revision %d issued after %d", round, a.Revision, last)
			}
			acked[a.ID], last = a, a.Revision
		}
		s, err := open(t.Context(), path)
		if err != nil {
			return fmt.Errorf("round %d: open after a kill: %w", round, err)
		}
		last, err = survived(t.Context(), s, first.Head, last, acked)
		if closed := s.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return fmt.Errorf("round %d, %d acknowledged: %w", round, len(said), err)
		}
	}
	return nil
}

// killed runs the child, kills it at a random time after its first acknowledgement, and returns its acknowledgements.
func killed(t *testing.T, path string) ([]ack, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=5m")
	child.Env = append(os.Environ(), crashEnv+"="+path)
	child.ExtraFiles = []*os.File{write}
	err = child.Start()
	_ = write.Close()
	if err != nil {
		return nil, err
	}
	var said []ack
	lines := bufio.NewScanner(read)
	for lines.Scan() {
		var a ack
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			break // the kill cut the line
		}
		if said = append(said, a); len(said) == 1 {
			time.AfterFunc(time.Duration(rand.IntN(100_000))*time.Microsecond, func() { _ = child.Process.Kill() })
		}
	}
	_ = child.Wait()
	if len(said) == 0 {
		return nil, fmt.Errorf("the writing process acknowledged nothing: %v", child.ProcessState)
	}
	return said, nil
}

// survived looks for every acknowledged write, writes once, and returns the revision of that write. What it finds is
// added to acked: a write that was read must not be lost either.
func survived(
	ctx context.Context, s storage.Store, first, last motacilla.Revision, acked map[motacilla.PostID]ack,
) (motacilla.Revision, error) {
	facts, err := s.Changes(ctx, "crash", first, 0)
	if err != nil {
		return 0, err
	}
	if !facts.Known || facts.Head < last {
		return 0, fmt.Errorf("head is %d, known %v, but revision %d was acknowledged", facts.Head, facts.Known, last)
	}
	now := make(map[motacilla.PostID]ack)
	for _, p := range facts.Posts {
		if len(p.Content) != 1 || p.Content[0].Text != p.Author {
			return 0, fmt.Errorf("post %s of revision %d is torn: %q, %v", p.ID, p.Revision, p.Author, p.Content)
		}
		now[p.ID] = ack{p.ID, p.Revision, p.Author, p.Author}
	}
	for _, r := range facts.Removed {
		now[r.ID] = ack{ID: r.ID, Revision: r.Revision}
	}
	for id, want := range acked {
		got := now[id]
		if !want.allows(got) {
			return 0, fmt.Errorf("post %s is %+v, acknowledged was %+v", id, got, want)
		}
		if got.Revision == want.Revision {
			now[id] = want // its next write may still come
		}
	}
	for i, rev := range facts.Issued {
		if i > 0 && rev <= facts.Issued[i-1] {
			return 0, fmt.Errorf("revision %d is listed after %d", rev, facts.Issued[i-1])
		}
	}
	maps.Copy(acked, now)
	content := []motacilla.Block{motacilla.Text("after")}
	p, err := s.PutPost(ctx, "crash", motacilla.Post{Author: "after", Content: content}, 0)
	if err != nil || p.Revision <= facts.Head {
		return 0, fmt.Errorf("a write after the kill: revision %d, head was %d: %w", p.Revision, facts.Head, err)
	}
	return p.Revision, nil
}
