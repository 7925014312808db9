package client

import (
	"encoding/json"
	"fmt"

	"github.com/motacilla-live/motacilla"
)

// decode parses an update and checks that it is of the session's channel.
func (s *session) decode(data []byte) (*motacilla.Update, error) {
	u := new(motacilla.Update)
	if err := json.Unmarshal(data, u); err != nil {
		return nil, malformed(err)
	}
	if u.Channel != s.channel {
		return nil, &failure{err: fmt.Errorf("the update belongs to channel %q", u.Channel), unusable: true}
	}
	return u, nil
}

// malformed returns the error for an update that can't be parsed. It does not wrap err, because callers of Follow must
// see ErrInvalid only for their own mistakes.
func malformed(err error) error {
	return &failure{err: fmt.Errorf("the message is not an update: %v", err), unusable: true} //nolint:errorlint // see above
}
