package work_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/work"
)

// attempts notes when jobs are attempted.
type attempts struct {
	mu    sync.Mutex
	began map[string][]time.Time
}

func (a *attempts) note(key string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.began == nil {
		a.began = make(map[string][]time.Time)
	}
	a.began[key] = append(a.began[key], time.Now())
	return len(a.began[key])
}

func (a *attempts) of(key string) []time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.began[key])
}

// count fails the test unless the job was attempted so often.
func (a *attempts) count(t *testing.T, key string, want int) {
	t.Helper()
	if n := len(a.of(key)); n != want {
		t.Errorf("job %s was attempted %d times, want %d", key, n, want)
	}
}

func TestEachJobIsDoneOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records, a := store(t, 0), &attempts{}
		do := func(_ context.Context, job work.Job) error {
			if string(job.Payload) != `"`+job.Key+`"` || job.Attempt != 1 || job.Added.IsZero() {
				t.Errorf("%+v", job)
			}
			a.note(job.Key)
			time.Sleep(time.Second)
			return nil
		}
		first, second := start(t, records, do, nil), start(t, records, do, nil)
		for i := range 200 {
			add(t, first, fmt.Sprint(i))
		}
		time.Sleep(time.Minute)
		for i := range 200 {
			a.count(t, fmt.Sprint(i), 1)
		}
		left(t, first, 0)
		x, y := first.Stats(), second.Stats()
		if x.Done+y.Done != 200 || x.Failed+y.Failed+x.GaveUp+y.GaveUp != 0 || x.Waiting+x.Doing != 0 {
			t.Errorf("%+v, %+v", x, y)
		}
		if x.Done < 80 || y.Done < 80 {
			t.Errorf("one node does %d jobs, the other %d", x.Done, y.Done)
		}
		if list, err := records.List(t.Context(), "queue.test.nodes", "", "", 0); err != nil || len(list) != 0 {
			t.Errorf("idle nodes leave %d leases (%v)", len(list), err)
		}
	})
}

// A job that this node adds begins at once, and one that another adds within Poll.
func TestBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &attempts{}
		do := func(_ context.Context, job work.Job) error { a.note(job.Key); return nil }
		records := store(t, 0)
		q := start(t, records, do, nil)
		time.Sleep(time.Minute)
		add(t, q, "own")
		synctest.Wait()
		a.count(t, "own", 1)
		add(t, work.NewQueue(records, "test", do, nil), "other")
		time.Sleep(2500 * time.Millisecond)
		a.count(t, "other", 1)
	})
}

