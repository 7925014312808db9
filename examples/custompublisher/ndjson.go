// Package custompublisher is a publisher that is not part of the project: updates as newline-delimited JSON over one
// answer that does not end, which `curl -N` can read. It imports the port, route and the root. An app takes its module,
//
//	app.Main(memory.Module, custompublisher.Module)
//
// and the configuration chooses it: publishers: [{type: ndjson}].
package custompublisher

import (
	"context"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
)

// Options are the publisher's settings.
type Options struct {
	Path string `key:"path" doc:"path with {channel_id}; below /live unless it begins with /"`
}

// Module registers the publisher as "ndjson".
var Module = publisher.Register("ndjson", &Options{Path: "ndjson/{channel_id}/"}, New)

// NDJSON streams a channel's updates, one JSON object on each line.
type NDJSON struct {
	path    string
	streams *publisher.Streams
}

var line = &publisher.Format{Name: "ndjson", Append: func(dst []byte, u *motacilla.Update) []byte {
	return append(u.AppendJSON(dst), '\n')
}}

var _ publisher.Publisher = (*NDJSON)(nil)

// New returns the publisher of feed.
func New(feed *publisher.Feed, o *Options) *NDJSON {
	return &NDJSON{path: o.Path, streams: publisher.NewStreams(feed, &publisher.Wire{Name: "ndjson", Format: line})}
}

// URLs returns the one route.
func (p *NDJSON) URLs() []route.Route {
	return []route.Route{{Name: "ndjson", Pattern: p.path, Handler: http.HandlerFunc(p.stream)}}
}

// Shutdown ends all streams and waits for them.
func (p *NDJSON) Shutdown(ctx context.Context) error { return p.streams.Shutdown(ctx) }

func (p *NDJSON) stream(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodGet) {
		return
	}
	ch, err := route.ChannelID(r)
	var since motacilla.Revision
	if err == nil {
		since, err = route.Since(r)
	}
	var stream *publisher.Stream
	if err == nil {
		stream, err = p.streams.Open(r, ch, since)
	}
	if err != nil {
		route.WriteError(w, r, err)
		return
	}
	defer stream.Close()
	w.Header().Set("Content-Type", "application/x-ndjson")
	control := http.NewResponseController(w)
	stream.Run(r.Context(), func(step *publisher.Delta) error {
		_ = control.SetWriteDeadline(time.Now().Add(p.streams.Stall())) // not every w has a deadline
		if _, err := w.Write(step.Encode(line)); err != nil {
			return err
		}
		return control.Flush()
	})
}
