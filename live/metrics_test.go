package live_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/work"
	"github.com/prometheus/client_golang/prometheus"
)

// counted returns the sum of a metric in the registry, of the series that have all labels.
func counted(t *testing.T, from prometheus.Gatherer, name string, labels map[string]string) (sum float64, series int) {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	next:
		for _, m := range f.GetMetric() {
			has := map[string]string{}
			for _, l := range m.GetLabel() {
				has[l.GetName()] = l.GetValue()
			}
			for k, v := range labels {
				if has[k] != v {
					continue next
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			series++
		}
	}
	return sum, series
}

// TestMetricsOfTheApp: requests are counted in the app's registry, by route without the base path.
func TestMetricsOfTheApp(t *testing.T) {
	t.Parallel()
	o := options(t)
	registry := prometheus.NewRegistry()
	o.Metrics, o.RequestsPerAddress = registry, 1000
	s := start(t, o)
	for _, path := range []string{base + "/channels/match", "/channels/match/", base + "/channels/other", base + "/x", "/y"} {
		s.ask("GET", path, "")
	}
	for _, want := range []struct {
		labels map[string]string
		n      float64
	}{
		{map[string]string{"route": "/channels/{channel_id}", "status": "200"}, 2},
		{map[string]string{"route": "/channels/{channel_id}", "status": "404"}, 1},
		{map[string]string{"route": "other", "status": "404"}, 2},
	} {
		if n, _ := counted(t, registry, "motacilla_http_requests_total", want.labels); n != want.n {
			t.Errorf("%v: %v, want %v", want.labels, n, want.n)
		}
	}
	for _, name := range []string{"motacilla_channels", "motacilla_requests_refused_total"} {
		if _, series := counted(t, registry, name, nil); series == 0 {
			t.Errorf("there is no %s", name)
		}
	}
}

// TestTwoSitesInOneRegistry: two sites need a label each. Without one the error says so, and leaves the registry as it was.
func TestTwoSitesInOneRegistry(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	labelled := func(name string) live.Options {
		o := options(t)
		o.Metrics = prometheus.WrapRegistererWith(prometheus.Labels{"site": name}, registry)
		return o
	}
	news, sports := start(t, labelled("news")), start(t, labelled("sports"))
	news.ask("GET", base+"/", "")
	for range 2 {
		sports.ask("GET", base+"/", "")
	}
	for name, want := range map[string]float64{"news": 1, "sports": 2} {
		n, _ := counted(t, registry, "motacilla_http_requests_total", map[string]string{"site": name})
		if n != want {
			t.Errorf("%s has %v requests, want %v", name, n, want)
		}
	}
	o := labelled("news")
	if _, err := live.New(o); err == nil || !strings.Contains(err.Error(), "prometheus.WrapRegistererWith") {
		t.Errorf("the same label twice: %v", err)
	}
	news.ask("GET", base+"/", "")
	if n, _ := counted(t, registry, "motacilla_http_requests_total", map[string]string{"site": "news"}); n != 2 {
		t.Errorf("after the error the first site has %v requests, want 2", n)
	}
}

// TestRegistryIsLeftInOrder: after Shutdown, and after a New that failed, there is room for a new site.
func TestRegistryIsLeftInOrder(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	o := options(t)
	o.Metrics, o.RequestsPerAddress = registry, 1000
	wrong := o
	wrong.Routes = []route.Route{{Name: "page", Pattern: "/mine", Handler: nothing}}
	if _, err := live.New(wrong); err == nil {
		t.Fatal("no error")
	}
	for range 2 {
		l, err := live.New(o)
		if err == nil {
			err = l.Start(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		ask(l, "GET", base+"/", "")
		if n, _ := counted(t, registry, "motacilla_http_requests_total", nil); n != 1 {
			t.Errorf("%v requests, want 1", n)
		}
		if err := l.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if families, _ := registry.Gather(); len(families) != 0 {
			t.Errorf("after Shutdown there are %d metrics", len(families))
		}
	}
}

// fetcher is a receiver with a queue of files.
type fetcher struct{ *receiver.Files }

func (fetcher) URLs() []route.Route { return nil }

// looksUp is an Embeds with the figures of a queue.
type looksUp struct{ live.Embeds }

func (looksUp) URLs() []route.Route            { return nil }
func (looksUp) Start(context.Context) error    { return nil }
func (looksUp) Shutdown(context.Context) error { return nil }
func (looksUp) Stats() work.QueueStats {
	return work.QueueStats{Waiting: 2, Doing: 1, Done: 3, Failed: 4, GaveUp: 5}
}

// TestMetricsOfQueues: what receivers and embeds have queued is counted, by queue.
func TestMetricsOfQueues(t *testing.T) {
	t.Parallel()
	o := options(t)
	registry := prometheus.NewRegistry()
	o.Metrics, o.Embeds = registry, looksUp{}
	var in *receiver.Ingest
	var files *receiver.Files
	fetched := receiver.File{ID: "sun", Ref: "sun.png", Name: "sun"}
	o.Receivers = func(p *live.Parts) []receiver.Receiver {
		in = receiver.NewIngest(p.Sink(), "desk", nil)
		files = receiver.NewFiles(in, p.Kit(), func(context.Context, receiver.File) (io.ReadCloser, error) {
			return nil, work.Permanent(errors.New("there is no such file"))
		}, nil)
		return []receiver.Receiver{fetcher{files}}
	}
	start(t, o)
	if _, _, err := in.Post(t.Context(), "match", receiver.Message{ID: "1", Content: []motacilla.RawBlock{files.Block(fetched)}}); err != nil {
		t.Fatal(err)
	}
	if err := files.Later(t.Context(), "match", "1", fetched); err != nil {
		t.Fatal(err)
	}
	await(t, "the file is given up", func() bool { return files.Stats().GaveUp == 1 })
	for _, want := range []struct {
		name, queue, result string
		n                   float64
	}{
		{"motacilla_jobs", "embeds", "", 2},
		{"motacilla_jobs_total", "embeds", "done", 3},
		{"motacilla_jobs_total", "embeds", "failed", 4},
		{"motacilla_jobs_total", "embeds", "gave_up", 5},
		{"motacilla_jobs_total", "files-desk", "done", 0},
		{"motacilla_jobs_total", "files-desk", "failed", 1},
		{"motacilla_jobs_total", "files-desk", "gave_up", 1},
	} {
		labels := map[string]string{"queue": want.queue}
		if want.result != "" {
			labels["result"] = want.result
		}
		if n, series := counted(t, registry, want.name, labels); n != want.n || series != 1 {
			t.Errorf("%s %v: %v in %d series, want %v in one", want.name, labels, n, series, want.n)
		}
	}
}
