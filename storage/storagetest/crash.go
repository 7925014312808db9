package storagetest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/storage"
)

const crashEnv = "MOTACILLA_STORAGETEST_CRASH"

// openPath opens a store that a process after another opens too. path is the same each time; a store that is a file may
// live there.
type openPath = func(ctx context.Context, path string) (storage.Store, error)

// ack describes a write that the store acknowledged to the child.
type ack struct {
	Key      string // of the post or the record
	Revision int64  // or version
	Text     string // what it says; "" if it was removed
	Next     string // what it says after the child's next write
}

// allows reports whether a store may hold got after it acknowledged a. A write that was under way when the child was
// killed may be stored, at once or later: a database server finishes the request of a client that has died.
func (a ack) allows(got ack) bool {
	if got.Text == a.Text && got.Revision == a.Revision {
		return true
	}
	return a.Next != a.Text && got.Text == a.Next && got.Revision > a.Revision
}

// victim is a child that writes until it is killed.
type victim interface {
	// make, change and remove write and return what the store acknowledged. change and remove are given what was
	// acknowledged before.
	make(ctx context.Context, s storage.Store, name, text string) (ack, error)
	change(ctx context.Context, s storage.Store, was ack, text string) (ack, error)
	remove(ctx context.Context, s storage.Store, was ack) (ack, error)
}

// asVictim runs v if this process is the child of a test, and returns false if it is not.
func asVictim(t *testing.T, open openPath, v victim) bool {
	path := os.Getenv(crashEnv)
	if path != "" {
		writeUntilKilled(t, open, path, v)
	}
	return path != ""
}

// writeUntilKilled runs in the child. It prints each acknowledgement before it begins the next write.
func writeUntilKilled(t *testing.T, open openPath, path string, v victim) {
	s, err := open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	acks := os.NewFile(3, "acks")
	say := func(a ack, err error, next string) ack {
		if err != nil {
			t.Fatal(err)
		}
		a.Next = next
		line, _ := json.Marshal(a)
		if _, err := acks.Write(append(line, '\n')); err != nil {
			os.Exit(0) // the parent is gone
		}
		return a
	}
	for n := 0; ; n++ {
		name := fmt.Sprintf("%d of %d", n, os.Getpid())
		text, edited := "made "+name, "made "+name+", edited"
		after := edited // what it says after its edit
		if n%3 == 0 {
			after = "" // it is removed
		}
		a, err := v.make(t.Context(), s, name, text)
		a = say(a, err, edited)
		a, err = v.change(t.Context(), s, a, edited)
		a = say(a, err, after)
		if after == "" {
			a, err = v.remove(t.Context(), s, a)
			say(a, err, "")
		}
	}
}

// kills runs the child and kills it, again and again. Each time it opens the store and calls look with what was
// acknowledged to the child.
func kills(
	t *testing.T, path string, rounds int, open openPath, look func(round int, s storage.Store, said []ack) error,
) error {
	for round := range rounds {
		said, err := killed(t, path)
		if err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		s, err := open(t.Context(), path)
		if err != nil {
			return fmt.Errorf("round %d: open after a kill: %w", round, err)
		}
		err = look(round, s, said)
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
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=20m")
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

// unlessShort returns fewer rounds with -short.
func unlessShort(rounds, short int) int {
	if testing.Short() {
		return short
	}
	return rounds
}
