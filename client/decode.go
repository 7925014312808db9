package client

import (
	"encoding/json"
	"fmt"

	"github.com/motacilla-live/motacilla"
)

// decode reads an update of the session's channel.
func (s *session) decode(data []byte) (*motacilla.Update, error) {
	u := new(motacilla.Update)
	if err := json.Unmarshal(data, u); err != nil {
		return nil, malformed(err)
	}
	if u.Channel != s.channel {
		return nil, &failure{err: fmt.Errorf("an update of channel %q came", u.Channel), unusable: true}
	}
	return u, nil
}

// malformed is an update that can't be read. It hides what kind err is: an ErrInvalid is what the caller did.
func malformed(err error) error {
	return &failure{err: fmt.Errorf("what came is no update: %v", err), unusable: true} //nolint:errorlint // see above
}
