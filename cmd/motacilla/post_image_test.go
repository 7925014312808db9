package main

import (
	"encoding/json"
	"image"
	"image/png"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/media"
	files "github.com/motacilla-live/motacilla/media/memory"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// album starts a server that keeps images, with the channel final, and returns the flags that lead to it.
func album(t *testing.T) (store *memory.Store, remote []string) {
	t.Helper()
	t.Chdir(t.TempDir())
	store = memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	library, err := media.NewLibrary(files.New(), store.Records(), nil)
	if err != nil {
		t.Fatal(err)
	}
	table := route.NewTable()
	api := webapp.New(store, route.NewToken("s3cret", store.Channel, nil).Authorize, &webapp.Options{Images: library})
	if err := table.Add("webapp", "", api.URLs()...); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(table)
	t.Cleanup(server.Close)
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "final"}, 0); err != nil {
		t.Fatal(err)
	}
	return store, []string{"--server", server.URL, "--token", "s3cret"}
}

// picture writes a PNG of noise, which needs four bytes a pixel.
func picture(t *testing.T, name string, width int) {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, width, width/2))
	random := rand.NewChaCha8([32]byte{byte(width)})
	_, _ = random.Read(m.Pix)
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, m); err != nil {
		t.Fatal(err)
	}
}

func posts(t *testing.T, store *memory.Store) []motacilla.Post {
	t.Helper()
	page, err := store.Posts(t.Context(), "final", motacilla.Query{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	return page.Posts
}

func TestPostImages(t *testing.T) {
	store, remote := album(t)
	picture(t, "home.png", 40)
	picture(t, "away.png", 60)
	add := func(args ...string) client.Post {
		t.Helper()
		code, out, errs := call(append(append([]string{"post", "add", "final"}, args...), append(remote, "-o", "json")...)...)
		var p client.Post
		if code != 0 || errs != "" || json.Unmarshal([]byte(out), &p) != nil {
			t.Fatalf("%q: %d, %s", args, code, errs)
		}
		return p
	}
	p := add("The <b>squads</b>\nhttps://www.youtube.com/watch?v=abc", "--image", "home.png", "--alt", "Eleven, in white", "--image=away.png", "--alt=",
		"--author", "Mara")
	if c := p.Content; len(c) != 4 || c[0].Text != "The <b>squads</b>" || c[1].Type != motacilla.EmbedBlock || c[2].Alt != "Eleven, in white" ||
		c[2].Media == "" || c[3].Media == "" || c[2].Media == c[3].Media || c[3].Alt != "" || p.Author != "Mara" {
		t.Errorf("content is %+v", p.Content)
	}
	if p := add("--image", "home.png", "--alt", "Home"); len(p.Content) != 1 || p.Content[0].Alt != "Home" {
		t.Errorf("without a text: %+v", p.Content)
	}
	first := add("--image", "home.png", "--alt", "Home", "--message-id", "wire-7")
	again := add("--image", "home.png", "--alt", "Home", "--message-id", "wire-7")
	other := add("--image", "home.png", "--alt", "Home", "--message-id", "wire-8")
	if first.ID != again.ID || first.Content[0].Media != again.Content[0].Media || first.Content[0].Media == other.Content[0].Media {
		t.Errorf("given twice: %+v, %+v, then %+v", first.Content, again.Content, other.Content)
	}
	if n := len(posts(t, store)); n != 4 {
		t.Errorf("%d posts", n)
	}
}

// What is wrong is said before anything is posted.
func TestPostImagesRefused(t *testing.T) {
	store, remote := album(t)
	picture(t, "home.png", 40)
	if err := os.WriteFile("notes.txt", []byte("no image"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--image", "home.png"}, exitUsage, "home.png has no alternative text: describe it with --alt"},
		{[]string{"text", "--image", "home.png", "--alt", "A", "--image", "away.png"}, exitUsage, "away.png has no alternative text"},
		{[]string{"text", "--alt", "A"}, exitUsage, "there are 1 --alt for 0 --image"},
		{[]string{"--image", "home.png", "--alt", "A", "--image", "away.png", "--alt", "B"}, exitFailure, "away.png: no such file"},
		{[]string{"--image", "folder", "--alt", "A"}, exitFailure, "folder is no file"},
		{[]string{"--image", "notes.txt", "--alt", "A"}, exitFailure, "add image notes.txt: image: must be "},
		{[]string{"--image", "home.png", "--alt", strings.Repeat("x", motacilla.MaxAlt+1)}, exitFailure, "add image home.png: alt: must be at most 2000 bytes"},
		{[]string{"--image", "home.png", "--alt", "A", "--token", "wrong"}, exitNotAllowed, "does not accept the token"},
		{[]string{"--image", "home.png", "--alt", "A", "--server", "http://" + nobody}, exitUnavailable, "nothing listens at"},
	} {
		code, out, errs := call(append(append([]string{"post", "add", "final"}, remote...), tt.args...)...)
		if code != tt.code || out != "" || !strings.Contains(errs, tt.want) {
			t.Errorf("%q: %d, %s%s; want %d, %s", tt.args, code, out, errs, tt.code, tt.want)
		}
	}
	if n := len(posts(t, store)); n != 0 {
		t.Errorf("%d posts", n)
	}
	// A server without a media store says so.
	plain := []string{"--server", serve(t), "--token", "s3cret"}
	if code, _, errs := call(append([]string{"post", "add", "final", "--image", "home.png", "--alt", "A"}, plain...)...); code != exitFailure ||
		!strings.Contains(errs, "this server keeps no images") {
		t.Errorf("without a media store: %d, %s", code, errs)
	}
}
