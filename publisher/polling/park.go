package polling

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
)

// parked has the parked requests, by the headers of their answers. The headers differ only between origins, and by whether shared
// caches may keep the answers.
type parked struct {
	mu       sync.Mutex
	draining bool
	by       map[string]*publisher.Polls
}

// mostHeads is how many different headers there may be. A request with further ones keeps its goroutine.
const mostHeads = 64

// polls returns what parks requests whose answers have this header. If shared is true, shared caches may keep the answers.
func (p *Long) polls(header http.Header, shared bool) *publisher.Polls {
	with := func(control string) string {
		header.Set("Cache-Control", control)
		var b strings.Builder
		_ = header.Write(&b) // does not fail
		return b.String()
	}
	forbidden := with("no-store")
	head, idle := forbidden, forbidden
	if shared {
		head, idle = with(sharing(true)), with(sharing(false))
	}
	p.parked.mu.Lock()
	defer p.parked.mu.Unlock()
	if polls := p.parked.by[head]; polls != nil {
		return polls
	}
	if p.parked.draining || len(p.parked.by) >= mostHeads {
		return nil
	}
	if p.parked.by == nil {
		p.parked.by = make(map[string]*publisher.Polls)
	}
	polls := publisher.NewPolls(p.Feed, &publisher.PollWire{
		Name: p.Name,
		Format: &publisher.Format{Name: "json answer", Append: func(dst []byte, u *motacilla.Update) []byte {
			return appendAnswer(dst, head, u.AppendJSON(nil))
		}},
		Idle: func(u *motacilla.Update, round int64, why publisher.End) []byte {
			head := idle
			switch why {
			case publisher.EndForbidden:
				head = forbidden
			case publisher.EndDrain:
				head += "Connection: close\r\n"
			}
			return appendAnswer(nil, head, p.appendIdle(nil, u, round, why))
		},
		Past: p.past,
	})
	p.parked.by[head] = polls
	return polls
}

// appendAnswer appends a whole answer. head has its headers.
func appendAnswer(dst []byte, head string, json []byte) []byte {
	dst = append(dst, "HTTP/1.1 200 OK\r\n"...)
	dst = append(dst, head...)
	dst = append(dst, "Date: "...)
	dst = time.Now().UTC().AppendFormat(dst, http.TimeFormat)
	dst = append(dst, "\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(json)), 10)
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, json...)
}

// park parks the request on the epoll engine. If done is false, the caller must hold the request in its goroutine. Otherwise
// the caller must answer with delta or err. If both are nil, the request is parked.
func (p *Long) park(
	w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, cursor motacilla.Revision, round int64,
) (done bool, delta *publisher.Delta, err error) {
	header := w.Header().Clone()
	header.Set("Content-Type", "application/json")
	header.Set("X-Content-Type-Options", "nosniff")
	polls := p.polls(header, mayShare(r, round))
	if polls == nil || !polls.CanPark(r) {
		return false, nil, nil
	}
	delta, err = polls.Park(w, r, ch, cursor, round, p.hold)
	return !errors.Is(err, motacilla.ErrClosed), delta, err
}

// Shutdown answers every held request with a heartbeat, and waits until all are answered or ctx ends. Later requests are
// answered at once.
func (p *Long) Shutdown(ctx context.Context) error {
	p.parked.mu.Lock()
	p.parked.draining = true
	errs := make([]error, 0, len(p.parked.by)+1)
	var mu sync.Mutex
	var all sync.WaitGroup
	shut := func(f func(context.Context) error) {
		all.Go(func() {
			err := f(ctx)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	for _, polls := range p.parked.by {
		shut(polls.Shutdown)
	}
	p.parked.mu.Unlock()
	shut(p.Mixin.Shutdown)
	all.Wait()
	return errors.Join(errs...)
}
