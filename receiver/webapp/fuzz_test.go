package webapp

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

var bodies = []string{
	`{}`, `{"text":"x"}`,
	`{"text":"<b>x\ny</b>","author":"A","message_id":"m","show":false,"pinned":true,"key_event":true}`,
	`{"content":[{"type":"text","value":{"text":"<p>x"}}]}`,
	`{"content":[{"type":"embed","value":{"url":"https://youtu.be/a"}}]}`,
	`{"content":[{"type":"score","value":{"home":"A","away":"B","home_score":"2","away_score":"1","note":"67'"}}]}`,
	`{"content":[{"type":"image","value":{"url":"/media/1","alt":"a","width":1,"height":2}}]}`,
	`{"content":[{"type":"image","value":{"media":"a-1","alt":"a","pending":true,"srcset":"/a 1w","color":"#123456","url":""}}]}`,
	`{"content":[{"type":"embed","value":{"url":"https://e.example/","card":{"title":"t","width":1}}}]}`,
	`{"text":"x","created":"2026-01-02T03:04:05.5Z"}`,
	`{"id":"c2","title":"T","access":"private"}`, `{"ended":null}`, `{"ended":"2026-01-02T03:04:05+01:00"}`,
	`{"ended":"nan"}`,
	`{"text":null}`, `{"text":"\ud800"}`, `{"text":"\u0000"}`,
	`{"a":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}`,
	`{"text":"a","text":"b"}`, `{"created":"0001-01-01T00:00:00Z"}`, `{"created":1e400}`,
	`null`, ``, "\xff", `{"text":"x"} `, `{}}`,
}

// fuzzBody sends each body by method to target. The store has a channel and a post. The answer must be a success, or a
// 4xx problem that names the field; then nothing must have changed.
func fuzzBody(f *testing.F, method, target string) {
	for _, b := range bodies {
		f.Add(b)
	}
	ctx := context.Background()
	f.Fuzz(func(t *testing.T, body string) {
		store := memory.New(nil)
		defer store.Close()
		if _, err := store.PutChannel(ctx, motacilla.Channel{ID: "c"}, 0); err != nil {
			t.Fatal(err)
		}
		p, err := store.PutPost(ctx, "c", motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText("x")}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		allow := func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) { return route.Grant{}, nil }
		table := route.NewTable()
		if err := table.Add("webapp", "", New(store, allow, nil).URLs()...); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(method, strings.ReplaceAll(target, "POST", string(p.ID)), strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		table.ServeHTTP(w, r)
		heads, err := store.Heads(ctx, []motacilla.ChannelID{"c"})
		if err != nil {
			t.Fatal(err)
		}
		channels, err := store.Channels(ctx, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case w.Code == http.StatusOK || w.Code == http.StatusCreated:
		case w.Code < 400 || w.Code >= 500:
			t.Fatalf("%q: %d %s", body, w.Code, w.Body)
		case heads["c"] != p.Revision || len(channels) != 1:
			t.Fatalf("%q: %d, and yet something changed", body, w.Code)
		case w.Code != http.StatusConflict && !strings.Contains(w.Body.String(), `"field":"`):
			t.Fatalf("%q: %s names no field", body, w.Body)
		}
	})
}

func FuzzPostBody(f *testing.F) { fuzzBody(f, http.MethodPost, "/api/channels/c/posts") }

func FuzzPatchBody(f *testing.F) { fuzzBody(f, http.MethodPatch, "/api/channels/c/posts/POST") }

func FuzzChannelBody(f *testing.F) { fuzzBody(f, http.MethodPost, "/api/channels") }

func FuzzChannelPatchBody(f *testing.F) { fuzzBody(f, http.MethodPatch, "/api/channels/c") }

func FuzzBefore(f *testing.F) {
	for _, s := range []string{"", "_", "1_",
		"-62135596800000000_01890a5d-ac96-774b-bcce-b302099a8057",
		"01890a5d-ac96-774b-bcce-b302099a8057",
		"9223372036854775807_01890a5d-ac96-774b-bcce-b302099a8057",
		"+1_01890a5d-ac96-774b-bcce-b302099a8057", "nan_x", "1e400_x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, ok := parseCursor(s)
		if !ok {
			return
		}
		if cursor(k) != s {
			t.Fatalf("%q is read as %q", s, cursor(k))
		}
		if y := k.Created.Year(); y < 1 || y > 9999 {
			t.Fatalf("%q is in year %d", s, y)
		}
	})
}

// What FuzzUpload sends to /api/media is kept, or refused with a 4xx. What is kept is as it was sent.
func FuzzUpload(f *testing.F) {
	const form = "multipart/form-data; boundary=b"
	for _, c := range [][2]string{
		{"image/png", "png"}, {"image/", ""}, {"text/plain", "x"}, {form, "--b--"}, {form, ""},
		{form, "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--b--\r\n"},
		{form, "--b\r\nContent-Disposition: form-data; name=\"alt\"\r\n\r\na\x00\r\n--b\r\nContent-Disposition: form-data; name=file\r\n\r\n--b--"},
		{form, "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n"}, {"multipart/form-data", "--"},
	} {
		f.Add(c[0], c[1], "key")
	}
	f.Fuzz(func(t *testing.T, media, body, key string) {
		images := &kept{}
		allow := func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) { return route.Grant{}, nil }
		table := route.NewTable()
		if err := table.Add("webapp", "", New(nil, allow, &Options{Images: images}).URLs()...); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/api/media", strings.NewReader(body))
		r.Header.Set("Content-Type", media)
		r.Header.Set("Idempotency-Key", key)
		w := httptest.NewRecorder()
		table.ServeHTTP(w, r)
		switch {
		case w.Code == http.StatusCreated && !strings.Contains(body, images.image):
			t.Fatalf("%q as %q is kept as %q", body, media, images.image)
		case w.Code != http.StatusCreated && (w.Code < 400 || w.Code >= 500 || !strings.Contains(w.Body.String(), `"field":"`)):
			t.Fatalf("%q as %q: %d %s", body, media, w.Code, w.Body)
		}
	})
}

// kept has the last image.
type kept struct{ image string }

func (k *kept) Add(_ context.Context, id string, r io.Reader) (motacilla.Block, error) {
	data, err := io.ReadAll(r)
	k.image = string(data)
	return motacilla.Block{Type: motacilla.ImageBlock, Media: id, URL: "/media/" + id}, err
}

func (*kept) Image(context.Context, string) (motacilla.Block, error) {
	return motacilla.Block{}, motacilla.ErrNotFound
}
