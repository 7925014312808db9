package telegram

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"go.uber.org/zap"
)

// take does what an update says, once. If it returns nil, Telegram need not deliver the update again.
func (r *Receiver) take(ctx context.Context, u update) error {
	m, edited := u.Message, false
	switch {
	case u.ChannelPost != nil:
		m = u.ChannelPost
	case u.EditedMessage != nil:
		m, edited = u.EditedMessage, true
	case u.EditedChannelPost != nil:
		m, edited = u.EditedChannelPost, true
	}
	if m == nil {
		return nil
	}
	return r.seen.Once(ctx, r.s.bot+"/"+strconv.FormatInt(u.ID, 10), func(ctx context.Context) error {
		if cmd, ok := commandOf(m); ok {
			if edited {
				return nil
			}
			return r.command(ctx, m, cmd)
		}
		return r.message(ctx, u, m, edited)
	})
}

// message makes a post of a message, or changes it.
func (r *Receiver) message(ctx context.Context, u update, m *message, edited bool) error {
	log := r.log.With(zap.String("chat", chatID(m)), zap.Int("message", m.ID))
	if m.MigrateToChatID != 0 {
		log.Warn("a group has a new ID: name it in channels", zap.Int64("new_chat", m.MigrateToChatID))
		return nil
	}
	ch, ok := r.channel(m)
	if !ok {
		r.metrics.Count(Name, receiver.Unmapped)
		if r.unmapped.first(m.Chat.ID) {
			log.Info("a chat feeds no channel: name it in channels", zap.String("title", chatName(&m.Chat)))
		}
		return nil
	}
	if edited && m.Location != nil && m.Location.LivePeriod > 0 {
		return nil // it moves every few seconds
	}
	if wanted, err := r.wanted(ctx, m); err != nil || !wanted {
		return err
	}
	err := r.post(ctx, ch, m, sourceVersion(m, u.ID))
	if err == nil && !edited {
		err = r.askForAlt(ctx, m)
	}
	return r.settled(err, log.With(zap.String("channel", string(ch))))
}

// chats are chats that were met before.
type chats struct {
	mu  sync.Mutex
	met map[int64]bool
}

// first reports whether a chat is met for the first time.
func (c *chats) first(id int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.met == nil || len(c.met) >= maxChats {
		c.met = map[int64]bool{}
	}
	again := c.met[id]
	c.met[id] = true
	return !again
}

// wanted reports whether the author of m may make posts.
func (r *Receiver) wanted(ctx context.Context, m *message) (bool, error) {
	if r.s.Authors == EditorAuthors {
		return r.isEditor(ctx, m)
	}
	return true, nil
}

// settled returns nil for an error that another delivery would not cure.
func (r *Receiver) settled(err error, log *zap.Logger) error {
	switch {
	case errors.Is(err, motacilla.ErrDeleted):
		return nil
	case errors.Is(err, motacilla.ErrNotFound):
		log.Info("a message for a channel that is not there", zap.Error(err))
		return nil
	case errors.Is(err, motacilla.ErrInvalid):
		log.Warn("a message can't be stored", zap.Error(err))
		return nil
	}
	return err
}

// channel returns the channel that m's topic or chat feeds.
func (r *Receiver) channel(m *message) (motacilla.ChannelID, bool) {
	if topic := topicID(m); topic != "" {
		if ch, ok := r.s.channels.Of(topic); ok {
			return ch, true
		}
	}
	return r.s.channels.Of(chatID(m))
}

// post stores m, and queues its images.
func (r *Receiver) post(ctx context.Context, ch motacilla.ChannelID, m *message, version int64) error {
	c := r.s.contentOf(m)
	if c.Large != "" {
		r.log.Warn("an image is left out: Telegram gives a bot files of at most 20 MB", zap.String("channel", string(ch)),
			zap.String("chat", chatID(m)), zap.Int("message", m.ID))
	}
	made := receiver.Message{ID: messageID(m), Version: version, Author: author(m), Created: created(m)}
	parts, extends := []content{c}, false
	if m.MediaGroupID != "" {
		a, err := r.album(ctx, ch, m, version, c)
		if err != nil {
			return err
		}
		made.Version, extends, parts = a.version, a.Extends, a.contents()
	}
	var files []receiver.File
	made.Content, files = r.blocks(parts)
	if err := r.put(ctx, ch, made, extends); err != nil {
		return err
	}
	return r.files.Later(ctx, ch, made.ID, files...)
}

// put stores m as a new post, or changes the post if m is newer. Images that the post has already stay as they are. If extends is
// true, so do images that m does not have.
func (r *Receiver) put(ctx context.Context, ch motacilla.ChannelID, m receiver.Message, extends bool) error {
	var content []motacilla.Block
	if len(m.Content) > 0 {
		_, created, err := r.ingest.Post(ctx, ch, m)
		if err != nil || created {
			return err
		}
		if content, err = r.ingest.Content("", m.Content); err != nil {
			return err
		}
	}
	_, err := r.ingest.Edit(ctx, ch, m.ID, m.Version, func(p *motacilla.Post) error {
		p.Author, p.Content = m.Author, merge(p.Content, content, extends)
		return nil
	})
	if len(m.Content) == 0 && errors.Is(err, motacilla.ErrNotFound) {
		return nil // it has nothing for readers, and makes no post
	}
	return err
}

// merge returns next with the images of held that next has too, since they may have been fetched and described meanwhile.
func merge(held, next []motacilla.Block, extends bool) []motacilla.Block {
	next = slices.Clone(next)
	var more []motacilla.Block
	for _, b := range held {
		if b.Type != motacilla.ImageBlock || b.Media == "" {
			continue
		}
		same := func(n motacilla.Block) bool { return n.Type == motacilla.ImageBlock && n.Media == b.Media }
		if i := slices.IndexFunc(next, same); i >= 0 {
			next[i] = b
		} else if extends {
			more = append(more, b)
		}
	}
	return append(more, next...)
}
