package work_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla/work"
)

// If a node dies, another does its jobs after Lease. The job's context on the dead node has ended before. No clock of a node
// matters.
func TestNodeDies(t *testing.T) {
	for _, ahead := range []time.Duration{0, 24 * time.Hour, -24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			records, a := store(t, ahead), &attempts{}
			dying := &link{Records: records}
			first := start(t, dying, func(ctx context.Context, job work.Job) error {
				a.note(job.Key)
				<-ctx.Done()
				a.note("ended")
				return ctx.Err()
			}, nil)
			add(t, first, "a")
			synctest.Wait()
			second := start(t, records, func(ctx context.Context, job work.Job) error {
				if a.note(job.Key); job.Attempt != 2 {
					t.Errorf("attempt %d", job.Attempt)
				}
				return nil
			}, nil)
			time.Sleep(10 * time.Minute)
			a.count(t, "a", 1) // its node lives, and renews its lease
			died := time.Now()
			dying.set(true, 0)
			time.Sleep(time.Minute)
			a.count(t, "a", 2)
			took, ended := a.of("a")[1], a.of("ended")[0]
			if ended.Before(died) || !ended.Before(took) || took.Sub(died) > 33*time.Second || took.Sub(died) < 22*time.Second {
				t.Errorf("the node died at %v, its job ended at %v, another took it at %v", died, ended, took)
			}
			left(t, second, 0)
		})
	}
}

// A job that takes its nodes with it is given up. So is one whose GaveUp takes them with it.
func TestJobThatKillsNodes(t *testing.T) {
	for name, most := range map[string]int{"do": 4, "GaveUp": 4 + 12} {
		synctest.Test(t, func(t *testing.T) {
			records := store(t, 0)
			var kills, gone atomic.Int64
			for range 40 {
				l := &link{Records: records}
				kill := func(ctx context.Context) error {
					kills.Add(1)
					l.set(true, 0)
					<-ctx.Done()
					return ctx.Err()
				}
				q := start(t, l, func(ctx context.Context, job work.Job) error {
					if name == "do" {
						return kill(ctx)
					}
					return work.Permanent(errors.New("no"))
				}, &work.QueueOptions{GaveUp: func(ctx context.Context, job work.Job, cause error) error {
					if name == "GaveUp" {
						return kill(ctx)
					}
					gone.Add(1)
					return nil
				}})
				if kills.Load() == 0 {
					add(t, q, "a")
				}
				time.Sleep(time.Minute)
			}
			if n := kills.Load(); n != int64(most) && name == "do" || n > int64(most) {
				t.Errorf("a job whose %s kills its node has killed %d", name, n)
			}
			if n := gone.Load(); name == "do" && n != 1 {
				t.Errorf("it was given up %d times", n)
			}
			left(t, work.NewQueue(records, "test", nil, nil), 0)
		})
	}
}

// While the store does not answer, jobs that end are not done again, if that is short. What is not stored is done later.
func TestOutage(t *testing.T) {
	for outage, most := range map[time.Duration]int{10 * time.Second: 1, time.Hour: 2} {
		synctest.Test(t, func(t *testing.T) {
			l, a := &link{Records: store(t, 0)}, &attempts{}
			q := start(t, l, func(ctx context.Context, job work.Job) error {
				if a.note(job.Key); job.Attempt != 1 {
					t.Errorf("an outage counts as an attempt")
				}
				select {
				case <-time.After(5 * time.Second):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}, nil)
			for i := range 4 {
				add(t, q, fmt.Sprint(i))
			}
			time.Sleep(time.Second)
			l.set(true, 0)
			if err := q.Add(t.Context(), "x", nil); err == nil {
				t.Error("a job is added during an outage")
			}
			time.Sleep(outage)
			l.set(false, 0)
			time.Sleep(time.Minute)
			for i := range 4 {
				a.count(t, fmt.Sprint(i), most)
			}
			left(t, q, 0)
		})
	}
}

// Half of all writes fail, and half of those are stored all the same. The lease is kept, and no job is lost.
func TestLostAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, a := &link{Records: store(t, 0)}, &attempts{}
		q := start(t, l, func(ctx context.Context, job work.Job) error {
			a.note(job.Key)
			select {
			case <-time.After(20 * time.Second):
			case <-ctx.Done():
				return ctx.Err()
			}
			return nil
		}, nil)
		for i := range 50 {
			add(t, q, fmt.Sprint(i))
		}
		l.set(false, 0.5)
		time.Sleep(6 * time.Hour)
		l.set(false, 0)
		time.Sleep(5 * time.Hour)
		left(t, q, 0)
		for i := range 50 {
			if n := len(a.of(fmt.Sprint(i))); n < 1 || n > 5 {
				t.Errorf("job %d was attempted %d times", i, n)
			}
		}
	})
}

// A node that was away leaves alone what another does meanwhile.
func TestNodeComesBack(t *testing.T) {
	for _, result := range []error{nil, errors.New("no")} {
		synctest.Test(t, func(t *testing.T) {
			records, a := store(t, 0), &attempts{}
			away := &link{Records: records}
			first := start(t, away, func(ctx context.Context, job work.Job) error {
				a.note("first")
				<-ctx.Done()
				return result
			}, nil)
			add(t, first, "a")
			synctest.Wait()
			start(t, records, func(ctx context.Context, job work.Job) error {
				a.note("second")
				time.Sleep(time.Minute)
				return ctx.Err()
			}, nil)
			away.set(true, 0)
			time.Sleep(40 * time.Second)
			a.count(t, "second", 1)
			away.set(false, 0)
			time.Sleep(10 * time.Second)
			left(t, first, 1)
			time.Sleep(time.Hour)
			a.count(t, "first", 1)
			a.count(t, "second", 1)
			left(t, first, 0)
		})
	}
}
