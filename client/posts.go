package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"net/http"
	"net/url"

	"github.com/motacilla-live/motacilla"
)

// CreatePost creates a post. If the channel has a post with this MessageID, CreatePost returns that one, unchanged. If it
// had one that was removed, the error is a [motacilla.ErrDeleted]. If there is no such channel, it is a
// [motacilla.ErrNotFound].
//
// If MessageID is empty, CreatePost makes one, which all attempts of this call have.
func (c *Client) CreatePost(ctx context.Context, channel motacilla.ChannelID, n NewPost) (Post, error) {
	r := &request{method: http.MethodPost, url: c.postsURL(channel), body: n.body()}
	if n.MessageID == "" {
		r.header = http.Header{"Idempotency-Key": {rand.Text()}}
	}
	made, err := c.callPost(ctx, channel, "", r)
	if err != nil {
		return Post{}, fmt.Errorf("create post on channel %q: %w", channel, err)
	}
	return made, nil
}

// Post returns a post. If there is none, the error is a [motacilla.ErrNotFound]. So it is for a hidden post if the client
// may not write.
func (c *Client) Post(ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID) (Post, error) {
	got, err := c.callPost(ctx, channel, id, &request{method: http.MethodGet, url: c.postURL(channel, id)})
	if err != nil {
		return Post{}, fmt.Errorf("get post %q of channel %q: %w", id, channel, err)
	}
	return got, nil
}

// EditPost changes a post and returns it. If there is none, the error is a [motacilla.ErrNotFound]. If it has not the
// revision change.IfRevision, it is a [motacilla.ErrConflict].
//
// A change without IfRevision may be carried out twice, if an answer was lost. The second time it overwrites what others
// have changed meanwhile.
func (c *Client) EditPost(
	ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID, change PostChange,
) (Post, error) {
	r := &request{
		method: http.MethodPatch, url: c.postURL(channel, id), header: ifMatch(change.IfRevision), body: change.body(),
	}
	changed, err := c.callPost(ctx, channel, id, r)
	if err != nil {
		return Post{}, fmt.Errorf("edit post %q of channel %q: %w", id, channel, err)
	}
	return changed, nil
}

// HidePost takes a post off the pages. It stays in the store.
func (c *Client) HidePost(ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID) (Post, error) {
	return c.EditPost(ctx, channel, id, PostChange{Show: new(false)})
}

// ShowPost shows a hidden post, in its old place.
func (c *Client) ShowPost(ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID) (Post, error) {
	return c.EditPost(ctx, channel, id, PostChange{Show: new(true)})
}

// PinPost keeps a post at the top of the page.
func (c *Client) PinPost(ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID) (Post, error) {
	return c.EditPost(ctx, channel, id, PostChange{Pinned: new(true)})
}

// UnpinPost moves a pinned post back to its place among the others.
func (c *Client) UnpinPost(ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID) (Post, error) {
	return c.EditPost(ctx, channel, id, PostChange{Pinned: new(false)})
}

// DeletePost removes a post that has the revision ifRevision, or any revision if ifRevision is 0. If there is none, the
// error is a [motacilla.ErrNotFound]. If it has another revision, it is a [motacilla.ErrConflict].
func (c *Client) DeletePost(
	ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID, ifRevision motacilla.Revision,
) error {
	err := validChannel(channel)
	if err == nil {
		err = validPost(id)
	}
	if err == nil {
		err = c.remove(ctx, &request{method: http.MethodDelete, url: c.postURL(channel, id), header: ifMatch(ifRevision)})
	}
	if err != nil {
		return fmt.Errorf("delete post %q of channel %q: %w", id, channel, err)
	}
	return nil
}

// PostPage is a page of the list of posts, newest first.
type PostPage struct {
	Posts []Post             `json:"posts"`
	Head  motacilla.Revision `json:"head"` // of the channel
	Next  string             `json:"next"` // where the next page begins; empty if this is the last one
}

// PostPage returns a page of at most limit posts, up to [MaxPage]. 0 means the server's default. before is the Next of the
// page before, or the ID of a post, or empty. A client that may not write gets no hidden posts.
func (c *Client) PostPage(ctx context.Context, channel motacilla.ChannelID, before string, limit int) (PostPage, error) {
	var page PostPage
	r := &request{method: http.MethodGet, url: c.postsURL(channel)}
	r.url.RawQuery = listing("before", before, limit)
	err := validChannel(channel)
	if err == nil {
		err = c.call(ctx, r, &page)
	}
	if err == nil && page.Posts == nil {
		err = r.foreign("posts is missing")
	}
	if err != nil {
		return PostPage{}, fmt.Errorf("list posts of channel %q: %w", channel, err)
	}
	return page, nil
}

// Posts yields all posts of a channel, newest first. It reads page by page. An error is the last pair.
func (c *Client) Posts(ctx context.Context, channel motacilla.ChannelID) iter.Seq2[Post, error] {
	return pages(func(before string) ([]Post, string, error) {
		page, err := c.PostPage(ctx, channel, before, MaxPage)
		return page.Posts, page.Next, err
	})
}

// callPost calls r, whose answer is the post id of the channel. An empty id means any post.
func (c *Client) callPost(
	ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID, r *request,
) (Post, error) {
	if err := validChannel(channel); err != nil {
		return Post{}, err
	}
	if id != "" || r.method != http.MethodPost {
		if err := validPost(id); err != nil {
			return Post{}, err
		}
	}
	var got Post
	if err := c.call(ctx, r, &got); err != nil {
		return Post{}, err
	}
	if got.Channel != channel || id != "" && got.ID != id {
		return Post{}, r.foreign(fmt.Sprintf("it is about post %q of channel %q", got.ID, got.Channel))
	}
	return got, nil
}

func (c *Client) postsURL(channel motacilla.ChannelID) *url.URL {
	return c.endpoint("api", "channels", string(channel), "posts")
}

func (c *Client) postURL(channel motacilla.ChannelID, id motacilla.PostID) *url.URL {
	return c.endpoint("api", "channels", string(channel), "posts", string(id))
}

// ifMatch returns the precondition that a post has the revision r, or nothing if r is 0.
func ifMatch(r motacilla.Revision) http.Header {
	if r == 0 {
		return nil
	}
	return http.Header{"If-Match": {`"` + r.String() + `"`}}
}

func validChannel(id motacilla.ChannelID) error {
	_, err := motacilla.ParseChannelID(string(id))
	return err
}

func validPost(id motacilla.PostID) error {
	_, err := motacilla.ParsePostID(string(id))
	return err
}
