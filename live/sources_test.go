package live_test

import (
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
)

type sourced string

func (s sourced) Source() string      { return string(s) }
func (s sourced) URLs() []route.Route { return nil }

// Two receivers of one name would take each other's work out of the store's queues.
func TestReceiversHaveDistinctNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"feeds": "", "slack": `the same name "slack"`} {
		o := options(t)
		o.Receivers = func(*live.Parts) []receiver.Receiver {
			return []receiver.Receiver{sourced("slack"), sourced(name)}
		}
		_, err := live.New(o)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
