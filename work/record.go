package work

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"
)

// header is what a job's record has before the payload: a line of JSON. So a list of many jobs is read without their payloads.
type header struct {
	Added   time.Time `json:"added"`
	Due     time.Time `json:"due,omitzero"`      // by the store's clock; zero: at once
	Attempt int       `json:"attempt,omitempty"` // how many have begun
	Lost    int       `json:"lost,omitempty"`    // how many were lost with their node
	Failed  string    `json:"failed,omitempty"`  // why the last one failed
	GaveUp  int       `json:"gave_up,omitempty"` // how often giving up was tried; if it was, the job is not done any more
	Holder  string    `json:"holder,omitempty"`  // the node that does the job, as its lease names it
	Again   bool      `json:"again,omitempty"`   // the job was added again while its holder did it
}

func encode(h header, payload []byte) []byte {
	line, err := json.Marshal(h)
	if err != nil {
		panic(err) // its fields can't fail
	}
	return append(append(line, '\n'), payload...)
}

var errUnreadable = errors.New("the job's record can't be read")

// decode returns the parts of a record's value. The payload is a part of value.
func decode(value []byte) (h header, payload []byte, err error) {
	line, payload, found := bytes.Cut(value, []byte{'\n'})
	if !found || json.Unmarshal(line, &h) != nil {
		return header{}, nil, errUnreadable
	}
	return h, payload, nil
}
