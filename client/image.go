package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// Image is an image that the server keeps.
type Image struct {
	ID     string             `json:"id"`
	URL    string             `json:"url"`    // of the largest size: a path on the server
	Srcset string             `json:"srcset"` // all sizes, as in the attribute of HTML
	Width  int                `json:"width"`  // pixels
	Height int                `json:"height"` // pixels
	Color  string             `json:"color"`  // what readers see until the image is loaded, such as #336699
	Alt    string             `json:"alt"`
	Hint   string             `json:"hint,omitempty"` // what to do if there is no alternative text
	Block  motacilla.RawBlock `json:"block"`          // for NewPost.Content
}

// UploadOptions say more about an image. nil and zero fields mean the defaults.
type UploadOptions struct {
	// Name is the file's name. The server looks at the image itself, and not at its name.
	Name string
	// Alt is the alternative text, for readers who can't see the image: up to motacilla.MaxAlt bytes.
	Alt string
	// Key is an ID of your own, up to motacilla.MaxID bytes. If the server has an image of this key, it keeps no other one. The
	// image's URL follows from the key, so it should be hard to guess. Empty means a key that UploadImage makes.
	Key string
	// Progress is called with the bytes that were sent and the bytes of the image, which are -1 if they are not known. It begins
	// at 0 again when the image is sent again. It is called by one goroutine at a time, and not after UploadImage has returned.
	// Progress may be nil.
	Progress func(sent, total int64)
}

// UploadImage keeps an image on the server. Post it by its Block:
//
//	image, err := c.UploadImage(ctx, file, &client.UploadOptions{Alt: "The squad on the pitch"})
//	...
//	post, err := c.CreatePost(ctx, "match-42", client.NewPost{Content: []motacilla.RawBlock{image.Block}})
//
// The image is read from where r is, and is not held in memory. If r is an io.Seeker, such as a file, the image is sent again
// after a failure. Otherwise it is sent again only if nothing of it was read. UploadImage does not return while a Read of r goes
// on.
//
// Options.Timeout is the time in which the server must take more of the image. If the server has all of it, it may take two minutes
// to answer, or Options.Timeout if that is longer. If the server does not take the image,
// the error is a [motacilla.ErrInvalid] that names the limit. An [*Error] with the status 501 says that the server keeps no
// images.
func (c *Client) UploadImage(ctx context.Context, r io.Reader, o *UploadOptions) (Image, error) {
	if o == nil {
		o = &UploadOptions{}
	}
	key := o.Key
	if key == "" {
		key = rand.Text()
	}
	if strings.ContainsFunc(key, isControl) {
		return Image{}, fmt.Errorf("upload image: %w", motacilla.Invalid("key", "must not contain control characters, such as a line break"))
	}
	var got Image
	q := &request{
		method: http.MethodPost, url: c.endpoint("api", "media"),
		header: http.Header{"Idempotency-Key": {key}, "Content-Type": {imageType(o.Name)}},
		upload: newUpload(r, o.Progress),
	}
	if o.Alt != "" {
		q.url.RawQuery = url.Values{"alt": {o.Alt}}.Encode()
	}
	err := c.call(ctx, q, &got)
	if err == nil && (got.ID == "" || got.Block.Media != got.ID) {
		err = q.foreign("it is about no image")
	}
	if err != nil {
		return Image{}, fmt.Errorf("upload image: %w", err)
	}
	return got, nil
}

// imageType returns a media type for the header. The server does not believe it.
func imageType(name string) string {
	kind, _, _ := mime.ParseMediaType(mime.TypeByExtension(strings.ToLower(filepath.Ext(name))))
	if strings.HasPrefix(kind, "image/") {
		return kind
	}
	return "image/x-unknown"
}
