package crowd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// poll makes one poll.
func (r *reader) poll(ctx context.Context) error {
	whole, cancel := context.WithTimeout(ctx, dialing+time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(whole, http.MethodGet, r.target(), nil)
	if err != nil {
		return err
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return fmt.Errorf("poll: %w", err)
	}
	b, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return fmt.Errorf("answer to a poll: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return r.refused(resp)
	}
	if _, err := r.take(b); err != nil {
		return err
	}
	var wait struct {
		Milliseconds int `json:"next_poll_ms"`
	}
	if err := json.Unmarshal(b, &wait); err == nil && wait.Milliseconds > 0 {
		pause(ctx, time.Duration(wait.Milliseconds)*time.Millisecond)
	}
	return nil
}
