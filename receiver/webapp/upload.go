package webapp

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
)

const (
	// maxForm is what a form may have besides the image, in bytes.
	maxForm = 64 << 10

	// An image may take longer than another body, on a telephone's network. It must go on arriving.
	uploadStall = 30 * time.Second // for the next bytes
	uploadTime  = 15 * time.Minute // for all of them
)

// upload is the body of a request that brings an image.
type upload struct {
	body *arriving
	most int64 // bytes of the image
}

// upload returns the body of r, which may be a form. If Content-Length says that the image is too long, the error is a 413,
// and nothing is read.
func (a *Webapp) upload(w http.ResponseWriter, r *http.Request, form bool) (*upload, error) {
	most := a.maxImage
	if form {
		most += maxForm
	}
	if r.ContentLength > most {
		w.Header().Set("Connection", "close") // otherwise the answer waits for the rest of the body
		return nil, tooLong(a.maxImage)
	}
	control := http.NewResponseController(w)
	body := &arriving{r: http.MaxBytesReader(w, r.Body, most), until: time.Now().Add(uploadTime),
		extend: func(t time.Time) { _ = control.SetReadDeadline(t) }}
	r.Body = struct {
		io.Reader
		io.Closer
	}{body, r.Body}
	return &upload{body, a.maxImage}, nil
}

// add hands an image to add. An error of reading it is the client's, whatever add makes of it.
func (u *upload) add(r io.Reader, add func(io.Reader) (motacilla.Block, error)) (motacilla.Block, error) {
	image := &limited{r: r, left: u.most}
	b, err := add(image)
	switch {
	case err == nil:
		return b, nil
	case image.long:
		return b, tooLong(u.most)
	case image.err != nil:
		return b, u.unread(image.err)
	}
	return b, refusedImage(err)
}

// form hands the field file to add, and returns the field alt too. alt is that of the query.
func (u *upload) form(
	r *http.Request, alt string, add func(io.Reader) (motacilla.Block, error),
) (b motacilla.Block, text string, err error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return b, "", motacilla.Invalid(rest.Body, "must be a form")
	}
	seen := map[string]bool{"alt": alt != ""}
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return b, "", u.unread(err)
		}
		name := part.FormName()
		if seen[name] {
			return b, "", motacilla.Invalid(name, "must be given at most once")
		}
		seen[name] = true
		switch name {
		case "alt":
			alt, err = u.text(part, name, motacilla.MaxAlt)
		case "file":
			b, err = u.add(part, add)
		default:
			err = motacilla.Invalid(rest.Body, "must have the fields file and alt only, each with its name")
		}
		if err != nil {
			return b, "", err
		}
	}
	if !seen["file"] {
		return b, "", motacilla.Invalid("file", "is missing")
	}
	return b, alt, nil
}

// text reads a field of a form.
func (u *upload) text(part *multipart.Part, name string, most int) (string, error) {
	data, err := io.ReadAll(io.LimitReader(part, int64(most)+1))
	if err != nil {
		return "", u.unread(err)
	}
	return string(data), validText(name, string(data), most)
}

// drain reads the rest of the body: a client that is still sending may not look at an answer before it is done. If the
// client waits for "100 Continue", nothing is read, and the connection must be closed.
func (u *upload) drain(w http.ResponseWriter, r *http.Request) {
	if !u.body.began && r.Header.Get("Expect") != "" {
		w.Header().Set("Connection", "close")
		return
	}
	_, _ = io.Copy(io.Discard, u.body)
}

// unread is the error for a body that could not be read.
func (u *upload) unread(err error) error {
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return tooLong(u.most)
	}
	return motacilla.Invalid(rest.Body, "could not be read to its end")
}

// limited reads at most left bytes, and remembers why it ended before the end.
type limited struct {
	r    io.Reader
	left int64
	long bool  // there are more bytes
	err  error // another error
}

var errLong = errors.New("the image is too long")

func (l *limited) Read(p []byte) (int, error) {
	switch {
	case l.long:
		return 0, errLong
	case l.err != nil:
		return 0, l.err
	case int64(len(p)) > l.left+1: // the byte more tells a longer image from one that ends here
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if int64(n) > l.left {
		l.long = true
		return int(l.left), errLong
	}
	l.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		l.err = err
	}
	return n, err
}

// arriving gives each read of a body a deadline of its own, and all together one.
type arriving struct {
	r      io.Reader
	extend func(time.Time)
	until  time.Time
	began  bool
	ended  bool
}

func (a *arriving) Read(p []byte) (int, error) {
	if !a.ended {
		next := time.Now().Add(uploadStall)
		if a.until.Before(next) {
			next = a.until
		}
		a.extend(next)
	}
	a.began = true
	n, err := a.r.Read(p)
	a.ended = a.ended || err != nil
	return n, err
}
