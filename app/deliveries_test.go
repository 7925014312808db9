package app_test

import (
	"net/http"
	"regexp"
	"strconv"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/storage"
)

// TestTimesOfDeliveries: what streams get is counted by the time that it took, on the epoll engine and in goroutines.
func TestTimesOfDeliveries(t *testing.T) {
	for _, yaml := range []string{"", "publishers: [{type: sse, goroutine_per_connection: true}, interval-polling]"} {
		r := start(t, yaml, sse.Module, websocket.Module)
		value := func(name string) float64 {
			_, metrics := r.do(t, http.MethodGet, "/metrics")
			found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (.*)$`).FindStringSubmatch(metrics)
			if found == nil {
				t.Fatalf("/metrics has no %s", name)
			}
			v, err := strconv.ParseFloat(found[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		defer r.follow(t, "open")()
		defer r.follow(t, "open")()
		if _, err := storage.EditChannel(t.Context(), r.store, "open", func(c *motacilla.Channel) error {
			c.Title = "News"
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"motacilla_delivery_first_seconds", "motacilla_delivery_last_seconds"} {
			until(t, name, func() bool { return value(name+`_count{publisher="sse"}`) == 1 })
			if sum, most := value(name+`_sum{publisher="sse"}`), value(name+`_bucket{publisher="sse",le="30"}`); sum <= 0 || most != 1 {
				t.Errorf("%s: sum %v, %v within 30 s", name, sum, most)
			}
		}
	}
}
