package crowd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/motacilla-live/motacilla"
)

// reader is one reader.
type reader struct {
	group *Group
	tally *tally
	said  *decoder
	http  *http.Client // of polls and HTTP/2, and of WebSocket before the upgrade

	mu    sync.Mutex
	views []*view
	ready chan struct{} // closed when the reader has an update of each channel
	was   bool          // it is closed

	began   bool // the connection has begun
	leaving bool // the reader has asked not to follow its first channel any more
}

// run reads until ctx ends.
func (r *reader) run(ctx context.Context) {
	read := map[Kind]func(ctx context.Context) error{
		SSE: r.stream, HTTP2: r.stream2, WebSocket: r.socket, LongPoll: r.poll,
	}[r.group.Kind]
	for ctx.Err() == nil {
		err := read(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.count(err)
			pause(ctx, 20*time.Millisecond+rand.N(200*time.Millisecond))
		}
	}
}

// count counts the end of a connection that had begun, or a poll that failed. A busy machine may end a connection before that.
func (r *reader) count(err error) {
	r.mu.Lock()
	began := r.began || r.group.Kind == LongPoll
	r.began = false
	r.mu.Unlock()
	if began && !errors.Is(err, errBusy) {
		r.tally.ended(err)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// many reports whether the reader uses the address for several channels.
func (r *reader) many() bool { return r.group.Channels > 1 }

// target returns the URL of a connection or a poll, with the reader's cursors.
func (r *reader) target() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	transport := string(r.group.Kind)
	if r.group.Kind == HTTP2 {
		transport = "sse"
	}
	at := r.group.Base + "/live/" + transport + "/"
	if !r.many() {
		if v := r.views[0]; v.cursor != 0 {
			return at + string(v.channel) + "/?since=" + strconv.FormatInt(int64(v.cursor), 10)
		}
		return at + string(r.views[0].channel) + "/"
	}
	query := url.Values{}
	for _, v := range r.views {
		c := string(v.channel)
		if v.cursor != 0 {
			c += "," + strconv.FormatInt(int64(v.cursor), 10)
		}
		query.Add("c", c)
	}
	return at + "?" + query.Encode()
}

// begin is called when a connection has begun. It follows all channels.
func (r *reader) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began, r.leaving = true, false
	for _, v := range r.views {
		v.off = false
	}
}

// errBusy means that the store did not answer in time, as on a busy machine. The reader tries again, and that is no end of a
// connection.
var errBusy = errors.New("the store is busy")

// refused is the error of an answer without updates.
func (r *reader) refused(resp *http.Response) error {
	if resp.StatusCode == http.StatusServiceUnavailable {
		return errBusy
	}
	err := fmt.Errorf("answered with %s", resp.Status)
	r.tally.wrong(err)
	return err
}

// notice returns an error if a notice refuses something.
func (r *reader) notice(s *said, b []byte) error {
	if s.Refused == nil && s.Error == nil {
		return nil
	}
	if s.Refused != nil && s.Refused.Status == http.StatusServiceUnavailable {
		return errBusy
	}
	err := fmt.Errorf("a channel was refused: %s", b)
	r.tally.wrong(err)
	return err
}

// take takes a message. It returns the notice if it is one. An error ends the connection.
func (r *reader) take(b []byte) (*said, error) {
	s, err := r.said.decode(b)
	if err != nil {
		r.tally.wrong(err)
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tally.count(func(t *Report) {
		if s.update != nil {
			if v := r.view(s.update.Channel); v != nil && !v.off {
				v.take(s.update, t)
				return
			}
			t.Doubled++ // the reader does not follow the channel
		}
	})
	if err := r.notice(s, b); err != nil {
		return nil, err
	}
	for _, v := range r.views {
		if v.cursor == 0 {
			return s, nil
		}
	}
	if !r.was {
		r.was = true
		close(r.ready)
	}
	return s, nil
}

func (r *reader) view(ch motacilla.ChannelID) *view {
	for _, v := range r.views {
		if v.channel == ch {
			return v
		}
	}
	return nil
}

// holds compares the reader with the store.
func (r *reader) holds(truth Truth) (done bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range r.views {
		if done, err := v.holds(truth[v.channel]); err != nil {
			return done, fmt.Errorf("a reader of %s by %s: %w", v.channel, r.group.Name, err)
		}
	}
	return true, nil
}
