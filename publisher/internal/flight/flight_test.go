package flight

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// spawner starts goroutines until it is closed, and waits for them.
type spawner struct {
	sync.WaitGroup
	closed atomic.Bool
}

func (s *spawner) spawn(f func()) bool {
	if s.closed.Load() {
		return false
	}
	s.Go(f)
	return true
}

func TestCallersThatComeDuringALoadShareTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s spawner
		loads := 0
		f := &Flight[int]{Spawn: s.spawn, Load: func() (int, error) {
			loads++
			n := loads
			time.Sleep(time.Second)
			return n, nil
		}}
		ask := func(want int) {
			s.Go(func() {
				if got, err := f.Do(t.Context()); got != want || err != nil {
					t.Errorf("got load %d and %v, want load %d", got, err, want)
				}
			})
		}
		ask(1)
		synctest.Wait()
		for range 50 {
			ask(2)
		}
		time.Sleep(1500 * time.Millisecond)
		ask(3) // load 2 runs
		s.Wait()
		if loads != 3 {
			t.Errorf("%d loads, want 3", loads)
		}
		ask(4) // nothing runs
		s.Wait()
	})
}

func TestCallersShareAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s spawner
		broken := errors.New("broken")
		f := &Flight[int]{Spawn: s.spawn, Load: func() (int, error) {
			time.Sleep(time.Second)
			return 0, broken
		}}
		began := time.Now()
		for range 50 {
			s.Go(func() {
				if _, err := f.Do(t.Context()); !errors.Is(err, broken) {
					t.Errorf("got %v", err)
				}
			})
		}
		s.Wait()
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the last caller had its error after %v, want two loads at most", took)
		}
	})
}

func TestALoadBelongsToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s spawner
		f := &Flight[int]{Spawn: s.spawn, Load: func() (int, error) {
			time.Sleep(time.Second)
			return 7, nil
		}}
		impatient := errors.New("impatient")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, impatient)
		defer cancel()
		if _, err := f.Do(ctx); !errors.Is(err, impatient) {
			t.Errorf("got %v, want the context's cause", err)
		}
		f.Start()
		s.Wait()
		s.closed.Store(true)
		if _, err := f.Do(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	})
}

// TestNothingIsMissed has callers who store something and then ask: the result must contain what was stored.
func TestNothingIsMissed(t *testing.T) {
	var s spawner
	var stored atomic.Int64
	f := &Flight[int64]{Spawn: s.spawn, Load: func() (int64, error) { return stored.Load(), nil }}
	for range 8 {
		s.Go(func() {
			for range 2000 {
				mine := stored.Add(1)
				if got, err := f.Do(t.Context()); got < mine || err != nil {
					t.Errorf("got %d and %v after storing %d", got, err, mine)
					return
				}
			}
		})
	}
	s.Wait()
}

func TestAGroupLoadsKeysApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s spawner
		var running, most, loads atomic.Int64
		g := &Group[int, string]{Slots: make(chan struct{}, 2), Spawn: s.spawn, Load: func(key int) (string, error) {
			loads.Add(1)
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Second)
			running.Add(-1)
			return fmt.Sprint(key), nil
		}}
		for i := range 10 {
			for range 2 {
				s.Go(func() {
					if got, err := g.Do(t.Context(), i); got != fmt.Sprint(i) || err != nil {
						t.Errorf("key %d: %q, %v", i, got, err)
					}
				})
			}
		}
		synctest.Wait()
		leaving, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.Do(leaving, 99); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		s.Wait()
		if most.Load() != 2 || len(g.keys) != 0 {
			t.Errorf("%d loads at a time, want 2; %d keys are left", most.Load(), len(g.keys))
		}
		if n := loads.Load(); n < 10 || n > 20 {
			t.Errorf("%d loads for ten keys with two callers each", n)
		}
	})
}

func TestEnsureStartsNothingBesideALoadThatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s spawner
		loads := 0
		f := &Flight[int]{Spawn: s.spawn, Load: func() (int, error) {
			loads++
			time.Sleep(time.Second)
			return loads, nil
		}}
		for want := range 3 {
			f.Ensure()
			synctest.Wait()
			f.Ensure()
			s.Wait()
			if loads != want+1 {
				t.Fatalf("%d loads, want %d", loads, want+1)
			}
		}
	})
}
