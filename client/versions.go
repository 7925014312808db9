package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Version is a version of a post in a list.
type Version struct {
	Revision motacilla.Revision `json:"revision"`
	At       time.Time          `json:"-"`       // when it was made
	Who      string             `json:"who"`     // the account that made it; empty if it is not known
	Name     string             `json:"name"`    // what people call the account
	Approved Author             `json:"-"`       // who published or scheduled it, if it was a draft
	Current  bool               `json:"current"` // the post is in this version now
	Removed  bool               `json:"removed"` // the post was removed: there is nothing to restore
	Changes  []string           `json:"changes"` // the fields that differ from the version before, such as "content"
	Diff     string             `json:"diff"`    // the text as HTML, with <ins> and <del> around what has changed
}

type versionJSON struct {
	At       *stamp  `json:"at"`
	Approved *Author `json:"approved_by"`
	*bareVersion
}

type bareVersion Version

// MarshalJSON encodes v in the form of the wire.
func (v Version) MarshalJSON() ([]byte, error) {
	return plainJSON(versionJSON{stampOf(v.At), some(v.Approved), (*bareVersion)(&v)})
}

// UnmarshalJSON decodes the form of the wire.
func (v *Version) UnmarshalJSON(data []byte) error {
	w := versionJSON{bareVersion: &bareVersion{}}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*v = Version(*w.bareVersion)
	v.At, v.Approved = w.At.time(), or(w.Approved)
	return nil
}

// VersionPage is a page of the versions of a post, the newest first.
type VersionPage struct {
	Versions []Version `json:"versions"`
	Next     string    `json:"next"` // where the next page begins; empty if this is the last one
}

// VersionPage returns a page of about limit versions of a post, up to [MaxPage]. 0 means the server's default. before is the Next of the
// page before, or empty. If there is no such post, and none of its versions is kept, the error is a [motacilla.ErrNotFound].
func (c *Client) VersionPage(
	ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID, before string, limit int,
) (VersionPage, error) {
	var page VersionPage
	r := &request{method: http.MethodGet, url: c.versionsURL(channel, id)}
	r.url.RawQuery = listing("before", before, limit)
	err := c.callVersions(ctx, channel, id, r, &page)
	if err == nil && page.Versions == nil {
		err = r.foreign("versions is missing")
	}
	if err != nil {
		return VersionPage{}, fmt.Errorf("list versions of post %q of channel %q: %w", id, channel, err)
	}
	return page, nil
}

// Versions yields all versions of a post, the newest first. It reads page by page. An error is the last pair.
func (c *Client) Versions(ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID) iter.Seq2[Version, error] {
	return pages(func(before string) ([]Version, string, error) {
		page, err := c.VersionPage(ctx, channel, id, before, MaxPage)
		return page.Versions, page.Next, err
	})
}

// PostAt returns a post as it was at the revision of one of its versions. If that is not kept, or is the removal of the post, the error is
// a [motacilla.ErrNotFound].
func (c *Client) PostAt(
	ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID, revision motacilla.Revision,
) (Post, error) {
	var got struct{ Post *Post }
	r := &request{method: http.MethodGet, url: c.versionsURL(channel, id).JoinPath(revision.String())}
	err := c.callVersions(ctx, channel, id, r, &got)
	switch {
	case err == nil && got.Post == nil:
		err = motacilla.ErrNotFound
	case err == nil && got.Post.ID != id:
		err = r.foreign(fmt.Sprintf("it is about post %q", got.Post.ID))
	}
	if err != nil {
		return Post{}, fmt.Errorf("get post %q of channel %q at revision %d: %w", id, channel, revision, err)
	}
	return *got.Post, nil
}

// RestorePost gives a post the author and the content that it had at the revision of one of its versions, and returns it. If the post was
// removed, it is another post. If ifRevision is not 0 and the post has another revision, the error is a [motacilla.ErrConflict].
func (c *Client) RestorePost(
	ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID, revision, ifRevision motacilla.Revision,
) (Post, error) {
	err := validPost(id)
	var restored Post
	if err == nil {
		restored, err = c.callPost(ctx, channel, "", &request{
			method: http.MethodPost, url: c.versionsURL(channel, id).JoinPath(revision.String(), "restore"), header: ifMatch(ifRevision),
		})
	}
	if err != nil {
		return Post{}, fmt.Errorf("restore post %q of channel %q: %w", id, channel, err)
	}
	return restored, nil
}

// Erased is what was removed for good.
type Erased struct {
	Post     motacilla.PostID `json:"post"`
	Versions int              `json:"versions"` // that were kept, beside the post itself
	Drafts   int              `json:"drafts"`   // that the post was made from, or that edited it
	Images   []string         `json:"images"`   // IDs of images that no other post had
}

// ErasePost removes a post for good: with its versions and drafts, and with its images that no other post has. The post may be removed
// already. It needs the role admin. ifRevision is that of [Client.DeletePost]. If there is nothing of the post, the error is a
// [motacilla.ErrNotFound].
func (c *Client) ErasePost(
	ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID, ifRevision motacilla.Revision,
) (Erased, error) {
	var gone Erased
	r := &request{method: http.MethodDelete, url: c.postURL(channel, id), header: ifMatch(ifRevision)}
	r.url.RawQuery = url.Values{"for_good": {strconv.FormatBool(true)}}.Encode()
	if err := c.callVersions(ctx, channel, id, r, &gone); err != nil {
		return Erased{}, fmt.Errorf("delete post %q of channel %q for good: %w", id, channel, err)
	}
	return gone, nil
}

// callVersions calls r, which is about a post of a channel.
func (c *Client) callVersions(ctx context.Context, channel motacilla.ChannelID, id motacilla.PostID, r *request, out any) error {
	if err := validChannel(channel); err != nil {
		return err
	}
	if err := validPost(id); err != nil {
		return err
	}
	return c.call(ctx, r, out)
}

func (c *Client) versionsURL(channel motacilla.ChannelID, id motacilla.PostID) *url.URL {
	return c.postURL(channel, id).JoinPath("versions")
}
