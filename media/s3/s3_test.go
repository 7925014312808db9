package s3_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/internal/netfault"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/media"
	"github.com/motacilla-live/motacilla/media/mediatest"
	"github.com/motacilla-live/motacilla/media/s3"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// options are those of a new bucket on a server.
func options(addr string) *s3.Options {
	return &s3.Options{
		Endpoint: "http://" + addr, Bucket: fmt.Sprintf("bucket-%d", buckets.Add(1)), CreateBucket: true,
		AccessKey: realserver.S3AccessKey, SecretKey: realserver.S3SecretKey,
	}
}

var buckets atomic.Int64

func open(t *testing.T, o *s3.Options) *s3.Store {
	t.Helper()
	s, err := s3.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// ready returns a store whose bucket is there.
func ready(t *testing.T, o *s3.Options) *s3.Store {
	t.Helper()
	s := open(t, o)
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t *testing.T, s *s3.Store, name, text string) error {
	t.Helper()
	return s.Put(t.Context(), name, media.File{Type: media.TypeOf(name), Size: int64(len(text))}, strings.NewReader(text))
}

func TestStore(t *testing.T) {
	server := realserver.NewVersitygw(t)
	mediatest.Run(t, func(t *testing.T) media.Store { return ready(t, options(server.Addr)) })
	t.Run("WithPrefix", func(t *testing.T) {
		o := options(server.Addr)
		mediatest.Run(t, func(t *testing.T) media.Store {
			own := *o
			own.Prefix = fmt.Sprintf("/news/%d/", buckets.Add(1))
			return ready(t, &own)
		})
	})
}

func TestShared(t *testing.T) {
	server := realserver.NewVersitygw(t)
	mediatest.RunShared(t, func(t *testing.T) (a, b media.Store) {
		o := options(server.Addr)
		return ready(t, o), ready(t, o)
	})
}

// Two installations in one bucket do not see each other's files.
func TestPrefix(t *testing.T) {
	server := realserver.NewVersitygw(t)
	o := options(server.Addr)
	other := *o
	other.Prefix = "other"
	a, b := ready(t, o), ready(t, &other)
	if err := put(t, a, "a/1.jpg", "one"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Open(t.Context(), "a/1.jpg"); !errors.Is(err, motacilla.ErrNotFound) {
		t.Errorf("the other installation: %v", err)
	}
	if err := b.Delete(t.Context(), "a/1.jpg"); err != nil {
		t.Error(err)
	}
	if _, r, err := a.Open(t.Context(), "a/1.jpg"); err != nil {
		t.Error(err)
	} else {
		r.Close()
	}
}

// The error of wrong settings says which one is wrong, and has no secret.
func TestRefused(t *testing.T) {
	server := realserver.NewVersitygw(t)
	right := options(server.Addr)
	ready(t, right)
	for _, c := range []struct {
		name   string
		change func(*s3.Options)
		want   string
	}{
		{"access key", func(o *s3.Options) { o.AccessKey = "nobody" }, "check access_key"},
		{"secret key", func(o *s3.Options) { o.SecretKey = "wrong-s3cret" }, "check secret_key"},
		{"bucket", func(o *s3.Options) { o.Bucket, o.CreateBucket = "missing", false }, `there is no bucket "missing"; create it, or set create_bucket`},
		{"region", func(o *s3.Options) { o.Region = "mars-1" }, "check region and endpoint"},
	} {
		o := *right
		c.change(&o)
		s := open(t, &o)
		_, _, opening := s.Open(t.Context(), "a/1.jpg")
		for op, err := range map[string]error{
			"check": s.Check(t.Context()), "put": put(t, s, "a/1.jpg", "one"), "open": opening, "delete": s.Delete(t.Context(), "a/1.jpg"),
		} {
			if err == nil || !errors.Is(err, motacilla.ErrUnavailable) || !strings.Contains(err.Error(), c.want) ||
				!strings.Contains(err.Error(), server.Addr) {
				t.Errorf("wrong %s: %s: %v; want %s", c.name, op, err, c.want)
			}
			if strings.Contains(fmt.Sprintf("%+v", err), "s3cret") {
				t.Errorf("wrong %s: the error has the secret: %+v", c.name, err)
			}
		}
	}
}

func TestWrongOptions(t *testing.T) {
	right := s3.Options{Endpoint: "https://s3.example.org", Bucket: "images", AccessKey: "a", SecretKey: "top-secret"}
	if _, err := s3.New(&right); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		field  string
		change func(*s3.Options)
	}{
		{"endpoint", func(o *s3.Options) { o.Endpoint = "" }},
		{"endpoint", func(o *s3.Options) { o.Endpoint = "s3.example.org" }},
		{"endpoint", func(o *s3.Options) { o.Endpoint = "ftp://s3.example.org" }},
		{"endpoint", func(o *s3.Options) { o.Endpoint = "https://s3.example.org/bucket" }},
		{"endpoint", func(o *s3.Options) { o.Endpoint = "https://top-secret@s3.example.org" }},
		{"bucket", func(o *s3.Options) { o.Bucket = "" }},
		{"bucket", func(o *s3.Options) { o.Bucket = "ab" }},
		{"secret_key", func(o *s3.Options) { o.AccessKey = "" }},
		{"secret_key", func(o *s3.Options) { o.SecretKey = "" }},
		{"prefix", func(o *s3.Options) { o.Prefix = "a//b" }},
		{"prefix", func(o *s3.Options) { o.Prefix = "../b" }},
		{"prefix", func(o *s3.Options) { o.Prefix = strings.Repeat("x", 501) }},
	} {
		o := right
		c.change(&o)
		var wrong *motacilla.FieldError
		if _, err := s3.New(&o); !errors.As(err, &wrong) || wrong.Field != c.field || strings.Contains(err.Error(), "top-secret") {
			t.Errorf("%s: %v", c.field, err)
		}
	}
}

// While the network fails, calls end with ErrUnavailable. Afterwards they work, and no half file is there.
func TestFaults(t *testing.T) {
	server := realserver.NewVersitygw(t)
	between := netfault.Between(t, server.Addr)
	o := options(between.Addr())
	s := ready(t, o)
	if err := put(t, s, "a/1.jpg", "old"); err != nil {
		t.Fatal(err)
	}
	for _, fault := range []netfault.Fault{netfault.Cut(), netfault.Reset()} {
		between.Become(t, fault)
		_, _, opening := s.Open(t.Context(), "a/1.jpg")
		for op, err := range map[string]error{
			"put": put(t, s, "a/1.jpg", strings.Repeat("new", 100_000)), "open": opening, "delete": s.Delete(t.Context(), "a/1.jpg"),
			"check": s.Check(t.Context()),
		} {
			if !errors.Is(err, motacilla.ErrUnavailable) || strings.Contains(err.Error(), realserver.S3SecretKey) {
				t.Errorf("%s during %s: %v", op, fault, err)
			}
		}
		between.Become(t, netfault.Pass())
		mustRead(t, s, "a/1.jpg", "old")
	}
	// An upload that breaks off in the middle leaves nothing.
	between.Become(t, netfault.Bandwidth(500_000))
	var failing sync.WaitGroup
	failing.Go(func() {
		if err := put(t, s, "a/2.jpg", strings.Repeat("x", 10<<20)); !errors.Is(err, motacilla.ErrUnavailable) {
			t.Errorf("a put that broke off: %v", err)
		}
	})
	time.Sleep(200 * time.Millisecond)
	between.Become(t, netfault.Cut())
	failing.Wait()
	between.Become(t, netfault.Pass())
	if _, _, err := s.Open(t.Context(), "a/2.jpg"); !errors.Is(err, motacilla.ErrNotFound) {
		t.Errorf("after a put that broke off: %v", err)
	}
	// A server that is killed and started again has its files.
	server.Kill()
	if err := put(t, s, "a/3.jpg", "new"); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("while the server is down: %v", err)
	}
	server.Restart(t)
	mustRead(t, s, "a/1.jpg", "old")
}

