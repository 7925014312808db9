package webhook_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/publisher/webhook"
)

func TestConformance(t *testing.T) {
	tg := newTarget(t)
	publishertest.RunRelay(t, &publishertest.RelayHub{
		New: func(kit *relay.Kit, o relay.Options) (publisher.Publisher, error) {
			return webhook.New(kit, &webhook.Options{Options: o, URL: tg.url, Secrets: []string{second, secret}, Allow: local})
		},
		Follow: tg.follow,
		Stop:   tg.stop, Start: tg.start,
		// MaxBytes is more than the suite's posts have: TestTypes has the notice.
	})
}

// follow yields what the target gets of a channel.
func (tg *target) follow(ctx context.Context, ch motacilla.ChannelID, ready func()) iter.Seq2[*motacilla.Update, error] {
	return func(yield func(*motacilla.Update, error) bool) {
		in := make(chan message, 10_000)
		tg.mu.Lock()
		tg.readers[in] = ch
		tg.mu.Unlock()
		defer func() {
			tg.mu.Lock()
			defer tg.mu.Unlock()
			delete(tg.readers, in)
		}()
		ready()
		for {
			select {
			case <-ctx.Done():
				return
			case m, open := <-in:
				if !open {
					yield(nil, errors.New("the target is down"))
					return
				}
				if !yield(&m.Data.Update, nil) {
					return
				}
			}
		}
	}
}
