package chat

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/work"
	"go.uber.org/zap"
)

// Push implements relay.Hub. If the chat refuses a post for good, the others are said.
func (h *hub) Push(ctx context.Context, m *relay.Message) error {
	p := push{hub: h, channel: m.Channel}
	for _, r := range m.Renders {
		if !r.Show || r.Revision <= m.From || h.kit.Feed.Options().Clock.Now().Sub(r.Created) > h.o.MaxAge {
			continue
		}
		err := p.post(ctx, r.ID)
		switch {
		case work.IsPermanent(err):
			p.refused = append(p.refused, fmt.Errorf("post %s: %w", r.ID, err))
		case err != nil:
			if len(p.refused) > 0 { // the next push does not come upon them again
				h.log.Warn("the chat refuses posts for good", zap.String("channel", string(m.Channel)), zap.Error(errors.Join(p.refused...)))
			}
			return err
		}
	}
	if len(p.refused) > 0 {
		return work.Permanent(errors.Join(p.refused...))
	}
	return nil
}

// push is one call of Push.
type push struct {
	*hub
	channel motacilla.ChannelID
	called  bool    // the chat was called
	refused []error // what the chat refuses for good
}

// post says a post, unless that was done before, or the post is not, or no longer, to be said.
func (p *push) post(ctx context.Context, id motacilla.PostID) error {
	post, err := p.kit.Source.Post(ctx, p.channel, id)
	if errors.Is(err, motacilla.ErrNotFound) || err == nil && (!post.Show || p.o.KeyEvents && !post.KeyEvent) {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := p.kit.Feed.Channel(ctx, p.channel)
	if err != nil {
		return err
	}
	if c.Access != motacilla.Public && !p.o.Private { // it has become private since the push began
		return nil
	}
	said := &Post{
		Text: plain(post.Content), Title: c.Title, Author: post.Author, URL: p.kit.Page(p.channel), Channel: p.channel,
		KeyEvent: post.KeyEvent, ID: id, Published: post.Created,
	}
	key := p.relay + "/" + string(p.channel) + "/" + string(id)
	var refused error
	err = p.seen.Once(ctx, key, func(ctx context.Context) error {
		err := p.say(ctx, key, said)
		if work.IsPermanent(err) {
			refused = err // and is not tried again when the post is edited
			return nil
		}
		return err
	})
	return errors.Join(refused, err)
}

// say calls the chat. A call that is cut off may have been heard, and is made again. So with little time left only the first is begun.
func (p *push) say(ctx context.Context, key string, said *Post) error {
	text, err := p.text(said)
	if err != nil || text == "" {
		return err
	}
	if end, ok := ctx.Deadline(); ok && p.called && time.Until(end) < p.o.Timeout/2 {
		return relay.ErrUnfinished
	}
	p.called = true
	return p.chat.say(ctx, text, key, said)
}
