package mercure_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// subscription is what a subscriber asks the hub for.
type subscription struct {
	url   string
	last  string // Last-Event-ID
	token string
	ready func() // called when the hub has answered; may be nil
}

// address returns where to subscribe to topics.
func address(hub string, topics ...string) string {
	return hub + "?" + url.Values{"topic": topics}.Encode()
}

// event is what the hub sends.
type event struct{ id, data string }

// events subscribes as a browser's EventSource does, and yields events until ctx ends or the connection breaks, which is an error.
func (s subscription) events(ctx context.Context) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		resp, err := s.open(ctx)
		if err != nil {
			yield(event{}, err)
			return
		}
		defer resp.Body.Close()
		if s.ready != nil {
			s.ready()
		}
		var e event
		for in := bufio.NewReader(resp.Body); ; {
			line, err := in.ReadString('\n')
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				yield(event{}, err)
				return
			}
			line = strings.TrimSuffix(line, "\n")
			name, value, _ := strings.Cut(line, ": ")
			switch {
			case line == "" && e.data != "":
				if !yield(e, nil) {
					return
				}
				e = event{}
			case name == "id":
				e.id = value
			case name == "data":
				e.data += value
			}
		}
	}
}

func (s subscription) open(ctx context.Context) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	if s.last != "" {
		req.Header.Set("Last-Event-ID", s.last)
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return nil, fmt.Errorf("%s: %s", resp.Status, text)
	}
	return resp, nil
}

// update returns the update in an event.
func (e event) update() (*motacilla.Update, error) {
	u := &motacilla.Update{}
	return u, json.Unmarshal([]byte(e.data), u)
}

// updates yields the updates of the events.
func (s subscription) updates(ctx context.Context) iter.Seq2[*motacilla.Update, error] {
	return func(yield func(*motacilla.Update, error) bool) {
		for e, err := range s.events(ctx) {
			var u *motacilla.Update
			if err == nil {
				u, err = e.update()
			}
			if !yield(u, err) || err != nil {
				return
			}
		}
	}
}
