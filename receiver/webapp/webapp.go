// Package webapp is the receiver for REST clients. They create, change, remove and read channels and posts as JSON below
// /api/channels, and upload images to /api/media. Errors are application/problem+json (RFC 9457). /api/openapi.json
// describes the interface.
//
// # Source
//
// The source is every client that the route.Authorizer permits to write: by default, a client that sends the server's
// token. A browser may write only from the server's own origin. A client that may write also sees hidden posts.
//
// # Repeats
//
// A message_id, or the Idempotency-Key header in its place, makes a retry safe: if the message is stored already, the
// answer is the stored post with status 200 instead of 201. If-Match keeps an edit from overwriting a newer one, and lets
// an edit pass that has been made already. An image has the key's ID: the same key is the same image.
//
// # Options
//
// A logger, the Listing that makes the pages of the list of channels, and the app's Images. The configuration has no settings for the
// receiver: {type: webapp}.
//
// # Limits
//
// A body has at most 1 MiB of JSON. Unknown and repeated names in it are errors. An image has the limits of the app's Images.
// A listing has at most 100 entries.
package webapp

import (
	"fmt"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Name is the receiver's name in the configuration, and the Source of its posts.
const Name = "webapp"

// Options are the receiver's settings. nil and zero fields mean the defaults.
type Options struct {
	Logger  *zap.Logger    // nil logs nothing
	Listing *route.Listing // makes the pages of the list of channels; nil means route.NewListing("")

	// Images keeps uploaded images. nil, or receiver.NoImages, answers an upload with 501. If it has a method MaxBytes() int64,
	// that is the longest image in bytes; otherwise an image has at most 20 MiB.
	Images receiver.Images
}

// Webapp is the receiver. It has nothing to start and nothing to stop.
type Webapp struct {
	sink      receiver.Sink
	ingest    *receiver.Ingest
	api       *rest.API
	listing   *route.Listing
	images    receiver.Images // nil if the app keeps none
	maxImage  int64           // bytes
	described document
	base      string // the path below which the server is
}

var _ receiver.Receiver = (*Webapp)(nil)

// New returns a receiver that writes into sink what authorize permits. It asks authorize for reads too: a channel for
// which authorize returns an ErrForbidden or ErrUnauthorized is not listed.
func New(sink receiver.Sink, authorize route.Authorizer, o *Options) *Webapp {
	var log *zap.Logger
	if o != nil {
		log = o.Logger
	}
	a := &Webapp{
		sink: sink, ingest: receiver.NewIngest(sink, Name, nil), api: rest.New(authorize, log), described: newDocument(openAPI),
	}
	a.images, a.maxImage = imagesOf(o)
	if o != nil && o.Listing != nil {
		a.listing = o.Listing
	} else {
		a.listing = route.NewListing("")
	}
	return a
}

// URLs returns the routes api-openapi, api-channels, api-channel, api-posts, api-post and api-media.
func (a *Webapp) URLs() []route.Route {
	const channels = "/api/channels"
	serve := a.api.Handler
	return []route.Route{
		{Name: "api-openapi", Pattern: "/api/openapi.json", Handler: serve(
			rest.Method{Name: http.MethodGet, Action: route.Read, Serve: a.describe})},
		{Name: "api-channels", Pattern: channels, Handler: serve(
			rest.Method{Name: http.MethodGet, Action: route.Read, Serve: a.listChannels},
			rest.Method{Name: http.MethodPost, Action: route.Write, Serve: a.createChannel})},
		{Name: "api-channel", Pattern: channels + "/{channel_id}", Handler: serve(
			rest.Method{Name: http.MethodGet, Action: route.Read, Serve: a.getChannel},
			rest.Method{Name: http.MethodPatch, Action: route.Write, Serve: a.patchChannel},
			rest.Method{Name: http.MethodDelete, Action: route.Manage, Serve: a.deleteChannel})},
		{Name: "api-posts", Pattern: channels + "/{channel_id}/posts", Handler: serve(
			rest.Method{Name: http.MethodGet, Action: route.Read, Serve: a.listPosts},
			rest.Method{Name: http.MethodPost, Action: route.Write, Serve: a.createPost})},
		{Name: "api-post", Pattern: channels + "/{channel_id}/posts/{post_id}", Handler: serve(
			rest.Method{Name: http.MethodGet, Action: route.Read, Serve: a.getPost},
			rest.Method{Name: http.MethodPatch, Action: route.Write, Serve: a.patchPost},
			rest.Method{Name: http.MethodDelete, Action: route.Write, Serve: a.deletePost})},
		{Name: "api-media", Pattern: "/api/media", Handler: serve(
			rest.Method{Name: http.MethodPost, Action: route.Draft, Serve: a.createImage})},
	}
}

// readable returns an ErrForbidden if r was let in because the channel was public, and the channel has become private
// since. The hook may not know yet what another node has changed. Call it after the answer has been read.
func (a *Webapp) readable(r *http.Request, ch motacilla.ChannelID) error {
	if !route.GrantOf(r).WhilePublic {
		return nil
	}
	c, err := a.sink.Channel(r.Context(), ch)
	if err != nil {
		return err
	}
	return stillReadable(r, c)
}

func stillReadable(r *http.Request, c motacilla.Channel) error {
	if route.GrantOf(r).WhilePublic && c.Access != motacilla.Public {
		return fmt.Errorf("channel %q has become private: %w without the token", c.ID, motacilla.ErrForbidden)
	}
	return nil
}
