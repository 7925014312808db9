// Package webhook is the receiver for sources that call an address with a JSON document, such as a scoreboard, GitHub or an
// incident tool. A mapping in the configuration says how documents become posts, so a source needs no code.
//
// # Source
//
// One entry of receivers is one source. Its address is /hooks/NAME. A delivery must prove that it is the source's, as package
// verify has it. If it does not, it is answered with 401, and it is not parsed.
//
// The answer is 200 after everything is stored, or if there is nothing to store. It is 404 if there is no such channel, and 422 if
// the mapping can't be applied to the document; then nothing of it is stored. It is 503 if the store does not answer.
//
// # Repeats
//
// A part with an ID is one post, however often it is delivered. The source's name stands before the ID in the store, so no document
// touches the posts of another source. A version keeps an old delivery from overwriting a newer one.
// Without an ID, the same part is the same post.
//
// # Options
//
// [Options] has the mapping and the way of verification. Paths are JSONPath (RFC 9535), conditions are filters of JSONPath, and
// texts are templates of Go. In the text, values are escaped by html/template; then the whole text is sanitised. [NewMapping] reads
// a mapping, and [Mapping.Map] shows what a document would become. docs/webhooks.md explains each option.
//
// # Limits
//
// A document has at most max_body bytes (1 MiB), 100,000 values, 64 levels and 1,000 parts.
package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/verify"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// Name is the receiver's type in the configuration.
const Name = "webhook"

// remembered is how long a delivery's ID is remembered. Sources that repeat deliveries do so for some days.
const remembered = 7 * 24 * time.Hour

// Receiver is the receiver of one source.
type Receiver struct {
	mapping *Mapping
	kit     *receiver.Kit
	ingest  *receiver.Ingest
	files   *receiver.Files // nil if the mapping has no images
	seen    *work.Seen      // nil if deliveries have no ID
	hook    receiver.Hook
	log     *zap.Logger
}

var (
	_ receiver.Receiver = (*Receiver)(nil)
	_ receiver.Starter  = (*Receiver)(nil)
	_ receiver.Stopper  = (*Receiver)(nil)
	_ receiver.Sourced  = (*Receiver)(nil)
)

// New returns the receiver of one source. log may be nil. The error is an ErrInvalid that names the option.
func New(kit *receiver.Kit, o *Options, log *zap.Logger) (*Receiver, error) {
	mapping, err := NewMapping(o)
	if err != nil {
		return nil, err
	}
	o = mapping.o
	check, err := o.verifier()
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = zap.NewNop()
	}
	log = log.With(zap.String("source", o.Name)) // one of several webhooks
	r := &Receiver{mapping: mapping, kit: kit, ingest: receiver.NewIngest(kit.Sink, o.Name, nil), log: log}
	r.hook = receiver.Hook{
		Receiver: o.Name, Verify: check, Handle: r.handle, MaxBody: int64(o.MaxBody), Metrics: kit.Metrics, Room: kit.Room, Logger: log,
	}
	if len(o.Image) > 0 {
		r.files = receiver.NewFiles(r.ingest, kit, receiver.FetchURL(kit.Client), log)
	}
	if o.DeliveryID != "" {
		r.seen = work.NewSeen(kit.Records, "hook-"+o.Name, remembered)
	}
	return r, nil
}

// Source implements receiver.Sourced.
func (r *Receiver) Source() string { return r.mapping.o.Name }

// URLs returns the source's address.
func (r *Receiver) URLs() []route.Route {
	address := "/hooks/" + r.mapping.o.Name
	if r.mapping.o.Verify == pathSecret {
		address += "/{" + route.Secret + "}"
		return []route.Route{{Name: "webhook-" + r.mapping.o.Name, Pattern: address, Handler: http.HandlerFunc(r.servePath)}}
	}
	return []route.Route{{Name: "webhook-" + r.mapping.o.Name, Pattern: address, Handler: &r.hook}}
}

// servePath serves an address that ends in the secret.
func (r *Receiver) servePath(w http.ResponseWriter, req *http.Request) {
	check, err := verify.Value("the path", req.PathValue(route.Secret), r.mapping.o.Secrets...)
	if err != nil { // unreachable: New has checked the secrets
		route.WriteError(w, req, err)
		return
	}
	hook := r.hook
	hook.Verify = check
	hook.ServeHTTP(w, req)
}

// Start begins to fetch images.
func (r *Receiver) Start(ctx context.Context) error {
	if r.files == nil {
		return nil
	}
	return r.files.Start(ctx)
}

