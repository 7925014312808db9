package slack_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/outbound/outboundtest"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/slack"
)

var picture = append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte("pixels"), 20_000)...)

// share is a message with files at these paths of the workspace.
func (r *rig) share(ts, text string, paths ...string) map[string]any {
	var files []any
	for _, p := range paths {
		files = append(files, r.slack.image(p))
	}
	return newMessage(ts, text, "subtype", "file_share", "files", files)
}

func (w *workspace) image(path string) map[string]any {
	return map[string]any{
		"id": "F" + strings.ToUpper(strings.TrimPrefix(path, "/files-pri/")), "name": "goal.png", "title": "The goal", "mimetype": "image/png",
		"filetype": "png", "mode": "hosted", "is_external": false, "size": len(picture), "alt_txt": "A player shoots",
		"original_w": 1920, "original_h": 1080, "url_private": w.URL + path, "url_private_download": w.URL + path, "created": 1700000000,
	}
}

func arrived(posts []motacilla.Post) bool {
	for _, p := range posts {
		for _, b := range p.Content {
			if b.Pending {
				return false
			}
		}
	}
	return len(posts) > 0
}

func TestImageArrivesLater(t *testing.T) {
	r := newRig(t, nil)
	slow := make(chan struct{})
	r.slack.files["/files-pri/slow"] = file{kind: "image/png", body: picture, slow: slow}
	r.start()
	r.deliver(callback(r.share("1700000001.000100", "Look", "/files-pri/slow")))
	for i := range 50 {
		r.deliver(callback(newMessage(fmt.Sprintf("1700000002.%06d", i+1), "on")))
	}
	posts := r.posts()
	if len(posts) != 51 || posts[50].MessageID != "C024BE91L-1700000001.000100" {
		t.Fatalf("there are %d posts; the oldest is %s", len(posts), posts[len(posts)-1].MessageID)
	}
	if b := posts[50].Content; len(b) != 2 || !b[1].Pending || b[1].Alt != "A player shoots" || b[1].Width != 1920 {
		t.Errorf("while the image is fetched, the post is %s", dump(posts[50:]))
	}
	close(slow)
	posts = r.until("the image is there", arrived)
	if b := posts[50].Content; len(b) != 2 || b[1].Media == "" || b[1].Alt != "A player shoots" {
		t.Errorf("then it is %s", dump(posts[50:]))
	}
	if n := len(r.images.added); n != 1 {
		t.Errorf("%d images were added", n)
	}
}

// The receiver stops while it fetches. Another node takes the image up, and it arrives once.
func TestImageArrivesOnAnotherNode(t *testing.T) {
	w, store, pictures := newWorkspace(t), newStore(t), &images{added: map[string]int{}}
	slow := make(chan struct{})
	w.files["/files-pri/slow"] = file{kind: "image/png", body: picture, slow: slow}
	first := newNode(t, w, store, pictures, log(t), nil)
	if err := first.receiver.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	e := callback(first.share("1700000001.000100", "Look", "/files-pri/slow"))
	first.deliver(e)
	first.stop()
	close(slow)
	second := newNode(t, w, store, pictures, log(t), nil)
	second.start()
	second.deliver(again(t, e))
	second.until("the image is there", arrived)
	if n := len(pictures.added); n != 1 {
		t.Errorf("%d images were added", n)
	}
}

