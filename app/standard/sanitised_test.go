package standard_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/receiver"
	"golang.org/x/net/html"
)

const attack = `<img src=x onerror=alert(1)>`

// TestRawTextReachesNobody writes an attack in every way that a server and a Go program have, and reads what readers get.
func TestRawTextReachesNobody(t *testing.T) {
	s := open(t, "{publishers: [{type: long-polling}], receivers: [{type: webapp}]}")
	s.channel("c", motacilla.Public)
	for _, w := range ways(s) {
		t.Run(w.name, func(t *testing.T) {
			p, err := w.write()
			if err != nil {
				t.Fatal(err)
			}
			stored, err := s.store.Post(t.Context(), "c", p)
			if err != nil {
				t.Fatal(err)
			}
			if text := stored.Content[0].Text.String(); !strings.Contains(text, "goal") {
				t.Errorf("%q was stored, which is not what was written", text)
			}
			harmless(t, stored.Content[0].Text.String())
		})
	}
	page := s.page("/channels/c")
	if n := strings.Count(page, "goal"); n < len(ways(s)) {
		t.Errorf("the page has %d of the %d posts", n, len(ways(s)))
	}
	harmless(t, page)
	body, _, _ := s.do(http.StatusOK, http.MethodGet, "/live/long-polling/c/?since=0")
	var u motacilla.Update
	if err := json.Unmarshal([]byte(body), &u); err != nil {
		t.Fatal(err)
	}
	if len(u.Renders) != len(ways(s)) {
		t.Errorf("a reader got %d posts, want %d", len(u.Renders), len(ways(s)))
	}
	for _, r := range u.Renders {
		harmless(t, r.Content)
	}
	f := publisher.NewFeed(s.store, careless{}, nil)
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	snapshot, err := f.Snapshot(t.Context(), "c")
	if err != nil || len(snapshot.Renders) != len(ways(s)) {
		t.Fatalf("%+v, %v", snapshot, err)
	}
	for _, r := range snapshot.Renders {
		harmless(t, r.Content)
	}
}

// careless is a renderer that escapes nothing.
type careless struct{}

func (careless) RenderPost(p motacilla.Post) (motacilla.HTML, error) { return p.Content[0].Text, nil }

type way struct {
	name  string
	write func() (motacilla.PostID, error)
}

// ways returns the ways to write a post.
func ways(s *site) []way {
	const text = attack + "goal"
	raw := []motacilla.RawBlock{{Type: motacilla.TextBlock, Text: text}}
	in := receiver.NewIngest(s.store, "test", nil)
	ctx := s.Context()
	first := func(id string) receiver.Message {
		return receiver.Message{ID: id, Version: 1, Author: attack, Text: "before"}
	}
	blocks, _ := json.Marshal(raw)
	quoted, _ := json.Marshal(text)
	return []way{
		{"POST text", func() (motacilla.PostID, error) {
			return s.write(http.MethodPost, "", `{"author":"`+attack+`","text":`+string(quoted)+`}`)
		}},
		{"POST content", func() (motacilla.PostID, error) {
			return s.write(http.MethodPost, "", `{"content":`+string(blocks)+`}`)
		}},
		{"PATCH text", func() (motacilla.PostID, error) {
			id, err := s.write(http.MethodPost, "", `{"text":"before"}`)
			if err != nil {
				return "", err
			}
			return s.write(http.MethodPatch, "/"+string(id), `{"text":`+string(quoted)+`}`)
		}},
		{"PATCH content", func() (motacilla.PostID, error) {
			id, err := s.write(http.MethodPost, "", `{"text":"before"}`)
			if err != nil {
				return "", err
			}
			return s.write(http.MethodPatch, "/"+string(id), `{"content":`+string(blocks)+`}`)
		}},
		{"Ingest.Post text", func() (motacilla.PostID, error) {
			p, _, err := in.Post(ctx, "c", receiver.Message{ID: "post", Author: attack, Text: text})
			return p.ID, err
		}},
		{"Ingest.Post, a simple text", func() (motacilla.PostID, error) { // which the sanitiser does not parse
			p, _, err := in.Post(ctx, "c", receiver.Message{ID: "simple", Text: "<b>goal</b>"})
			return p.ID, err
		}},
		{"Ingest.Post content", func() (motacilla.PostID, error) {
			p, _, err := in.Post(ctx, "c", receiver.Message{ID: "content", Content: raw})
			return p.ID, err
		}},
		{"Ingest.Post of JSON", func() (motacilla.PostID, error) {
			var m receiver.Message
			if err := json.Unmarshal([]byte(`{"ID":"json","Content":`+string(blocks)+`}`), &m); err != nil {
				return "", err
			}
			p, _, err := in.Post(ctx, "c", m)
			return p.ID, err
		}},
		{"Ingest.Put", func() (motacilla.PostID, error) {
			if _, err := in.Put(ctx, "c", first("put")); err != nil {
				return "", err
			}
			p, err := in.Put(ctx, "c", receiver.Message{ID: "put", Version: 2, Content: raw})
			return p.ID, err
		}},
		{"Ingest.Edit, which vouches wrongly", func() (motacilla.PostID, error) {
			if _, err := in.Put(ctx, "c", first("edit")); err != nil {
				return "", err
			}
			p, err := in.Edit(ctx, "c", "edit", 2, func(p *motacilla.Post) error {
				p.Content = []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(text))}
				return nil
			})
			return p.ID, err
		}},
		{"PutPost of sanitised text", func() (motacilla.PostID, error) {
			return s.put(motacilla.Text(receiver.Sanitise(text)))
		}},
		{"PutPost of a sanitised block", func() (motacilla.PostID, error) { return s.put(raw[0].Sanitise(receiver.Sanitise)) }},
		{"PutPost of plain text", func() (motacilla.PostID, error) { return s.put(motacilla.PlainText(text)) }},
	}
}

// page returns a page, which the interface's description does not have.
func (s *site) page(path string) string {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.base+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.Fatalf("%s: %s, %v", path, resp.Status, err)
	}
	return string(body)
}

func (s *site) put(b motacilla.Block) (motacilla.PostID, error) {
	p, err := s.store.PutPost(s.Context(), "c", motacilla.Post{Show: true, Author: attack, Content: []motacilla.Block{b}}, 0)
	return p.ID, err
}

// write sends a post to the REST interface.
func (s *site) write(method, path, body string) (motacilla.PostID, error) {
	r, err := http.NewRequestWithContext(s.Context(), method, s.base+"/api/channels/c/posts"+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer s3cret")
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	var p struct{ ID motacilla.PostID }
	if err := json.Unmarshal(answer, &p); err != nil || p.ID == "" {
		s.Errorf("%s: %s: %s", method, resp.Status, answer)
	}
	return p.ID, err
}

// harmless fails the test if a browser would find an image or an event handler in markup.
func harmless(t *testing.T, markup string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(markup))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "img" {
			t.Errorf("there is an image in %.200q", markup)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") {
				t.Errorf("there is %s=%q in %.200q", a.Key, a.Val, markup)
			}
		}
	}
}
