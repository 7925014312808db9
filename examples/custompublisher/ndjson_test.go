package custompublisher_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/examples/custompublisher"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

func TestConformance(t *testing.T) {
	publishertest.Run(t, func(t testing.TB, feed *publisher.Feed) publisher.Publisher {
		return custompublisher.New(feed, &custompublisher.Options{Path: "ndjson/{channel_id}/"})
	}, follow)
}

// follow reads one stream.
func follow(ctx context.Context, url string, since motacilla.Revision) iter.Seq2[*motacilla.Update, error] {
	return func(yield func(*motacilla.Update, error) bool) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s?since=%d", url, since), nil)
		if err != nil {
			yield(nil, err)
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			yield(nil, err)
			return
		}
		defer resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusOK:
		case http.StatusNotFound:
			yield(nil, motacilla.ErrNotFound)
			return
		case http.StatusServiceUnavailable:
			yield(nil, motacilla.ErrUnavailable)
			return
		default:
			yield(nil, fmt.Errorf("GET %s: %s", url, resp.Status))
			return
		}
		lines := bufio.NewReader(resp.Body)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return // the stream ended
			}
			var u motacilla.Update
			if err := json.Unmarshal(line, &u); !yield(&u, err) {
				return
			}
		}
	}
}

// TestChosenByConfiguration runs the publisher in an app that has others too: the configuration names it.
func TestChosenByConfiguration(t *testing.T) {
	var server *app.Server
	in := &app.Input{YAML: []byte(`{server: {addr: "127.0.0.1:0"}, publishers: [{type: ndjson, path: "lines/{channel_id}"}]}`),
		Env: []string{}}
	a := app.New(memory.Module, polling.Module, custompublisher.Module, fx.Supply(in), fx.Populate(&server))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer a.Stop(context.Background())
	url, err := server.URL("ndjson", "final")
	if err != nil || url != "/live/lines/final/" {
		t.Errorf("URL(ndjson, final) = %q, %v", url, err)
	}
	for range follow(t.Context(), "http://"+server.Addr().String()+url, 0) {
		break
	}
}

func TestUnderAHundredLines(t *testing.T) {
	source, err := os.ReadFile("ndjson.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), "\n"); n >= 100 {
		t.Errorf("the example has %d lines; the promise is fewer than 100", n)
	}
}
