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
	if t.token != "" {
		hc.Transport = s.plain // the server's token, if the hub is at the same host, must not replace it
		stream.Headers["Authorization"] = "Bearer " + t.token
		stream.Headers["User-Agent"] = s.options.UserAgent
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