// Shutdown ends fetching.
func (r *Receiver) Shutdown(ctx context.Context) error {
	if r.files == nil {
		return nil
	}
	return r.files.Shutdown(ctx)
}

// handle maps the whole document before it writes anything.
func (r *Receiver) handle(ctx context.Context, q receiver.Request) (receiver.Answer, error) {
	d, posts, err := r.mapping.read(ctx, q.Header, q.Body)
	if err != nil {
		return receiver.Answer{}, unprocessable(err)
	}
	var wanted []Post
	for _, p := range posts {
		if p.Ignored == "" {
			p.Message.ID = r.mapping.stored(p.Message.ID)
			wanted = append(wanted, p)
		}
	}
	answer, err := r.answer(ctx, d)
	if err != nil || len(wanted) == 0 {
		return answer, err
	}
	if err := r.channels(ctx, wanted); err != nil {
		return receiver.Answer{}, err
	}
	id := ""
	if r.seen != nil {
		id = q.Header.Get(r.mapping.o.DeliveryID)
	}
	if id == "" {
		return answer, r.storeAll(ctx, wanted)
	}
	sum := sha256.Sum256([]byte(id))
	return answer, r.seen.Once(ctx, hex.EncodeToString(sum[:]), func(ctx context.Context) error { return r.storeAll(ctx, wanted) })
}

// answer makes the text that the source wants.
func (r *Receiver) answer(ctx context.Context, d *document) (receiver.Answer, error) {
	if r.mapping.response == nil || d == nil {
		return receiver.Answer{}, nil
	}
	text, err := r.mapping.response.apply(ctx, &part{of: d, where: "$", value: d.value, shown: d.forTemplates()})
	return receiver.Answer{Type: "text/plain; charset=utf-8", Body: []byte(text)}, unprocessable(err)
}

// unprocessable makes errors of a document 422. A document that takes too long may be delivered again.
func unprocessable(err error) error {
	if errors.Is(err, motacilla.ErrInvalid) {
		return receiver.Unprocessable(err)
	}
	return err
}

// channels returns an ErrNotFound if one of the posts' channels is not there.
func (r *Receiver) channels(ctx context.Context, posts []Post) error {
	known := map[motacilla.ChannelID]bool{}
	for _, p := range posts {
		if known[p.Channel] {
			continue
		}
		if _, err := r.kit.Sink.Channel(ctx, p.Channel); err != nil {
			return fmt.Errorf("channel %q: %w", p.Channel, err)
		}
		known[p.Channel] = true
	}
	return nil
}

func (r *Receiver) storeAll(ctx context.Context, posts []Post) error {
	for _, p := range posts {
		if err := r.store(ctx, p); err != nil && !errors.Is(err, motacilla.ErrDeleted) { // somebody has removed it
			return err
		}
	}
	return nil
}

func (r *Receiver) store(ctx context.Context, p Post) error {
	if p.Remove {
		return r.ingest.Withdraw(ctx, p.Channel, p.Message.ID)
	}
	for _, f := range p.Images {
		p.Message.Content = append(p.Message.Content, r.files.Block(f))
	}
	_, created, err := r.ingest.Post(ctx, p.Channel, p.Message)
	if err == nil && !created {
		err = r.edit(ctx, p)
	}
	if err != nil || len(p.Images) == 0 {
		return err
	}
	return r.files.Later(ctx, p.Channel, p.Message.ID, p.Images...)
}

// edit changes what the mapping says. What it says nothing of, such as a pin that an editor has set, stays.
func (r *Receiver) edit(ctx context.Context, p Post) error {
	content, err := r.ingest.Content("", p.Message.Content)
	if err != nil {
		return err
	}
	_, err = r.ingest.Edit(ctx, p.Channel, p.Message.ID, p.Message.Version, func(to *motacilla.Post) error {
		to.Content = withImages(content, to.Content)
		if r.mapping.author != nil {
			to.Author = p.Message.Author
		}
		if !r.mapping.pinned.empty() {
			to.Pinned = p.Message.Pinned
		}
		if !r.mapping.keyEvent.empty() {
			to.KeyEvent = p.Message.KeyEvent
		}
		if !r.mapping.hidden.empty() {
			to.Show = !p.Message.Hidden
		}
		return nil
	})
	return err
}

// withImages returns the content with the images that the post has already, so that they are not fetched again.
func withImages(content, before []motacilla.Block) []motacilla.Block {
	kept := make([]motacilla.Block, len(content))
	for i, b := range content {
		kept[i] = b
		for _, old := range before {
			if b.Media != "" && old.Media == b.Media {
				kept[i] = old
				kept[i].Alt = b.Alt
			}
		}
	}
	return kept
}