func TestRetries(t *testing.T) {
	for _, ahead := range []time.Duration{0, 10 * time.Hour, -10 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			a, began := &attempts{}, time.Now()
			q := start(t, store(t, ahead), func(_ context.Context, job work.Job) error {
				if n := a.note(job.Key); n != job.Attempt {
					t.Errorf("attempt %d is called %d", n, job.Attempt)
				}
				switch {
				case job.Attempt == 5:
					return nil
				case job.Attempt == 2 && job.Key == "later":
					return fmt.Errorf("busy: %w", work.RetryAfter(time.Hour, errors.New("too many requests")))
				}
				return errors.New("no")
			}, nil)
			add(t, q, "plain", "later")
			time.Sleep(2 * time.Hour)
			for key, waits := range map[string][]time.Duration{
				"plain": {0, 5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second},
				"later": {0, 5 * time.Second, time.Hour, 20 * time.Second, 40 * time.Second},
			} {
				last, times := began, a.of(key)
				for i, wait := range waits {
					// Each wait has jitter of up to a quarter, and jobs that fall due are found at once.
					if len(times) <= i || times[i].Sub(last) < wait || times[i].Sub(last) > wait*5/4+time.Second {
						t.Fatalf("%s: with a store clock that is %v ahead attempts were %v", key, ahead, times)
					}
					last = times[i]
				}
				a.count(t, key, 5)
			}
			left(t, q, 0)
			if s := q.Stats(); s.Failed != 8 || s.Done != 2 || s.GaveUp != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, gone, own := &attempts{}, &attempts{}, errors.New("its own error")
		q := start(t, store(t, 0), func(_ context.Context, job work.Job) error {
			switch a.note(job.Key); job.Key {
			case "permanent":
				return fmt.Errorf("fetch: %w", work.Permanent(own))
			case "panics":
				panic("at the job")
			}
			return own
		}, &work.QueueOptions{Attempts: 4, GaveUp: func(_ context.Context, job work.Job, cause error) error {
			n := gone.note(job.Key)
			if job.Key != "panics" && n == 1 && !errors.Is(cause, own) || cause == nil || cause.Error() == "" {
				t.Errorf("%s is given up because of %v", job.Key, cause)
			}
			if job.Key == "stuck" || job.Key == "fails" && n < 3 {
				return errors.New("not now")
			}
			return nil
		}})
		add(t, q, "permanent", "panics", "fails", "stuck")
		time.Sleep(time.Hour)
		for key, times := range map[string][2]int{"permanent": {1, 1}, "panics": {4, 1}, "fails": {4, 3}, "stuck": {4, 4}} {
			a.count(t, key, times[0])
			gone.count(t, key, times[1])
		}
		left(t, q, 0)
		if s := q.Stats(); s.GaveUp != 4 || s.Done != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A store that has too many writes refuses those of a job, however long that lasts. The job does not get lost, nor is it given up.
func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, gone := &attempts{}, &attempts{}
		var full atomic.Bool
		full.Store(true)
		busy := fmt.Errorf("put: %w", &motacilla.RetryError{Err: motacilla.ErrOverloaded, After: 20 * time.Second})
		q := start(t, store(t, 0), func(_ context.Context, job work.Job) error {
			a.note(job.Key)
			switch {
			case job.Attempt > 1:
				t.Errorf("it is attempt %d", job.Attempt)
			case job.Key == "bad":
				return work.Permanent(errors.New("no"))
			case full.Load():
				return busy
			}
			return nil
		}, &work.QueueOptions{Attempts: 3, GaveUp: func(_ context.Context, job work.Job, cause error) error {
			if gone.note(job.Key); cause.Error() != "no" {
				t.Errorf("%s is given up because of %v", job.Key, cause)
			}
			if full.Load() {
				return busy
			}
			return nil
		}})
		add(t, q, "good", "bad")
		time.Sleep(10 * time.Minute)
		left(t, q, 2)
		for key, n := range map[string]int{"good": len(a.of("good")), "bad": len(gone.of("bad"))} {
			if n < 20 || n > 31 {
				t.Errorf("%s was tried %d times in 10 minutes, every 20 to 25 s", key, n)
			}
		}
		if s := q.Stats(); s.Failed != 1 || s.GaveUp != 0 || s.Done != 0 {
			t.Errorf("%+v", s)
		}
		full.Store(false)
		time.Sleep(time.Minute)
		left(t, q, 0)
		if s := q.Stats(); s.GaveUp != 1 || s.Done != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// A job that is added while it waits stays as it is. If it is being done, or given up, it is done after that.
func TestAddAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &attempts{}
		var works atomic.Bool
		q := start(t, store(t, 0), func(_ context.Context, job work.Job) error {
			if a.note(job.Key); job.Key == "fails" && !works.Load() {
				return errors.New("no")
			}
			time.Sleep(10 * time.Second)
			return nil
		}, &work.QueueOptions{Attempts: 2, GaveUp: func(context.Context, work.Job, error) error { return errors.New("not now") }})
		add(t, q, "done", "fails")
		time.Sleep(time.Second)
		add(t, q, "done", "fails", "done")
		a.count(t, "done", 1)
		a.count(t, "fails", 1)
		time.Sleep(time.Minute)
		a.count(t, "done", 2)
		a.count(t, "fails", 2) // it is being given up
		works.Store(true)
		add(t, q, "fails")
		time.Sleep(time.Minute)
		a.count(t, "fails", 3)
		left(t, q, 0)
	})
}

func TestInput(t *testing.T) {
	q := work.NewQueue(store(t, 0), "test", nil, nil)
	for key, payload := range map[string][]byte{"": nil, "a\x00": nil, "a": make([]byte, work.MaxPayload+1)} {
		if err := q.Add(t.Context(), key, payload); !errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("key %q and %d bytes: %v", key, len(payload), err)
		}
	}
	if err := q.Add(t.Context(), "a", make([]byte, work.MaxPayload)); err != nil {
		t.Error(err)
	}
}

