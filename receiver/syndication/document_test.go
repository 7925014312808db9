package syndication

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/motacilla-live/motacilla"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
)

var feedURL = mustURL("https://feeds.example/news/feed.xml")

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

func mustParse(t testing.TB, body string) document {
	t.Helper()
	d, err := parse([]byte(body), "", feedURL, feedURL, 100)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const rss2 = `<?xml version="1.0"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/">
<channel><title>R &amp;amp; S</title><link>https://news.example/</link><ttl>30</ttl>
<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>
<atom:link rel="hub" href="https://hub.example/"/><atom:link rel="self" href="https://feeds.example/self.xml"/>
<item><title>One &lt;b&gt;bold&lt;/b&gt;</title><link>/one</link><guid isPermaLink="false">1</guid><dc:creator>Ann</dc:creator>
<pubDate>Sun, 01 Mar 2026 12:00:00 GMT</pubDate><description>short &lt;a href="more"&gt;more&lt;/a&gt;</description>
<content:encoded><![CDATA[<p>long <img src="/in.png" alt="In" width="30"><img src="/pixel" width="1"><iframe src="https://www.youtube.com/watch?v=abc"></iframe></p>]]></content:encoded>
<enclosure url="https://cdn.example/a.jpg" type="image/jpeg" length="1"/><enclosure url="https://cdn.example/a.mp3" type="audio/mpeg" length="1"/>
<media:thumbnail url="https://cdn.example/t.jpg"/><source url="https://other.example/">Other wire</source></item>
<item><title>No guid</title><link>https://news.example/two</link><pubDate>Sat, 28 Feb 2026 12:00:00 GMT</pubDate>
<media:content url="https://cdn.example/m.jpg" medium="image" width="640" height="480"><media:description>A match</media:description></media:content></item>
<item><description>only text</description></item>
</channel></rss>`

func TestRSS(t *testing.T) {
	d := mustParse(t, rss2)
	if d.title != "R & S" || d.hint != 30*time.Minute || d.hub != "https://hub.example/" || d.self != "https://feeds.example/self.xml" || !d.ordered {
		t.Errorf("the document is %+v", d)
	}
	if len(d.entries) != 3 {
		t.Fatalf("%d entries", len(d.entries))
	}
	e := d.entries[0]
	if !strings.HasPrefix(e.id, "feeds.example ") || !strings.HasSuffix(e.id, " 1") || e.title != "One bold" || e.author != "Ann" ||
		e.link != "https://news.example/one" || e.source != "Other wire" || !e.published.Equal(noon) || !e.updated.Equal(noon) {
		t.Errorf("the entry is %+v", e)
	}
	if e.content != `<p>long <iframe src="https://www.youtube.com/watch?v=abc"></iframe></p>` || e.summary != `short <a href="https://news.example/more">more</a>` {
		t.Errorf("content %q, summary %q", e.content, e.summary)
	}
	want := []picture{{"https://cdn.example/a.jpg", "", 0, 0}, {"https://news.example/in.png", "In", 30, 0}}
	if !reflect.DeepEqual(e.images, want) || !reflect.DeepEqual(e.embeds, []string{"https://www.youtube.com/watch?v=abc"}) {
		t.Errorf("images %+v, embeds %q", e.images, e.embeds)
	}
	if e := d.entries[1]; e.id != "feeds.example https://news.example/two" || e.images[0] != (picture{"https://cdn.example/m.jpg", "A match", 640, 480}) {
		t.Errorf("the entry without guid is %+v", e)
	}
	if e := d.entries[2]; !strings.Contains(e.id, " hash ") || e.summary != "only text" {
		t.Errorf("the entry without guid and link is %+v", e)
	}
}

func TestAtom(t *testing.T) {
	d := mustParse(t, `<feed xmlns="http://www.w3.org/2005/Atom" xmlns:del="http://purl.org/atompub/tombstones/1.0" xml:base="https://base.example/a/">
<title>Wire</title><link rel="hub" href="https://hub.example/"/><link rel="self" href="https://feeds.example/atom"/>
<author><name>The desk</name></author><del:deleted-entry ref="tag:x,2026:gone" when="2026-03-01T12:00:00Z"/>
<entry><id>tag:x,2026:1</id><title type="text">5 &lt; 6 &amp; 7</title><updated>2026-03-01T12:00:00.5Z</updated><link href="one"/>
<content type="html">&lt;a href="two"&gt;x&lt;/a&gt;</content><link rel="enclosure" type="image/png" href="p.png" title="A plot"/></entry>
<entry><id>tag:x,2026:2</id><title>t</title><updated>2026-03-01T11:00:00Z</updated><content type="text">a &lt;b&gt; c</content>
<author><name>Ann</name></author><author><name>Ben</name></author><source><title>Far away</title></source></entry>
<entry><id>tag:x,2026:3</id><title>x</title><updated>2026-03-01T10:00:00Z</updated>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>hi <b>there</b></p></div></content></entry>
<entry><id>tag:x,2026:1</id><title>twice</title><updated>2026-03-01T09:00:00Z</updated></entry></feed>`)
	if len(d.entries) != 3 || !reflect.DeepEqual(d.deleted, []string{"feeds.example tag:x,2026:gone"}) || d.hub == "" || d.self != "https://feeds.example/atom" {
		t.Fatalf("the document is %+v", d)
	}
	e := d.entries[0]
	if e.id != "feeds.example tag:x,2026:1" || e.title != "5 < 6 & 7" || e.author != "The desk" || e.link != "https://base.example/a/one" ||
		e.content != `<a href="https://base.example/a/two">x</a>` || e.updated.UnixMicro() != noon.UnixMicro()+500_000 {
		t.Errorf("the entry is %+v", e)
	}
	if len(e.images) != 1 || e.images[0].url != "https://base.example/a/p.png" || e.images[0].alt != "A plot" {
		t.Errorf("images %+v", e.images)
	}
	if e := d.entries[1]; e.content != "a &lt;b&gt; c" || e.author != "Ann, Ben" || e.source != "Far away" {
		t.Errorf("the entry of text is %+v", e)
	}
	if e := d.entries[2]; e.content != "<p>hi <b>there</b></p>" {
		t.Errorf("the entry of XHTML is %+v", e)
	}
}

func TestJSONFeed(t *testing.T) {
	d := mustParse(t, `{"version":"https://jsonfeed.org/version/1.1","title":"J","feed_url":"https://feeds.example/j",
"hubs":[{"type":"rssCloud","url":"https://no.example/"},{"type":"WebSub","url":"https://hub.example/"}],
"items":[{"id":1,"content_text":"a <b> c","url":"https://news.example/1","date_published":"2026-03-01T12:00:00Z","image":"https://cdn.example/i.png"},
{"id":"2","content_html":"<p>x</p>","summary":"<i>","authors":[{"name":"Ann"}],"date_modified":"2026-03-01T13:00:00Z"}]}`)
	if d.hub != "https://hub.example/" || d.self != "https://feeds.example/j" || len(d.entries) != 2 {
		t.Fatalf("the document is %+v", d)
	}
	plain, marked := d.entries[0], d.entries[1]
	if plain.published.IsZero() { // the one of 13:00 may come first
		plain, marked = marked, plain
	}
	for _, e := range d.entries {
		if e.link != "" {
			plain = e
		} else {
			marked = e
		}
	}
	if plain.content != "a &lt;b&gt; c" || len(plain.images) != 1 || marked.content != "<p>x</p>" || marked.summary != "&lt;i&gt;" || marked.author != "Ann" {
		t.Errorf("the entries are %+v", d.entries)
	}
}

func TestRDF(t *testing.T) {
	d := mustParse(t, `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="https://n.example/"><title>RDF</title><link>https://n.example/</link></channel>
<item rdf:about="https://n.example/1"><title>One</title><link>https://n.example/1</link><dc:date>2026-03-01T12:00:00Z</dc:date></item></rdf:RDF>`)
	if len(d.entries) != 1 || d.entries[0].link != "https://n.example/1" || !d.entries[0].published.Equal(noon) {
		t.Errorf("the document is %+v", d)
	}
}

func TestEncodings(t *testing.T) {
	const words = "Zürich – 東京"
	feed := func(declaration, title string) []byte {
		return []byte(declaration + `<rss version="2.0"><channel><title>` + title + `</title></channel></rss>`)
	}
	sixteen := func(order binary.ByteOrder, mark bool, text string) []byte {
		var out []byte
		units := utf16.Encode([]rune(text))
		if mark {
			units = append([]uint16{0xfeff}, units...)
		}
		for _, u := range units {
			out = append(out, 0, 0)
			order.PutUint16(out[len(out)-2:], u)
		}
		return out
	}
	latin, _ := charmap.Windows1252.NewEncoder().String("Zürich – €")
	shift, _ := japanese.ShiftJIS.NewEncoder().String("東京")
	for _, c := range []struct {
		name, contentType string
		body              []byte
		want              string
	}{
		{"UTF-8", "", feed(`<?xml version="1.0"?>`, words), words},
		{"a byte order mark", "", append([]byte("\xef\xbb\xbf"), feed(`<?xml version="1.0" encoding="utf-8"?>`, words)...), words},
		{"windows-1252", "", feed(`<?xml version='1.0' encoding='windows-1252'?>`, latin), "Zürich – €"},
		{"ISO-8859-1 as browsers read it", "", feed(`<?xml version="1.0" encoding="ISO-8859-1"?>`, latin), "Zürich – €"},
		{"Shift_JIS", "text/xml; charset=utf-8", feed(`<?xml version="1.0" encoding="Shift_JIS"?>`, shift), "東京"},
		{"the Content-Type alone", "text/xml; charset=windows-1252", feed("", latin), "Zürich – €"},
		{"UTF-16LE", "", sixteen(binary.LittleEndian, true, string(feed(`<?xml version="1.0" encoding="utf-16"?>`, words))), words},
		{"UTF-16BE without a mark", "", sixteen(binary.BigEndian, false, string(feed(`<?xml version="1.0" encoding="utf-16"?>`, words))), words},
		{"bytes that are not UTF-8", "", feed("", "a\xffb"), "a\ufffdb"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := parse(c.body, c.contentType, feedURL, feedURL, 10)
			if err != nil || d.title != c.want {
				t.Errorf("title %q, %v; want %q", d.title, err, c.want)
			}
		})
	}
}

