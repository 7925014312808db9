package telegram

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/receiver"
)

// MaxFile is the largest file that Telegram gives to a bot, in bytes.
const MaxFile = 20 << 20

// imageTypes are the media types of documents that become images.
var imageTypes = []string{"image/jpeg", "image/png", "image/webp", "image/gif"}

// content is what a message becomes. An album keeps that of each of its parts.
type content struct {
	Head  []motacilla.RawBlock `json:"head,omitempty"` // whom the message was forwarded from, and what it quotes
	Text  []motacilla.RawBlock `json:"text,omitempty"`
	Files []receiver.File      `json:"files,omitempty"` // images
	Above bool                 `json:"above,omitempty"` // the text stands above the images
	Large string               `json:"-"`               // the name of an image that is too large to be fetched
}

// contentOf returns what m becomes. It is empty if m makes no post.
func (s settings) contentOf(m *message) content {
	c := content{Above: m.CaptionAbove}
	embeds := m.LinkPreview == nil || !m.LinkPreview.IsDisabled
	c.Text = textBlocks(m.Text, m.Entities, embeds)
	c.Text = append(c.Text, textBlocks(m.Caption, m.CaptionEntities, embeds)...)
	s.media(m, &c)
	for _, html := range []string{pollText(m.Poll), checklistText(m.Checklist), placeText(m)} {
		if html != "" {
			c.Text = append(c.Text, htmlBlock(html))
		}
	}
	if len(c.Text) == 0 && len(c.Files) == 0 {
		return c
	}
	if source := originText(m.ForwardOrigin); source != "" {
		c.Head = append(c.Head, htmlBlock(source))
	}
	if m.Quote != nil {
		if text := inline(m.Quote.Text, m.Quote.Entities); text != "" {
			c.Head = append(c.Head, htmlBlock("<blockquote>"+text+"</blockquote>"))
		}
	}
	return c
}

// media adds the image of m. Of other files the page shows the name, and of moving pictures and voices nothing.
func (s settings) media(m *message, c *content) {
	switch {
	case len(m.Photo) > 0:
		if p, ok := largest(m.Photo); ok {
			c.Files = append(c.Files, receiver.File{
				ID: cmp.Or(p.FileUniqueID, p.FileID), Ref: p.FileID, Name: "🖼", Width: p.Width, Height: p.Height})
		} else {
			c.Large = "photo"
		}
	case m.Animation != nil: // it has a document too, for old programs
	case m.Document != nil:
		name := "📄 " + fileName(m.Document.FileName)
		image := slices.Contains(imageTypes, m.Document.MimeType)
		if image && m.Document.FileSize <= MaxFile && m.Document.FileID != "" {
			c.Files = append(c.Files, receiver.File{
				ID: cmp.Or(m.Document.FileUniqueID, m.Document.FileID), Ref: m.Document.FileID, Name: name})
			return
		}
		if image {
			c.Large = name
		}
		c.Text = append(c.Text, htmlBlock(escape.Replace(name)))
	case m.Audio != nil:
		name := strings.Trim(strings.TrimSpace(m.Audio.Performer)+" – "+strings.TrimSpace(m.Audio.Title), " –")
		if name == "" {
			name = m.Audio.FileName
		}
		c.Text = append(c.Text, htmlBlock(escape.Replace("🎵 "+fileName(name))))
	case m.Sticker != nil && s.Stickers && !m.Sticker.IsAnimated && !m.Sticker.IsVideo && m.Sticker.FileSize <= MaxFile:
		c.Files = append(c.Files, receiver.File{ID: cmp.Or(m.Sticker.FileUniqueID, m.Sticker.FileID), Ref: m.Sticker.FileID,
			Alt: plain(m.Sticker.Emoji), Name: plain(m.Sticker.Emoji), Width: m.Sticker.Width, Height: m.Sticker.Height})
	}
}

