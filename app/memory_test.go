package app

import "testing"

func TestACrowdThatLeft(t *testing.T) {
	var c crowd
	for i, step := range []struct {
		readers int64
		left    bool
	}{
		{0, false}, {5000, false}, {4500, false}, {3000, false}, {2400, true}, {2400, false}, {2000, false}, {1300, false}, {900, true},
		{0, false}, {900, false}, {0, false}, {1000, false}, {0, true},
	} {
		if got := c.left(step.readers); got != step.left {
			t.Errorf("step %d, %d readers: %v, want %v", i, step.readers, got, step.left)
		}
	}
}
