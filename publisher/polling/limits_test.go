package polling_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/route"
)

// A held request has a slot until it is answered or its reader leaves. A reader without a slot is refused at once, but Wagtail
// Live's client only after a while, because it asks again without a pause.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		feed := publisher.NewFeed(s.Source, textRenderer{}, &publisher.FeedOptions{Limits: publisher.Limits{Readers: 2}})
		if err := feed.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = feed.Close() }()
		s.Routes = route.NewTable()
		for _, p := range []publisher.Publisher{polling.NewLong(feed, nil), polling.NewInterval(feed, nil)} {
			if err := s.Routes.Add("limited", "/live", p.URLs()...); err != nil {
				t.Fatal(err)
			}
		}
		ours, old := longPath+"?since="+s.head().String(), longPath+"?last_update_ts="+s.head().Timestamp()
		refused := func() {
			t.Helper()
			if a := s.get(ours); a.Code != 503 || a.Header().Get("Retry-After") == "" || a.took != 0 {
				t.Errorf("?since: %d %v after %v, want 503 at once", a.Code, a.Header(), a.took)
			}
			if a := s.get(old); a.Code != 503 || a.Header().Get("Retry-After") == "" || a.took < time.Second {
				t.Errorf("?last_update_ts: %d %v after %v, want 503 after 1 to 3 s", a.Code, a.Header(), a.took)
			}
		}
		for range 3 {
			ctx, leave := context.WithCancel(t.Context())
			held := []*asked{s.begin(ctx, http.MethodGet, ours), s.begin(ctx, http.MethodGet, old)}
			synctest.Wait()
			refused()
			for _, target := range []string{intervalPath + "?since=0", intervalPath + "?last_update_ts=0"} {
				if a := s.get(target); a.Code != 200 {
					t.Errorf("%s: %d, want 200: it is answered at once", target, a.Code)
				}
			}
			leave()
			for _, a := range held {
				<-a.done
			}
		}
		first, second := s.begin(t.Context(), http.MethodGet, ours), s.begin(t.Context(), http.MethodGet, old)
		synctest.Wait()
		refused()
		s.post("Goal")
		<-first.done
		<-second.done
		if a := s.get(ours); a.Code != 200 {
			t.Errorf("after the others were answered: %d", a.Code)
		}
		if n := feed.Metrics().Counters().Refused.Node; n != 8 {
			t.Errorf("%d refusals are counted, want 8", n)
		}
	})
}
