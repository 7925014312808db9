package followers

import (
	"context"
	"fmt"
	"iter"
	"mime"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	r3labs "github.com/r3labs/sse/v2"
)

// SSE reads server-sent events with r3labs/sse's client, one connection from its beginning to its end. It asks with
// ?since. An event with a type, one whose id is not its update's revision, and an answer that is no text/event-stream
// are errors: a browser's EventSource would not see such events, or resume elsewhere.
func SSE(ctx context.Context, url string, since motacilla.Revision) iter.Seq2[*motacilla.Update, error] {
	return func(yield func(*motacilla.Update, error) bool) {
		u, err := address(url, since)
		if err != nil {
			yield(nil, err)
			return
		}
		events(ctx, r3labs.NewClient(u.String(), r3labs.ClientMaxBufferSize(largest)), update, yield)
	}
}

// SSEVia returns [SSE] with requests by transport, which decides about compression.
func SSEVia(transport http.RoundTripper) func(
	ctx context.Context, url string, since motacilla.Revision,
) iter.Seq2[*motacilla.Update, error] {
	return func(ctx context.Context, url string, since motacilla.Revision) iter.Seq2[*motacilla.Update, error] {
		return func(yield func(*motacilla.Update, error) bool) {
			u, err := address(url, since)
			if err != nil {
				yield(nil, err)
				return
			}
			client := r3labs.NewClient(u.String(), r3labs.ClientMaxBufferSize(largest))
			client.Connection.Transport = transport
			events(ctx, client, update, yield)
		}
	}
}

// SSEByEventID is [SSE] as a browser that comes back asks: with Last-Event-ID, once it has a cursor.
func SSEByEventID(ctx context.Context, url string, since motacilla.Revision) iter.Seq2[*motacilla.Update, error] {
	return func(yield func(*motacilla.Update, error) bool) {
		client := r3labs.NewClient(url, r3labs.ClientMaxBufferSize(largest))
		if since > 0 {
			client.LastEventID.Store([]byte(fmt.Sprint(int64(since))))
		}
		events(ctx, client, update, yield)
	}
}

// events yields a connection's updates, as parse reads them; parse returns neither an update nor an error for what is none. The
// client calls its handler in this goroutine, and reads on when that returns.
func events(
	ctx context.Context, client *r3labs.Client, parse func(e *r3labs.Event) (*motacilla.Update, error),
	yield func(*motacilla.Update, error) bool,
) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client.ReconnectStrategy = never{} // a follower comes back with a cursor of its own
	client.ResponseValidator = func(_ *r3labs.Client, resp *http.Response) error {
		err := begins(resp)
		if err != nil {
			_ = resp.Body.Close() // the client leaves it open
		}
		return err
	}
	over := false
	say := func(u *motacilla.Update, err error) {
		if over = over || !yield(u, err) || err != nil; over {
			cancel()
		}
	}
	err := client.SubscribeRawWithContext(ctx, func(e *r3labs.Event) {
		if over || ctx.Err() != nil || len(e.Data) == 0 { // no data: a retry alone
			return
		}
		if u, err := parse(e); u != nil || err != nil {
			say(u, err)
		}
	})
	if err != nil && !over && ctx.Err() == nil {
		say(nil, err)
	}
}

// never is a strategy of r3labs' client, which does not reconnect if the pause is negative.
type never struct{}

func (never) NextBackOff() time.Duration { return -1 }
func (never) Reset()                     {}

func begins(resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return refusal(resp)
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "text/event-stream" {
		return fmt.Errorf("the answer is %q, and no text/event-stream", kind)
	}
	return nil
}

func update(e *r3labs.Event) (*motacilla.Update, error) {
	if len(e.Event) > 0 {
		return nil, fmt.Errorf("the event has the type %q, and is no plain message", e.Event)
	}
	u, err := decode(e.Data)
	if err == nil && string(e.ID) != fmt.Sprint(int64(u.Revision)) {
		return nil, fmt.Errorf("the event's id is %q, its update's revision %d", e.ID, int64(u.Revision))
	}
	return u, err
}
