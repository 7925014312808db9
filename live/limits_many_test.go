package live_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
)

// TestChannelsThatAreRefusedCount: a request for many channels that are not there, or not for this reader, counts as many.
func TestChannelsThatAreRefusedCount(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.RequestsPerAddress = 1 // 20 at once
	s := start(t, o)
	query := url.Values{"c": {string(members)}}
	for i := range 99 {
		query.Add("c", fmt.Sprintf("none-%d", i))
	}
	for range 10 {
		if s.ask(http.MethodGet, base+"/live/sse/?"+query.Encode(), "").Code == http.StatusTooManyRequests {
			return
		}
	}
	t.Error("1,000 channels were asked for at once")
}
