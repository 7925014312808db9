package publishertest

import (
	"context"
	"slices"

	"github.com/motacilla-live/motacilla"
)

// Differ compares what a reader holds of a channel with what the store holds, as [Compare] does. The site must have the renderer that
// a site has by default.
func (s *Site) Differ(v *motacilla.View, ch motacilla.ChannelID) error {
	c, err := s.Store.Channel(context.Background(), ch)
	if err != nil {
		return err
	}
	page, err := s.Store.Posts(context.Background(), ch, motacilla.Query{Limit: 1 << 20, Visible: true})
	if err != nil {
		return err
	}
	var renders []motacilla.Render
	for _, p := range slices.Backward(page.Posts) {
		renders = append(renders, motacilla.Render{
			ID: p.ID, Show: true, Content: p.Content[0].Text.String(), Created: p.Created, Modified: p.Modified, Pinned: p.Pinned,
			Revision: p.Revision,
		})
	}
	return Compare(v, c, renders)
}

// Stir changes something in a channel, as the number says: it writes, edits, hides or removes one of posts. It returns the posts
// that the channel has then.
func (s *Site) Stir(ch motacilla.ChannelID, posts []motacilla.PostID, n int) []motacilla.PostID {
	s.Helper()
	at := 0
	if len(posts) > 0 {
		at = n / 4 % len(posts)
	}
	switch {
	case len(posts) == 0 || n%4 == 0:
		return append(posts, s.Post(ch, "a post").ID)
	case n%4 == 1:
		s.Edit(ch, posts[at], func(p *motacilla.Post) {
			p.Content = []motacilla.Block{motacilla.PlainText("edited")}
		})
	case n%4 == 2:
		s.Edit(ch, posts[at], func(p *motacilla.Post) { p.Show = !p.Show })
	default:
		s.Remove(ch, posts[at])
		return slices.Delete(slices.Clone(posts), at, at+1)
	}
	return posts
}
