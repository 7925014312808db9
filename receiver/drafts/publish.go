package drafts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/byline"
	"github.com/motacilla-live/motacilla/internal/drafted"
	"github.com/motacilla-live/motacilla/internal/postbody"
	"github.com/motacilla-live/motacilla/receiver"
	"go.uber.org/zap"
)

// refusal is why a draft can't be published, as editors read it.
type refusal struct{ note string }

func (e *refusal) Error() string { return e.note }

// settle brings out a draft that is coming out. Several nodes may do so at once: the message's ID makes it one post. If it can't be
// published, it is returned with a note. Any other error means that it is to be tried again.
func (k *keeper) settle(ctx context.Context, d draft) (draft, error) {
	post, err := k.bring(byline.With(ctx, byline.Line{By: d.By, Approved: d.Approved}), d)
	next := d
	var no *refusal
	switch {
	case err == nil:
		next.State, next.Post, next.Note = Published, post, ""
	case errors.As(err, &no):
		next.State, next.Note = Returned, no.note
	default:
		return d, err
	}
	stored, err := k.replace(ctx, d, next)
	if errors.Is(err, motacilla.ErrConflict) || errors.Is(err, motacilla.ErrNotFound) { // another node was faster
		return k.get(ctx, d.channel, d.id)
	}
	if err != nil {
		return d, err
	}
	if stored.State == Published {
		k.note(receiver.Event{
			Who: d.Approved.Who, Name: d.Approved.Name, Action: "publish", Channel: d.channel,
			Detail: fmt.Sprintf("draft %s of %s as post %s", d.id, cmp.Or(d.By.Who, "nobody known"), post),
		})
		k.log.Info("draft published", zap.String("channel", string(d.channel)), zap.String("draft", string(d.id)),
			zap.String("post", string(post)), zap.Duration("after", k.now().Sub(d.At)))
	} else {
		k.log.Warn("draft returned", zap.String("channel", string(d.channel)), zap.String("draft", string(d.id)),
			zap.String("why", stored.Note))
	}
	return stored, nil
}

// messageID is the message of a draft's post.
func messageID(d draft) string { return drafted.MessageID(d.id) }

// bring makes the post, or changes the one that the draft edits, unless that was done already.
func (k *keeper) bring(ctx context.Context, d draft) (motacilla.PostID, error) {
	if d.Edits == "" {
		p, err := k.sink.PostByMessage(ctx, d.channel, messageID(d))
		switch {
		case err == nil:
			return p.ID, nil
		case errors.Is(err, motacilla.ErrDeleted): // it came out, and was removed
			return "", nil
		case !errors.Is(err, motacilla.ErrNotFound):
			return "", err
		}
	}
	if err := k.live(ctx, d); err != nil {
		return "", err
	}
	if d.Edits != "" {
		return d.Edits, k.amend(ctx, d)
	}
	content, err := raw(d.content)
	if err != nil {
		return "", err
	}
	p, _, err := k.ingest.Post(ctx, d.channel, receiver.Message{
		ID: messageID(d), Author: d.Author, Created: d.Created, Content: content, Pinned: d.Pinned, KeyEvent: d.KeyEvent,
	})
	switch {
	case errors.Is(err, motacilla.ErrDeleted):
		return "", nil
	case errors.Is(err, motacilla.ErrNotFound):
		return "", &refusal{"the channel was deleted"}
	case errors.Is(err, motacilla.ErrInvalid):
		return "", &refusal{err.Error()}
	}
	return p.ID, err
}

// live returns a refusal if the channel is not what it was when the draft was scheduled.
func (k *keeper) live(ctx context.Context, d draft) error {
	c, err := k.sink.Channel(ctx, d.channel)
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		return &refusal{"the channel was deleted"}
	case err != nil:
		return err
	case d.Now:
		return nil
	case !c.Ended.IsZero() && !c.Ended.After(k.now()):
		return &refusal{"the channel has ended"}
	case !d.Life.IsZero() && !c.Created.Equal(d.Life):
		return &refusal{"the channel was deleted, and made anew"}
	}
	return nil
}

// amend changes the post that d edits.
func (k *keeper) amend(ctx context.Context, d draft) error {
	p, err := k.sink.Post(ctx, d.channel, d.Edits)
	if errors.Is(err, motacilla.ErrNotFound) {
		return &refusal{"the post was removed"}
	}
	if err != nil {
		return err
	}
	next, err := k.amended(d, p)
	if errors.Is(err, motacilla.ErrInvalid) {
		return &refusal{err.Error()}
	}
	if err != nil {
		return err
	}
	if _, changed, err := p.Amend(next, p.Revision+1); err == nil && !changed {
		return nil // an attempt before has done it
	}
	if p.Revision != d.Base {
		return moved(p.Revision)
	}
	_, err = k.sink.PutPost(ctx, d.channel, next, d.Base)
	switch {
	case errors.Is(err, motacilla.ErrConflict):
		return k.amend(ctx, d) // which sees another revision
	case errors.Is(err, motacilla.ErrNotFound):
		return &refusal{"the post was removed"}
	case errors.Is(err, motacilla.ErrInvalid):
		return &refusal{err.Error()}
	}
	return err
}

// moved says that the post has another revision than the draft was made from.
func moved(now motacilla.Revision) *refusal {
	return &refusal{fmt.Sprintf("the post has changed since the draft was made: its revision is %d now", now)}
}

// amended returns p as d makes it.
func (k *keeper) amended(d draft, p motacilla.Post) (motacilla.Post, error) {
	content, err := raw(d.content)
	if err != nil {
		return p, err
	}
	blocks, err := k.ingest.Content("", content)
	if err != nil {
		return p, err
	}
	next := p.Clone()
	next.Author, next.Pinned, next.KeyEvent, next.Content = d.Author, d.Pinned, d.KeyEvent, postbody.WithKnown(blocks, p.Content)
	if !d.Created.IsZero() {
		next.Created = d.Created
	}
	return next, nil
}

// raw returns blocks as Ingest takes them, which sanitises them once more.
func raw(content []motacilla.Block) ([]motacilla.RawBlock, error) {
	data, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("encode content: %w", err)
	}
	blocks := []motacilla.RawBlock{}
	return blocks, json.Unmarshal(data, &blocks)
}
