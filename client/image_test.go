package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"pgregory.net/rapid"
)

// album keeps images as they come, up to 1 MiB. It refuses those that begin with "bad".
type album struct {
	mu    sync.Mutex
	kept  map[string]string
	takes time.Duration // to convert an image
}

func (a *album) MaxBytes() int64 { return 1 << 20 }

func (a *album) Image(_ context.Context, id string) (motacilla.Block, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, has := a.kept[id]; !has {
		return motacilla.Block{}, motacilla.ErrNotFound
	}
	return motacilla.Block{
		Type: motacilla.ImageBlock, Media: id, URL: "/media/" + id + "/640.jpg", Srcset: "/media/" + id + "/640.jpg 640w",
		Width: 640, Height: 480, Color: "#336699",
	}, nil
}

func (a *album) Add(ctx context.Context, id string, r io.Reader) (motacilla.Block, error) {
	if b, err := a.Image(ctx, id); err == nil {
		return b, nil
	}
	data, err := io.ReadAll(r)
	time.Sleep(a.takes)
	if err != nil {
		return motacilla.Block{}, err
	}
	if bytes.HasPrefix(data, []byte("bad")) {
		return motacilla.Block{}, motacilla.Invalid("image", "must have at most 50 megapixels; it has 2500")
	}
	a.mu.Lock()
	a.kept[id] = string(data)
	a.mu.Unlock()
	return a.Image(ctx, id)
}

// progress remembers what was told.
type progress struct{ sent, total []int64 }

func (p *progress) tell(sent, total int64) {
	p.sent, p.total = append(p.sent, sent), append(p.total, total)
}

// TestUploadImage uploads images, and posts one.
func TestUploadImage(t *testing.T) {
	a := newAPI(t)
	c := newClient(t, "http://example.org/news", through(t, http.StripPrefix("/news", a)))
	ctx := patient(t)
	if _, err := c.CreateChannel(ctx, client.NewChannel{ID: match}); err != nil {
		t.Fatal(err)
	}
	photo := strings.Repeat("jpeg", 100_000)
	r := strings.NewReader("head" + photo)
	if _, err := io.CopyN(io.Discard, r, 4); err != nil {
		t.Fatal(err)
	}
	var p progress
	o := &client.UploadOptions{Name: "squad.JPG", Alt: "Größe & <b>", Key: "k ü", Progress: p.tell}
	image, err := c.UploadImage(ctx, r, o)
	if err != nil || a.images.kept[image.ID] != photo || image.Alt != o.Alt || image.Width != 640 || image.Height != 480 ||
		image.URL != "/media/"+image.ID+"/640.jpg" || image.Color != "#336699" || image.Hint != "" || image.Srcset == "" {
		t.Fatalf("%+v, %v", image, err)
	}
	last := len(p.sent) - 1
	for i := range p.sent {
		if p.total[i] != int64(len(photo)) || i > 0 && p.sent[i] <= p.sent[i-1] {
			t.Fatalf("progress is %v of %v", p.sent, p.total)
		}
	}
	if last < 1 || p.sent[last] != int64(len(photo)) {
		t.Errorf("progress is %v", p.sent)
	}

	again, err := c.UploadImage(ctx, strings.NewReader("other"), &client.UploadOptions{Key: "k ü"})
	if err != nil || again.ID != image.ID || again.Alt != "" || again.Hint == "" {
		t.Errorf("the same key: %+v, %v", again, err)
	}
	for _, r := range []io.Reader{strings.NewReader(""), io.MultiReader(strings.NewReader("png"))} {
		if other, err := c.UploadImage(ctx, r, nil); err != nil || other.ID == image.ID {
			t.Errorf("another image: %+v, %v", other, err)
		}
	}
	if len(a.images.kept) != 3 {
		t.Errorf("%d images", len(a.images.kept))
	}

	made, err := c.CreatePost(ctx, match, client.NewPost{Content: []motacilla.RawBlock{image.Block, {Type: "image", Media: image.ID}}})
	if err != nil || len(made.Content) != 2 || made.Content[0].Media != image.ID || made.Content[0].Alt != o.Alt {
		t.Errorf("%+v, %v", made, err)
	}
	if same, err := c.EditPost(ctx, match, made.ID, client.PostChange{Content: made.Content}); err != nil || same.Revision != made.Revision {
		t.Errorf("what was read is written back: %+v, %v", same, err)
	}
}

// TestUploadRetries uploads through failures of every kind. The image is kept once, whole.
func TestUploadRetries(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		plan := failures.Draw(rt, "plan")
		var wrong error
		synctest.Test(t, func(t *testing.T) {
			a := newAPI(t)
			n := &network{server: a, plan: plan, keys: map[string]bool{}}
			c := newClient(t, "http://live.example", &client.Options{Token: secret, HTTP: &http.Client{Transport: n}})
			image, err := c.UploadImage(t.Context(), strings.NewReader("jpeg"), nil)
			switch done := err == nil; {
			case len(n.keys) != 1:
				wrong = fmt.Errorf("%d keys", len(n.keys))
			case done != (len(plan) < 6) || len(n.at) != min(len(plan)+1, 6):
				wrong = fmt.Errorf("%w after %d attempts", err, len(n.at))
			case done && (len(a.images.kept) != 1 || a.images.kept[image.ID] != "jpeg"):
				wrong = fmt.Errorf("kept are %q", a.images.kept)
			}
		})
		if wrong != nil {
			rt.Fatal(wrong)
		}
	})
}