// Jobs that take long, or that ignore their context, do not keep others waiting as long as a worker is free.
func TestSlowJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, free := &attempts{}, make(chan struct{})
		records := store(t, 0)
		q := start(t, records, func(ctx context.Context, job work.Job) error {
			switch n := a.note(job.Key); {
			case job.Key == "deaf":
				<-free
			case job.Key == "slow" && n < 3:
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}, &work.QueueOptions{Workers: 3, Timeout: time.Minute})
		add(t, q, "deaf", "slow")
		for i := range 100 {
			add(t, q, fmt.Sprint(i))
			synctest.Wait()
			a.count(t, fmt.Sprint(i), 1)
		}
		time.Sleep(time.Hour)
		a.count(t, "slow", 3)
		a.count(t, "deaf", 1) // it is still this node's
		left(t, q, 1)
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := q.Shutdown(soon); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a stop during a job that ignores its context: %v", err)
		}
		other := start(t, records, func(context.Context, work.Job) error { t.Error("two nodes do it"); return nil }, nil)
		time.Sleep(time.Hour)
		close(free)
		if err := q.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		left(t, other, 0)
	})
}

// Whoever has waited longest comes first, whatever its key and whatever is added meanwhile.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		records := store(t, 0)
		do := func(_ context.Context, job work.Job) error {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, job.Key)
			return nil
		}
		q := work.NewQueue(records, "test", do, nil)
		var want []string
		for i := range 300 {
			want = append(want, fmt.Sprint(1000-i))
			add(t, q, want[i])
			time.Sleep(time.Millisecond)
		}
		start(t, records, do, &work.QueueOptions{Workers: 1})
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(order, want) {
			t.Errorf("the order is %v", order)
		}
	})
}

func TestShutdownGivesJobsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records, first, second := store(t, 0), &attempts{}, &attempts{}
		q := start(t, records, func(ctx context.Context, job work.Job) error {
			first.note(job.Key)
			<-ctx.Done()
			return ctx.Err()
		}, nil)
		if err := q.Start(t.Context()); err == nil {
			t.Error("a queue that runs is started")
		}
		add(t, q, "a")
		synctest.Wait()
		if s := q.Stats(); s.Doing != 1 {
			t.Errorf("%+v", s)
		}
		if err := q.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		other := start(t, records, func(_ context.Context, job work.Job) error {
			if second.note(job.Key); job.Attempt != 1 {
				t.Errorf("a stop counts as attempt: %d", job.Attempt)
			}
			return nil
		}, nil)
		synctest.Wait()
		first.count(t, "a", 1)
		second.count(t, "a", 1)
		left(t, other, 0)
		if err := q.Start(t.Context()); err != nil {
			t.Errorf("a queue is started again: %v", err)
		}
	})
}

// A record that this version can't read is left for the one that can, and hinders nothing.
func TestUnreadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records, a := store(t, 0), &attempts{}
		for _, value := range []string{"", "{}", "x\n{}", `{"due":1}` + "\n{}"} {
			if _, err := records.Put(t.Context(), motacilla.Record{Namespace: "queue.test", Key: "odd" + value, Value: []byte(value)}); err != nil {
				t.Fatal(err)
			}
		}
		q := start(t, records, func(_ context.Context, job work.Job) error { a.note(job.Key); return nil }, nil)
		add(t, q, "a")
		time.Sleep(time.Minute)
		a.count(t, "a", 1)
		left(t, q, 4)
		if err := q.Add(t.Context(), "odd{}", nil); err == nil {
			t.Error("a job is added although its record can't be read")
		}
	})
}

// The store is asked rarely: once each Poll by an idle node, less often if there is much to read.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &link{Records: store(t, 0)}
		start(t, l, nil, nil)
		time.Sleep(time.Hour)
		if n := l.count(); n > 1800 {
			t.Errorf("an idle node calls the store %d times in an hour", n)
		}
	})
}

func TestManyGoroutines(t *testing.T) {
	var done atomic.Int64
	all := make(chan struct{})
	q := start(t, store(t, 0), func(context.Context, work.Job) error {
		if done.Add(1) == 1000 {
			close(all)
		}
		return nil
	}, &work.QueueOptions{Workers: 16})
	var adding sync.WaitGroup
	for i := range 10 {
		adding.Go(func() {
			for n := range 100 {
				if err := q.Add(t.Context(), fmt.Sprint(i, n), nil); err != nil {
					t.Error(err)
				}
				q.Stats()
			}
		})
	}
	adding.Wait()
	<-all
}
