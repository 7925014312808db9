package otlp_test

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const patience = time.Minute

// collector takes spans as a collector does: OTLP over HTTP, in protobuf.
type collector struct {
	*testing.T
	*httptest.Server
	mu      sync.Mutex
	spans   []span
	headers http.Header
}

// span is a span with the instance of the node that has sent it.
type span struct {
	*spans.Span
	node string
}

func newCollector(t *testing.T) *collector {
	c := &collector{T: t}
	c.Server = httptest.NewServer(http.HandlerFunc(c.take))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	request := &v1.ExportTraceServiceRequest{}
	if err == nil {
		err = proto.Unmarshal(body, request)
	}
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		c.Errorf("%s %v: %v", r.URL, r.Header, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers = r.Header
	for _, of := range request.ResourceSpans {
		if service := text(of.Resource.Attributes, "service.name"); service != "live" {
			c.Errorf("service.name is %q", service)
		}
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, span{s, text(of.Resource.Attributes, "service.instance.id")})
			}
		}
	}
}

// text returns an attribute as text.
func text(list []*common.KeyValue, key string) string {
	for _, kv := range list {
		if kv.Key == key {
			return kv.Value.GetStringValue()
		}
	}
	return ""
}

// of returns the spans of a trace, or of all traces, that have a name.
func (c *collector) of(trace, name string) (list []span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if (trace == "" || hex.EncodeToString(s.TraceId) == trace) && s.Name == name {
			list = append(list, s)
		}
	}
	return list
}

// await waits until there are n spans.
func (c *collector) await(trace, name string, n int) []span {
	c.Helper()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		list := c.of(trace, name)
		if len(list) >= n {
			return list
		}
		if time.Since(began) > patience {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.Fatalf("%d spans %s of the trace %q, want %d; there are %v", len(list), name, trace, n, c.spans)
		}
	}
}

// nodes returns the instances that have sent spans.
func nodes(list []span) []string {
	var all []string
	for _, s := range list {
		all = append(all, s.node)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
