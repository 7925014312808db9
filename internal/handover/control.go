package handover

import (
	"context"
	"strconv"
	"time"
)

// Upgrade replaces the server. It calls told with what happens.
type Upgrade func(ctx context.Context, told func(string)) (Count, error)

// A client of the control socket sends one request, which is a line of JSON. It receives answers, one on each line.
type (
	request struct {
		Do string `json:"do"` // upgrade
	}
	answer struct {
		Told  string `json:"told,omitempty"`
		Done  *Count `json:"done,omitempty"`  // the last line of an upgrade that has succeeded
		Error string `json:"error,omitempty"` // the last line of one that has not
	}
)

const (
	maxLine     = 4 << 10         // bytes of a request
	lineTimeout = 5 * time.Second // for a request, and for a client to take an answer

	prefix = "@motacilla/" // of the address
)

// address returns the address of the control socket of a process. It is abstract: it has no file, and it is gone with the process.
// It belongs to the network namespace, so it can be reached only from the same one, such as from inside the same container.
func address(pid int) string { return prefix + strconv.Itoa(pid) }
