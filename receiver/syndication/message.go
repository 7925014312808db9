package syndication

import (
	"cmp"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

// message returns what is stored for an entry, and the images that are fetched later. title is the feed's.
func (r *Receiver) message(e entry, version int64, title string) (receiver.Message, []receiver.File) {
	m := receiver.Message{ID: e.id, Version: version, Author: e.author}
	if now := time.Now(); r.o.Backdate && !e.published.After(now) {
		m.Created = e.published
	}
	if text := r.text(e); text != "" {
		m.Content = append(m.Content, motacilla.RawBlock{Type: motacilla.TextBlock, Text: text})
	}
	for _, link := range e.embeds {
		m.Content = append(m.Content, motacilla.RawBlock{Type: motacilla.EmbedBlock, URL: link})
	}
	var files []receiver.File
	if r.o.Images {
		for _, p := range e.images[:min(len(e.images), maxPictures)] {
			f := receiver.FileAt(p.url)
			f.Alt, f.Name, f.Width, f.Height = p.alt, cmp.Or(p.alt, "an image"), p.width, p.height
			files = append(files, f)
			m.Content = append(m.Content, r.files.Block(f))
		}
	}
	credit := sourceLine(cmp.Or(r.o.Credit, e.source, title), e.link)
	m.Content = append(m.Content, motacilla.RawBlock{Type: motacilla.TextBlock, Text: credit})
	return m, files
}

// text returns title and text of an entry as HTML that is not sanitised.
func (r *Receiver) text(e entry) string {
	const short = 500
	text := cmp.Or(e.content, e.summary)
	if !r.o.Full {
		text = cmp.Or(e.summary, e.content)
		if words := plain(text, short); e.summary == "" && len(words) >= short-4 {
			text = escape(words) + "…"
		}
	}
	if len(receiver.Sanitise(text).String()) > maxMarkup {
		text = escape(plain(text, maxMarkup/6)) + "…"
	}
	// Short messages have their beginning as the title.
	if e.title != "" && !strings.HasPrefix(plain(text, 2*len(e.title)), strings.TrimRight(e.title, " .…")) {
		return "<p><strong>" + escape(e.title) + "</strong></p>" + text
	}
	return text
}

// sourceLine names where a post is from.
func sourceLine(name, link string) string {
	if link == "" {
		return "<p>Source: " + escape(name) + "</p>"
	}
	return `<p>Source: <a href="` + attributes.Replace(link) + `">` + escape(name) + "</a></p>"
}

var attributes = strings.NewReplacer("&", "&amp;", `"`, "&quot;", "<", "&lt;", ">", "&gt;")
