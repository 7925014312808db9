package telegram

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-telegram/bot/models"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"go.uber.org/zap"
)

// command is a command to a bot, such as /alt@examplebot A goal. It makes no post.
type command struct {
	name string // in lower case, without the slash
	bot  string // the username after @, if there is one
	args string
}

// commandOf returns the command that m begins with.
func commandOf(m *message) (command, bool) {
	for _, e := range m.Entities {
		if e.Type != models.MessageEntityTypeBotCommand || e.Offset != 0 || e.Length < 2 {
			continue
		}
		marks := place(m.Text, []entity{e})
		if len(marks) == 0 {
			continue
		}
		name, bot, _ := strings.Cut(strings.TrimPrefix(m.Text[:marks[0].end], "/"), "@")
		return command{strings.ToLower(name), bot, strings.TrimSpace(plain(m.Text[marks[0].end:]))}, true
	}
	return command{}, false
}

// control is what an editor does to a post by a reply to its message.
type control struct {
	done string // the answer
	edit func(p *motacilla.Post)
}

var controls = map[string]control{
	"pin":   {"Pinned.", func(p *motacilla.Post) { p.Pinned = true }},
	"unpin": {"No longer pinned.", func(p *motacilla.Post) { p.Pinned = false }},
	"key":   {"Marked as a key event.", func(p *motacilla.Post) { p.KeyEvent = true }},
	"unkey": {"No longer a key event.", func(p *motacilla.Post) { p.KeyEvent = false }},
	"hide":  {"Hidden.", func(p *motacilla.Post) { p.Show = false }},
	"show":  {"Shown.", func(p *motacilla.Post) { p.Show = true }},
}

// command does what a command says. A command that the receiver does not know, or that is for another bot, does nothing.
func (r *Receiver) command(ctx context.Context, m *message, c command) error {
	_, known := controls[c.name]
	if !known && c.name != "get_chat_id" && c.name != "delete" && c.name != "alt" {
		return nil
	}
	if c.bot != "" {
		name, err := r.api.username(ctx)
		if err != nil {
			return err
		}
		if !strings.EqualFold(c.bot, name) {
			return nil
		}
	}
	if c.name == "get_chat_id" {
		text := "This chat has the ID " + chatID(m)
		if topic := topicID(m); topic != "" {
			text += "\nThis topic has the ID " + topic
		}
		r.answer(ctx, m, text)
		return nil
	}
	ch, ok := r.channel(m)
	if !ok {
		return nil
	}
	editor, err := r.isEditor(ctx, m)
	if err != nil {
		return err
	}
	answer, err := "Only editors may do this.", error(nil)
	if editor {
		answer, err = r.control(ctx, ch, m, c)
	}
	if err != nil {
		return err
	}
	r.log.Info("a command of an editor", zap.String("command", c.name), zap.String("chat", chatID(m)),
		zap.String("channel", string(ch)), zap.Bool("editor", editor), zap.Int64("user", senderID(m)))
	if r.s.Answers {
		r.answer(ctx, m, answer)
	}
	return nil
}

// control does what an editor's command says, and returns the answer.
func (r *Receiver) control(ctx context.Context, ch motacilla.ChannelID, m *message, c command) (string, error) {
	target := m.ReplyTo
	if target == nil || target.Chat.ID != m.Chat.ID || target.ID <= 0 {
		return "Send /" + c.name + " as a reply to the message that it is about.", nil
	}
	var err error
	done := "Removed."
	switch c.name {
	case "delete":
		err = r.ingest.Withdraw(ctx, ch, messageID(target))
	case "alt":
		done, err = r.describe(ctx, ch, target, c.args)
	default:
		done = controls[c.name].done
		err = r.change(ctx, ch, target, func(p *motacilla.Post) error { controls[c.name].edit(p); return nil })
	}
	switch {
	case errors.Is(err, motacilla.ErrDeleted):
		return "The post of this message was removed.", nil
	case errors.Is(err, motacilla.ErrNotFound):
		return "This message is no post.", nil
	case errors.Is(err, errNoImage):
		return "This message has no image on the page.", nil
	case errors.Is(err, motacilla.ErrInvalid):
		return "This can't be stored: " + err.Error(), nil
	}
	return done, err
}

// errNoImage ends an edit that finds no image.
var errNoImage = errors.New("the post has no image of this message")

// describe sets the alternative text of a message's images.
func (r *Receiver) describe(ctx context.Context, ch motacilla.ChannelID, target *message, text string) (string, error) {
	if text == "" {
		return "Write what the image shows after /alt, such as /alt The captain lifts the cup.", nil
	}
	if len(text) > motacilla.MaxAlt {
		return fmt.Sprintf("The text must have at most %d bytes.", motacilla.MaxAlt), nil
	}
	files := r.s.contentOf(target).Files
	err := r.change(ctx, ch, target, func(p *motacilla.Post) error {
		found := false
		for _, f := range files {
			for i, b := range p.Content {
				if b.Type == motacilla.ImageBlock && b.Media == r.files.Block(f).Media {
					p.Content[i].Alt, found = text, true
				}
			}
		}
		if !found {
			return errNoImage
		}
		return nil
	})
	return "Described.", err
}

// change edits the post of a message. If the message was not stored yet, because another node has it or its delivery failed,
// change stores it first: a reply has the whole message.
func (r *Receiver) change(
	ctx context.Context, ch motacilla.ChannelID, target *message, edit func(*motacilla.Post) error,
) error {
	id := messageID(target)
	_, err := r.ingest.Edit(ctx, ch, id, 0, edit)
	if !errors.Is(err, motacilla.ErrNotFound) {
		return err
	}
	if wanted, again := r.wanted(ctx, target); again != nil || !wanted {
		return errors.Join(again, err)
	}
	if err := r.post(ctx, ch, target, sourceVersion(target, 0)); err != nil {
		return err
	}
	_, err = r.ingest.Edit(ctx, ch, id, 0, edit)
	return err
}

// askForAlt asks the author of m to describe its image, once for each post. It asks in groups alone: in a channel, readers would
// see it.
func (r *Receiver) askForAlt(ctx context.Context, m *message) error {
	if !r.s.Answers || m.Chat.Type == models.ChatTypeChannel {
		return nil
	}
	described := func(f receiver.File) bool { return f.Alt != "" }
	if files := r.s.contentOf(m).Files; len(files) == 0 || slices.ContainsFunc(files, described) {
		return nil
	}
	return r.seen.Once(ctx, r.s.bot+"/alt/"+messageID(m), func(ctx context.Context) error {
		r.answer(ctx, m, "What does the image show? Reply to it with /alt and a description, for readers who can't see it.")
		return nil
	})
}

// answer replies to m. An answer that fails is not sent again: the command was done.
func (r *Receiver) answer(ctx context.Context, m *message, text string) {
	if err := r.api.reply(ctx, m, text); err != nil {
		r.log.Warn("a command can't be answered", zap.String("chat", chatID(m)), zap.Error(err))
	}
}
