package webapp_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// maxBytes is the longest image of an album.
const maxBytes = 1 << 20

// album keeps images as they come. It refuses those that begin with "bad".
type album struct {
	mu     sync.Mutex
	images map[string][]byte
	fault  error // of each call
}

func newAlbum() *album { return &album{images: map[string][]byte{}} }

func (a *album) MaxBytes() int64 { return maxBytes }

func (a *album) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.images)
}

func (a *album) Image(_ context.Context, id string) (motacilla.Block, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fault != nil {
		return motacilla.Block{}, a.fault
	}
	if a.images[id] == nil {
		return motacilla.Block{}, motacilla.ErrNotFound
	}
	return motacilla.Block{
		Type: motacilla.ImageBlock, Media: id, URL: "/media/" + id + "/640.jpg", Srcset: "/media/" + id + "/640.jpg 640w",
		Width: 640, Height: 480, Color: "#336699",
	}, nil
}

func (a *album) Add(ctx context.Context, id string, r io.Reader) (motacilla.Block, error) {
	if b, err := a.Image(ctx, id); !errors.Is(err, motacilla.ErrNotFound) {
		return b, err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return motacilla.Block{}, errors.New("keep image: " + err.Error())
	}
	if bytes.HasPrefix(data, []byte("bad")) {
		return motacilla.Block{}, fmt.Errorf("keep image %q: %w", id, motacilla.Invalid("image", "must have at most 50 megapixels; it has 2500"))
	}
	a.mu.Lock()
	a.images[id] = append([]byte{}, data...)
	a.mu.Unlock()
	return a.Image(ctx, id)
}

