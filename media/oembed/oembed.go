// Package oembed looks up the pages that posts embed: a provider such as YouTube is asked by oEmbed, and any other page is read
// for what it says of itself by OpenGraph. What is found becomes the card of an embed block, and it is kept in the store's
// records. Nothing waits for it: a post is stored first, and its card comes as an edit.
//
// Nothing that a page or a provider says reaches readers as HTML of ours. Texts are plain and cut. A player is a URL on the
// provider's own hosts, for a sandboxed frame. A snippet with scripts is served by itself, in a document with an opaque origin.
package oembed

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/media"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// The values of Options.Frames.
const (
	FramesOff  = "off"
	FramesAsk  = "ask"
	FramesShow = "show"
)

// Options are the settings of Embeds. nil and zero fields mean the defaults.
type Options struct {
	Frames    string   `key:"frames" choices:"off,ask,show" doc:"players: never, after the reader has agreed, or at once"`
	Allow     []string `key:"allow" doc:"more providers of the public list whose players are shown, by name, such as Odysee"`
	Deny      []string `key:"deny" doc:"providers that are not asked, and whose players are not shown, by name, such as X"`
	Discovery bool     `key:"discovery" doc:"ask what a page itself names as its oEmbed endpoint; it gives a card, and never a player"`
	MetaToken string   `key:"meta_token" secret:"true" doc:"token of your app at Meta; without it, Facebook and Instagram give a card alone"`

	Keep     time.Duration `key:"keep" min:"1m" doc:"time for which what was found of a page serves later posts"`
	KeepNone time.Duration `key:"keep_none" min:"1m" doc:"the same for a page of which nothing was found"`
}

// Defaults returns the options that zero fields mean: players after the reader has agreed, and cards that are kept for a week,
// or for an hour if nothing was found.
func Defaults() *Options {
	return &Options{Frames: FramesAsk, Keep: 7 * 24 * time.Hour, KeepNone: time.Hour}
}

// Posts is where the posts are whose cards are filled in. A store is one.
type Posts = media.PostStore

// Images keeps the pictures of cards. *media.Library is one. Without it cards have no pictures: they are never shown from the
// site that they are of, which would tell it of each reader.
type Images interface {
	// Add reads an image and keeps it under id. If there is one of this ID, it returns that, and reads nothing. The error is
	// an ErrInvalid if what r has is not an image, or breaks a limit.
	Add(ctx context.Context, id string, r io.Reader) (motacilla.Block, error)
	// Image returns the image of an ID, or an ErrNotFound.
	Image(ctx context.Context, id string) (motacilla.Block, error)
}

// Embeds looks pages up and remembers them. All methods may be called from many goroutines at once.
type Embeds struct {
	records   motacilla.Records
	client    *outbound.Client
	posts     Posts
	images    Images // nil if there are none
	o         Options
	providers []*provider
	queue     *work.Queue
	log       *zap.Logger
}

// New returns the Embeds of an app. images and log may be nil. If an option names a provider that is not in the list, the error
// is a motacilla.ErrInvalid.
func New(
	records motacilla.Records, client *outbound.Client, posts Posts, images Images, o *Options, log *zap.Logger,
) (*Embeds, error) {
	list, err := parseProviders(providersJSON)
	if err != nil {
		return nil, err
	}
	e, err := newEmbeds(list, records, client, posts, images, o, log)
	if err != nil {
		return nil, err
	}
	e.queue = e.newQueue(10*time.Second, 0)
	return e, nil
}

// newEmbeds returns Embeds with a list of providers and without a queue.
func newEmbeds(
	list []*provider, records motacilla.Records, client *outbound.Client, posts Posts, images Images, o *Options, log *zap.Logger,
) (*Embeds, error) {
	e := &Embeds{records: records, client: client, posts: posts, images: images, o: *Defaults(), log: log}
	if log == nil {
		e.log = zap.NewNop()
	}
	if o != nil {
		d := e.o
		e.o = *o
		if e.o.Frames == "" {
			e.o.Frames = d.Frames
		}
		if e.o.Keep <= 0 {
			e.o.Keep = d.Keep
		}
		if e.o.KeepNone <= 0 {
			e.o.KeepNone = d.KeepNone
		}
	}
	if !slices.Contains([]string{FramesOff, FramesAsk, FramesShow}, e.o.Frames) {
		return nil, motacilla.Invalid("frames", "must be off, ask or show")
	}
	var err error
	if e.providers, err = choose(list, e.o.Allow, e.o.Deny); err != nil {
		return nil, err
	}
	return e, nil
}

func (e *Embeds) newQueue(backoff, poll time.Duration) *work.Queue {
	return work.NewQueue(e.records, "embeds", e.do, &work.QueueOptions{
		Attempts: attempts, Backoff: backoff, Poll: poll, GaveUp: e.giveUp, Logger: e.log,
	})
}

// attempts is how often a page is looked up, within about ten minutes. A card that comes later helps few readers.
const attempts = 6

// choose returns the providers that the options leave.
func choose(list []*provider, allow, deny []string) ([]*provider, error) {
	named := func(p *provider, names []string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, p.Name) })
	}
	for field, names := range map[string][]string{"allow": allow, "deny": deny} {
		for _, n := range names {
			if !slices.ContainsFunc(list, func(p *provider) bool { return named(p, []string{n}) }) {
				return nil, motacilla.Invalid(field, "%q is no provider of the list", n)
			}
		}
	}
	var kept []*provider
	for _, p := range list {
		own := *p
		own.Player = p.Player || named(p, allow)
		if own.denied = named(p, deny); own.denied {
			own.Player = false
		}
		kept = append(kept, &own)
	}
	return kept, nil
}

// Frames returns Options.Frames.
func (e *Embeds) Frames() string { return e.o.Frames }

// Card returns what is known of a page, from the store's records alone. known is false if the page was not looked up, or so
// long ago that it has to be again. Of a page of which nothing was found, the card has the provider alone: its host.
func (e *Embeds) Card(ctx context.Context, url string) (card motacilla.Card, known bool) {
	found, known, err := e.remembered(ctx, url)
	if err != nil {
		e.log.Warn("the card of a page can't be read", zap.Error(err))
		return motacilla.Card{}, false
	}
	return found.Card, known
}

// Later looks a page up, and then fills its card in: into all embed blocks of the post that have this URL and no card. Without an id
// the page is only looked up, for posts to come. When it returns without an error, that outlives this node.
func (e *Embeds) Later(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, url string) error {
	if err := e.queue.Add(ctx, jobKey(ch, id, url), job{ch, id, url}.encode()); err != nil {
		return fmt.Errorf("look up a page of post %q on channel %q: %w", id, ch, err)
	}
	return nil
}

// Stats returns the figures of this node's queue of pages.
func (e *Embeds) Stats() work.QueueStats { return e.queue.Stats() }

// Start begins to look up what is queued.
func (e *Embeds) Start(ctx context.Context) error { return e.queue.Start(ctx) }

// Shutdown ends looking up. What is left is done after the next start, or by another node.
func (e *Embeds) Shutdown(ctx context.Context) error { return e.queue.Shutdown(ctx) }
