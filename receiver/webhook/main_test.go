package webhook_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webhook"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const secret = "a long enough secret"

// rig is a receiver behind a server, on a store with the channel match-42.
type rig struct {
	testing.TB
	store   storage.Store
	metrics *receiver.Metrics
	base    string
	header  http.Header // of each delivery
}

func newRig(tb testing.TB, o *webhook.Options, images receiver.Images, allow ...netip.Prefix) *rig {
	tb.Helper()
	store := memory.New(nil)
	r := &rig{TB: tb, store: store, metrics: &receiver.Metrics{}, header: http.Header{"Authorization": {"Bearer " + secret}}}
	if _, err := store.PutChannel(context.Background(), motacilla.Channel{ID: "match-42"}, 0); err != nil {
		tb.Fatal(err)
	}
	if images == nil {
		images = receiver.NoImages{}
	}
	kit := &receiver.Kit{Sink: store, Records: store.Records(), Images: images, Metrics: r.metrics,
		Client: outbound.New(&outbound.Options{Allow: allow})}
	it, err := webhook.New(kit, o, nil)
	if err != nil {
		tb.Fatal(err)
	}
	table := route.NewTable()
	if err := table.Add("receiver", "/webhook", it.URLs()...); err != nil {
		tb.Fatal(err)
	}
	if err := it.Start(context.Background()); err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewServer(table)
	r.base = server.URL
	tb.Cleanup(func() {
		server.Close()
		if err := it.Shutdown(context.Background()); err != nil {
			tb.Error(err)
		}
		_ = store.Close()
	})
	return r
}

// deliver returns the status and the body of the answer.
func (r *rig) deliver(path string, body []byte) (int, string) {
	r.Helper()
	req, err := http.NewRequest(http.MethodPost, r.base+path, bytes.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	req.Header = r.header.Clone()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// posts returns the channel's posts, oldest first, with the hidden ones.
func (r *rig) posts() []motacilla.Post {
	r.Helper()
	page, err := r.store.Posts(context.Background(), "match-42", motacilla.Query{Limit: 1000})
	if err != nil {
		r.Fatal(err)
	}
	list := page.Posts
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

func (r *rig) head() motacilla.Revision {
	r.Helper()
	page, err := r.store.Posts(context.Background(), "match-42", motacilla.Query{})
	if err != nil {
		r.Fatal(err)
	}
	return page.Head
}

func htmlOf(p motacilla.Post) string {
	var parts []string
	for _, b := range p.Content {
		switch b.Type {
		case motacilla.TextBlock:
			parts = append(parts, b.Text.String())
		default:
			parts = append(parts, fmt.Sprintf("[%s %s]", b.Type, b.URL))
		}
	}
	return strings.Join(parts, "\n")
}
