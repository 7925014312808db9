package polling_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// follow polls once with ?since.
func follow(ctx context.Context, url string, since motacilla.Revision) iter.Seq2[*motacilla.Update, error] {
	return func(yield func(*motacilla.Update, error) bool) {
		u, err := poll(ctx, url, since)
		yield(u, err)
	}
}

func poll(ctx context.Context, url string, since motacilla.Revision) (*motacilla.Update, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s?since=%d", url, since), nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, motacilla.ErrNotFound
	case http.StatusServiceUnavailable:
		return nil, motacilla.ErrUnavailable
	case http.StatusBadRequest:
		return nil, motacilla.ErrInvalid
	default:
		return nil, errors.New(res.Status)
	}
	u := new(motacilla.Update)
	return u, json.NewDecoder(res.Body).Decode(u)
}

func newInterval(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
	return polling.NewInterval(feed, nil)
}

func newLong(_ testing.TB, feed *publisher.Feed) publisher.Publisher {
	return polling.NewLong(feed, &polling.LongOptions{Hold: time.Second})
}

func TestIntervalConformance(t *testing.T) { publishertest.Run(t, newInterval, follow) }

func TestLongConformance(t *testing.T) { publishertest.Run(t, newLong, follow) }

func TestLongConformanceOverTLS(t *testing.T) { publishertest.RunTLS(t, newLong, follow) }

func TestDifferential(t *testing.T) {
	publishertest.Differential(t, map[string]publishertest.Entry{
		"interval": {New: newInterval, Follow: follow}, "long": {New: newLong, Follow: follow},
	}, 1000)
}
