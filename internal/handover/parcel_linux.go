package handover

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// kind says what a parcel is for. The package's comment has their order.
type kind string

const (
	greeting   kind = "greeting"
	listener   kind = "listener"
	listeners  kind = "listeners"
	ready      kind = "ready"
	paused     kind = "paused"
	listening  kind = "listening"
	connection kind = "connection"
	last       kind = "last"
	taken      kind = "taken"
	failed     kind = "failed" // the old process goes on, and the new one must end; at any time
)

// A parcel begins with the length of its JSON in 8 bytes, big endian. It travels in packets. The file is with the first.
const (
	headLen   = 8
	maxPacket = 32 << 10
	maxParcel = 8 << 20 // bytes of JSON
)

// parcel is one message between the processes. Fields that this release does not know are ignored.
type parcel struct {
	Kind  kind            `json:"kind"`
	State json.RawMessage `json:"state,omitempty"`

	file *os.File // nil if none came with it
}

// errFailed means that the old process has given the handover up.
var errFailed = errors.New("the old process has given up, and goes on")

// errGone means that the other process has ended, or has closed its socket.
var errGone = errors.New("the other process has ended")

func malformed(format string, args ...any) error {
	return fmt.Errorf("malformed parcel: "+format, args...)
}

// pack returns the bytes of a parcel.
func pack(k kind, state any) ([]byte, error) {
	p := parcel{Kind: k}
	var err error
	if state != nil {
		if p.State, err = json.Marshal(state); err != nil {
			return nil, fmt.Errorf("state of the parcel %q: %w", k, err)
		}
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("parcel %q: %w", k, err)
	}
	if len(text) > maxParcel {
		return nil, fmt.Errorf("parcel %q has %d bytes, expected at most %d", k, len(text), maxParcel)
	}
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, headLen+len(text)), uint64(len(text))), text...), nil
}

// assembly puts a parcel together from its packets.
type assembly struct {
	begun bool
	want  int // bytes of JSON
	text  []byte
}

// add takes the next packet. It reports whether the parcel is complete.
func (a *assembly) add(packet []byte) (complete bool, err error) {
	if !a.begun {
		if len(packet) < headLen {
			return false, malformed("the first packet has %d bytes, expected at least %d", len(packet), headLen)
		}
		n := binary.BigEndian.Uint64(packet)
		if n == 0 || n > maxParcel {
			return false, malformed("length is %d, expected 1 to %d", n, maxParcel)
		}
		a.begun, a.want = true, int(n)
		packet = packet[headLen:]
	}
	if got := len(a.text) + len(packet); got > a.want {
		return false, malformed("length is %d, but %d bytes came", a.want, got)
	}
	a.text = append(a.text, packet...)
	return len(a.text) == a.want, nil
}

// parcel returns the parcel, which must be complete.
func (a *assembly) parcel() (parcel, error) {
	var p parcel
	if err := json.Unmarshal(a.text, &p); err != nil { // its error may quote what a reader is sent
		return p, malformed("it is not the JSON of a parcel")
	}
	if p.Kind == "" {
		return p, malformed("kind is missing")
	}
	return p, nil
}

// into reads the state of a parcel.
func (p parcel) into(state any) error {
	if err := json.Unmarshal(p.State, state); err != nil {
		return malformed("the state of %q has another form than expected", p.Kind)
	}
	return nil
}

// drop closes the file of a parcel that nobody wants.
func (p parcel) drop() {
	if p.file != nil {
		_ = p.file.Close()
	}
}
