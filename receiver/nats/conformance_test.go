package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/receivertest"
	"github.com/nats-io/nats.go"
)

// watched is a receiver whose source is the test.
type watched struct {
	*Receiver
	source *source

	ids  atomic.Int64
	mu   sync.Mutex
	wait map[string]chan error // by the ID of a document: what came of it first
}

const idHeader = "Test-Id"

func (w *watched) settled(d *document, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := d.header.Get(idHeader)
	if c := w.wait[id]; c != nil {
		c <- err
		delete(w.wait, id)
	}
}

// deliver publishes a request's body, and returns what the receiver made of it.
func (w *watched) deliver(req *http.Request) (int, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return 0, err
	}
	id, came := fmt.Sprint(w.ids.Add(1)), make(chan error, 1)
	w.mu.Lock()
	w.wait[id] = came
	w.mu.Unlock()
	ctx, cancel := context.WithTimeout(req.Context(), patience)
	defer cancel()
	msg := nats.NewMsg(w.source.name + "." + strings.Trim(req.URL.Path, "/"))
	msg.Data = body
	msg.Header.Set(idHeader, id)
	if w.o.Stream != "" {
		_, err = w.source.js.PublishMsg(ctx, msg)
	} else {
		w.subscribed(w.source)
		err = errors.Join(w.source.conn.PublishMsg(msg), w.source.conn.FlushWithContext(ctx))
	}
	if err != nil {
		return 0, err
	}
	select {
	case err = <-came:
	case <-ctx.Done():
		return 0, errors.New("the receiver does not take the document")
	}
	switch {
	case err == nil:
		return http.StatusOK, nil
	case errors.Is(err, motacilla.ErrNotFound):
		return http.StatusNotFound, nil
	case errors.Is(err, motacilla.ErrInvalid):
		return http.StatusUnprocessableEntity, nil
	}
	return http.StatusServiceUnavailable, nil
}

func TestConformance(t *testing.T) {
	server := realserver.NewNATS(t)
	t.Run("Stream", func(t *testing.T) { conforms(t, server, true) })
	t.Run("Core", func(t *testing.T) { conforms(t, server, false) })
}

func conforms(t *testing.T, server *realserver.NATS, stream bool) {
	request := func(ch motacilla.ChannelID, body string) (*http.Request, error) {
		return http.NewRequest(http.MethodPost, "nats://nats.example/"+string(ch), strings.NewReader(body))
	}
	makes := func(removed bool) func(string, receivertest.Delivery) (*http.Request, error) {
		return func(_ string, d receivertest.Delivery) (*http.Request, error) {
			body, err := json.Marshal(map[string]any{"messages": []any{map[string]any{
				"id": d.Message, "version": d.Version, "author": d.Author, "text": d.Text, "removed": removed,
			}}})
			if err != nil {
				return nil, err
			}
			return request(d.Channel, string(body))
		}
	}
	receivertest.Run(t, receivertest.Source{
		New: func(tb testing.TB, kit *receiver.Kit) receiver.Receiver {
			w := &watched{source: newSource(tb, server), wait: map[string]chan error{}}
			o := w.source.options()
			o.MaxBody = 64 << 10
			o.Mapping = Mapping{
				Each: "$.messages[*]", When: []string{"@.id"}, MessageID: "m{{.id}}", Version: "{{.version}}", Author: "{{.author}}",
				Text: "{{markup .text}}", Remove: []string{"@.removed == true"},
			}
			if stream {
				w.source.stream()
			} else {
				o.Stream = ""
			}
			var err error
			if w.Receiver, err = New(kit, o, nil); err != nil {
				tb.Fatal(err)
			}
			w.Receiver.settled = w.settled
			return w
		},
		Post: makes(false), Edit: makes(false), Remove: makes(true),
		Bad: func(_ string, d receivertest.Delivery) ([]*http.Request, error) {
			var list []*http.Request
			for _, body := range []string{
				"", "{", "null x", "\xff{}", `{"messages":[{"id":2,"author":"","text":"x"}]}`, `{"messages":"` + strings.Repeat("x", 64<<10) + `"}`,
				strings.Repeat("[", 5000) + strings.Repeat("]", 5000), `{"messages":[{"id":2,"version":1,"author":"","text":"x"},{"id":3}]}`,
			} {
				r, err := request(d.Channel, body)
				if err != nil {
					return nil, err
				}
				list = append(list, r)
			}
			return list, nil
		},
		Deliver: func(r receiver.Receiver, req *http.Request) (int, error) { return r.(*watched).deliver(req) },
	})
}
