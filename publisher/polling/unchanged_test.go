package polling_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// A poll of a reader that is up to date does not read the store, and keeps the channel in memory.
func TestUnchangedReadsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		s.post("Goal")
		target := intervalPath + "?since=" + s.head().String()
		tag := s.get(target).Header().Get("ETag")
		synctest.Wait()
		before := s.Source.Reads()
		s.Source.Fail(true)
		for range 100 {
			a := s.get(target, "If-None-Match", tag)
			if a.Code != http.StatusNotModified || a.Header().Get("ETag") != tag ||
				a.Header().Get("Cache-Control") != "public, max-age=0, s-maxage=1, stale-while-revalidate=1" {
				t.Fatalf("%d %v", a.Code, a.Header())
			}
		}
		if n := s.Source.Reads() - before; n != 0 {
			t.Errorf("got %d reads, want none", n)
		}
		s.Source.Fail(false)
	})
}

// Only the head with its own tag counts as unchanged.
func TestUnchangedIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		s.post("Goal")
		head := s.head()
		tag := func(from, to motacilla.Revision) string { return fmt.Sprintf(`"%d-%d-3000"`, from, to) }
		for target, status := range map[string]int{
			fmt.Sprintf("?since=%d", head):   http.StatusNotModified,
			fmt.Sprintf("?since=%d", head+1): http.StatusOK, // a reset
			"?since=0":                       http.StatusOK,
			"":                               http.StatusOK,
		} {
			if a := s.get(intervalPath+target, "If-None-Match", tag(head, head)); a.Code != status {
				t.Errorf("%s: %d, want %d", target, a.Code, status)
			}
		}
		if a := s.get(intervalPath+"?since=0", "If-None-Match", tag(0, 0)); a.Code != http.StatusOK {
			t.Errorf("got %d without a cursor, want 200", a.Code)
		}
		if a := s.get(fmt.Sprintf("%s?since=%d", intervalPath, head+1), "If-None-Match", tag(head+1, head+1)); a.Code != http.StatusOK {
			t.Errorf("got %d beyond the head, want 200", a.Code)
		}
	})
}

func TestUnchangedOfPrivateChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, nil, nil, nil)
		grant := route.Grant{}
		s.authorize = func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) { return grant, nil }
		s.EditChannel(match, func(c *motacilla.Channel) { c.Access = motacilla.Private })
		target := intervalPath + "?since=" + s.head().String()
		tag := s.get(target).Header().Get("ETag")
		a := s.get(target, "If-None-Match", tag)
		if a.Code != http.StatusNotModified || a.Header().Get("Cache-Control") != "private, no-store" {
			t.Errorf("got %d %v with permission, want 304 and private, no-store", a.Code, a.Header())
		}
		grant.WhilePublic = true
		if a := s.get(target, "If-None-Match", tag); a.Code != http.StatusForbidden {
			t.Errorf("got %d without permission, want 403", a.Code)
		}
	})
}
