// Package drafts is the receiver for posts that wait: for an editor, or for their time. Contributors write drafts, editors publish them,
// schedule them or send them back. All nodes share what they keep, so a scheduled draft comes out though the node that took it is gone.
//
// # Source
//
// The source is every client that the route.Authorizer permits to draft. Who may only draft sees and changes own drafts, which are
// those of the same route.Holder.Who; a client whose account is not known can't have any. Who may write sees all drafts of the channel.
//
// # Repeats
//
// The Idempotency-Key header makes a retry of a creation safe, for a day. If-Match keeps a change from overwriting a newer one.
// A draft becomes one post, whoever publishes it, and how often: the post's message_id is made from the draft's ID.
//
// # Options
//
// A logger. The configuration has no settings for the receiver: {type: drafts}.
//
// # Limits
//
// A draft is at most 512 KiB of JSON. Nothing of a draft is sent to readers before it is published.
package drafts

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/drafted"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Name is the receiver's name in the configuration, and the Source of its posts.
const Name = drafted.Source

// Options are the receiver's settings. nil and zero fields mean the defaults.
type Options struct {
	Logger *zap.Logger // nil logs nothing
}

// Drafts is the receiver. From Start to Shutdown it publishes what is due.
type Drafts struct {
	*keeper
	api    *rest.API
	images receiver.Images

	stop context.CancelFunc
	done chan struct{}
}

var (
	_ receiver.Receiver = (*Drafts)(nil)
	_ receiver.Starter  = (*Drafts)(nil)
	_ receiver.Stopper  = (*Drafts)(nil)
)

// New returns a receiver that keeps drafts in kit's records, and permits what authorize permits.
func New(kit *receiver.Kit, authorize route.Authorizer, o *Options) *Drafts {
	log := zap.NewNop()
	if o != nil && o.Logger != nil {
		log = o.Logger
	}
	d := &Drafts{
		keeper: &keeper{
			records: kit.Records, sink: kit.Sink, ingest: receiver.NewIngest(kit.Sink, Name, nil), note: kit.Note, log: log, now: time.Now,
		},
		api: rest.New(authorize, log), images: kit.Images,
	}
	if d.note == nil {
		d.note = func(receiver.Event) {}
	}
	if d.images == nil {
		d.images = receiver.NoImages{}
	}
	return d
}

// URLs returns the routes of drafts.
func (d *Drafts) URLs() []route.Route {
	const drafts = "/api/channels/{channel_id}/drafts"
	const one = drafts + "/{draft_id}"
	at := func(name, path string, methods ...rest.Method) route.Route {
		return route.Route{Name: name, Pattern: path, Handler: d.api.Handler(methods...), OpenAPI: description(path)}
	}
	get, post := http.MethodGet, http.MethodPost
	return []route.Route{
		at("api-drafts", drafts,
			rest.Method{Name: get, Action: route.Draft, Serve: d.list},
			rest.Method{Name: post, Action: route.Draft, Serve: d.create}),
		at("api-draft", one,
			rest.Method{Name: get, Action: route.Draft, Serve: d.read},
			rest.Method{Name: http.MethodPatch, Action: route.Draft, Serve: d.patch},
			rest.Method{Name: http.MethodDelete, Action: route.Draft, Serve: d.delete}),
		at("api-draft-submit", one+"/submit", rest.Method{Name: post, Action: route.Draft, Serve: d.submit}),
		at("api-draft-return", one+"/return", rest.Method{Name: post, Action: route.Write, Serve: d.giveBack}),
		at("api-draft-publish", one+"/publish", rest.Method{Name: post, Action: route.Write, Serve: d.publish}),
		at("api-draft-schedule", one+"/schedule", rest.Method{Name: post, Action: route.Write, Serve: d.schedule}),
		at("api-draft-unschedule", one+"/unschedule", rest.Method{Name: post, Action: route.Write, Serve: d.unschedule}),
	}
}

// Start begins to publish what is due.
func (d *Drafts) Start(context.Context) error {
	ctx, stop := context.WithCancel(context.Background())
	d.stop, d.done = stop, make(chan struct{})
	go func() {
		defer close(d.done)
		d.loop(ctx)
	}()
	return nil
}

// Shutdown ends that. Other nodes go on.
func (d *Drafts) Shutdown(ctx context.Context) error {
	if d.stop == nil {
		return nil
	}
	d.stop()
	select {
	case <-d.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// absent reports whether err says that there is no such thing.
func absent(err error) bool { return errors.Is(err, motacilla.ErrNotFound) }
