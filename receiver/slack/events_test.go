package slack_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/slack"
	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "write what the events become to testdata/events/*.txt")

// all turns every option on.
func all(o *slack.Options) {
	o.Threads, o.Bots, o.FileNames = "all", true, true
	o.PinEmoji, o.KeyEmoji, o.HideEmoji = "pushpin", ":star:", "see_no_evil"
}

// few turns every option off.
func few(o *slack.Options) { o.Threads, o.Authors = "none", false }

// The files of testdata/events are events as Slack's reference describes them, in the order of their delivery.
func recorded(t *testing.T, name string) []json.RawMessage {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "events", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func names(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/events/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatal("there are no events", err)
	}
	for i, p := range paths {
		paths[i] = strings.TrimSuffix(filepath.Base(p), ".json")
	}
	return paths
}

// again returns an event as another delivery: Slack repeats event_id, and the receiver must not rest on that alone.
func again(t *testing.T, payload json.RawMessage) json.RawMessage {
	t.Helper()
	var o struct {
		Event map[string]any `json:"event"`
	}
	if err := json.Unmarshal(payload, &o); err != nil {
		t.Fatal(err)
	}
	return callback(o.Event)
}

func TestEvents(t *testing.T) {
	for _, name := range names(t) {
		t.Run(name, func(t *testing.T) {
			golden := filepath.Join("testdata", "events", name+".txt")
			got := ""
			for _, with := range []struct {
				title  string
				change func(*slack.Options)
			}{{"defaults", nil}, {"all", all}, {"few", few}} {
				r := newRig(t, with.change)
				for _, e := range recorded(t, name) {
					r.deliver(e)
					head := r.head()
					retry := signed(r.base+hook, e)
					retry.Header.Set("X-Slack-Retry-Num", "1")
					retry.Header.Set("X-Slack-Retry-Reason", "http_timeout")
					if status, body := r.send(retry); status != http.StatusOK {
						t.Errorf("a retry is answered with status %d: %s", status, body)
					}
					r.deliver(again(t, e))
					if now := r.head(); now != head {
						t.Errorf("the same event again changes the channel from %s to %s\n%s", head, now, e)
					}
				}
				for _, p := range r.posts() {
					harmless(t, p)
				}
				got += "== " + with.title + "\n" + dump(r.posts())
			}
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// Events come in any order. The end must be the same, also if each comes twice.
func TestEventsInReverse(t *testing.T) {
	for _, name := range names(t) {
		t.Run(name, func(t *testing.T) {
			list := recorded(t, name)
			forward, backward := newRig(t, all), newRig(t, all)
			for i := range list {
				forward.deliver(list[i])
				backward.deliver(list[len(list)-1-i])
			}
			for i := range list {
				backward.deliver(again(t, list[len(list)-1-i]))
			}
			if f, b := dump(forward.posts()), dump(backward.posts()); f != b {
				t.Errorf("in order\n%s\nin reverse\n%s", f, b)
			}
		})
	}
}

// harmless fails if a post has markup that could run, or text that sanitising would change.
func harmless(t *testing.T, p motacilla.Post) {
	t.Helper()
	for _, b := range p.Content {
		text := b.Text.String()
		if again := receiver.Sanitise(text).String(); again != text {
			t.Errorf("sanitising again makes %q of %q", again, text)
		}
		doc, err := html.Parse(strings.NewReader(text))
		if err != nil {
			t.Error(err)
		}
		for n := range doc.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			switch n.Data {
			case "script", "style", "iframe", "object", "svg", "math", "form", "img":
				t.Errorf("%q has a <%s>", text, n.Data)
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.ToLower(a.Val), "javascript:") {
					t.Errorf("%q has %s=%s", text, a.Key, a.Val)
				}
			}
		}
	}
}
