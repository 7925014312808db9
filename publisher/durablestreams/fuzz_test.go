package durablestreams

import (
	"cmp"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// FuzzOffset: every revision has one offset, which leads back to it, and offsets sort as their revisions do. No other text is an
// offset.
func FuzzOffset(f *testing.F) {
	for _, s := range []string{"", "-1", "now", "0", "0000000000000000000", "0001763890000456789", "9223372036854775807", "9223372036854775808",
		"00001763890000456789", "+001763890000456789", "0001763890000456789,1", "٠٠٠١٧٦٣٨٩٠٠٠٠٤٥٦٧٨٩"} {
		f.Add(s, int64(1763890000456789))
	}
	f.Fuzz(func(t *testing.T, s string, n int64) {
		r, err := parseOffset(s)
		if err == nil && offset(r) != s {
			t.Errorf("%q is the revision %d, whose offset is %q", s, r, offset(r))
		}
		if n <= 0 {
			return
		}
		other := offset(motacilla.Revision(n))
		if back, err := parseOffset(other); err != nil || back != motacilla.Revision(n) {
			t.Errorf("the offset of %d is %q, which is the revision %d (%v)", n, other, back, err)
		}
		if err == nil && strings.Compare(s, other) != cmp.Compare(r, motacilla.Revision(n)) {
			t.Errorf("the revisions %d and %d sort otherwise than their offsets %q and %q", r, n, s, other)
		}
		if other == offsetStart || other == offsetNow || strings.ContainsAny(other, ",&=?/") {
			t.Errorf("%q can be no offset", other)
		}
	})
}

// FuzzQuestion: whatever a request asks, it is understood or refused with an error that names a parameter.
func FuzzQuestion(f *testing.F) {
	for _, s := range []string{"", "offset=-1", "offset=now&live=sse", "offset=0001763890000456789&live=long-poll&cursor=12", "live=sse",
		"offset=&live=", "offset=a&offset=b", "offset=-1&live=x", "offset=0 1", "offset=%00", "cursor=-1", "cursor=99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		query, _ := url.ParseQuery(s)
		q, err := parseQuestion(query)
		if err != nil {
			if text := err.Error(); !strings.HasPrefix(text, "offset") && !strings.HasPrefix(text, "live") {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if q.live != catchUp && !query.Has("offset") || q.now && q.since != 0 || q.since < 0 || q.seen < 0 || q.seen > 1<<53 {
			t.Errorf("%q is %+v", s, q)
		}
	})
}

// FuzzCursor: a cursor is always more than the one that the reader had, and readers of one interval get the same one if it can be.
func FuzzCursor(f *testing.F) {
	f.Add(int64(0), int64(0))
	f.Add(int64(40_000), int64(40_000))
	f.Add(int64(40_001), int64(40_000))
	f.Fuzz(func(t *testing.T, ms, seen int64) {
		const most = 1 << 42 // in a hundred years
		if ms < 0 || ms > most || seen < 0 || seen >= 1<<53 {
			return
		}
		now := tickEpoch.Add(time.Duration(ms) * time.Millisecond)
		got := shared(now, seen)
		if got <= seen {
			t.Errorf("at %d, after %d, the cursor is %d", ms, seen, got)
		}
		if start := tick(now) / 20_000 * 20_000; seen < start && got != start {
			t.Errorf("at %d, after %d, the cursor is %d, want %d", ms, seen, got, start)
		}
		if seen < tick(now) && got > tick(now) {
			t.Errorf("at %d, after %d, the cursor %d is ahead of the clock", ms, seen, got)
		}
	})
}
