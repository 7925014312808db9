package e2e

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
)

func get(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// listeners returns how many event listeners the page has, after its garbage has been collected.
func (p *tab) listeners() (n int) {
	p.t.Helper()
	p.run(call(performance.Enable, performance.EnableParams{}),
		call(heapprofiler.CollectGarbage, cdp.Empty{}))
	p.run(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		got, err := cdp.Call(ctx, target, performance.GetMetrics, cdp.Empty{})
		if err != nil {
			return err
		}
		for _, m := range got.Metrics {
			if m.Name == "JSEventListeners" {
				n = int(m.Value)
			}
		}
		return nil
	}))
	return n
}
