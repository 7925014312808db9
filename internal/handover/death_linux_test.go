package handover

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// TestDeathOfTheNewProcess kills the new process at each step. The old one serves, with all connections that it has not given.
func TestDeathOfTheNewProcess(t *testing.T) {
	for _, at := range []string{"born", "inherited", "ready", "take 1", "take 150", "take 300"} {
		t.Run(at, func(t *testing.T) {
			h := build(t, stepKey+"=2:"+at, doesKey+"=kill")
			readers := h.readers(300)
			knocking := h.knock()
			_, err := h.upgrade()
			if err == nil || !strings.Contains(err.Error(), "signal: killed") {
				t.Errorf("error is %v", err)
			}
			refused, reset := knocking()
			if len(refused) != 0 {
				t.Errorf("connecting failed: %v", refused)
			}
			if strings.HasPrefix(at, "take") {
				h.kept(readers)
			} else {
				if len(reset) != 0 {
					t.Errorf("connections were lost: %v", reset)
				}
				for _, r := range readers {
					if err := r.say("still here"); err != nil {
						t.Fatal(err)
					}
				}
			}
			h.readers(1)
			h.knowsTheDoor()
		})
	}
}

// TestDeathIsNoticed: the server hears of the death of the new process while it looks for a connection to give.
func TestDeathIsNoticed(t *testing.T) {
	h := build(t, slowKey+"=1")
	readers := h.readers(3)
	pid := 0
	_, err := Ask(t.Context(), h.pid, func(text string) {
		_, _ = fmt.Sscanf(text, "The new process has the PID %d.", &pid)
		if strings.Contains(text, "accepts") && pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	if err == nil || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("error is %v", err)
	}
	h.kept(readers)
}

// TestDeathOfTheOldProcess kills the old process at each step. The new one serves, with all connections that were given. The
// listeners never close once the new process has them.
func TestDeathOfTheOldProcess(t *testing.T) {
	const all = 300
	for _, tt := range []struct {
		at    string
		alone bool // the new process has no listeners, and has to listen by itself
		taken int
	}{
		{at: "told The new process has the PID", alone: true},
		{at: "listeners", alone: true},
		{at: "told The new process is ready"},
		{at: "pause"},
		{at: "told The new process accepts connections"},
		{at: "hand over"},
		{at: "given 1", taken: 1},
		{at: "given 150", taken: 150},
		{at: "all given", taken: all},
		{at: "told connections were handed over", taken: all},
	} {
		t.Run(tt.at, func(t *testing.T) {
			h := build(t, stepKey+"=1:"+tt.at, doesKey+"=kill")
			readers := h.readers(all)
			old := h.pid
			knocking := h.knock
			if tt.alone { // for a moment nobody has the address
				knocking = func() func() (_, _ []error) { return func() (_, _ []error) { return nil, nil } }
			}
			stop := knocking()
			if _, err := h.upgrade(); !errors.Is(err, errSilent) {
				t.Errorf("error is %v", err)
			}
			h.serving()
			if h.pid == old {
				t.Fatalf("process %d serves still", old)
			}
			if refused, _ := stop(); len(refused) != 0 {
				t.Errorf("connecting failed: %v", refused)
			}
			kept := 0
			for _, r := range readers {
				switch err := r.say("still here"); {
				case err == nil:
					kept++
				case !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) && err.Error() != "EOF":
					t.Errorf("a reader was lost otherwise than by the end of its connection: %v", err)
				}
			}
			if kept != tt.taken {
				t.Errorf("%d of %d readers were kept, want %d", kept, all, tt.taken)
			}
			h.readers(1)
			h.knowsTheDoor()
		})
	}
}
