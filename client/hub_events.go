package client

import (
	"bytes"
	"context"

	"github.com/r3labs/sse/v2"
)

// followEvents follows a hub that has an event stream for each channel, such as Mercure and Nchan. They answer when they send what is
// pushed from then on. A token is sent in the header.
func followEvents(ctx context.Context, s *session, t *ticket, out sink) error {
	hc := s.client(s.plain) // hubs need not send heartbeats
	stream := sse.NewClient(t.hub.String())
	if t.token != "" || t.protocol != "nchan" { // an nginx at the server's own host may ask the server who the reader is
		hc.Transport = s.plain // without the server's token
		stream.Headers["User-Agent"] = s.options.UserAgent
	}
	if t.token != "" {
		stream.Headers["Authorization"] = "Bearer " + t.token
	}
	stream.Connection = hc
	return s.events(ctx, stream, out.subscribed, func(e *sse.Event) (more bool, err error) {
		kind := string(e.Event)
		if len(e.Data) > 0 && (kind == "" || kind == plainEvent) {
			out.message(bytes.Clone(e.Data))
		}
		return true, nil
	})
}
