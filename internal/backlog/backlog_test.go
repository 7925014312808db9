package backlog

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
)

// service is what calls wait for.
type service struct {
	does  int // in a second
	calls chan chan struct{}
}

// serial answers one call at a time, and needs each for it.
func serial(each func() time.Duration) *service {
	s := &service{calls: make(chan chan struct{}, 1<<20)}
	go func() {
		for c := range s.calls {
			time.Sleep(each())
			close(c)
		}
	}()
	return s
}

// batching answers up to most calls together, and needs each for that, as a store does that shares commits.
func batching(most int, each func() time.Duration) *service {
	s := &service{calls: make(chan chan struct{}, 1<<20)}
	go func() {
		for c := range s.calls {
			all := []chan struct{}{c}
			for len(all) < most && len(s.calls) > 0 {
				all = append(all, <-s.calls)
			}
			time.Sleep(each())
			for _, c := range all {
				close(c)
			}
		}
	}()
	return s
}

// parallel answers many calls at a time, as a pool of connections does.
func parallel(many int, each func() time.Duration) *service {
	s := &service{calls: make(chan chan struct{}, 1<<20)}
	for range many {
		go func() {
			for c := range s.calls {
				time.Sleep(each())
				close(c)
			}
		}()
	}
	return s
}

func always(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

// site calls a service behind a backlog.
type site struct {
	Backlog
	*service

	all      sync.WaitGroup
	mu       sync.Mutex
	took     []time.Duration // by the calls that were answered
	refusals []error
}

func (s *site) call() {
	if err := s.Enter(); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.refusals = append(s.refusals, err)
		return
	}
	began := time.Now()
	s.all.Go(func() {
		done := make(chan struct{})
		s.calls <- done
		<-done
		s.Leave(true)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.took = append(s.took, time.Since(began))
	})
}

// load makes so many calls a second, for so long.
func (s *site) load(aSecond int, long time.Duration) {
	for range int(long.Seconds() * float64(aSecond)) {
		s.call()
		time.Sleep(time.Second / time.Duration(aSecond))
	}
}

func (s *site) forget() (took []time.Duration, refusals []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	took, refusals, s.took, s.refusals = s.took, s.refusals, nil, nil
	return took, refusals
}

// services are those that the promises are tested with.
var services = map[string]func() *service{
	"one at a time, fast":    func() *service { s := serial(always(time.Millisecond)); s.does = 1000; return s },
	"one at a time, slow":    func() *service { s := serial(always(10 * time.Millisecond)); s.does = 100; return s },
	"batches on a fast disk": func() *service { s := batching(20, always(10*time.Millisecond)); s.does = 2000; return s },
	"batches on a slow disk": func() *service { s := batching(128, always(150*time.Millisecond)); s.does = 853; return s },
	"ten connections":        func() *service { s := parallel(10, always(20*time.Millisecond)); s.does = 500; return s },
}

func each(t *testing.T, test func(t *testing.T, s *site)) {
	for name, of := range services {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &site{service: of()}
				test(t, s)
				s.all.Wait()
				close(s.calls)
			})
		})
	}
}

// With three times as many calls as the service can do, it does all that it can, the calls that wait do so for a second and not
// much more, and the others are refused at once.
func TestTooMuch(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		s.load(3*s.does, 3*time.Second)
		s.forget()
		const long = 10 * time.Second
		s.load(3*s.does, long)
		took, refusals := s.forget()
		if most := s.does * int(long.Seconds()); len(took) < most*95/100 || len(took) > most*105/100 {
			t.Errorf("%d calls were answered; the service could do %d", len(took), most)
		}
		if longest := slices.Max(took); longest > 1500*time.Millisecond {
			t.Errorf("a call that was not refused took %v", longest)
		}
		if shortest := slices.Min(took); shortest < Longest/2 {
			t.Errorf("a call took %v: the queue was not as long as it may be", shortest)
		}
		slices.Sort(took)
		t.Logf("%d of %d answered; half took %v, none more than %v", len(took), len(took)+len(refusals), took[len(took)/2], slices.Max(took))
		for _, err := range refusals {
			var later *motacilla.RetryError
			if !errors.Is(err, motacilla.ErrOverloaded) || !errors.As(err, &later) || later.After < Longest || later.After > 3*time.Second {
				t.Fatalf("refused with %v", err)
			}
		}
	})
}

