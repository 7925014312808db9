package app_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

// flips is a store in which a channel becomes private during the first read of its posts.
type flips struct {
	storage.Store
	once sync.Once
}

func (s *flips) Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (page motacilla.Page, err error) {
	s.once.Do(func() {
		_, err = storage.EditChannel(ctx, s, ch, func(c *motacilla.Channel) error { c.Access = motacilla.Private; return nil })
	})
	if err != nil {
		return page, err
	}
	return s.Store.Posts(ctx, ch, q)
}

// TestAPageOfAChannelThatBecomesPrivate: the permission ends between its check and the read. No posts are sent.
func TestAPageOfAChannelThatBecomesPrivate(t *testing.T) {
	for _, path := range []string{"/channels/open", "/live/interval-polling/open/?since=0"} {
		r := start(t, "", fx.Decorate(func(s storage.Store) storage.Store { return &flips{Store: s} }))
		if resp, body := r.do(t, http.MethodGet, path); resp.StatusCode != http.StatusForbidden || strings.Contains(body, "data-post-id") {
			t.Errorf("%s: %s, with posts %v", path, resp.Status, strings.Contains(body, "data-post-id"))
		}
	}
}
