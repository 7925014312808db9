// Package otlp traces posts with OpenTelemetry, and sends the spans to a collector by OTLP over HTTP. It is a module of its own:
// an app that does not import it does not compile OpenTelemetry's SDK.
package otlp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/live/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"
)

// DefaultService is the name of the service in traces.
const DefaultService = "motacilla"

// Options are the settings of tracing. Zero fields mean the defaults, but a Ratio of 0 samples nothing.
type Options struct {
	Endpoint      string   `key:"endpoint" required:"true" doc:"URL of an OTLP collector (HTTP), such as http://localhost:4318"`
	Ratio         float64  `key:"ratio" min:"0" max:"1" doc:"share of the posts without a trace of their own that are traced"`
	Service       string   `key:"service" doc:"name of the service in traces (service.name)"`
	Headers       []string `key:"headers" secret:"true" doc:"headers for the collector, such as Authorization=Bearer x"`
	IgnoreParents bool     `key:"ignore_parents" doc:"only link the trace of a request's traceparent, do not continue it"`
}

// Tracing is [tracing.Traces] with an exporter.
type Tracing struct {
	*tracing.Traces
	provider *sdk.TracerProvider
	endpoint string
}

var _ live.Traces = (*Tracing)(nil)

// New returns tracing that is not started. records are those of the site's store. An error begins with the key that is wrong. New
// does not connect: a collector that is out of reach loses spans, and nothing else.
func New(records motacilla.Records, o *Options, log *zap.Logger) (*Tracing, error) {
	at, err := o.exporter()
	if err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(context.Background(), at...)
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	service := o.Service
	if service == "" {
		service = DefaultService
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(&quiet{SpanExporter: exporter, log: log}, sdk.WithBatchTimeout(time.Second)),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", service), attribute.String("service.instance.id", uuid.NewString()),
			attribute.String("host.name", host),
		)),
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(o.Ratio))),
	)
	t := tracing.New(provider.Tracer("github.com/motacilla-live/motacilla"), records,
		&tracing.Options{IgnoreParents: o.IgnoreParents, Logger: log})
	return &Tracing{t, provider, o.Endpoint}, nil
}

// exporter returns the options of the exporter.
func (o *Options) exporter() ([]otlptracehttp.Option, error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, errors.New("endpoint: must be an http or https URL without a query, such as http://localhost:4318")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces" // as the specification of OTLP says for a collector's URL
	}
	headers := map[string]string{}
	for _, line := range o.Headers {
		name, value, ok := strings.Cut(line, "=")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, errors.New("headers: must be names and values, such as Authorization=Bearer x")
		}
		headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return []otlptracehttp.Option{otlptracehttp.WithEndpointURL(u.String()), otlptracehttp.WithHeaders(headers)}, nil
}

// Shutdown stores and sends what is left.
func (t *Tracing) Shutdown(ctx context.Context) error {
	err := t.Traces.Shutdown(ctx)
	ctx, cancel := context.WithTimeout(ctx, lastExport)
	defer cancel()
	if sent := t.provider.Shutdown(ctx); sent != nil && ctx.Err() == nil {
		err = errors.Join(err, sent)
	}
	return err
}

// lastExport is how long a stop waits for the collector. A server stops within 10 s.
const lastExport = 2 * time.Second
