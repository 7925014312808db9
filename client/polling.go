package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
)

// polling sends requests with ?since, one after the other.
type polling struct {
	held  bool          // the server holds requests until there is news
	pause time.Duration // between two polls; if held is set, only after a poll that was not held
}

// answer is the answer to a poll.
type answer struct {
	update *motacilla.Update // nil if it is the same as the last one (304)
	tag    string            // the ETag
	next   time.Duration     // when to ask again; 0 if the server does not say
	round  int64             // of the next request; 0 if the server does not say
}

func (p polling) read(ctx context.Context, s *session) error {
	f := s.subject.(*follower) // a poll asks for one channel
	var last answer
	asked := question{cursor: f.cursor}
	for first := true; ; first = false {
		began := time.Now()
		got, err := p.poll(ctx, s, asked, first, last.tag)
		if err != nil {
			return err
		}
		if got.update == nil {
			got.tag, got.next = last.tag, last.next
		} else if !f.take(s, got.update, true) {
			return nil
		}
		next := question{cursor: f.cursor}
		if next.cursor == asked.cursor {
			next.round = max(asked.round, got.round)
		} else {
			got.tag = "" // it is of another question
		}
		idle := !first && next == asked && time.Since(began) < p.pause
		last, asked = got, next
		if wait := p.wait(got, idle); wait > 0 {
			if err := sleep(ctx, spread(wait)); err != nil {
				return err
			}
		}
	}
}

// question is what a request asks for.
type question struct {
	cursor motacilla.Revision
	round  int64 // counts the requests at a cursor that are held, as the server says; see docs/wire.md
}

// wait returns how long to wait before the next poll. idle means that the request was not held and brought nothing: then the
// next, which is the same, must not follow at once. That is so too if a cache gives an old answer.
func (p polling) wait(got answer, idle bool) time.Duration {
	switch {
	case got.next > 0:
		return got.next
	case !p.held, idle:
		return p.pause
	}
	return 0
}

// poll sends one request. The first is not held, so that its answer shows at once whether polling works.
func (p polling) poll(ctx context.Context, s *session, asked question, first bool, tag string) (answer, error) {
	address := s.question()
	if p.held {
		address.RawQuery += "&round=" + strconv.FormatInt(asked.round, 10)
		if first {
			address.RawQuery += "&hold=0"
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return answer{}, err
	}
	if tag != "" {
		req.Header.Set("If-None-Match", tag)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && tag != "":
		return answer{}, nil
	case resp.StatusCode != http.StatusOK:
		return answer{}, refused(resp)
	}
	var body bytes.Buffer
	if n := resp.ContentLength; n > 0 { // which need not be true
		body.Grow(int(min(n, maxKept)) + bytes.MinRead)
	}
	n, err := body.ReadFrom(io.LimitReader(resp.Body, int64(s.o.MaxUpdate)+1))
	switch {
	case err != nil:
		return answer{}, err
	case n > int64(s.o.MaxUpdate):
		return answer{}, &failure{err: errTooLong, unusable: true}
	}
	got, err := decodePoll(body.Bytes(), s.subject.(*follower))
	got.tag = resp.Header.Get("ETag")
	return got, err
}

// decodePoll parses an update with next_poll_ms and next_round.
func decodePoll(body []byte, f *follower) (got answer, err error) {
	if got.update, err = f.decode(body); err != nil {
		return answer{}, err
	}
	var more struct {
		Next  int64 `json:"next_poll_ms"`
		Round int64 `json:"next_round"`
	}
	if err := json.Unmarshal(body, &more); err != nil {
		return answer{}, malformed(err)
	}
	got.next = time.Duration(max(0, min(more.Next, longestStay.Milliseconds()))) * time.Millisecond
	got.round = more.Round
	return got, nil
}
