package syndication

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"golang.org/x/net/html"
)

// corpus is what must not reach a page.
var corpus = []string{
	`<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `<a href="javascript:alert(1)">a</a>`, `<a href=" java&#x0a;script:alert(1)">a</a>`,
	`"><script>alert(1)</script>`, `' onmouseover='alert(1)`, `</p></div><div id="live-posts">`, `<svg/onload=alert(1)>`, `<math><mi xlink:href="data:x,1">`,
	`<iframe src="javascript:alert(1)"></iframe>`, `<style>*{display:none}</style>`, `<base href="https://evil.example/">`, `<form action=x><input name=q>`,
	`javascript:alert(1)`, `data:text/html,<script>alert(1)</script>`, `&lt;script&gt;alert(1)&lt;/script&gt;`, `&amp;lt;script&amp;gt;`,
	`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `<![CDATA[<script>alert(1)</script>]]>`, "<b\x00 onclick=alert(1)>a", `<meta http-equiv=refresh content=0>`,
}

// harm returns what of a stored text would do harm.
func harm(stored string) string {
	doc, err := html.Parse(strings.NewReader("<!doctype html><section>" + stored + "</section>"))
	if err != nil {
		return err.Error()
	}
	bad := []string{"script", "style", "iframe", "object", "svg", "math", "form", "input", "base", "meta", "img", "noscript"}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if slices.Contains(bad, n.Data) {
			return "<" + n.Data + ">"
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || slices.Contains([]string{"id", "name", "class", "style"}, a.Key) {
				return a.Key
			}
			if a.Key == "href" && !strings.HasPrefix(a.Val, "https:") && !strings.HasPrefix(a.Val, "http:") && !strings.HasPrefix(a.Val, "mailto:") {
				return a.Val
			}
		}
	}
	return ""
}

// Every field of every format is filled with what would do harm.
func TestHostileFields(t *testing.T) {
	web := newSite(t)
	for i, x := range corpus {
		in := xmlText(strings.ReplaceAll(x, "\x00", "\ufffd"))
		double := xmlText(in)
		value, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		j := string(value)
		for kind, document := range map[string]string{
			"Atom": `<feed xmlns="http://www.w3.org/2005/Atom"><title type="html">` + in + `</title><link rel="hub" href="` + in + `"/><entry><id>` + in + `</id><title type="html">` + in +
				`</title><updated>2026-03-01T12:00:00Z</updated><author><name>` + in + `</name><uri>` + in + `</uri></author><category term="` + in + `" label="` + in +
				`"/><link href="` + in + `" title="` + in + `"/><link rel="enclosure" type="image/png" href="https://e.example/` + in + `" title="` + in + `"/><summary type="html">` + in +
				`</summary><content type="html">` + in + `</content><source><title>` + in + `</title></source><rights>` + in + `</rights></entry></feed>`,
			"Atom of text": `<feed xmlns="http://www.w3.org/2005/Atom"><title>` + double + `</title><entry><id>x</id><title>` + double + `</title><content type="text">` + double + `</content></entry></feed>`,
			"RSS": `<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel><title>` + in + `</title><link>` + in + `</link><item><guid>` + in + `</guid><title>` + in + `</title><author>` + in +
				`</author><category>` + in + `</category><link>` + in + `</link><description>` + in + `</description><enclosure type="image/png" url="` + in + `"/><source url="` + in + `">` + in +
				`</source><media:content medium="image" url="https://e.example/x.png"><media:description>` + in + `</media:description></media:content></item></channel></rss>`,
			"JSON Feed": `{"version":"https://jsonfeed.org/version/1.1","title":` + j + `,"home_page_url":` + j + `,"authors":[{"name":` + j + `,"url":` + j + `}],"items":[{"id":` + j + `,"url":` + j + `,"title":` + j +
				`,"content_html":` + j + `,"summary":` + j + `,"image":` + j + `,"tags":[` + j + `]},{"id":"2","content_text":` + j + `}]}`,
		} {
			store := newStore(t)
			r := newReceiver(t, newKit(t, store), func(o *Options) { o.Images = true }, web.URL+"/feed=match-42")
			web.publish(document)
			for range 2 { // each entry twice
				refresh(t, r)
			}
			list := posts(t, store)
			if n := len(list); n == 0 || n > 2 {
				t.Errorf("%d %s: %d posts", i, kind, n)
			}
			for _, p := range list {
				if bad := harm(textOf(p)); bad != "" {
					t.Errorf("%d %s: stored %q with %s", i, kind, textOf(p), bad)
				}
				for _, b := range p.Content {
					if again := receiver.Sanitise(b.Text.String()); again != b.Text {
						t.Errorf("%d %s: sanitised again, %q becomes %q", i, kind, b.Text, again)
					}
				}
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(rss2), "application/rss+xml")
	f.Add([]byte(atomOf(`<at:deleted-entry ref="x"/>`, item{id: "1", title: "<b>", content: "<p>x"})), "text/xml; charset=windows-1252")
	f.Add([]byte(`{"version":"https://jsonfeed.org/version/1.1","title":"J","items":[{"id":1,"content_text":"x"}],"hubs":[{"type":"WebSub","url":"x"}]}`), "")
	f.Add([]byte("\xff\xfe<\x00?\x00x\x00"), "")
	for _, x := range corpus {
		f.Add([]byte(atomOf("", item{id: x, title: x, content: x, author: x})), "")
	}
	kit := newKit(f, newStore(f))
	o := Defaults()
	o.Feeds = []string{"https://feeds.example/feed=match-42"}
	r, err := New(kit, o, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		d, err := parse(body, contentType, feedURL, feedURL, 50)
		if err != nil {
			return
		}
		if len(d.entries) > 50 || len(d.deleted) > 50 {
			t.Fatalf("%d entries, %d deleted", len(d.entries), len(d.deleted))
		}
		again, err := parse(body, contentType, feedURL, feedURL, 50)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(d) {
			t.Fatal("the same document is read in two ways")
		}
		known := map[string]bool{}
		for _, e := range d.entries {
			if known[e.id] {
				t.Fatalf("%q is twice in it", e.id)
			}
			known[e.id] = true
			m, _ := r.message(e, 1, d.title)
			content, err := r.in.Content(m.Text, m.Content)
			if err != nil {
				t.Fatalf("the entry %+v is refused: %v", e, err)
			}
			for _, b := range content {
				if bad := harm(b.Text.String()); bad != "" {
					t.Fatalf("%q has %s", b.Text, bad)
				}
				if again := receiver.Sanitise(b.Text.String()); b.Type == motacilla.TextBlock && again != b.Text {
					t.Fatalf("sanitised again, %q becomes %q", b.Text, again)
				}
			}
		}
	})
}