// Nothing is refused while the service can do what it is asked for, also if that comes in bursts, after a time with too much, and
// after a time with little.
func TestEnough(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		for _, before := range []func(){
			func() {},
			func() { s.load(3*s.does, 3*time.Second) },
			func() { s.load(2, 20*time.Second) },
		} {
			before()
			s.all.Wait()
			s.forget()
			s.load(s.does*8/10, 5*time.Second)
			for range 10 {
				for range s.does * 4 / 10 {
					s.call()
				}
				time.Sleep(time.Second)
			}
			if took, refusals := s.forget(); len(refusals) > 0 {
				t.Errorf("%d of %d calls were refused: %v", len(refusals), len(refusals)+len(took), refusals[0])
			}
		}
	})
}

// If the service stalls, a few calls may wait, however long that takes. The others are refused after a second, with more patience
// the longer it lasts. Once the service is back, nothing is refused any more.
func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stalls atomic.Bool
		s := &site{service: serial(func() time.Duration {
			if stalls.Swap(false) {
				return 30 * time.Second
			}
			return time.Millisecond
		})}
		s.load(100, 10*time.Second)
		stalls.Store(true)
		s.load(1, 10*time.Second)
		if _, refusals := s.forget(); len(refusals) > 0 {
			t.Fatalf("a lone call was refused: %v", refusals[0])
		}
		s.load(100, 10*time.Second)
		_, refusals := s.forget()
		if want := 1000 + 10 - Few; len(refusals) != want {
			t.Fatalf("%d calls were refused; want %d", len(refusals), want)
		}
		var later *motacilla.RetryError
		if !errors.As(refusals[0], &later) || later.After < 9*time.Second || later.After > 15*time.Second {
			t.Errorf("refused for %v after a stall of 10 s", later.After)
		}
		time.Sleep(10*time.Second + time.Duration(Few)*time.Millisecond)
		for range 10 {
			for range 200 {
				s.call()
			}
			time.Sleep(time.Second)
		}
		if _, refusals := s.forget(); len(refusals) > 0 {
			t.Errorf("%d calls were refused after the stall: %v", len(refusals), refusals[0])
		}
		s.all.Wait()
		close(s.calls)
	})
}

// A few calls may wait for a service that does not even do one of them in a second.
func TestFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{service: serial(always(2 * time.Second))}
		s.load(1, 60*time.Second)
		s.all.Wait()
		s.forget()
		for range Few + 5 {
			s.call()
		}
		s.all.Wait()
		if took, refusals := s.forget(); len(took) != Few || len(refusals) != 5 {
			t.Errorf("%d calls were answered and %d refused; want %d and 5", len(took), len(refusals), Few)
		}
		close(s.calls)
	})
}

// A service that becomes slow is found out soon, and so is one that becomes fast.
func TestChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var needs atomic.Int64
		needs.Store(int64(time.Millisecond))
		s := &site{service: serial(func() time.Duration { return time.Duration(needs.Load()) })}
		s.load(900, 5*time.Second)
		if _, refusals := s.forget(); len(refusals) > 0 {
			t.Fatalf("refused: %v", refusals[0])
		}
		needs.Store(int64(20 * time.Millisecond)) // 50 a second
		s.load(900, 5*time.Second)
		s.all.Wait()
		s.forget()
		s.load(900, 5*time.Second)
		s.all.Wait()
		took, _ := s.forget()
		if longest := slices.Max(took); longest > 1500*time.Millisecond {
			t.Errorf("a call took %v", longest)
		}
		needs.Store(int64(time.Millisecond))
		s.load(900, time.Second)
		s.forget()
		s.load(900, 5*time.Second)
		if _, refusals := s.forget(); len(refusals) > 0 {
			t.Errorf("%d calls were refused although the service is fast again: %v", len(refusals), refusals[0])
		}
		s.all.Wait()
		close(s.calls)
	})
}

// Calls that were not answered, such as those of a store that is out of reach, are no sign of speed.
func TestUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b Backlog
		for range Few {
			if err := b.Enter(); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(Longest)
		for range 100 {
			if err := b.Enter(); !errors.Is(err, motacilla.ErrOverloaded) {
				t.Fatalf("got %v from a service that does not answer", err)
			}
			b.Leave(false)
			if err := b.Enter(); err != nil {
				t.Fatalf("the place of a call that has ended is not free: %v", err)
			}
		}
		b.Leave(true)
		if err := b.Enter(); err != nil {
			t.Fatal(err)
		}
		if err := b.Enter(); err != nil {
			t.Fatalf("refused although the service has answered: %v", err)
		}
		if waiting, refused := b.Counts(); waiting != Few+1 || refused != 100 {
			t.Errorf("%d calls wait and %d were refused; want %d and 100", waiting, refused, Few+1)
		}
	})
}

// BenchmarkCall measures what a call costs that does not wait.
func BenchmarkCall(b *testing.B) {
	var all Backlog
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := all.Enter(); err == nil {
				all.Leave(true)
			}
		}
	})
}
