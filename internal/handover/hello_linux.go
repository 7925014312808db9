package handover

import "fmt"

// hello is the state of a greeting.
type hello struct {
	Version int    `json:"version"`
	Build   string `json:"build,omitempty"` // of the new process, for people
	PID     int    `json:"pid"`
}

// speaks returns nil if the process that has sent the greeting can hand over to one of our version, or the other way round. Each
// release speaks its own version and the one before. So the older of the two versions is spoken.
func (h hello) speaks(ours int) error {
	if h.Version < max(1, ours-1) || h.Version > ours+1 {
		return fmt.Errorf("it speaks version %d of the handover, expected %d or one before or after", h.Version, ours)
	}
	return nil
}
