// Package backlog counts the calls that wait for a service, such as the writes to a store. It refuses a call if those that wait
// already are more than the service does in one second.
//
// How much that is, is measured while the service works: calls that were answered, divided by the time during which some were
// waiting. Nothing is known of the service otherwise. It may answer one call at a time, many at once, or bunches of them.
package backlog

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
)

const (
	// Longest is the longest wait for which a call joins those that wait.
	Longest = time.Second
	// Few calls may always wait, however slow the service is.
	Few = 16

	// assumed is how many calls a service answers in a second, before it was measured.
	assumed = 1000
	// noticeable is the wait from which on the rate is lowered. With a shorter wait the service was not busy enough to tell: it
	// may be able to do more than it was asked for.
	noticeable = Longest / 4

	// A sample is ripe after so long, or after Few answers. It takes in what comes shortly afterwards, since some services answer
	// many calls at once.
	sampleTime = 100 * time.Millisecond
	sampleMore = 5 * time.Millisecond

	longestRetry = 10 * time.Second
)

// Backlog counts the calls that wait for one service. The zero value is ready for use. Its methods may be called from many
// goroutines at once.
type Backlog struct {
	mu      sync.Mutex
	waiting int
	refused int64
	rate    float64   // answers in a second; 0 if it was not measured yet
	moved   time.Time // when something was answered last, or began to wait after nothing did
	last    time.Time // when sample was brought up to date
	sample  sample
}

// sample is one measurement. Time counts only while calls wait.
type sample struct {
	busy    time.Duration
	area    float64 // of the calls that waited, over the time, in seconds
	answers int
	ripe    time.Time // zero if it is not

	// Of busy and area, the part until the last answer.
	until     time.Duration
	areaUntil float64
}

// Enter counts a call. If it returns nil, the caller must call Leave when the call has ended. Otherwise the error is an
// ErrOverloaded and a [motacilla.RetryError], and the call must not be made.
func (b *Backlog) Enter() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.advance(now)
	if b.waiting >= b.most(now) {
		b.refused++
		return b.refusal(now)
	}
	if b.waiting == 0 {
		b.moved = now
	}
	b.waiting++
	return nil
}

// Leave ends what Enter began. answered says whether the service has answered the call. An error is an answer too, unless it says
// that the service did not answer.
func (b *Backlog) Leave(answered bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.advance(now)
	b.waiting--
	if !answered {
		return
	}
	b.moved = now
	s := &b.sample
	s.answers++
	s.until, s.areaUntil = s.busy, s.area
	if s.ripe.IsZero() && (s.busy >= sampleTime || s.answers >= Few) {
		s.ripe = now
	}
}

// Counts returns how many calls wait now, and how many were refused.
func (b *Backlog) Counts() (waiting int, refused int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting, b.refused
}

// advance brings the sample up to date, and ends it if it is complete.
func (b *Backlog) advance(now time.Time) {
	s := &b.sample
	if b.waiting > 0 {
		d := now.Sub(b.last)
		s.busy += d
		s.area += float64(b.waiting) * d.Seconds()
	}
	b.last = now
	if s.ripe.IsZero() || now.Sub(s.ripe) < sampleMore {
		return
	}
	b.measured(s)
	b.sample = sample{busy: s.busy - s.until, area: s.area - s.areaUntil} // what follows the last answer
}

// measured learns from a sample. One sample weighs as much as all before it: a service that has stalled once is still believed to
// be half as fast as before, and a store that has become slow is noticed soon.
func (b *Backlog) measured(s *sample) {
	rate := float64(s.answers) / max(s.until, time.Microsecond).Seconds()
	wait := s.areaUntil / float64(s.answers) // of each call, by Little's law
	before := b.assumed()
	if rate < before && wait < noticeable.Seconds() {
		return
	}
	b.rate = (before + rate) / 2
}

func (b *Backlog) assumed() float64 {
	if b.rate == 0 {
		return assumed
	}
	return b.rate
}

// most is how many calls may wait.
func (b *Backlog) most(now time.Time) int {
	if b.stalled(now) {
		return Few
	}
	return max(Few, int(b.assumed()*Longest.Seconds()))
}

// stalled reports whether calls wait, and nothing was answered for so long that a call has waited too long already.
func (b *Backlog) stalled(now time.Time) bool { return b.waiting > 0 && now.Sub(b.moved) >= Longest }

// refusal says when to come again: when what waits now may be done.
func (b *Backlog) refusal(now time.Time) error {
	after := time.Duration(float64(b.waiting) / b.assumed() * float64(time.Second))
	if b.stalled(now) {
		after = now.Sub(b.moved)
	}
	after = min(max(after, Longest), longestRetry)
	return &motacilla.RetryError{
		Err:   fmt.Errorf("%d writes wait for the store already: %w", b.waiting, motacilla.ErrOverloaded),
		After: after + rand.N(after/2),
	}
}
