//go:build linux

package load

import (
	"slices"
	"time"
)

// record counts what was received.
type record struct {
	first    int
	received []int     // by update
	waits    [][]int64 // by update and reader: ns from the start of the write to the receipt; -1 if it did not come

	Closed    int    // connections that ended
	Fault     string // why the first one ended
	Lost      int    // updates that a reader did not get before a later one
	Doubled   int    // updates that a reader got again, or late
	Backwards int    // revisions lower than the one before

	size  int   // bytes on the wire of the event that is being read, or of the compressed piece with it
	bytes int64 // of the events that are measured
}

func newRecord(spec Spec) record {
	r := record{first: max(spec.First, 1), received: make([]int, spec.Updates+1), waits: make([][]int64, spec.Updates+1)}
	for seq := range r.waits {
		r.waits[seq] = slices.Repeat([]int64{-1}, spec.Readers)
	}
	return r
}

// receive counts an update. A frame may have several updates, merged.
func (r *record) receive(co *conn, i, seq int, wait int64) {
	switch {
	case seq < co.next:
		r.Doubled++
		return
	case seq >= len(r.received): // the server made the update up
		r.Lost++
		return
	}
	r.Lost += seq - co.next
	co.next = seq + 1
	r.received[seq]++
	if seq >= r.first {
		r.bytes += int64(r.size)
		r.size = 0 // a merged event is counted once
	}
	r.waits[seq][i] = wait
}

// Report is the result of a run. Times are from the start of the write of an update to its receipt.
type Report struct {
	Deliveries int             `json:"deliveries"` // of all updates
	P50        time.Duration   `json:"p50_ns"`     // over readers and updates, from First on
	P99        time.Duration   `json:"p99_ns"`
	Last       []time.Duration `json:"last_ns"`         // of each update from First on, by the last reader
	Bytes      int64           `json:"bytes,omitempty"` // of server-sent events from First on, as the server sent them
	Lost       int             `json:"lost"`
	Doubled    int             `json:"doubled"`
	Backwards  int             `json:"backwards"`
	Closed     int             `json:"closed"`
	Fault      string          `json:"fault,omitempty"`
}

// Report returns what was received so far.
func (c *Client) Report() Report {
	r := Report{Bytes: c.bytes, Lost: c.Lost, Doubled: c.Doubled, Backwards: c.Backwards, Closed: c.Closed, Fault: c.Fault}
	var all []int64
	for seq := 1; seq < len(c.received); seq++ {
		r.Deliveries += c.received[seq]
		if seq < c.first || c.received[seq] == 0 {
			continue
		}
		last := int64(0)
		for _, wait := range c.waits[seq] {
			if wait >= 0 {
				all = append(all, wait)
				last = max(last, wait)
			}
		}
		r.Last = append(r.Last, time.Duration(last))
	}
	slices.Sort(all)
	r.P50, r.P99 = time.Duration(Quantile(all, 0.50)), time.Duration(Quantile(all, 0.99))
	return r
}

// Quantile returns the lowest value of sorted that is not below a share q of the values. It is 0 if sorted is empty.
func Quantile[T ~int64 | ~float64](sorted []T, q float64) T {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