// largest returns the largest size of a photo that can be fetched.
func largest(sizes []photo) (photo, bool) {
	var best photo
	for _, p := range sizes {
		if p.FileID != "" && p.FileSize <= MaxFile && (best.FileID == "" || p.Width*p.Height > best.Width*best.Height) {
			best = p
		}
	}
	return best, best.FileID != ""
}

func fileName(name string) string {
	return strings.Join(strings.Fields(short.Cut(plain(name), motacilla.MaxID)), " ")
}

func pollText(p *poll) string {
	if p == nil {
		return ""
	}
	items := make([]string, len(p.Options))
	for i, o := range p.Options {
		items[i] = inline(o.Text, o.TextEntities)
	}
	return list(inline(p.Question, p.QuestionEntities), items)
}

func checklistText(c *checklist) string {
	if c == nil {
		return ""
	}
	items := make([]string, len(c.Tasks))
	for i, t := range c.Tasks {
		box := "☐ "
		if t.CompletionDate > 0 {
			box = "☑ "
		}
		items[i] = box + inline(t.Text, t.TextEntities)
	}
	return list(inline(c.Title, c.TitleEntities), items)
}

func list(title string, items []string) string {
	const most = 100
	items = items[:min(len(items), most)]
	if title == "" || len(items) == 0 {
		return title
	}
	return "<p><b>" + title + "</b></p><ul><li>" + strings.Join(items, "</li><li>") + "</li></ul>"
}

// placeText is a link to a map.
func placeText(m *message) string {
	at := m.Location
	if m.Venue != nil {
		at = &m.Venue.Location
	}
	if at == nil {
		return ""
	}
	lat, lon := strconv.FormatFloat(at.Latitude, 'f', -1, 64), strconv.FormatFloat(at.Longitude, 'f', -1, 64)
	name := lat + ", " + lon
	address := ""
	if m.Venue != nil {
		if title := inline(m.Venue.Title, nil); title != "" {
			name = title
		}
		address = inline(m.Venue.Address, nil)
	}
	text := fmt.Sprintf(`📍 <a href="https://www.openstreetmap.org/?mlat=%s&amp;mlon=%s#map=16/%s/%s">%s</a>`, lat, lon, lat, lon, name)
	if address != "" {
		text += "<br>" + address
	}
	return text
}

// originText names the source of a forwarded message. It has no words, so it needs no language.
func originText(o *origin) string {
	if o == nil {
		return ""
	}
	name, at := o.SenderUserName, ""
	switch {
	case o.SenderUser != nil:
		name = userName(o.SenderUser)
	case o.SenderChat != nil:
		name = chatName(o.SenderChat)
	case o.Chat != nil:
		name = chatName(o.Chat)
		if usernames.MatchString(o.Chat.Username) && o.MessageID > 0 {
			at = fmt.Sprintf("https://t.me/%s/%d", o.Chat.Username, o.MessageID)
		}
	}
	name = inline(name, nil)
	if name == "" {
		return ""
	}
	if at != "" {
		name = `<a href="` + at + `">` + name + "</a>"
	}
	return "↪ <cite>" + name + "</cite>"
}

// blocks puts parts in order: one for a message, several for an album. If one part alone has a text, it is of the whole album.
func (r *Receiver) blocks(parts []content) (blocks []motacilla.RawBlock, files []receiver.File) {
	texts := 0
	var head, text []motacilla.RawBlock
	above := false
	for _, p := range parts {
		if len(head) == 0 {
			head = p.Head
		}
		if len(p.Text) > 0 {
			texts++
			text, above = p.Text, p.Above
		}
	}
	blocks = append(blocks, head...)
	if texts == 1 && above {
		blocks = append(blocks, text...)
	}
	for _, p := range parts {
		if texts > 1 && p.Above {
			blocks = append(blocks, p.Text...)
		}
		for _, f := range p.Files {
			blocks = append(blocks, r.files.Block(f))
		}
		files = append(files, p.Files...)
		if texts > 1 && !p.Above {
			blocks = append(blocks, p.Text...)
		}
	}
	if texts == 1 && !above {
		blocks = append(blocks, text...)
	}
	return blocks, files
}
