package storagetest

import (
	"fmt"

	"github.com/motacilla-live/motacilla"
)

// These are the calls that most subtests need. They must succeed.

func (s *suite) channel(id motacilla.ChannelID) motacilla.Channel {
	s.Helper()
	return must[motacilla.Channel](s)(s.PutChannel(s.ctx, motacilla.Channel{ID: id, Title: "Title of " + string(id)}, 0))
}

func (s *suite) head(ch motacilla.ChannelID) motacilla.Revision {
	s.Helper()
	return must[motacilla.Channel](s)(s.Channel(s.ctx, ch)).Head
}

func (s *suite) retitle(ch motacilla.ChannelID, title string) motacilla.Channel {
	s.Helper()
	c := must[motacilla.Channel](s)(s.Channel(s.ctx, ch))
	c.Title = title
	return must[motacilla.Channel](s)(s.PutChannel(s.ctx, c, c.Changed))
}

func (s *suite) deleteChannel(ch motacilla.ChannelID) motacilla.Revision {
	s.Helper()
	return must[motacilla.Revision](s)(s.DeleteChannel(s.ctx, ch))
}

func (s *suite) post(ch motacilla.ChannelID, p motacilla.Post) motacilla.Post {
	s.Helper()
	return must[motacilla.Post](s)(s.PutPost(s.ctx, ch, p, 0))
}

// text makes a visible post with one text block.
func (s *suite) text(ch motacilla.ChannelID, text string) motacilla.Post {
	s.Helper()
	return s.post(ch, motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText(text)}})
}

// texts makes n visible posts.
func (s *suite) texts(ch motacilla.ChannelID, n int) []motacilla.Post {
	s.Helper()
	list := make([]motacilla.Post, n)
	for i := range list {
		list[i] = s.text(ch, fmt.Sprintf("text %d", i))
	}
	return list
}

func (s *suite) edit(ch motacilla.ChannelID, id motacilla.PostID, edit func(p *motacilla.Post)) motacilla.Post {
	s.Helper()
	p := must[motacilla.Post](s)(s.Post(s.ctx, ch, id))
	rev := p.Revision
	edit(&p)
	return must[motacilla.Post](s)(s.PutPost(s.ctx, ch, p, rev))
}

func (s *suite) reword(ch motacilla.ChannelID, id motacilla.PostID, text string) motacilla.Post {
	s.Helper()
	return s.edit(ch, id, func(p *motacilla.Post) { p.Content = []motacilla.Block{motacilla.PlainText(text)} })
}

func (s *suite) deletePost(ch motacilla.ChannelID, id motacilla.PostID) motacilla.Revision {
	s.Helper()
	return must[motacilla.Revision](s)(s.DeletePost(s.ctx, ch, id, 0))
}

// page reads posts, newest first.
func (s *suite) page(ch motacilla.ChannelID, q motacilla.Query) motacilla.Page {
	s.Helper()
	return must[motacilla.Page](s)(s.Posts(s.ctx, ch, q))
}

// all reads every post of the channel, newest first.
func (s *suite) all(ch motacilla.ChannelID) []motacilla.Post {
	s.Helper()
	return s.page(ch, motacilla.Query{Limit: 1 << 20}).Posts
}

func (s *suite) changes(ch motacilla.ChannelID, since motacilla.Revision, limit int) motacilla.Changes {
	s.Helper()
	c := must[motacilla.Changes](s)(s.Changes(s.ctx, ch, since, limit))
	wellFormed(s, since, c)
	return c
}

// untouched fails the test if the channel has moved from head.
func (s *suite) untouched(what string, ch motacilla.ChannelID, head motacilla.Revision) {
	s.Helper()
	equal(s, "head after "+what, s.head(ch), head)
	if c := s.changes(ch, head, 0); !c.Known || c.Head != head || len(c.Issued) > 0 {
		s.Fatalf("%s changed the channel: %+v", what, c)
	}
}
