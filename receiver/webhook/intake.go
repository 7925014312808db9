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
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// remembered is how long a delivery's ID is remembered. Sources that repeat deliveries do so for some days.
const remembered = 7 * 24 * time.Hour

// Intake makes posts of the documents of one source, and stores them. It is all of the receiver but the way in which documents come, for
// receivers to which they come in another way. It must be started and shut down. Its methods may be called from many goroutines at once.
type Intake struct {
	mapping *Mapping
	kit     *receiver.Kit
	ingest  *receiver.Ingest
	files   *receiver.Files // nil if the mapping has no images
	seen    *work.Seen      // nil if deliveries have no ID
	log     *zap.Logger
}

// NewIntake returns the intake of a source. Options for verification are not looked at. log may be nil. The error is an ErrInvalid that
// names the option.
func NewIntake(kit *receiver.Kit, o *Options, log *zap.Logger) (*Intake, error) {
	mapping, err := NewMapping(o)
	if err != nil {
		return nil, err
	}
	o = mapping.o
	if log == nil {
		log = zap.NewNop()
	}
	log = log.With(zap.String("source", o.Name)) // one of several
	in := &Intake{mapping: mapping, kit: kit, ingest: receiver.NewIngest(kit.Sink, o.Name, nil), log: log}
	if len(o.Image) > 0 {
		in.files = receiver.NewFiles(in.ingest, kit, receiver.FetchURL(kit.Client), log)
	}
	if o.DeliveryID != "" {
		in.seen = work.NewSeen(kit.Records, "hook-"+o.Name, remembered)
	}
	return in, nil
}

// Source implements receiver.Sourced.
func (in *Intake) Source() string { return in.mapping.o.Name }

// Start begins to fetch images.
func (in *Intake) Start(ctx context.Context) error {
	if in.files == nil {
		return nil
	}
	return in.files.Start(ctx)
}

// Shutdown ends fetching.
func (in *Intake) Shutdown(ctx context.Context) error {
	if in.files == nil {
		return nil
	}
	return in.files.Shutdown(ctx)
}

// Take stores what becomes of a document. It maps the whole document before it writes anything. The error is a [receiver.Unprocessable]
// ErrInvalid if the mapping can't be applied, an ErrNotFound if there is no such channel, and otherwise the store's: then the document
// must be delivered again. h are facts about the document for the mapping.
func (in *Intake) Take(ctx context.Context, h http.Header, body []byte) (receiver.Answer, error) {
	d, posts, err := in.mapping.read(ctx, h, body)
	if err != nil {
		return receiver.Answer{}, unprocessable(err)
	}
	var wanted []Post
	for _, p := range posts {
		if p.Ignored == "" {
			p.Message.ID = in.mapping.stored(p.Message.ID)
			wanted = append(wanted, p)
		}
	}
	answer, err := in.answer(ctx, d)
	if err != nil || len(wanted) == 0 {
		return answer, err
	}
	if err := in.channels(ctx, wanted); err != nil {
		return receiver.Answer{}, err
	}
	id := ""
	if in.seen != nil {
		id = h.Get(in.mapping.o.DeliveryID)
	}
	if id == "" {
		return answer, in.storeAll(ctx, wanted)
	}
	sum := sha256.Sum256([]byte(id))
	return answer, in.seen.Once(ctx, hex.EncodeToString(sum[:]), func(ctx context.Context) error { return in.storeAll(ctx, wanted) })
}

// answer makes the text that the source wants.
func (in *Intake) answer(ctx context.Context, d *document) (receiver.Answer, error) {
	if in.mapping.response == nil || d == nil {
		return receiver.Answer{}, nil
	}
	text, err := in.mapping.response.apply(ctx, &part{of: d, where: "$", value: d.value, shown: d.forTemplates()})
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
func (in *Intake) channels(ctx context.Context, posts []Post) error {
	known := map[motacilla.ChannelID]bool{}
	for _, p := range posts {
		if known[p.Channel] {
			continue
		}
		if _, err := in.kit.Sink.Channel(ctx, p.Channel); err != nil {
			return fmt.Errorf("channel %q: %w", p.Channel, err)
		}
		known[p.Channel] = true
	}
	return nil
}

func (in *Intake) storeAll(ctx context.Context, posts []Post) error {
	for _, p := range posts {
		if err := in.store(ctx, p); err != nil && !errors.Is(err, motacilla.ErrDeleted) { // somebody has removed it
			return err
		}
	}
	return nil
}

func (in *Intake) store(ctx context.Context, p Post) error {
	if p.Remove {
		return in.ingest.Withdraw(ctx, p.Channel, p.Message.ID)
	}
	for _, f := range p.Images {
		p.Message.Content = append(p.Message.Content, in.files.Block(f))
	}
	_, created, err := in.ingest.Post(ctx, p.Channel, p.Message)
	if err == nil && !created {
		err = in.edit(ctx, p)
	}
	if err != nil || len(p.Images) == 0 {
		return err
	}
	return in.files.Later(ctx, p.Channel, p.Message.ID, p.Images...)
}

// edit changes what the mapping says. What it says nothing of, such as a pin that an editor has set, stays.
func (in *Intake) edit(ctx context.Context, p Post) error {
	content, err := in.ingest.Content("", p.Message.Content)
	if err != nil {
		return err
	}
	_, err = in.ingest.Edit(ctx, p.Channel, p.Message.ID, p.Message.Version, func(to *motacilla.Post) error {
		to.Content = withImages(content, to.Content)
		if in.mapping.author != nil {
			to.Author = p.Message.Author
		}
		if !in.mapping.pinned.empty() {
			to.Pinned = p.Message.Pinned
		}
		if !in.mapping.keyEvent.empty() {
			to.KeyEvent = p.Message.KeyEvent
		}
		if !in.mapping.hidden.empty() {
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
