package crowd

import (
	"maps"
	"sync"
)

// tally counts what happens to a group's readers.
type tally struct {
	mu sync.Mutex
	r  Report
}

func (t *tally) count(f func(r *Report)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.r)
}

func (t *tally) ended(err error) {
	t.count(func(r *Report) {
		r.Ends++
		if r.Why == nil {
			r.Why = make(map[string]int)
		}
		r.Why[short(err)]++
	})
}

func (t *tally) wrong(err error) {
	t.count(func(r *Report) {
		if r.Wrong == nil {
			r.Wrong = make(map[string]int)
		}
		r.Wrong[short(err)]++
	})
}

// short returns the end of an error, where its cause is. Its beginning often has the port of a reader, and each is another one.
func short(err error) string {
	text := err.Error()
	return text[max(0, len(text)-80):]
}

// report returns what was counted. If again is true, the lag is measured from now on.
func (t *tally) report(again bool) Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.r
	r.Why, r.Wrong = maps.Clone(r.Why), maps.Clone(r.Wrong)
	if again {
		t.r.Lag = 0
	}
	return r
}
