//go:build linux

package harness

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEveryCost measures each cost on both sides, for longer if a busy machine has given no answer in that time.
func TestEveryCost(t *testing.T) {
	t.Parallel()
	var r *Results
	for lasts := 50 * time.Millisecond; lasts < time.Minute; lasts *= 8 {
		r = new(Results)
		if err := costs(t.Context(), r, 1, lasts, "", io.Discard); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(r.Costs, func(s CostSample) bool { return s.Rate <= 0 }) {
			break
		}
	}
	for _, s := range r.Costs {
		if s.Error != "" || s.Rate <= 0 || s.P50 <= 0 {
			t.Errorf("%+v", s)
		}
	}
	if rows := r.costRows(); len(rows) != len(Costs()) {
		t.Errorf("rows are %q", rows)
	}
}

func TestCostVerdicts(t *testing.T) {
	all := Costs()
	writes, poll := all[0], all[len(all)-1]
	r := &Results{Costs: []CostSample{
		{Cost: writes.Name, Server: writes.Bare, Round: 1, Rate: 1000}, {Cost: writes.Name, Server: writes.Ours, Round: 1, Rate: 590},
		{Cost: poll.Name, Server: poll.Bare, Round: 1, CPU: 10}, {Cost: poll.Name, Server: poll.Ours, Round: 1, CPU: 13},
		{Cost: poll.Name, Server: poll.Ours, Round: 2, CPU: 99}, // the bare side of this round is missing
	}}
	var got []string
	for _, row := range r.costRows() {
		got = append(got, strings.Join(row[4:], " "))
	}
	if want := "0.59 at least 0.6 x under; 1.30 at most 1.3 x PASS"; strings.Join(got, "; ") != want {
		t.Errorf("verdicts are %q, want %q", got, want)
	}
}
