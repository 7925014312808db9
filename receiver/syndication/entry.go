package syndication

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mmcdole/gofeed"
	"github.com/mmcdole/gofeed/atom"
	ext "github.com/mmcdole/gofeed/extensions"
	feedjson "github.com/mmcdole/gofeed/json"
	"github.com/mmcdole/gofeed/rss"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
)

// entry is an entry of a feed.
type entry struct {
	id        string // the message ID
	link      string // absolute, or ""
	title     string // plain
	content   string // HTML, may be ""
	summary   string // HTML, may be ""
	author    string // plain
	source    string // plain: the feed that an entry came from, if it was taken over from another one
	published time.Time
	updated   time.Time
	images    []picture
	embeds    []string // pages of known providers
	hash      string   // of all that a reader would see
}

// picture is an image of an entry.
type picture struct {
	url, alt      string
	width, height int
}

// maxPictures is how many images of an entry become blocks.
const maxPictures = 10

// entriesOf returns the entries of f in its order. Of entries with the same ID it has only the first.
func entriesOf(f *gofeed.Feed, feed, base *url.URL) []entry {
	site := base
	if link, err := absolute(base, f.Link); err == nil && link != "" {
		site, _ = url.Parse(link)
	}
	originals := originalsOf(f)
	known := map[string]bool{}
	all := make([]entry, 0, len(f.Items))
	for i, item := range f.Items {
		e := entry{
			title: plain(item.Title, 1000), content: item.Content, summary: item.Description,
			author: authorOf(item.Authors), published: timeOf(item.PublishedParsed), updated: timeOf(item.UpdatedParsed),
		}
		if e.author == "" {
			e.author = authorOf(f.Authors)
		}
		if e.published.IsZero() {
			e.published = e.updated
		}
		if e.updated.IsZero() {
			e.updated = e.published
		}
		link := item.Link
		if link == "" && len(item.Links) > 0 {
			link = item.Links[0]
		}
		e.link, _ = absolute(site, link)
		if i < len(originals) {
			originals[i](&e)
		}
		if e.id = item.GUID; e.id == "" {
			e.id = e.link
		}
		if e.id == "" {
			e.id = "hash " + short.Digest(e.title, e.content, e.summary)
		}
		e.id = messageID(feed, e.id)
		if known[e.id] {
			continue
		}
		known[e.id] = true
		within := site
		if e.link != "" {
			within, _ = url.Parse(e.link)
		}
		e.picturesOf(item, within)
		e.hash = e.sum()
		e.content = e.tidy(e.content, within)
		e.summary = e.tidy(e.summary, within)
		all = append(all, e)
	}
	return all
}

// originalsOf returns, for each entry, what takes over that the formats do not have in common.
func originalsOf(f *gofeed.Feed) []func(*entry) {
	var all []func(*entry)
	switch o := f.OriginalFeed().(type) {
	case *atom.Feed:
		for _, e := range o.Entries {
			all = append(all, func(to *entry) {
				if c := e.Content; c != nil && (c.Type == "" || c.Type == "text" || c.Type == "text/plain") {
					to.content = escape(c.Value)
				} else if c != nil && c.Src != "" {
					to.content = ""
				}
				for _, l := range e.Links {
					if l.Rel == "enclosure" && strings.HasPrefix(l.Type, "image/") {
						to.picture(picture{url: l.Href, alt: plain(l.Title, motacilla.MaxAlt)})
					}
				}
				if e.Source != nil {
					to.source = plain(e.Source.Title, 200)
				}
			})
		}
	case *rss.Feed:
		for _, e := range o.Items {
			all = append(all, func(to *entry) {
				if e.Source != nil {
					to.source = plain(e.Source.Title, 200)
				}
			})
		}
	case *feedjson.Feed:
		for _, e := range o.Items {
			all = append(all, func(to *entry) {
				to.summary = escape(e.Summary)
				if e.ContentHTML == "" {
					to.content = escape(e.ContentText)
				}
			})
		}
	}
	return all
}

// picturesOf takes the images that stand outside of the entry's text.
func (e *entry) picturesOf(item *gofeed.Item, base *url.URL) {
	for _, enclosure := range item.Enclosures {
		if strings.HasPrefix(enclosure.Type, "image/") {
			e.picture(picture{url: enclosure.URL})
		}
	}
	media := item.Extensions["media"]
	for _, group := range media["group"] {
		e.media(group.Children)
	}
	e.media(media)
	if item.Image != nil {
		e.picture(picture{url: item.Image.URL, alt: plain(item.Image.Title, motacilla.MaxAlt)})
	}
	kept := e.images[:0]
	known := map[string]bool{}
	for _, p := range e.images {
		link, err := absolute(base, p.url)
		if err == nil && link != "" && !known[link] {
			known[link] = true
			p.url = link
			kept = append(kept, p)
		}
	}
	e.images = kept
}

// media takes the images of Media RSS: media:content, or media:thumbnail if there is no other image.
func (e *entry) media(elements map[string][]ext.Extension) {
	alt := ""
	for _, name := range []string{"title", "description"} {
		if list := elements[name]; len(list) > 0 {
			alt = list[0].Value
		}
	}
	take := func(x ext.Extension) {
		own := alt
		if list := x.Children["description"]; len(list) > 0 {
			own = list[0].Value
		}
		width, _ := strconv.Atoi(x.Attrs["width"])
		height, _ := strconv.Atoi(x.Attrs["height"])
		e.picture(picture{x.Attrs["url"], plain(own, motacilla.MaxAlt), width, height})
	}
	for _, x := range elements["content"] {
		if x.Attrs["medium"] == "image" || strings.HasPrefix(x.Attrs["type"], "image/") {
			take(x)
		}
	}
	if list := elements["thumbnail"]; len(list) > 0 && len(e.images) == 0 {
		take(list[0])
	}
}

func (e *entry) picture(p picture) {
	if p.url != "" && len(e.images) < 4*maxPictures {
		e.images = append(e.images, p)
	}
}

// sum returns the hash of what readers would see.
func (e *entry) sum() string {
	parts := []string{e.title, e.content, e.summary, e.author, e.source, e.link}
	for _, p := range e.images {
		parts = append(parts, p.url, p.alt)
	}
	return short.Digest(parts...)[:16]
}

// messageID returns the message ID of an entry. It begins with the feed's host, so that feeds of different sites can't change each
// other's posts. An ID that is no URI is unique within its feed alone, so the message ID has the feed's path too.
func messageID(feed *url.URL, id string) string {
	host := ""
	if feed != nil {
		host = feed.Host
		if u, err := url.Parse(id); err != nil || u.Scheme == "" {
			host += " " + short.Digest(feed.EscapedPath(), feed.RawQuery)[:8]
		}
	}
	full := host + " " + id
	odd := func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == 0x7f || r == 0xfffd }
	if len(full) > motacilla.MaxID || strings.ContainsFunc(full, odd) {
		full = short.Digest(host, id)
	}
	return full
}

func authorOf(list []*gofeed.Person) string {
	var all []string
	for _, p := range list {
		if p == nil {
			continue
		}
		if name := plain(p.Name, motacilla.MaxID); name != "" {
			all = append(all, name)
		}
	}
	return short.Cut(strings.Join(all, ", "), motacilla.MaxID)
}

func timeOf(t *time.Time) time.Time {
	if t == nil || t.Year() < 1971 || t.Year() > 9000 {
		return time.Time{}
	}
	return motacilla.Micro(*t)
}
