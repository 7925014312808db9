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
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/publisher"
)

// parked has the parked requests, by the headers of their answers and the coding. The headers differ only between origins, and by
// whether shared caches may keep the answers.
type parked struct {
	mu       sync.Mutex
	draining bool
	by       map[parkedForm]*publisher.Polls
}

type parkedForm struct {
	head   string
	coding compress.Coding
}

// mostHeads is how many different headers and codings there may be. A request with further ones keeps its goroutine.
const mostHeads = 256

// polls returns what parks requests whose answers have this header and coding. If shared is true, shared caches may keep the
// answers.
func (p *Long) polls(header http.Header, shared bool, in compress.Coding) *publisher.Polls {
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
	form := parkedForm{head, in}
	p.parked.mu.Lock()
	defer p.parked.mu.Unlock()
	if polls := p.parked.by[form]; polls != nil {
		return polls
	}
	if p.parked.draining || len(p.parked.by) >= mostHeads {
		return nil
	}
	if p.parked.by == nil {
		p.parked.by = make(map[parkedForm]*publisher.Polls)
	}
	polls := publisher.NewPolls(p.Feed, &publisher.PollWire{
		Name: p.Name, Format: p.whole(head, in), Private: p.whole(head, compress.Identity), Past: p.past,
		Idle: func(u *motacilla.Update, round int64, why publisher.End) []byte {
			head := idle
			switch why {
			case publisher.EndForbidden:
				head = forbidden
			case publisher.EndDrain:
				head += "Connection: close\r\n"
			}
			return appendAnswer(nil, head, nil, p.appendIdle(nil, u, round, why))
		},
	})
	p.parked.by[form] = polls
	return polls
}

// whole returns the format of a whole answer with news, headers and body. head has the headers that do not depend on the body. The
// body is in the coding, if that makes it shorter.
func (p *Long) whole(head string, in compress.Coding) *publisher.Format {
	return &publisher.Format{Name: "json answer", Append: func(dst []byte, u *motacilla.Update) []byte {
		body, coding := u.AppendJSON(nil), compress.Identity
		if short := compress.Body(in, body, compress.Soon); short != nil {
			body, coding = short, in
		}
		own := http.Header{}
		p.mark(own, body, coding)
		return appendAnswer(dst, head, own, body)
	}}
}

// appendAnswer appends a whole answer. head and more have its headers.
func appendAnswer(dst []byte, head string, more http.Header, body []byte) []byte {
	dst = append(dst, "HTTP/1.1 200 OK\r\n"...)
	dst = append(dst, head...)
	for name, values := range more {
		dst = append(append(append(append(dst, name...), ": "...), values[0]...), "\r\n"...)
	}
	dst = append(dst, "Date: "...)
	dst = time.Now().UTC().AppendFormat(dst, http.TimeFormat)
	dst = append(dst, "\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, body...)
}

// park parks the request on the epoll engine. If done is false, the caller must hold the request in its goroutine. Otherwise
// the caller must answer with delta or err. If both are nil, the request is parked.
func (p *Long) park(
	w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, cursor motacilla.Revision, round int64,
) (done bool, delta *publisher.Delta, err error) {
	header := w.Header().Clone()
	header.Set("Content-Type", "application/json")
	header.Set("X-Content-Type-Options", "nosniff")
	polls := p.polls(header, mayShare(r, round), p.wanted(r))
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
