package telegram

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// payload is a file of testdata/updates: what Telegram delivers, and the post that it becomes.
type payload struct {
	name    string
	Want    []string          `json:"want"` // a line for each block; null means no post
	Author  string            `json:"author"`
	Updates []json.RawMessage `json:"updates"`
}

func recorded(tb testing.TB) []payload {
	tb.Helper()
	files, err := filepath.Glob("testdata/updates/*.json")
	if err != nil || len(files) == 0 {
		tb.Fatal("no payloads", err)
	}
	var all []payload
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		p := payload{name: strings.TrimSuffix(filepath.Base(f), ".json")}
		if err := json.Unmarshal(data, &p); err != nil {
			tb.Fatalf("%s: %v", f, err)
		}
		all = append(all, p)
	}
	return all
}

// Each payload makes the right post, whether it comes once or twice, in turn or in reverse, under the same update ID or a new one.
func TestPayloads(t *testing.T) {
	for _, p := range recorded(t) {
		for _, order := range []string{"in turn", "in reverse"} {
			t.Run(p.name+" "+order, func(t *testing.T) {
				w := newWorld(t)
				o := w.options()
				o.Stickers = true
				n := w.node(o)
				n.r.files.Shutdown(t.Context()) // the images stay pending
				var updates []string
				for _, u := range p.Updates {
					updates = append(updates, string(u))
				}
				if order == "in reverse" {
					slices.Reverse(updates)
				}
				for range 2 {
					n.deliver(updates...)
				}
				before := w.page(testChannel)
				if p.Want == nil {
					if len(before.Posts) != 0 {
						t.Fatalf("it made a post: %s", show(before.Posts[0]))
					}
				} else if post := w.post(); show(post) != strings.Join(p.Want, "\n") || post.Author != p.Author || post.Source != Name {
					t.Errorf("the post of %q is\n%s\nwant of %q\n%s", post.Author, show(post), p.Author, strings.Join(p.Want, "\n"))
				}
				for _, u := range updates {
					n.deliver(strings.Replace(u, `"update_id": `, `"update_id": 1`, 1))
				}
				after := w.page(testChannel)
				if len(after.Posts) != len(before.Posts) || len(after.Posts) > 0 && show(after.Posts[0]) != show(before.Posts[0]) {
					t.Errorf("new updates about the same messages change the posts to %+v", after.Posts)
				}
			})
		}
	}
}

// Hostile text does no harm in any field.
func TestNothingRuns(t *testing.T) {
	hostile := []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</blockquote></div><svg/onload=alert(1)>`, `javascript:alert(1)`,
		`<a href="javascript:alert(1)">x</a>`, `' onmouseover='alert(1)`, `</code></pre><iframe src=https://e.example>`, "\u2028<b id=x>",
	}
	for _, p := range recorded(t) {
		w := newWorld(t)
		o := w.options()
		o.Stickers = true
		n := w.node(o)
		for i, bad := range hostile {
			for _, u := range p.Updates {
				var update any
				if err := json.Unmarshal(u, &update); err != nil {
					t.Fatal(err)
				}
				poison(update, bad, i+1)
				data, err := json.Marshal(update)
				if err != nil {
					t.Fatal(err)
				}
				n.deliver(string(data))
			}
		}
		for _, post := range w.page(testChannel).Posts {
			for _, b := range post.Content {
				if found := harm(b.Text.String()); found != "" {
					t.Errorf("%s: stored %q with %s", p.name, b.Text, found)
				}
				if strings.HasPrefix(b.URL, "javascript:") {
					t.Errorf("%s: stored the link %q", p.name, b.URL)
				}
			}
		}
	}
}

// poison puts bad into all texts that users write, and makes other messages of the messages.
func poison(v any, bad string, round int) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			poison(e, bad, round)
		}
	case map[string]any:
		for k, e := range v {
			if s, ok := e.(string); ok && slices.Contains([]string{"text", "caption", "title", "first_name", "last_name", "username", "file_name",
				"performer", "question", "address", "url", "sender_user_name", "author_signature", "emoji", "media_group_id", "language",
				"file_unique_id"}, k) {
				v[k] = s + bad
				if k == "url" || k == "username" {
					v[k] = bad
				}
				continue
			}
			if f, ok := e.(float64); ok && (k == "message_id" || k == "update_id") {
				v[k] = f + float64(round)*1000
			}
			poison(e, bad, round)
		}
	}
}

// Telegram tells the time of an edit in seconds. The update tells which of two edits within one second is newer.
func TestEditsWithinOneSecond(t *testing.T) {
	edits := []string{edited(text(7, 10, "second"), 1760000100), edited(text(8, 10, "third"), 1760000100)}
	for _, order := range [][]int{{0, 1}, {1, 0}, {0, 1, 0}} {
		w := newWorld(t)
		n := w.node(w.options())
		n.deliver(text(1, 10, "first"))
		for _, i := range order {
			n.deliver(edits[i])
		}
		if got := show(w.post()); got != "third" {
			t.Errorf("after the edits %v the post is %q", order, got)
		}
	}
}