func mustRead(t *testing.T, s *s3.Store, name, want string) {
	t.Helper()
	_, r, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != want {
		t.Errorf("%s has %d bytes (%v)", name, len(got), err)
	}
}

// A server that answers 503 for a moment is asked again, also for a file that it has been sent a part of. A reader that can't go
// back is not asked twice.
func TestAsksAgain(t *testing.T) {
	server := realserver.NewVersitygw(t)
	var fail atomic.Int64
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", server.Addr, r.In.Host // the host is signed
	}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fail.Add(-1) >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	o := options(strings.TrimPrefix(front.URL, "http://"))
	s := ready(t, o)
	fail.Store(2)
	if err := put(t, s, "a/1.jpg", strings.Repeat("x", 1<<20)); err != nil {
		t.Errorf("put: %v", err)
	}
	fail.Store(2)
	mustRead(t, s, "a/1.jpg", strings.Repeat("x", 1<<20))
	fail.Store(2)
	if err := s.Delete(t.Context(), "a/1.jpg"); err != nil {
		t.Errorf("delete: %v", err)
	}
	fail.Store(1)
	err := s.Put(t.Context(), "a/1.jpg", media.File{Type: "image/jpeg", Size: 3}, io.MultiReader(strings.NewReader("one")))
	if !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("put of a reader that can't go back: %v", err)
	}
}
