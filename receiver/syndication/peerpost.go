package syndication

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/receiver"
	"go.uber.org/zap"
)

// The message ID of a copy has the ID of the post that was copied first, its root, however many servers it has come through. So a
// post is recognised when it comes back to the server that it began at, or arrives by two ways. A post's ID is unique in the world.

// messageScheme begins the message ID of a copy: motacilla ROOT WAY. The way is the peer that the copy is from.
const messageScheme = "motacilla "

func (p *peer) messageID(root motacilla.PostID) string {
	return messageScheme + string(root) + " " + way(p.target)
}

func way(t target) string { return short.Digest(t.peer, string(t.peerOwn))[:16] }

// rootOf returns the ID of the post that a post is a copy of, or its own.
func rootOf(messageID string, own motacilla.PostID) motacilla.PostID {
	rest, is := strings.CutPrefix(messageID, messageScheme)
	root, _, _ := strings.Cut(rest, " ")
	if id, err := motacilla.ParsePostID(root); is && err == nil {
		return id
	}
	return own
}

// take writes the post that a visible post of the other channel has here.
func (p *peer) take(ctx context.Context, st *peerState, post client.Post) error {
	root := rootOf(post.MessageID, post.ID)
	back, err := p.comesBack(ctx, root)
	if err != nil || back {
		return err
	}
	m, files := p.message(st, post, root)
	_, created, err := p.in.Post(ctx, p.channel, m)
	if err == nil && !created {
		err = p.edit(ctx, m, st.find(post.ID))
	}
	if err == nil {
		err = p.files.Later(ctx, p.channel, m.ID, files...)
	}
	switch {
	case errors.Is(err, motacilla.ErrDeleted): // an editor has removed it here
	case errors.Is(err, motacilla.ErrInvalid):
		p.log.Warn("a post is left out", zap.String("post", string(post.ID)), zap.Error(err))
	case err != nil:
		return err
	}
	f := followed{ID: post.ID, Revision: post.Revision, Pinned: post.Pinned, KeyEvent: post.KeyEvent}
	if root != post.ID {
		f.Root = root
	}
	st.note(f, 2*p.o.MaxEntries)
	return nil
}

// comesBack reports whether the channel has the root itself, or a copy of it that came another way.
func (p *peer) comesBack(ctx context.Context, root motacilla.PostID) (bool, error) {
	_, err := p.kit.Sink.Post(ctx, p.channel, root)
	if err == nil || !errors.Is(err, motacilla.ErrNotFound) {
		return err == nil, err
	}
	for _, other := range p.peers {
		if other == p || other.channel != p.channel {
			continue
		}
		_, err := p.kit.Sink.PostByMessage(ctx, p.channel, other.messageID(root))
		if err == nil || errors.Is(err, motacilla.ErrDeleted) {
			return true, nil
		}
		if !errors.Is(err, motacilla.ErrNotFound) {
			return false, err
		}
	}
	return false, nil
}

// edit edits the post here. What an editor has hidden, pinned or marked here stays so until the other server changes it. known is the
// post as it was taken before, or nil.
func (p *peer) edit(ctx context.Context, m receiver.Message, known *followed) error {
	content, err := p.in.Content("", m.Content)
	if err != nil {
		return err
	}
	if known == nil {
		known = &followed{}
	}
	_, err = p.in.Edit(ctx, p.channel, m.ID, m.Version, func(post *motacilla.Post) error {
		post.Author, post.Content = m.Author, content
		post.Show = post.Show || known.Hidden
		if m.Pinned != known.Pinned {
			post.Pinned = m.Pinned
		}
		if m.KeyEvent != known.KeyEvent {
			post.KeyEvent = m.KeyEvent
		}
		return nil
	})
	return err
}

// message returns what is stored of a post of the other channel, and the images that are fetched later.
func (p *peer) message(st *peerState, post client.Post, root motacilla.PostID) (receiver.Message, []receiver.File) {
	m := receiver.Message{
		ID: p.messageID(root), Version: int64(post.Revision), Author: post.Author, Pinned: post.Pinned, KeyEvent: post.KeyEvent,
	}
	if p.o.Backdate {
		m.Created = post.Created
	}
	var files []receiver.File
	for _, b := range post.Content[:min(len(post.Content), motacilla.MaxBlocks-1)] {
		if b.Type != motacilla.ImageBlock {
			m.Content = append(m.Content, b)
			continue
		}
		link, err := absolute(p.link, b.URL)
		if err != nil || link == "" || !p.o.Images {
			continue // an image that the other server has not fetched yet comes as an edit
		}
		f := receiver.FileAt(link)
		f.Alt, f.Name, f.Width, f.Height = b.Alt, cmp.Or(b.Alt, "an image"), b.Width, b.Height
		files = append(files, f)
		m.Content = append(m.Content, p.files.Block(f))
	}
	credit := motacilla.RawBlock{Type: motacilla.TextBlock, Text: sourceLine(p.name(st), p.url)}
	m.Content = append(m.Content, credit)
	return m, files
}

// hide hides the post that a post of the other channel has here, if there is one.
func (p *peer) hide(ctx context.Context, st *peerState, id motacilla.PostID, at motacilla.Revision) error {
	_, err := p.in.Edit(ctx, p.channel, p.messageID(st.root(id)), int64(at), func(post *motacilla.Post) error {
		post.Show = false
		return nil
	})
	if err != nil && !errors.Is(err, motacilla.ErrNotFound) && !errors.Is(err, motacilla.ErrDeleted) {
		return err
	}
	if known := st.find(id); known != nil {
		known.Revision, known.Hidden = max(known.Revision, at), true
	}
	return nil
}

// remove removes the post that a post of the other channel has here, if there is one.
func (p *peer) remove(ctx context.Context, st *peerState, id motacilla.PostID) error {
	err := p.in.Remove(ctx, p.channel, p.messageID(st.root(id)))
	if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
		return err
	}
	st.Posts = slices.DeleteFunc(st.Posts, func(f followed) bool { return f.ID == id })
	return nil
}

func (st *peerState) root(id motacilla.PostID) motacilla.PostID {
	if known := st.find(id); known != nil && known.Root != "" {
		return known.Root
	}
	return id
}
