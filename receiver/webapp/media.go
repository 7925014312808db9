package webapp

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/postbody"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
)

// maxImage is the longest image in bytes, if the app's images have no limit of their own.
const maxImage = 20 << 20

// sized are images with a limit. *media.Library is one.
type sized interface {
	MaxBytes() int64 // the longest image, in bytes
}

// imagesOf returns the app's images and the longest image in bytes. It returns nil if the app keeps no images.
func imagesOf(o *Options) (receiver.Images, int64) {
	if o == nil || o.Images == nil || o.Images == (receiver.NoImages{}) {
		return nil, 0
	}
	if s, ok := o.Images.(sized); ok && s.MaxBytes() > 0 {
		return o.Images, s.MaxBytes()
	}
	return o.Images, maxImage
}

// imageJSON is an image that the server keeps.
type imageJSON struct {
	ID     string          `json:"id"`
	URL    string          `json:"url"`
	Srcset string          `json:"srcset"`
	Width  int             `json:"width"`
	Height int             `json:"height"`
	Color  string          `json:"color"`
	Alt    string          `json:"alt"`
	Hint   string          `json:"hint,omitempty"`
	Block  motacilla.Block `json:"block"` // for the content of a post
}

// altHint asks for an alternative text.
const altHint = "describe the image in alt, for readers who can't see it; leave alt empty only if the image says nothing"

func encodeImage(b motacilla.Block, id, alt string) imageJSON {
	b.Type, b.Media, b.Alt, b.Pending = motacilla.ImageBlock, id, alt, false
	out := imageJSON{
		ID: id, URL: b.URL, Srcset: b.Srcset, Width: b.Width, Height: b.Height, Color: b.Color, Alt: alt, Block: b,
	}
	if alt == "" {
		out.Hint = altHint
	}
	return out
}

// createImage keeps the image that a request brings. The image is not held in memory: it goes on to the app's images as it
// arrives.
func (a *Webapp) createImage(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	if a.images == nil {
		return &rest.Refusal{Problem: route.Problem{
			Status: http.StatusNotImplemented, Detail: "this server keeps no images: it has no media store",
		}}
	}
	id, err := imageID(r.Header)
	if err != nil {
		return err
	}
	form, err := mediaType(r.Header)
	if err != nil {
		return err
	}
	alt, err := altOf(r)
	if err != nil {
		return err
	}
	_, err = a.images.Image(r.Context(), id)
	known := err == nil
	if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
		return err
	}
	in, err := a.upload(w, r, form)
	if err != nil {
		return err
	}
	add := func(image io.Reader) (motacilla.Block, error) { return a.images.Add(r.Context(), id, image) }
	var b motacilla.Block
	if form {
		b, alt, err = in.form(r, alt, add)
	} else {
		b, err = in.add(in.body, add)
	}
	if long := (*rest.Refusal)(nil); !errors.As(err, &long) || long.Status != http.StatusRequestEntityTooLarge {
		in.drain(w, r)
	}
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if known {
		status = http.StatusOK
	}
	return rest.Write(w, status, encodeImage(b, id, alt))
}

// imageID returns the ID of an image. It follows from the Idempotency-Key. Without a key, each request makes a new image.
// Whoever knows the ID can see the image, so it must not be guessed from another.
func imageID(h http.Header) (string, error) {
	key, err := postbody.Key(h)
	if err != nil {
		return "", err
	}
	if key == "" {
		return strings.ToLower(rand.Text()), nil
	}
	if err := validText(postbody.IdempotencyKey, key, motacilla.MaxID); err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(Name + " image " + key))
	return hex.EncodeToString(sum[:16]), nil
}

// mediaType reports whether the body is a form. If it is neither a form nor an image, the error is a 415.
func mediaType(h http.Header) (form bool, err error) {
	media, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	form = media == "multipart/form-data" && params["boundary"] != ""
	if err != nil || len(h.Values("Content-Type")) != 1 || !form && !strings.HasPrefix(media, "image/") {
		return false, &rest.Refusal{Problem: route.Problem{Status: http.StatusUnsupportedMediaType, Field: "Content-Type",
			Detail: "Content-Type: must be an image's, such as image/jpeg, or multipart/form-data with a boundary"}}
	}
	return form, rest.Uncompressed(h)
}

// altOf returns the parameter alt of the query.
func altOf(r *http.Request) (string, error) {
	q, err := query(r, "alt")
	if err != nil {
		return "", err
	}
	return q.Get("alt"), validText("alt", q.Get("alt"), motacilla.MaxAlt)
}

// validText checks text that no type of the root package checks.
func validText(field, s string, most int) error {
	switch {
	case len(s) > most:
		return motacilla.Invalid(field, "must be at most %d bytes", most)
	case !utf8.ValidString(s):
		return motacilla.Invalid(field, "must be valid UTF-8")
	case strings.IndexByte(s, 0) >= 0:
		return motacilla.Invalid(field, "must not contain U+0000")
	}
	return nil
}

// tooLong is the answer to an image with more bytes than most.
func tooLong(most int64) error {
	return &rest.Refusal{Problem: route.Problem{Status: http.StatusRequestEntityTooLarge, Field: "image",
		Detail: fmt.Sprintf("image: must be at most %d bytes", most)}}
}

// refusedImage turns an error about the image, rather than about the request, into a 422.
func refusedImage(err error) error {
	if !errors.Is(err, motacilla.ErrInvalid) {
		return err
	}
	p := route.Problem{Status: http.StatusUnprocessableEntity, Field: "image", Detail: err.Error()}
	if field := (*motacilla.FieldError)(nil); errors.As(err, &field) {
		p.Field, p.Detail = field.Field, field.Error()
	}
	return &rest.Refusal{Problem: p}
}