// No entity of the document's own is expanded, and none from outside is loaded.
func TestEntitiesAreHarmless(t *testing.T) {
	laughs := `<!DOCTYPE rss [<!ENTITY a "ha">` // each entity is ten of the one before
	for c := 'b'; c < 'l'; c++ {
		laughs += fmt.Sprintf(`<!ENTITY %c "%s">`, c, strings.Repeat(fmt.Sprintf("&%c;", c-1), 10))
	}
	for name, doctype := range map[string]string{
		"billion laughs": laughs + "]>", "a file": `<!DOCTYPE rss [<!ENTITY k SYSTEM "file:///etc/passwd">]>`,
		"an address": `<!DOCTYPE rss [<!ENTITY k SYSTEM "http://127.0.0.1:1/">]>`, "a parameter": `<!DOCTYPE rss SYSTEM "http://127.0.0.1:1/x.dtd">`,
	} {
		d, err := parse([]byte(doctype+`<rss version="2.0"><channel><title>x &k; y</title><item><guid>1</guid><description>&k;&k;</description></item></channel></rss>`),
			"", feedURL, feedURL, 10)
		if err == nil && (len(d.title) > 20 || strings.Contains(d.title, "root:") || len(d.entries[0].summary) > 20) {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestDocumentsThatAreRefused(t *testing.T) {
	for name, body := range map[string]string{
		"nothing": "", "words": "hello", "a page": "<!doctype html><html><body>x", "broken": rss2[:900], "deep": `<rss version="2.0"><channel>` + strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100) + "</channel></rss>",
		"deep JSON": `{"items":` + strings.Repeat("[", 100_000), "unknown encoding": `<?xml version="1.0" encoding="klingon"?><rss/>`,
		"too large": "<rss>" + strings.Repeat(" ", maxBody),
	} {
		if _, err := parse([]byte(body), "", feedURL, feedURL, 10); !errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOrderAndLimits(t *testing.T) {
	var up, mixed []item
	for i := range 300 {
		up = append(up, item{id: fmt.Sprint(i), minute: i})
		mixed = append(mixed, item{id: fmt.Sprint(i), minute: i * 7919 % 300})
	}
	d := mustParse(t, atomOf("", up...))
	if len(d.entries) != 100 || !strings.HasSuffix(d.entries[0].id, ":299") || !d.ordered {
		t.Errorf("of a feed with the oldest entry first: %d entries, the first is %q", len(d.entries), d.entries[0].id)
	}
	if d = mustParse(t, atomOf("", mixed...)); d.ordered {
		t.Error("entries in no order are taken for ordered")
	}
	long := mustParse(t, atomOf("", item{id: strings.Repeat("x", 400)}, item{id: `a"b\c`}))
	for _, e := range long.entries {
		if len(e.id) != 32 {
			t.Errorf("the message ID is %q", e.id)
		}
	}
}

func TestLinkHeaders(t *testing.T) {
	h := http.Header{"Link": {`<https://hub.example/>; rel="hub", </self>; rel=self; title="a, b"`, `<x>; title="rel=hub"; REL="alternate HUB"`, `broken`}}
	if got := linksOf(h, "hub"); !reflect.DeepEqual(got, []string{"https://hub.example/", "x"}) {
		t.Errorf("hubs %q", got)
	}
	if got := linksOf(h, "self"); !reflect.DeepEqual(got, []string{"/self"}) {
		t.Errorf("self %q", got)
	}
	d := document{hub: "https://old.example/", self: "https://old.example/"}
	d.discover(h, feedURL)
	if d.hub != "https://hub.example/" || d.self != "https://feeds.example/self" {
		t.Errorf("discovered %q, %q", d.hub, d.self)
	}
}
