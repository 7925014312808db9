package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
)

// tb is the part of testing.T and rapid.T that checks need.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// hand is a clock that is moved by hand. It begins at a time with nanoseconds, which no store keeps.
type hand struct {
	mu  sync.Mutex
	now time.Time
}

func newHand() *hand { return &hand{now: time.Date(2026, 3, 1, 18, 30, 0, 123456789, time.UTC)} }

// Now is a motacilla.Clock.
func (h *hand) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// Move moves the clock on, or back if d is negative.
func (h *hand) Move(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// must fails the test if a call failed.
func must[T any](t tb) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatalf("unexpected error: %v", err)
		}
		return v
	}
}

// want fails the test if err is not target.
func want(t tb, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("%s: error is %v, want %v", what, err, target)
	}
}

// wantInvalid fails the test if err is not an ErrInvalid that names its field.
func wantInvalid(t tb, what string, err error) {
	t.Helper()
	want(t, what, err, motacilla.ErrInvalid)
	var field *motacilla.FieldError
	if !errors.As(err, &field) || field.Field == "" {
		t.Fatalf("%s: %v names no field", what, err)
	}
}

// equal fails the test if got is not what was expected.
func equal[T comparable](t tb, what string, got, expected T) {
	t.Helper()
	if got != expected {
		t.Fatalf("%s is %v, want %v", what, got, expected)
	}
}

// equalList is equal of lists; nil is an empty one.
func equalList[T comparable](t tb, what string, got, expected []T) {
	t.Helper()
	if !slices.Equal(got, expected) {
		t.Fatalf("%s is\n\t%v, want\n\t%v", what, got, expected)
	}
}

// equalPost compares every field; times are UTC.
func equalPost(t tb, what string, got, expected motacilla.Post) {
	t.Helper()
	if diff := postDiff(got, expected); diff != "" {
		t.Fatalf("%s: %s", what, diff)
	}
}

// equalPosts is equalPost of lists.
func equalPosts(t tb, what string, got, expected []motacilla.Post) {
	t.Helper()
	if len(got) != len(expected) {
		t.Fatalf("%s: %d posts %v, want %d %v", what, len(got), ids(got), len(expected), ids(expected))
	}
	for i := range got {
		if diff := postDiff(got[i], expected[i]); diff != "" {
			t.Fatalf("%s: post %d %s", what, i, diff)
		}
	}
}

// equalChannel compares every field; times are UTC.
func equalChannel(t tb, what string, got, expected motacilla.Channel) {
	t.Helper()
	// Not ==: times may be the same and differ in representation.
	same := got.ID == expected.ID && got.Title == expected.Title && got.Access == expected.Access &&
		got.Changed == expected.Changed && got.Head == expected.Head && sameTime(got.Created, expected.Created) && sameTime(got.Ended, expected.Ended)
	if !same {
		t.Fatalf("%s is\n\t%+v, want\n\t%+v", what, got, expected)
	}
}

func postDiff(got, expected motacilla.Post) string {
	a, b := got, expected
	times := sameTime(a.Created, b.Created) && sameTime(a.Modified, b.Modified)
	plain := a.ID == b.ID && a.MessageID == b.MessageID && a.SourceVersion == b.SourceVersion && a.Source == b.Source &&
		a.Author == b.Author && a.Show == b.Show && a.Pinned == b.Pinned && a.KeyEvent == b.KeyEvent &&
		a.Revision == b.Revision
	if times && plain && slices.Equal(a.Content, b.Content) {
		return ""
	}
	return fmt.Sprintf("is\n\t%.500s, want\n\t%.500s", fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", b))
}

func sameTime(got, expected time.Time) bool {
	return got.Equal(expected) && got.Location() == time.UTC
}

func ids(posts []motacilla.Post) []motacilla.PostID {
	list := make([]motacilla.PostID, len(posts))
	for i, p := range posts {
		list[i] = p.ID
	}
	return list
}

// wellFormed checks what must hold for every answer of Changes.
func wellFormed(t tb, since motacilla.Revision, c motacilla.Changes) {
	t.Helper()
	if c.Deleted {
		if c.Channel != nil || c.Truncated || len(c.Posts)+len(c.Removed)+len(c.Issued) > 0 {
			t.Fatalf("changes of a deleted channel tell more than that: %+v", c)
		}
		return
	}
	if c.Floor <= 0 || c.Floor > c.Head {
		t.Fatalf("floor %d with head %d", c.Floor, c.Head)
	}
	if c.Known && (since < c.Floor || since > c.Head) {
		t.Fatalf("%d is known, with floor %d and head %d", since, c.Floor, c.Head)
	}
	if c.Channel != nil && c.Channel.Head != c.Head {
		t.Fatalf("changes of head %d have a channel of head %d: torn", c.Head, c.Channel.Head)
	}
	if c.Truncated {
		if len(c.Posts)+len(c.Removed)+len(c.Issued) > 0 {
			t.Fatalf("truncated changes are not empty: %+v", c)
		}
		return
	}
	issued := make(map[motacilla.Revision]bool, len(c.Issued))
	last := since
	for _, rev := range c.Issued {
		if rev <= last {
			t.Fatalf("issued after %d: %v is not in order", since, c.Issued)
		}
		last, issued[rev] = rev, true
	}
	if c.Known && last != c.Head {
		t.Fatalf("issued after %d: %v does not end with head %d", since, c.Issued, c.Head)
	}
	if len(c.Issued) > motacilla.MaxIssued {
		t.Fatalf("%d revisions are listed, at most %d may be", len(c.Issued), motacilla.MaxIssued)
	}
	listed := motacilla.Revision(0) // earlier revisions may be left out
	if len(c.Issued) == motacilla.MaxIssued {
		listed = c.Issued[0]
	}
	seen := make(map[motacilla.PostID]bool)
	once := func(id motacilla.PostID, rev, before motacilla.Revision) {
		t.Helper()
		if seen[id] {
			t.Fatalf("post %s is there twice", id)
		}
		if rev <= before || rev <= since || rev > c.Head || rev >= listed && !issued[rev] {
			t.Fatalf("post %s of revision %d, in changes from %d to %d", id, rev, since, c.Head)
		}
		seen[id] = true
	}
	var before motacilla.Revision
	for _, p := range c.Posts {
		once(p.ID, p.Revision, before)
		before = p.Revision
	}
	before = 0
	for _, r := range c.Removed {
		once(r.ID, r.Revision, before)
		before = r.Revision
	}
}
