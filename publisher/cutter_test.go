package publisher

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// cuts is what a Cutter calls. It keeps when the answer was cut.
func cuts(t *testing.T) (set func(time.Time) error, at *atomic.Int64) {
	t.Helper()
	at = new(atomic.Int64)
	began := time.Now()
	return func(time.Time) error {
		at.CompareAndSwap(0, int64(time.Since(began)))
		return nil
	}, at
}

func TestCutterCutsAWriteThatTakesTooLong(t *testing.T) {
	const stall = 10 * time.Second
	for name, before := range map[string]func(c *Cutter){
		"the first write": func(*Cutter) {},
		"after others": func(c *Cutter) {
			for range 5 {
				c.Begin()
				time.Sleep(time.Second)
				c.End()
				time.Sleep(time.Second)
			}
		},
		"after a long rest": func(c *Cutter) {
			c.Begin()
			c.End()
			time.Sleep(time.Hour)
		},
		"when the timer is due": func(c *Cutter) {
			c.Begin()
			c.End()
			time.Sleep(stall)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				set, at := cuts(t)
				c := NewCutter(set, stall)
				defer c.Retire()
				began := time.Now()
				before(c)
				took := time.Since(began)
				c.Begin()
				time.Sleep(stall - 1)
				synctest.Wait()
				if at.Load() != 0 {
					t.Fatalf("cut after %v", time.Duration(at.Load())-took)
				}
				time.Sleep(2 * time.Nanosecond)
				synctest.Wait()
				if got := time.Duration(at.Load()) - took; at.Load() == 0 || got > stall+1 {
					t.Errorf("cut after %v, want %v", got, stall)
				}
			})
		})
	}
}

// An answer that waits for hours between its writes is not cut, and neither is a slow one each of whose writes gets on.
func TestCutterLeavesOthersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set, at := cuts(t)
		c := NewCutter(set, time.Second)
		for i := range 1000 {
			c.Begin()
			time.Sleep(time.Duration(i%10) * 100 * time.Millisecond)
			c.End()
			time.Sleep(time.Duration(i%7) * 300 * time.Millisecond)
		}
		time.Sleep(time.Hour)
		c.Begin() // the handler returns from within a write, as after a panic
		c.Retire()
		time.Sleep(time.Hour)
		c.Cut()
		if at.Load() != 0 {
			t.Errorf("cut after %v", time.Duration(at.Load()))
		}
	})
}
