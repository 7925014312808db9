package durablestreams_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/durablestreams"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func newPublisher(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
	return durablestreams.New(feed, &durablestreams.Options{Hold: time.Second})
}

func TestLongPollConformance(t *testing.T) { publishertest.Run(t, newPublisher, followBy("long-poll")) }

func TestEventsConformance(t *testing.T) { publishertest.Run(t, newPublisher, followBy("sse")) }

// followBy returns a reader that reads one answer, or one stream of events.
func followBy(live string) publishertest.Follow {
	return func(ctx context.Context, url string, since motacilla.Revision) iter.Seq2[*motacilla.Update, error] {
		return func(yield func(*motacilla.Update, error) bool) {
			offset := "-1"
			if since > 0 {
				offset = fmt.Sprintf("%019d", since)
			}
			resp, err := ask(ctx, url+"?offset="+offset+"&live="+live)
			if err != nil {
				yield(nil, err)
				return
			}
			defer resp.Body.Close()
			idle := &motacilla.Update{Channel: motacilla.ChannelID(path.Base(url)), From: since, Revision: since}
			if live == "sse" {
				readEvents(resp.Body, idle, yield)
				return
			}
			u, err := idle, error(nil)
			if resp.StatusCode == http.StatusOK {
				var body []byte
				if body, err = io.ReadAll(resp.Body); err == nil {
					u, err = readMessages(body)
				}
			}
			if next := resp.Header.Get("Stream-Next-Offset"); err == nil && next != fmt.Sprintf("%019d", u.Revision) {
				err = fmt.Errorf("the update leads to %d, the next offset is %s", u.Revision, next)
			}
			if closed := resp.Header.Get("Stream-Closed") == "true"; err == nil && closed != u.Gone {
				err = fmt.Errorf("closed is %v, gone is %v", closed, u.Gone)
			}
			yield(u, err)
		}
	}
}

func ask(ctx context.Context, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusNoContent:
		return resp, nil
	case http.StatusNotFound:
		err = motacilla.ErrNotFound
	case http.StatusServiceUnavailable:
		err = motacilla.ErrUnavailable
	case http.StatusBadRequest:
		err = motacilla.ErrInvalid
	default:
		err = errors.New(resp.Status)
	}
	_ = resp.Body.Close()
	return nil, err
}

// readMessages returns the one message of an array.
func readMessages(body []byte) (*motacilla.Update, error) {
	var list []*motacilla.Update
	err := json.Unmarshal(body, &list)
	if err == nil && len(list) != 1 {
		err = fmt.Errorf("got %d messages, want 1", len(list))
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// control is the data of a control event.
type control struct {
	Next   string `json:"streamNextOffset"`
	Cursor string `json:"streamCursor"`
	Closed bool   `json:"streamClosed"`
	Now    bool   `json:"upToDate"`
}

// readEvents yields what a stream of events says: each data event with the control event that follows it, and a heartbeat for a
// control event without data and for a comment. idle is the heartbeat at the reader's offset.
func readEvents(body io.Reader, idle *motacilla.Update, yield func(*motacilla.Update, error) bool) {
	var u *motacilla.Update
	cursor := ""
	for event, data := range events(body) {
		next, err := *idle, error(nil)
		switch event {
		case "data":
			if u != nil {
				err = errors.New("a data event follows another one")
			} else if u, err = readMessages([]byte(data)); err == nil {
				continue
			}
		case "control":
			var c control
			err = json.Unmarshal([]byte(data), &c)
			if u != nil {
				next, u = *u, nil
			}
			switch {
			case err != nil:
			case c.Next != fmt.Sprintf("%019d", next.Revision) || !c.Now || c.Closed != next.Gone:
				err = fmt.Errorf("after an update to %d, gone %v, comes %s", next.Revision, next.Gone, data)
			case len(c.Cursor) < len(cursor) || len(c.Cursor) == len(cursor) && c.Cursor < cursor:
				err = fmt.Errorf("the cursor goes back from %s to %s", cursor, c.Cursor)
			}
			cursor = c.Cursor
		case "": // a heartbeat
		default:
			err = fmt.Errorf("there is an event %q", event)
		}
		*idle = motacilla.Update{Channel: idle.Channel, From: next.Revision, Revision: next.Revision}
		if !yield(&next, err) || err != nil {
			return
		}
	}
}

// events yields the events of a stream. A comment is an event without a name.
func events(body io.Reader) iter.Seq2[string, string] {
	return func(yield func(event, data string) bool) {
		lines := bufio.NewReader(body)
		event, data := "", ""
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			switch line = strings.TrimSuffix(line, "\n"); {
			case line == "" && event != "":
				if !yield(event, data) {
					return
				}
				event, data = "", ""
			case line == ":":
				if !yield("", "") {
					return
				}
			case strings.HasPrefix(line, "event: "):
				event = strings.TrimPrefix(line, "event: ")
			case strings.HasPrefix(line, "data:"):
				data += strings.TrimPrefix(line, "data:")
			}
		}
	}
}
