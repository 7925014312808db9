package telegram

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

func photoMessage(update, message int, file, caption string) string {
	return fmt.Sprintf(`{"update_id":%d,"message":{"message_id":%d,"date":1760000000,"caption":%q,
		"chat":{"id":%d,"type":"supergroup","title":"Desk"},"from":{"id":7,"first_name":"Ann"},
		"photo":[{"file_id":%q,"file_unique_id":"u%[5]s","width":8,"height":6,"file_size":5}]}}`, update, message, caption, testChat, file)
}

// arrived waits until a post's images are there.
func (w *world) arrived() motacilla.Post {
	w.tb.Helper()
	var p motacilla.Post
	w.api.until(w.tb, "the image", func() bool {
		p = w.post()
		for _, b := range p.Content {
			if b.Pending {
				return false
			}
		}
		return true
	})
	return p
}

// An image is fetched after its post, once. An alternative text and an edited caption leave it where it is.
func TestImageArrives(t *testing.T) {
	w := newWorld(t)
	w.api.admins[testChat] = []int64{7}
	n := w.node(w.options())
	gate := make(chan struct{})
	w.api.files["f1"] = apiFile{size: 5, path: "photos/file 1?.jpg", body: func(rw http.ResponseWriter, r *http.Request) {
		select {
		case <-gate:
		case <-r.Context().Done():
		}
		_, _ = rw.Write([]byte("image"))
	}}
	n.deliver(photoMessage(1, 10, "f1", "The cup"), photoMessage(1, 10, "f1", "The cup"))
	if got := show(w.post()); got != "image pending 8x6\nThe cup" {
		t.Errorf("before the image came, the post is\n%s", got)
	}
	target := strings.TrimSuffix(strings.TrimPrefix(photoMessage(1, 10, "f1", "The cup"), `{"update_id":1,"message":`), "}")
	n.deliver(commanded(2, 11, "/alt The captain lifts the cup", target))
	close(gate)
	w.arrived()
	n.deliver(edited(photoMessage(3, 10, "f1", "The trophy"), 1760000100))
	p := w.post()
	if got := show(p); got != "image 8x6\nThe trophy" || p.Content[0].Alt != "The captain lifts the cup" {
		t.Errorf("the post is\n%s with %q", got, p.Content[0].Alt)
	}
	if data := w.images.kept[p.Content[0].Media]; string(data) != "image" {
		t.Errorf("kept %q", data)
	}
	if calls := w.api.of("file"); len(calls) != 1 {
		t.Errorf("fetched %d times", len(calls))
	}
}

// What can't be fetched is left out, and the log says why.
func TestImagesThatCantBeHad(t *testing.T) {
	for _, c := range []struct {
		name   string
		file   apiFile
		reason string
	}{
		{"too large", apiFile{size: MaxFile + 1}, "at most 20 MB"},
		{"says nothing of its size", apiFile{size: 5, path: "x", body: func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			_, _ = io.Copy(w, io.LimitReader(zeros{}, MaxFile+100))
		}}, "at most 20 MB"},
		{"declares too much", apiFile{size: 5, path: "x", body: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(MaxFile+1))
		}}, "at most 20 MB"},
		{"on the disk of a local server", apiFile{size: 5, path: "/var/lib/x"}, "without --local"},
		{"no image", apiFile{size: 5, path: "x", body: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("bad")) }}, "is not an image"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			n := w.node(w.options())
			w.api.files["f1"] = c.file
			n.deliver(photoMessage(1, 10, "f1", "The cup"))
			w.api.until(t, "the image to be left out", func() bool { return show(w.post()) == "The cup" })
			if !strings.Contains(w.logs.String(), c.reason) {
				t.Errorf("the log does not say %q: %s", c.reason, w.logs)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte{0}, len(p))), nil }

