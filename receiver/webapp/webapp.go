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
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/motacilla-live/motacilla"
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
	authorize route.Authorizer
	listing   *route.Listing
	images    receiver.Images // nil if the app keeps none
	maxImage  int64           // bytes
	origin    *http.CrossOriginProtection
	described document
	base      string // the path below which the server is
	log       *zap.Logger
}

var _ receiver.Receiver = (*Webapp)(nil)

// New returns a receiver that writes into sink what authorize permits. It asks authorize for reads too: a channel for
// which authorize returns an ErrForbidden or ErrUnauthorized is not listed.
func New(sink receiver.Sink, authorize route.Authorizer, o *Options) *Webapp {
	a := &Webapp{
		sink: sink, ingest: receiver.NewIngest(sink, Name, nil), authorize: authorize,
		origin: http.NewCrossOriginProtection(), described: newDocument(openAPI), log: zap.NewNop(),
	}
	a.images, a.maxImage = imagesOf(o)
	if o != nil && o.Logger != nil {
		a.log = o.Logger
	}
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
	return []route.Route{
		{Name: "api-openapi", Pattern: "/api/openapi.json", Handler: a.handler(method{http.MethodGet, a.describe})},
		{Name: "api-channels", Pattern: channels, Handler: a.handler(
			method{http.MethodGet, a.listChannels}, method{http.MethodPost, a.createChannel})},
		{Name: "api-channel", Pattern: channels + "/{channel_id}", Handler: a.handler(
			method{http.MethodGet, a.getChannel}, method{http.MethodPatch, a.patchChannel},
			method{http.MethodDelete, a.deleteChannel})},
		{Name: "api-posts", Pattern: channels + "/{channel_id}/posts", Handler: a.handler(
			method{http.MethodGet, a.listPosts}, method{http.MethodPost, a.createPost})},
		{Name: "api-post", Pattern: channels + "/{channel_id}/posts/{post_id}", Handler: a.handler(
			method{http.MethodGet, a.getPost}, method{http.MethodPatch, a.patchPost},
			method{http.MethodDelete, a.deletePost})},
		{Name: "api-media", Pattern: "/api/media", Handler: a.handler(method{http.MethodPost, a.createImage})},
	}
}

// method serves one HTTP method of a route. ch is empty if the path has no channel.
type method struct {
	name  string
	serve func(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error
}

// handler authorises a request before it reads the body.
func (a *Webapp) handler(methods ...method) http.Handler {
	names := make([]string, len(methods))
	serve := make(map[string]method, len(methods))
	for i, m := range methods {
		names[i] = m.name
		serve[m.name] = m
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !route.Allow(w, r, names...) {
			return
		}
		ch, err := channelOf(r)
		if err == nil {
			r, err = a.authorised(r, ch)
		}
		if err == nil {
			err = serve[r.Method].serve(w, r, ch)
		}
		if err != nil {
			if r.Header.Get("Expect") != "" { // the client may keep back the body, for which the server would wait
				w.Header().Set("Connection", "close")
			}
			a.fail(w, r, ch, err)
		}
	})
}

// channelOf returns the path's channel, or "" if the path has none.
func channelOf(r *http.Request) (motacilla.ChannelID, error) {
	if r.PathValue("channel_id") == "" {
		return "", nil
	}
	return route.ChannelID(r)
}

// authorised returns r with its grant.
func (a *Webapp) authorised(r *http.Request, ch motacilla.ChannelID) (*http.Request, error) {
	action := route.Read
	if r.Method != http.MethodGet {
		action = route.Write
		if err := a.origin.Check(r); err != nil {
			return r, fmt.Errorf("write from another origin: %w", motacilla.ErrForbidden)
		}
	}
	grant, err := a.authorize(r, ch, action)
	if err != nil {
		return r, err
	}
	return route.WithGrant(r, grant), nil
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

// may reports whether r may do action, whatever it was authorised for. A refusal is no error.
func (a *Webapp) may(r *http.Request, ch motacilla.ChannelID, action route.Action) (bool, error) {
	_, err := a.authorize(r, ch, action)
	if errors.Is(err, motacilla.ErrUnauthorized) || errors.Is(err, motacilla.ErrForbidden) {
		return false, nil
	}
	return err == nil, err
}

// refusal is an error that is answered with its problem.
type refusal struct{ route.Problem }

func (e *refusal) Error() string { return e.Detail }

func (a *Webapp) fail(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID, err error) {
	var refused *refusal
	if errors.As(err, &refused) {
		route.WriteProblem(w, refused.Problem)
		return
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: %w", motacilla.ErrUnavailable, err)
	}
	overloaded := errors.Is(err, motacilla.ErrOverloaded) // there are many of these at a time
	if status := route.ProblemOf(err).Status; status >= 500 && r.Context().Err() == nil && !overloaded {
		a.log.Error("request failed", zap.String("channel", string(ch)),
			zap.String("method", r.Method), zap.Int("status", status), zap.Error(err))
	}
	route.WriteError(w, r, err)
}
