package syndication

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/receivertest"
)

// watcher is a receiver with the site that it watches. A feed has the newest state that was delivered of each message.
type watcher struct {
	*Receiver
	site *site

	mu      sync.Mutex
	begin   sync.Once
	entries map[motacilla.ChannelID]map[int]item
	deleted map[motacilla.ChannelID]map[int]bool
}

func (w *watcher) document(ch motacilla.ChannelID) string {
	// There are always a newer and an older entry, which were there before the feed was watched.
	list := []item{{id: "newest", title: "the newest", minute: 5000}, {id: "oldest", title: "the oldest", minute: -5000}}
	more := ""
	for n, i := range w.entries[ch] {
		if !w.deleted[ch][n] {
			list = append(list, i)
		}
	}
	for n := range w.deleted[ch] {
		more += fmt.Sprintf(`<at:deleted-entry ref="urn:entry:%d" when="2026-03-01T12:00:00Z"/>`, n)
	}
	slices.SortFunc(list, func(a, b item) int { return b.minute - a.minute })
	return atomOf(more, list...)
}

func (w *watcher) deliver(req *http.Request) (int, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return 0, err
	}
	w.begin.Do(func() { _ = w.Refresh(req.Context()) }) // the feed of the channel that there is not fails
	w.mu.Lock()
	bad := ""
	var d receivertest.Delivery
	if req.Method == "BAD" {
		bad = string(body)
	} else if err := json.Unmarshal(body, &d); err != nil {
		w.mu.Unlock()
		return 0, err
	}
	if w.entries[d.Channel] == nil {
		w.entries[d.Channel], w.deleted[d.Channel] = map[int]item{}, map[int]bool{}
	}
	if req.Method == http.MethodDelete {
		w.deleted[d.Channel][d.Message] = true
	} else if bad == "" {
		delete(w.deleted[d.Channel], d.Message)
		w.entries[d.Channel][d.Message] = item{
			id: fmt.Sprint(d.Message), content: d.Text, author: d.Author, minute: d.Message, updated: d.Version}
	}
	w.site.set(func(s *site) {
		s.handle = func(out http.ResponseWriter, r *http.Request) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if bad != "" {
				_, _ = out.Write([]byte(bad))
				return
			}
			_, _ = out.Write([]byte(w.document(motacilla.ChannelID(strings.Trim(r.URL.Path, "/")))))
		}
	})
	w.mu.Unlock()
	err = w.Refresh(req.Context())
	later := errors.Is(err, motacilla.ErrUnavailable) || errors.Is(err, motacilla.ErrOverloaded)
	switch {
	case err == nil, d.Channel == home2 && errors.Is(err, motacilla.ErrNotFound) && !later:
		return http.StatusOK, nil // the feed of the channel that there is not fails all the time
	case later:
		return http.StatusServiceUnavailable, nil
	case errors.Is(err, motacilla.ErrInvalid):
		return http.StatusBadRequest, nil
	case errors.Is(err, motacilla.ErrNotFound):
		return http.StatusNotFound, nil
	}
	return 0, err
}

// home2 is the channel of the suite.
const home2 motacilla.ChannelID = "receivertest"

func TestConformance(t *testing.T) {
	request := func(method string) func(string, receivertest.Delivery) (*http.Request, error) {
		return func(_ string, d receivertest.Delivery) (*http.Request, error) {
			d.Post.Content = nil // sanitised HTML can't be decoded
			return http.NewRequest(method, "http://source.example/", strings.NewReader(asJSON(d)))
		}
	}
	receivertest.Run(t, receivertest.Source{
		New: func(tb testing.TB, kit *receiver.Kit) receiver.Receiver {
			tb.Cleanup(kit.Client.HTTP().CloseIdleConnections)
			w := &watcher{site: newSite(tb), entries: map[motacilla.ChannelID]map[int]item{}, deleted: map[motacilla.ChannelID]map[int]bool{}}
			w.site.set(func(s *site) {
				s.handle = func(out http.ResponseWriter, _ *http.Request) {
					w.mu.Lock()
					defer w.mu.Unlock()
					_, _ = out.Write([]byte(w.document("")))
				}
			})
			w.Receiver = newReceiver(tb, kit, func(o *Options) { o.Backfill = 0 },
				w.site.URL+"/receivertest=receivertest", w.site.URL+"/no-such-channel=no-such-channel")
			return w
		},
		Post: request(http.MethodPost), Edit: request(http.MethodPut), Remove: request(http.MethodDelete),
		Bad: func(string, receivertest.Delivery) ([]*http.Request, error) {
			var list []*http.Request
			for _, body := range []string{
				"no feed", "<html><body>x</body></html>", "<feed", `{"version":`, "{}x",
				atomOf("", item{id: "1", content: "x"})[:300], strings.Repeat("<a>", 100_000), "<rss><channel><item>",
				`<?xml version="1.0" encoding="x-none"?><feed xmlns="http://www.w3.org/2005/Atom"/>`,
				atomOf("<x:a xmlns:x='urn:x'>" + strings.Repeat("<x:a>", 5000)),
				atomOf(strings.Repeat(" ", maxBody)),
			} {
				r, err := http.NewRequest("BAD", "http://source.example/", strings.NewReader(body))
				if err != nil {
					return nil, err
				}
				list = append(list, r)
			}
			return list, nil
		},
		Deliver: func(r receiver.Receiver, req *http.Request) (int, error) { return r.(*watcher).deliver(req) },
	})
}
