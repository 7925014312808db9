package realserver

import "testing"

// TestKillAtOnce: a server that is killed while it starts others ends with all of them. Otherwise Kill does not return.
func TestKillAtOnce(t *testing.T) {
	n := NewNchan(t, "")
	n.Kill()
	for range 20 {
		n.Restart(t)
		n.Kill()
	}
}
