// Package custompublisher is a transport of one's own: updates as newline-delimited JSON over one long answer, which
// `curl -N` can read. It imports the port and nothing else of the project; the app puts its Factory into the graph,
//
//	app.Main(memory.Module, app.Publisher(custompublisher.NewFactory()))
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

// NewFactory returns the Factory of the publisher that the configuration calls "ndjson".
func NewFactory() publisher.Factory {
	return publisher.Factory{
		Name: "ndjson", Options: &Options{Path: "ndjson/{channel_id}/"},
		New: func(d publisher.Deps, options any) (publisher.Publisher, error) {
			p := &NDJSON{path: options.(*Options).Path}
			p.streams = publisher.NewStreams(d.Feed, &publisher.Wire{Name: "ndjson", Format: line})
			return p, nil
		},
	}
}

// NDJSON streams a channel's updates, one JSON object on each line.
type NDJSON struct {
	path    string
	streams *publisher.Streams
}

var line = &publisher.Format{Name: "ndjson", Append: func(dst []byte, u *motacilla.Update) []byte {
	return append(u.AppendJSON(dst), '\n')
}}

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
	stream.Run(r.Context(), func(step *publisher.Step) error {
		_ = control.SetWriteDeadline(time.Now().Add(p.streams.Stall())) // where w has none, writing may take long
		if _, err := w.Write(step.Encode(line)); err != nil {
			return err
		}
		return control.Flush()
	})
}
