package work_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/work"
)

func TestSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &link{Records: store(t, 0)}
		first, second := work.NewSeen(l, "test", time.Hour), work.NewSeen(l, "test", time.Hour)
		times, own := 0, errors.New("own")
		once := func(s *work.Seen, key string, fails error) error {
			return s.Once(t.Context(), key, func(context.Context) error { times++; return fails })
		}
		step := func(what string, err, want error, n int) {
			t.Helper()
			if !errors.Is(err, want) || times != n {
				t.Errorf("%s: %v; it was done %d times, want %d", what, err, times, n)
			}
		}
		step("an error", once(first, "a", own), own, 1)
		step("after an error", once(first, "a", nil), nil, 2)
		step("again", once(first, "a", nil), nil, 2)
		step("again elsewhere", once(second, "a", nil), nil, 2)
		step("another name", once(work.NewSeen(l, "other", time.Hour), "a", nil), nil, 3)
		time.Sleep(time.Hour)
		step("after an hour", once(second, "a", nil), nil, 4)
		for _, key := range []string{"", "a\x00b", "\xff", strings.Repeat("a", 513)} {
			step("an impossible key", once(first, key, nil), motacilla.ErrInvalid, 4)
		}
		l.set(true, 0)
		step("an outage", once(first, "b", nil), motacilla.ErrUnavailable, 4)
		l.set(false, 1)
		if err := once(first, "b", nil); !errors.Is(err, motacilla.ErrUnavailable) {
			t.Errorf("what can't be remembered: %v", err)
		}
	})
}

// What was done is remembered also if the caller's time ended meanwhile: a lease is over, or the program stops.
func TestSeenAtTheEnd(t *testing.T) {
	s := work.NewSeen(store(t, 0), "test", time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	if err := s.Once(ctx, "a", func(context.Context) error { cancel(); return nil }); err != nil {
		t.Errorf("the first time: %v", err)
	}
	if err := s.Once(t.Context(), "a", func(context.Context) error { return errors.New("it is done again") }); err != nil {
		t.Error(err)
	}
}