// The token goes to Slack's hosts alone, whatever an event or a redirect says.
func TestTokenStaysWithSlack(t *testing.T) {
	r := newRig(t, nil)
	var got []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		r.slack.set(func() { got = append(got, q.URL.Path+q.Header.Get("Authorization")+q.Header.Get("Cookie")) })
		rw.Header().Set("Content-Type", "image/png")
		_, _ = rw.Write(picture)
	}))
	defer elsewhere.Close()
	r.slack.files["/files-pri/away"] = file{to: elsewhere.URL + "/away"}
	r.slack.files["/files-pri/loop"] = file{to: r.slack.URL + "/files-pri/loop"}
	r.slack.files["/files-pri/moved"] = file{to: "/files-pri/here"}
	r.slack.files["/files-pri/here"] = file{kind: "image/png", body: picture}
	r.slack.files["/files-pri/gone"] = file{status: http.StatusNotFound}
	r.start()
	foreign := r.slack.image("/files-pri/foreign")
	foreign["url_private"], foreign["url_private_download"] = elsewhere.URL+"/foreign", elsewhere.URL+"/foreign"
	near := r.slack.image("/files-pri/near")
	near["url_private_download"] = "http://files.slack.com/files-pri/near" // not https
	lie := r.slack.image("/files-pri/lie")
	lie["url_private_download"] = "https://files.slack.com.example.org/lie"
	user := r.slack.image("/files-pri/user")
	user["url_private_download"] = strings.Replace(r.slack.URL, "http://", "http://files.slack.com@", 1) + "/files-pri/here"
	for i, f := range []any{
		r.slack.image("/files-pri/away"), r.slack.image("/files-pri/loop"), r.slack.image("/files-pri/moved"), r.slack.image("/files-pri/gone"),
		foreign, near, lie, user,
	} {
		r.deliver(callback(newMessage(fmt.Sprintf("1700000001.%06d", i+1), fmt.Sprint("text ", i), "files", []any{f})))
	}
	posts := r.until("all images are settled", arrived)
	with := 0
	for _, p := range posts {
		with += len(p.Content) - 1
	}
	if with != 2 {
		t.Errorf("%d posts have an image, want 2: %s", with, dump(posts))
	}
	if len(got) != 1 || got[0] != "/away" {
		t.Errorf("the other host got %q", got)
	}
	for path, tokens := range r.slack.tokens {
		for _, token := range tokens {
			if token != "Bearer "+botToken {
				t.Errorf("Slack got %q for %s", token, path)
			}
		}
	}
}

// Without the scope files:read, Slack answers with a page that asks to sign in. That is no image, and not the end: somebody may
// give the scope.
func TestPageInsteadOfImage(t *testing.T) {
	r := newRig(t, nil)
	r.slack.files["/files-pri/page"] = file{kind: "text/html; charset=utf-8", body: []byte("<html>Sign in</html>")}
	r.start()
	r.deliver(callback(r.share("1700000001.000100", "Look", "/files-pri/page")))
	r.records.wait(t, "the queue says why", func() bool {
		list, err := r.records.List(context.Background(), "queue.files-slack", "", "", 10)
		return err == nil && len(list) == 1 && strings.Contains(string(list[0].Value), "files:read")
	})
	if p := r.one(); len(p.Content) != 2 || !p.Content[1].Pending {
		t.Errorf("the post is %s", dump([]motacilla.Post{p}))
	}
}

// What a message from another workspace has of its files is their ID.
func TestFileOfAnotherWorkspace(t *testing.T) {
	r := newRig(t, nil)
	r.slack.files["/files-pri/f1"] = file{kind: "image/png", body: picture, info: r.slack.image("/files-pri/f1")}
	r.start()
	r.deliver(callback(newMessage("1700000001.000100", "Look", "files", []any{
		map[string]any{"id": "FF1", "created": 0, "timestamp": 0, "file_access": "check_file_info"},
		map[string]any{"id": "FF2", "created": 0, "timestamp": 0, "file_access": "check_file_info"},
	})))
	if p := r.until("the image is there", arrived)[0]; len(p.Content) != 2 || p.Content[1].Media == "" {
		t.Errorf("the post is %s", dump([]motacilla.Post{p}))
	}
}

// Slack's own hosts may lead to another place, and never to a private one.
func TestPrivateAddressesAreRefused(t *testing.T) {
	inside := outboundtest.NewPrivate(t)
	w, store := newWorkspace(t), newStore(t)
	kit := &receiver.Kit{Sink: store, Records: store.Records(), Images: receiver.NoImages{}, Client: outboundtest.NewClient(t)}
	r, err := slack.New(kit, w.options(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, address := range inside.Addresses() {
		path := fmt.Sprint("/files-pri/", i)
		w.files[path] = file{to: address + "/x.png"}
		err := slack.Fetch(t.Context(), r, receiver.File{ID: "F1", Ref: w.URL + path})
		if err == nil || strings.Contains(err.Error(), "a-password") || strings.Contains(err.Error(), botToken) {
			t.Errorf("a redirect to %s: %v", address, err)
		}
		if err := slack.Fetch(t.Context(), r, receiver.File{ID: "F1", Ref: address}); err == nil {
			t.Errorf("%s: no error", address)
		}
	}
	inside.Untouched(t)
}
