// Package followers reads streams with clients that are not ours, for publishertest: what these understand, and no more,
// is what a publisher says. Each function is a publishertest.Follow.
package followers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/motacilla-live/motacilla"
)

// largest is the most bytes that an update may have; the suite's are of a few megabytes.
const largest = 64 << 20

// address returns where to ask for what follows since.
func address(base string, since motacilla.Revision) (*url.URL, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	query := u.Query()
	query.Set("since", fmt.Sprint(int64(since)))
	u.RawQuery = query.Encode()
	return u, nil
}

// refusal returns what an answer that begins no stream means.
func refusal(resp *http.Response) error {
	for status, err := range map[int]error{
		http.StatusBadRequest:         motacilla.ErrInvalid,
		http.StatusUnauthorized:       motacilla.ErrUnauthorized,
		http.StatusForbidden:          motacilla.ErrForbidden,
		http.StatusNotFound:           motacilla.ErrNotFound,
		http.StatusTooManyRequests:    motacilla.ErrUnavailable,
		http.StatusServiceUnavailable: motacilla.ErrUnavailable,
	} {
		if resp.StatusCode == status {
			return fmt.Errorf("the answer is %s: %w", resp.Status, err)
		}
	}
	return fmt.Errorf("the answer is %s", resp.Status)
}

func decode(data []byte) (*motacilla.Update, error) {
	u := new(motacilla.Update)
	if err := json.Unmarshal(data, u); err != nil {
		return nil, fmt.Errorf("decode update %.80q: %w", data, err)
	}
	return u, nil
}