// TestUploadOnce: an image that can't be read again is sent again only if nothing of it was read.
func TestUploadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		n := &network{server: a, plan: []turn{{fault: "dial"}, {status: 503}, {status: 503, carriedOut: true}}, keys: map[string]bool{}}
		c := newClient(t, "http://live.example", &client.Options{Token: secret, HTTP: &http.Client{Transport: n}})
		_, err := c.UploadImage(t.Context(), io.MultiReader(strings.NewReader("jpeg")), nil)
		if !errors.Is(err, motacilla.ErrUnavailable) || len(n.at) != 3 {
			t.Errorf("%v after %d attempts", err, len(n.at))
		}
	})
}

func TestUploadErrors(t *testing.T) {
	a := newAPI(t)
	o := through(t, a)
	c := newClient(t, "http://live.example", o)
	broken := errors.New("the disk is broken")
	for _, tt := range []struct {
		name   string
		r      io.Reader
		o      *client.UploadOptions
		want   error
		status int
		text   string
	}{
		{"too long", strings.NewReader(strings.Repeat("x", 1<<20+1)), nil, motacilla.ErrInvalid, 413, "1048576 bytes"},
		{"too long, of no known length", io.MultiReader(strings.NewReader(strings.Repeat("x", 8<<20))), nil, motacilla.ErrInvalid, 413, "1048576 bytes"},
		{"too many pixels", strings.NewReader("bad"), nil, motacilla.ErrInvalid, 422, "at most 50 megapixels; it has 2500"},
		{"alt", strings.NewReader("x"), &client.UploadOptions{Alt: strings.Repeat("x", 2001)}, motacilla.ErrInvalid, 400, "alt: "},
		{"key", strings.NewReader("x"), &client.UploadOptions{Key: "a\nb"}, motacilla.ErrInvalid, 0, "key: "},
		{"a reader that fails", iotest.ErrReader(broken), nil, broken, 0, "read the image: the disk is broken"},
		{"a reader that fails later", io.MultiReader(strings.NewReader("jpeg"), iotest.ErrReader(broken)), nil, broken, 0, "the disk is broken"},
	} {
		_, err := c.UploadImage(patient(t), tt.r, tt.o)
		var answer *client.Error
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) || tt.status != 0 && (!errors.As(err, &answer) || answer.Status != tt.status) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if len(a.images.kept) != 0 {
		t.Errorf("%d images", len(a.images.kept))
	}
	o.Token = ""
	if _, err := newClient(t, "http://live.example", o).UploadImage(patient(t), strings.NewReader("x"), nil); !errors.Is(err, motacilla.ErrUnauthorized) {
		t.Errorf("without the token: %v", err)
	}
	none := newClient(t, "http://live.example", through(t, problem(http.StatusNotImplemented)))
	var answer *client.Error
	if _, err := none.UploadImage(patient(t), strings.NewReader("x"), nil); !errors.As(err, &answer) || answer.Status != 501 {
		t.Errorf("a server without images: %v", err)
	}
}

// watched is a reader that must not be read after the call has returned.
type watched struct {
	io.Reader
	t    *testing.T
	over bool // not guarded: the race detector sees a read that comes too late
}

func (w *watched) Read(p []byte) (int, error) {
	if w.over {
		w.t.Error("the image is read after the call has returned")
	}
	return w.Reader.Read(p)
}

// TestAnswerBeforeTheEnd: the server answers while the image is being sent. After that nothing is read.
func TestAnswerBeforeTheEnd(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.CopyN(io.Discard, r.Body, 100_000)
		problem(http.StatusUnprocessableEntity)(w, r)
	})
	c := newClient(t, "http://live.example", through(t, h))
	for range 20 {
		r := &watched{Reader: io.LimitReader(zeros{}, 64<<20), t: t}
		if _, err := c.UploadImage(patient(t), r, nil); err == nil {
			t.Error("no error")
		}
		r.over = true
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// slowly is an image that gives a byte every while.
type slowly struct {
	n     int
	every time.Duration
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.n == 0 {
		return 0, io.EOF
	}
	s.n--
	time.Sleep(s.every)
	p[0] = 'x'
	return 1, nil
}

// TestSlowUpload: an upload may take longer than a call, as long as it goes on.
func TestSlowUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		c := newClient(t, "http://live.example", &client.Options{Token: secret, HTTP: &http.Client{Transport: &network{server: a, keys: map[string]bool{}}}})
		if image, err := c.UploadImage(t.Context(), &slowly{20, 29 * time.Second}, nil); err != nil || len(a.images.kept[image.ID]) != 20 {
			t.Errorf("%+v, %v", image, err)
		}
		a.images.takes = 110 * time.Second
		if image, err := c.UploadImage(t.Context(), strings.NewReader("large"), nil); err != nil || a.images.kept[image.ID] != "large" {
			t.Errorf("an image that takes long to convert: %+v, %v", image, err)
		}
		c = newClient(t, "http://live.example", &client.Options{HTTP: &http.Client{Transport: slow{}}})
		began := time.Now()
		_, err := c.UploadImage(t.Context(), io.MultiReader(strings.NewReader("x")), nil)
		if took := time.Since(began); !errors.Is(err, motacilla.ErrUnavailable) || took < 3*time.Minute || took > 4*time.Minute {
			t.Errorf("%v after %v, want six attempts of 30 s", err, took)
		}
	})
}
