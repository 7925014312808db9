package durablestreams

import (
	"context"
	"net/http"

	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/publisher"
)

var _ publisher.HandsOver = (*Publisher)(nil)

// HandOver implements publisher.HandsOver. Streams over HTTP/2 and TLS 1.2 stay.
func (p *Publisher) HandOver(ctx context.Context, site http.Handler, give func(publisher.Handed) error) error {
	return p.streams.HandOver(ctx, p.forms, site, give)
}

// TakeOver implements publisher.HandsOver.
func (p *Publisher) TakeOver(ctx context.Context, h publisher.Handed, site http.Handler) error {
	return p.streams.TakeOver(ctx, h, p.forms, site)
}

func (p *Publisher) forms(name string) (*publisher.Wire, *publisher.ManyWire) {
	if name == formPlain {
		return p.plain.wire, nil
	}
	if f := p.coded[compress.Coding(name)]; f != nil {
		return f.wire, nil
	}
	return nil, nil
}