// fetchError returns the error of a fetch.
func (w *world) fetchError(n *node) error {
	w.tb.Helper()
	body, err := n.r.api.fetch(w.tb.Context(), receiver.File{ID: "u1", Ref: "f1"})
	if err == nil {
		_, err = io.ReadAll(body)
		body.Close()
	}
	if err == nil {
		w.tb.Fatal("no error")
	}
	if strings.Contains(err.Error(), testToken[10:]) {
		w.tb.Errorf("the error has the token: %v", err)
	}
	return err
}

// The token is a part of the addresses of files, and of no error.
func TestErrorsHaveNoToken(t *testing.T) {
	w := newWorld(t)
	n := w.node(w.options())
	elsewhere := "http://e.example/bot" + testToken
	for name, body := range map[string]func(rw http.ResponseWriter, r *http.Request){
		"missing":  func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNotFound) },
		"many":     func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusTooManyRequests) },
		"redirect": func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, elsewhere, http.StatusFound) },
		"broken":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"broken later": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", "9")
			_, _ = rw.Write([]byte("x"))
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w.api.mu.Lock()
			w.api.files["f1"] = apiFile{size: 5, path: "x", body: body}
			w.api.mu.Unlock()
			t.Log(w.fetchError(n))
		})
	}
	t.Run("echoed", func(t *testing.T) {
		w.api.failNext("getFile", apiError{code: 500, description: "no " + elsewhere})
		t.Log(w.fetchError(n))
	})
	t.Run("unreachable", func(t *testing.T) {
		n.r.api.base = "http://127.0.0.1:1"
		w.api.mu.Lock()
		w.api.files["f1"] = apiFile{size: 5, path: "x"}
		w.api.mu.Unlock()
		t.Log(w.fetchError(n))
	})
	t.Run("refused", func(t *testing.T) {
		n.r.api.base = "http://10.0.0.1"
		t.Log(w.fetchError(n))
	})
}

// A slow image delays no message: fifty come and are stored while it arrives.
func TestSlowImageDelaysNoMessage(t *testing.T) {
	w := newWorld(t)
	n := w.node(w.options())
	var stored atomic.Bool
	begun, gate := make(chan struct{}), make(chan struct{})
	w.api.files["f1"] = apiFile{size: 5, path: "x", body: func(rw http.ResponseWriter, r *http.Request) {
		close(begun)
		<-gate
		if !stored.Load() {
			t.Error("the messages were not stored before the image")
		}
		_, _ = rw.Write([]byte("image"))
	}}
	n.deliver(photoMessage(1, 1, "f1", ""))
	<-begun
	for i := range 50 {
		n.deliver(text(10+i, 10+i, fmt.Sprint("message ", i)))
	}
	posts := w.page(testChannel).Posts
	stored.Store(len(posts) == 51)
	close(gate)
	w.api.until(t, "the image", func() bool { return show(w.page(testChannel).Posts[0]) == "image 8x6" })
	for i, p := range posts[1:] {
		if show(p) != fmt.Sprint("message ", i) {
			t.Errorf("post %d is %q", i, show(p))
		}
	}
}

// What a node has not fetched when it stops, another node fetches.
func TestImageArrivesAfterARestart(t *testing.T) {
	w := newWorld(t)
	first := w.node(w.options())
	begun := make(chan struct{}, 1)
	w.api.files["f1"] = apiFile{size: 5, path: "x", body: func(_ http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-r.Context().Done()
	}}
	first.deliver(photoMessage(1, 1, "f1", ""))
	<-begun
	first.stop()
	w.api.keep("f1", []byte("image"))
	began := time.Now()
	w.node(w.options())
	w.arrived()
	t.Log("arrived after", time.Since(began))
}

// A redirect is not followed: the address of the request has the token.
func TestRedirectsAreNotFollowed(t *testing.T) {
	w := newWorld(t)
	n := w.node(w.options())
	var called atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called.Add(1) }))
	defer elsewhere.Close()
	w.api.files["f1"] = apiFile{size: 5, path: "x", body: func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}}
	if err := w.fetchError(n); !strings.Contains(err.Error(), "307") || called.Load() != 0 {
		t.Errorf("another server was called %d times; %v", called.Load(), err)
	}
}
