package publisher

import (
	"container/heap"
	"sync"
	"time"
)

// alarms wake goroutines at times. All share one timer: a stream with a goroutine that has to end at a time costs no timer of its own.
// The epoll engine has its own way, see fanout.Protocol's Due.
type alarms struct {
	mu    sync.Mutex
	queue alarmQueue
	timer *time.Timer
}

// alarm calls ring at a time.
type alarm struct {
	at    time.Time
	ring  func() // must not block
	index int    // in the queue; -1 is nowhere
}

// set has ring called at a time, in a goroutine of its own; never if at is zero. A call of unset cancels that.
func (a *alarms) set(at time.Time, ring func()) (unset func()) {
	if at.IsZero() {
		return func() {}
	}
	one := &alarm{at: at, ring: ring}
	a.mu.Lock()
	defer a.mu.Unlock()
	heap.Push(&a.queue, one)
	if one.index == 0 {
		a.arm()
	}
	return func() { a.unset(one) }
}

func (a *alarms) unset(one *alarm) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if one.index < 0 {
		return
	}
	heap.Remove(&a.queue, one.index)
	if len(a.queue) == 0 {
		a.timer.Stop()
	}
}

// arm sets the timer for the earliest alarm. a.mu must be held.
func (a *alarms) arm() {
	if len(a.queue) == 0 {
		return
	}
	wait := time.Until(a.queue[0].at)
	if a.timer == nil {
		a.timer = time.AfterFunc(wait, a.ring)
		return
	}
	a.timer.Reset(wait)
}

// ring calls the alarms whose time has come.
func (a *alarms) ring() {
	now := time.Now()
	var due []*alarm
	a.mu.Lock()
	for len(a.queue) > 0 && !a.queue[0].at.After(now) {
		due = append(due, heap.Pop(&a.queue).(*alarm))
	}
	a.arm()
	a.mu.Unlock()
	for _, one := range due {
		one.ring()
	}
}

// alarmQueue is a heap whose first alarm is the earliest.
type alarmQueue []*alarm

func (q alarmQueue) Len() int           { return len(q) }
func (q alarmQueue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }

func (q alarmQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push is heap.Interface's.
func (q *alarmQueue) Push(x any) {
	one := x.(*alarm)
	one.index = len(*q)
	*q = append(*q, one)
}

// Pop is heap.Interface's.
func (q *alarmQueue) Pop() any {
	last := len(*q) - 1
	one := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	one.index = -1
	return one
}