// form returns a form of fields, which are names and values in turn, and its media type.
func form(tb testing.TB, fields ...string) (body, media string) {
	tb.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		var part io.Writer
		var err error
		if fields[i] == "file" {
			part, err = w.CreateFormFile("file", "squad.jpg")
		} else {
			part, err = w.CreateFormField(fields[i])
		}
		if err != nil {
			tb.Fatal(err)
		}
		_, _ = io.WriteString(part, fields[i+1])
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

// An image comes as it is. The same key is the same image, whatever comes with it.
func TestImages(t *testing.T) {
	s := serve(t, nil)
	first := s.want(t, 201, "POST", "/api/media?alt=The%20squad", "jpeg", "Content-Type", "image/jpeg", "Idempotency-Key", "k")
	id, _ := first["id"].(string)
	value := map[string]any{"media": id, "url": "/media/" + id + "/640.jpg", "srcset": "/media/" + id + "/640.jpg 640w", "alt": "The squad",
		"width": 640.0, "height": 480.0, "color": "#336699"}
	if id == "" || !reflect.DeepEqual(first["block"], map[string]any{"type": "image", "value": value}) || first["hint"] != nil {
		t.Errorf("the answer is %v", first)
	}
	for _, name := range []string{"url", "srcset", "alt", "width", "height", "color"} {
		if first[name] != value[name] {
			t.Errorf("%s is %v, want %v", name, first[name], value[name])
		}
	}
	again := s.want(t, 200, "POST", "/api/media", "other", "Content-Type", "image/png", "Idempotency-Key", "k")
	if again["id"] != id || string(s.images.images[id]) != "jpeg" || again["alt"] != "" || !strings.Contains(again["hint"].(string), "alt") {
		t.Errorf("sent again: %v, kept is %q", again, s.images.images[id])
	}
	body, media := form(t, "file", "other", "alt", "later")
	if again = s.want(t, 200, "POST", "/api/media", body, "Content-Type", media, "Idempotency-Key", "k"); again["id"] != id || again["alt"] != "later" {
		t.Errorf("sent again as a form: %v", again)
	}
	other := s.want(t, 201, "POST", "/api/media", "jpeg", "Content-Type", "image/jpeg", "Idempotency-Key", "K")
	keyless := s.want(t, 201, "POST", "/api/media", "jpeg", "Content-Type", "image/jpeg")
	keyless2 := s.want(t, 201, "POST", "/api/media", "jpeg", "Content-Type", "image/jpeg")
	seen := map[any]bool{id: true, other["id"]: true, keyless["id"]: true, keyless2["id"]: true}
	if len(seen) != 4 || s.images.count() != 4 {
		t.Errorf("the IDs are %v", seen)
	}
	s.want(t, 405, "GET", "/api/media", "")
}

func TestForms(t *testing.T) {
	s := serve(t, nil)
	for _, fields := range [][]string{{"file", "jpeg", "alt", "Größe"}, {"alt", "Größe", "file", "jpeg"}} {
		body, media := form(t, fields...)
		got := s.want(t, 201, "POST", "/api/media", body, "Content-Type", media)
		if got["alt"] != "Größe" || string(s.images.images[got["id"].(string)]) != "jpeg" {
			t.Errorf("%q: %v", fields, got)
		}
	}
	body, media := form(t, "file", strings.Repeat("x", maxBytes), "alt", "")
	if got := s.want(t, 201, "POST", "/api/media", body, "Content-Type", media); got["hint"] == nil {
		t.Errorf("as long as it may be: %v", got)
	}
	for field, c := range map[string]struct {
		status int
		query  string
		fields []string
	}{
		"file":  {400, "", []string{"alt", "x"}},
		"alt":   {400, "?alt=x", []string{"alt", "y", "file", "jpeg"}},
		"body":  {400, "", []string{"picture", "jpeg"}},
		"image": {413, "", []string{"file", strings.Repeat("x", maxBytes+1)}},
	} {
		body, media := form(t, c.fields...)
		if got := s.want(t, c.status, "POST", "/api/media"+c.query, body, "Content-Type", media); got["field"] != field {
			t.Errorf("%s: %v", field, got)
		}
	}
	body, media = form(t, "file", "a", "file", "b")
	if got := s.want(t, 400, "POST", "/api/media", body, "Content-Type", media); got["field"] != "file" {
		t.Errorf("two files: %v", got)
	}
	body, media = form(t, "file", "jpeg", "alt", strings.Repeat("x", motacilla.MaxAlt+1))
	if got := s.want(t, 400, "POST", "/api/media", body, "Content-Type", media); got["field"] != "alt" {
		t.Errorf("a long text: %v", got)
	}
	body, media = form(t, "file", "jpeg")
	for cut, field := range map[int]string{0: "file", 10: "file", strings.Index(body, "jpeg") + 2: "body", len(body) - 6: "body"} {
		if got := s.want(t, 400, "POST", "/api/media", body[:cut]+" ", "Content-Type", media); got["field"] != field {
			t.Errorf("the first %d bytes: %v", cut, got)
		}
	}
}

func TestRefusedImages(t *testing.T) {
	s := serve(t, nil)
	long := strings.Repeat("x", maxBytes+1)
	for _, c := range []struct {
		status             int
		field, query, body string
		header             []string
	}{
		{413, "image", "", long, nil},
		{415, "Content-Type", "", "x", []string{"Content-Type", "text/plain"}},
		{415, "Content-Type", "", "x", []string{"Content-Type", "multipart/form-data"}},
		{415, "Content-Type", "", "x", []string{"Content-Type", "application/json"}},
		{415, "Content-Encoding", "", "x", []string{"Content-Encoding", "gzip"}},
		{422, "image", "", "bad", nil},
		{400, "alt", "?alt=%FF", "x", nil},
		{400, "alt", "?alt=%00", "x", nil},
		{400, "alt", "?alt=a&alt=b", "x", nil},
		{400, "alt", "?alt=" + strings.Repeat("x", motacilla.MaxAlt+1), "x", nil},
		{400, "query", "?alt=%", "x", nil},
		{400, "Idempotency-Key", "", "x", []string{"Idempotency-Key", ""}},
		{400, "Idempotency-Key", "", "x", []string{"Idempotency-Key", "a", "Idempotency-Key", "b"}},
		{400, "Idempotency-Key", "", "x", []string{"Idempotency-Key", strings.Repeat("x", 256)}},
	} {
		header := append([]string{"Content-Type", "image/jpeg"}, c.header...)
		if got := s.want(t, c.status, "POST", "/api/media"+c.query, c.body, header...); got["field"] != c.field || got["detail"] == nil {
			t.Errorf("%.40q %q: %v", c.query+c.body, c.header, got)
		}
	}
	if got := s.want(t, 413, "POST", "/api/media", long, "Content-Type", "image/png"); !strings.Contains(got["detail"].(string), "1048576 bytes") {
		t.Errorf("the limit is not in %v", got)
	}
	if got := s.want(t, 422, "POST", "/api/media", "bad", "Content-Type", "image/png"); got["detail"] != "image: must have at most 50 megapixels; it has 2500" {
		t.Errorf("the limit is not in %v", got)
	}
	if s.images.count() != 0 {
		t.Errorf("%d images are kept", s.images.count())
	}
	// The limit is in force without Content-Length too.
	r := httptest.NewRequest("POST", "/api/media", io.MultiReader(strings.NewReader(long)))
	r.Header.Set("Authorization", "Bearer "+secret)
	r.Header.Set("Content-Type", "image/png")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if r.ContentLength >= 0 || w.Code != 413 {
		t.Errorf("without a length: %d %s", w.Code, w.Body)
	}

	for name, none := range map[string]receiver.Images{"nil": nil, "NoImages": receiver.NoImages{}} {
		store := memory.New(nil)
		defer store.Close()
		table := route.NewTable()
		app := webapp.New(store, route.NewToken(secret, store.Channel, nil).Authorize, &webapp.Options{Images: none})
		if err := table.Add("webapp", "", app.URLs()...); err != nil {
			t.Fatal(err)
		}
		s := &server{Handler: held(t, table)}
		if got := s.want(t, 501, "POST", "/api/media", "x", "Content-Type", "image/png"); !strings.Contains(got["detail"].(string), "keeps no images") {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// An image that is too long by its Content-Length, and one that is kept already, are answered before a client that waits for
// "100 Continue" sends them.
func TestAnsweredBeforeTheBody(t *testing.T) {
	s := serve(t, nil)
	server := httptest.NewServer(s)
	defer server.Close()
	s.want(t, 201, "POST", "/api/media", "jpeg", "Content-Type", "image/jpeg", "Idempotency-Key", "k")
	for status, head := range map[int]string{
		413: fmt.Sprintf("Content-Length: %d\r\n", maxBytes+1),
		200: "Content-Length: 1000\r\nIdempotency-Key: k\r\n",
		415: "Content-Length: 1000\r\nContent-Encoding: gzip\r\n",
	} {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "POST /api/media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: image/png\r\nExpect: 100-continue\r\n%s\r\n", secret, head)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != status {
			t.Errorf("%+v, %v; want %d", resp, err, status)
		}
		c.Close()
	}
}

// A client that sends everything before it reads gets the answer too.
func TestAnsweredAfterTheBody(t *testing.T) {
	s := serve(t, nil)
	server := httptest.NewServer(s)
	defer server.Close()
	s.want(t, 201, "POST", "/api/media", "jpeg", "Content-Type", "image/jpeg", "Idempotency-Key", "k")
	for status, begin := range map[int]string{200: "jpeg", 422: "bad"} {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		key := map[int]string{200: "k", 422: "new"}[status]
		fmt.Fprintf(c, "POST /api/media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: image/png\r\n"+
			"Idempotency-Key: %s\r\nContent-Length: %d\r\n\r\n", secret, key, maxBytes)
		if _, err := io.WriteString(c, begin+strings.Repeat("x", maxBytes-len(begin))); err != nil {
			t.Errorf("the server does not take the body: %v", err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != status || resp.Close {
			t.Errorf("%+v, %v; want %d on a connection that goes on", resp, err, status)
		}
		c.Close()
	}
}

// trickle is a body that gives a byte every while.
type trickle struct {
	n     int
	every time.Duration
}

func (r *trickle) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	r.n--
	time.Sleep(r.every)
	p[0] = 'x'
	return 1, nil
}

// deadlines is an answer that remembers the read deadlines that were set.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}

// A slow image may take long, as long as it goes on arriving.
func TestSlowUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, images := memory.New(nil), newAlbum()
		defer store.Close()
		app := webapp.New(store, route.NewToken(secret, store.Channel, nil).Authorize, &webapp.Options{Images: images})
		table := route.NewTable()
		if err := table.Add("webapp", "", app.URLs()...); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/api/media", &trickle{40, 25 * time.Second})
		r.Header.Set("Authorization", "Bearer "+secret)
		r.Header.Set("Content-Type", "image/png")
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		began := time.Now()
		table.ServeHTTP(w, r)
		if w.Code != 201 || len(w.set) != 41 || !w.set[0].Equal(began.Add(30*time.Second)) || !w.set[10].Equal(began.Add(280*time.Second)) ||
			!w.set[40].Equal(began.Add(15*time.Minute)) {
			t.Errorf("%d %s, %d deadlines", w.Code, w.Body, len(w.set))
		}
	})
}

// Blocks name an image by its ID. What only the server can say about a block is accepted and ignored.
func TestImageBlocks(t *testing.T) {
	s := serve(t, nil)
	s.want(t, 201, "POST", "/api/channels", `{"id":"c"}`)
	const posts = "/api/channels/c/posts"
	s.want(t, 201, "POST", posts, `{"content":[{"type":"image","value":{"media":"abc-1","alt":"A"}},
		{"type":"image","value":{"media":"abc-2","pending":true,"srcset":"/x 1w","color":"#123456","url":"/y","width":3,"height":2,"alt":""}},
		{"type":"embed","value":{"url":"https://e.example/","card":{"provider":"P","title":"T","summary":"S","picture":"/p","frame":"https://e.example/f","width":3,"height":2}}}]}`)
	page, err := s.store.Posts(t.Context(), "c", motacilla.Query{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := []motacilla.Block{
		{Type: motacilla.ImageBlock, Media: "abc-1", Alt: "A"},
		{Type: motacilla.ImageBlock, Media: "abc-2", Width: 3, Height: 2},
		{Type: motacilla.EmbedBlock, URL: "https://e.example/"},
	}
	if got := page.Posts[0].Content; !reflect.DeepEqual(got, want) {
		t.Errorf("stored is %+v", got)
	}
	for _, c := range []struct{ field, block string }{
		{"url", `{"type":"image","value":{"alt":"A"}}`},
		{"url", `{"type":"image","value":{"media":""}}`},
		{"media", `{"type":"image","value":{"media":"A b"}}`},
		{"media", `{"type":"image","value":{"media":1}}`},
		{"media", `{"type":"text","value":{"text":"x","media":"abc"}}`},
		{"media", `{"type":"embed","value":{"url":"https://e.example/","media":"abc"}}`},
		{"pending", `{"type":"embed","value":{"url":"https://e.example/","pending":true}}`},
		{"pending", `{"type":"image","value":{"media":"abc","pending":1}}`},
		{"srcset", `{"type":"text","value":{"text":"x","srcset":""}}`},
		{"color", `{"type":"text","value":{"text":"x","color":""}}`},
		{"card", `{"type":"image","value":{"media":"abc","card":{}}}`},
		{"card.x", `{"type":"embed","value":{"url":"https://e.example/","card":{"x":1}}}`},
		{"card", `{"type":"embed","value":{"url":"https://e.example/","card":null}}`},
	} {
		if got := s.want(t, 400, "POST", posts, `{"content":[`+c.block+`]}`); got["field"] != "content[0].value."+c.field {
			t.Errorf("%s: %v", c.block, got)
		}
	}
}

// Content that was read can be written back: nothing changes, and what the server says of its blocks stays.
func TestWrittenBack(t *testing.T) {
	s := serve(t, nil)
	s.want(t, 201, "POST", "/api/channels", `{"id":"c"}`)
	content := []motacilla.Block{
		{Type: motacilla.ImageBlock, Media: "abc-1", Pending: true, Alt: "A", Width: 4, Height: 3},
		{Type: motacilla.ImageBlock, Media: "abc-2", URL: "/media/abc-2/320.png", Srcset: "/media/abc-2/320.png 320w", Color: "#336699", Width: 320, Height: 200},
		{Type: motacilla.EmbedBlock, URL: "https://e.example/", Card: motacilla.Card{Title: "T", Picture: "/media/abc-3/320.png"}},
	}
	p, err := s.store.PutPost(t.Context(), "c", motacilla.Post{Show: true, Content: content}, 0)
	if err != nil {
		t.Fatal(err)
	}
	target := "/api/channels/c/posts/" + string(p.ID)
	read := s.do(t, "GET", target, "").Body.String()
	read = read[strings.Index(read, `"content":`):strings.LastIndex(read, `,"revision"`)]
	same := s.want(t, 200, "PATCH", target, `{`+read+`}`, "If-Match", `"1"`)
	if same["revision"] != float64(p.Revision) {
		t.Errorf("written back %s changes the post: %v", read, same)
	}
	changed := s.want(t, 200, "PATCH", target, `{`+strings.Replace(read, `"alt":""`, `"alt":"B"`, 1)+`}`)
	content[1].Alt = "B"
	got, err := s.store.Post(t.Context(), "c", p.ID)
	if err != nil || !reflect.DeepEqual(got.Content, content) {
		t.Errorf("changed is %v, stored %+v (%v)", changed, got.Content, err)
	}
}
