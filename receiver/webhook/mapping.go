package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/theory/jsonpath"
)

// mapTime is the longest that a document may take.
const mapTime = 10 * time.Second

// Mapping makes posts of a source's documents. It needs no store, and writes nothing. It may be used by many goroutines at once.
type Mapping struct {
	o      *Options
	ingest *receiver.Ingest // only sanitises

	each *jsonpath.Path

	channel, messageID, version, author, created, title, link, text, imageAlt, response *written

	image []*path

	when, pinned, keyEvent, hidden, remove conditions
}

// Post is what one part of a document becomes.
type Post struct {
	Part    string // its path in the document, such as $['alerts'][0]
	Ignored string // why nothing is written; then the fields below are empty
	Channel motacilla.ChannelID
	Remove  bool // the post of the message is removed
	Message receiver.Message
	Content []motacilla.Block // Message's content as it is stored, without the images
	Images  []receiver.File
}

// NewMapping reads the options of a mapping, and of its preset. The error is an ErrInvalid that names the option, with line and
// column if it is a path, a condition or a template. Options for verification are not looked at.
func NewMapping(o *Options) (*Mapping, error) {
	c, err := o.complete()
	if err != nil {
		return nil, err
	}
	m := &Mapping{o: c, ingest: receiver.NewIngest(nil, c.Name, nil)}
	if c.Each != "" {
		p, err := parsePath("each", c.Each)
		if err != nil {
			return nil, err
		}
		m.each = p.of
	}
	for _, t := range []struct {
		option, text string
		html         bool
		to           **written
	}{
		{"channel", c.Channel, false, &m.channel}, {"message_id", c.MessageID, false, &m.messageID},
		{"version", c.Version, false, &m.version}, {"author", c.Author, false, &m.author},
		{"created", c.Created, false, &m.created}, {"title", c.Title, false, &m.title}, {"link", c.Link, false, &m.link},
		{"text", c.Text, true, &m.text}, {"image_alt", c.ImageAlt, false, &m.imageAlt},
		{"response", c.Response, false, &m.response},
	} {
		if *t.to, err = parseTemplate(t.option, t.text, t.html); err != nil {
			return nil, err
		}
	}
	for _, l := range []struct {
		option string
		list   []string
		to     *conditions
	}{
		{"when", c.When, &m.when}, {"pinned", c.Pinned, &m.pinned}, {"key_event", c.KeyEvent, &m.keyEvent},
		{"hidden", c.Hidden, &m.hidden}, {"remove", c.Remove, &m.remove},
	} {
		if *l.to, err = parseConditions(l.option, l.list); err != nil {
			return nil, err
		}
	}
	for i, text := range c.Image {
		p, err := parsePath(fmt.Sprintf("image[%d]", i), text)
		if err != nil {
			return nil, err
		}
		m.image = append(m.image, p)
	}
	return m, m.check()
}

// check looks for options that say nothing without others.
func (m *Mapping) check() error {
	switch {
	case m.channel == nil:
		return motacilla.Invalid("channel", "must be set, for example to match-42 or {{.channel}}")
	case m.text == nil && m.title == nil && len(m.image) == 0:
		return motacilla.Invalid("text", "must be set, or title or image")
	case m.link != nil && m.title == nil:
		return motacilla.Invalid("title", "must be set, since link leads from it")
	case m.messageID == nil && !m.remove.empty():
		return motacilla.Invalid("message_id", "must be set, since remove has to find the post")
	case m.messageID == nil && m.version != nil:
		return motacilla.Invalid("message_id", "must be set, since version has to find the post")
	case len(m.o.Events) > 0 && m.o.EventFrom == "":
		return motacilla.Invalid("event_header", "must be set, since events are chosen by it")
	}
	return nil
}

// Name returns the source's name.
func (m *Mapping) Name() string { return m.o.Name }

// Map returns what a document becomes: one Post for each part, in the document's order. The error is an ErrInvalid that names
// body, or the option and the part.
func (m *Mapping) Map(ctx context.Context, h http.Header, body []byte) ([]Post, error) {
	_, posts, err := m.read(ctx, h, body)
	return posts, err
}

// read is Map with the document. It is nil if the kind of document is not taken.
func (m *Mapping) read(ctx context.Context, h http.Header, body []byte) (*document, []Post, error) {
	if event := h.Get(m.o.EventFrom); len(m.o.Events) > 0 && !slices.Contains(m.o.Events, event) {
		return nil, []Post{{Part: "$", Ignored: fmt.Sprintf("events does not have %q, which %s says", clip(event), m.o.EventFrom)}}, nil
	}
	d, err := readDocument(h, body)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, mapTime)
	defer cancel()
	parts := m.parts(d)
	if len(parts) > maxParts {
		return nil, nil, motacilla.Invalid("each", "selects %d parts, and a document may have %d", len(parts), maxParts)
	}
	if len(parts) == 0 {
		return d, []Post{{Part: "$", Ignored: "each selects no part: " + m.o.Each}}, nil
	}
	posts := make([]Post, 0, len(parts))
	for _, e := range parts {
		p, err := m.post(ctx, e)
		if err != nil {
			return nil, nil, inPart(e, err)
		}
		posts = append(posts, p)
	}
	return d, posts, nil
}

func (m *Mapping) parts(d *document) []*part {
	if m.each == nil {
		return []*part{{of: d, where: "$", value: d.value, shown: d.forTemplates()}}
	}
	var parts []*part
	for n := range m.each.SelectLocated(d.value).All() {
		parts = append(parts, &part{of: d, where: n.Path.String(), value: n.Node, shown: forTemplates(n.Node)})
	}
	return parts
}

// inPart adds the part to an error about an option.
func inPart(e *part, err error) error {
	var field *motacilla.FieldError
	if errors.As(err, &field) {
		return motacilla.Invalid(field.Field, "%s, in %s of the document", field.Problem, e.where)
	}
	return err
}

func (m *Mapping) post(ctx context.Context, e *part) (Post, error) {
	p := Post{Part: e.where}
	if c := m.when.failing(e); c != "" {
		p.Ignored = "when: this does not hold: " + c
		return p, nil
	}
	w := writing{ctx: ctx, e: e}
	channel := w.text(m.channel)
	p.Message.ID = w.text(m.messageID)
	p.Message.Version = version(w.text(m.version), &w)
	p.Message.Author = w.text(m.author)
	created, err := moment(w.text(m.created))
	w.fail("created", err)
	p.Message.Created = created
	if w.err != nil {
		return p, w.err
	}
	if p.Channel, err = motacilla.ParseChannelID(channel); err != nil {
		return p, motacilla.Invalid("channel", "makes %q, which can't be a channel's ID", clip(channel))
	}
	if m.messageID != nil && p.Message.ID == "" {
		return p, motacilla.Invalid("message_id", "is empty")
	}
	if m.messageID == nil {
		p.Message.ID = fingerprint(e.value)
	}
	if m.remove.holds(e) {
		p.Remove = true
		return p, m.probe(p.Message, nil)
	}
	p.Message.Pinned, p.Message.KeyEvent, p.Message.Hidden = m.pinned.holds(e), m.keyEvent.holds(e), m.hidden.holds(e)
	if err := m.content(&w, &p); err != nil {
		return p, err
	}
	return p, m.probe(p.Message, p.Content)
}

// writing executes the templates of a part, until one fails.
type writing struct {
	ctx context.Context
	e   *part
	err error
}

func (w *writing) text(t *written) string {
	if w.err != nil {
		return ""
	}
	var s string
	s, w.err = t.apply(w.ctx, w.e)
	return s
}

func (w *writing) fail(option string, err error) {
	if err != nil && w.err == nil {
		w.err = motacilla.Invalid(option, "%v", err)
	}
}

// version reads a number or a time.
func version(s string, w *writing) int64 {
	if s == "" {
		return 0
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 {
		return n
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.UnixMicro() <= 0 {
		w.fail("version", fmt.Errorf("%q must be a whole number above 0, or a time as in RFC 3339", clip(s)))
		return 0
	}
	return t.UnixMicro()
}

// content makes the blocks: the title, the text, and a place for each image.
func (m *Mapping) content(w *writing, p *Post) error {
	title, link, body, alt := w.text(m.title), w.text(m.link), w.text(m.text), w.text(m.imageAlt)
	if w.err != nil {
		return w.err
	}
	var blocks []motacilla.RawBlock
	if title != "" {
		line := "<b>" + html.EscapeString(title) + "</b>"
		if link != "" {
			if !isAddress(link) {
				return motacilla.Invalid("link", "makes %q, which is no http or https address", clip(link))
			}
			line = `<a href="` + html.EscapeString(link) + `">` + line + `</a>`
		}
		blocks = append(blocks, motacilla.RawBlock{Type: motacilla.TextBlock, Text: line})
	}
	if body != "" {
		blocks = append(blocks, motacilla.RawBlock{Type: motacilla.TextBlock, Text: body})
	}
	for i, path := range m.image {
		for _, v := range path.values(w.e) {
			address, isText := v.(string)
			if v == nil || address == "" && isText {
				continue
			}
			if !isAddress(address) {
				return motacilla.Invalid(fmt.Sprintf("image[%d]", i), "selects %q, which is no http or https address", clip(text(v)))
			}
			f := receiver.FileAt(address)
			f.Alt, f.Name = alt, alt
			p.Images = append(p.Images, f)
		}
	}
	if len(blocks) == 0 && len(p.Images) == 0 {
		return motacilla.Invalid("text", "is empty, and there is no title and no image")
	}
	if len(p.Images) > motacilla.MaxBlocks-len(blocks) {
		return motacilla.Invalid("image", "selects %d images", len(p.Images))
	}
	p.Message.Content = blocks
	if len(blocks) == 0 {
		return nil
	}
	content, err := m.ingest.Content("", blocks)
	if err != nil {
		return optionOf(err, title != "")
	}
	p.Content = content
	return nil
}

// optionOf names the option in the place of a block.
func optionOf(err error, titled bool) error {
	var field *motacilla.FieldError
	if !errors.As(err, &field) {
		return err
	}
	if titled && strings.HasPrefix(field.Field, "content[0]") {
		return motacilla.Invalid("title", "%s", field.Problem)
	}
	return motacilla.Invalid("text", "%s", field.Problem)
}

// probe checks a message as the store would, so that nothing of a document is written if a part of it is wrong.
func (m *Mapping) probe(msg receiver.Message, content []motacilla.Block) error {
	_, err := motacilla.Post{
		ID: "00000000-0000-7000-8000-000000000000", MessageID: m.stored(msg.ID), SourceVersion: msg.Version, Author: msg.Author,
		Created: msg.Created, Show: true, Content: content,
	}.Admit(1)
	return err
}

// stored returns the message ID under which a part is stored: with the source's name before it. A document may name any ID, and a
// channel has posts of other sources too. Without the name, a document could edit or remove them.
func (m *Mapping) stored(id string) string { return m.o.Name + ":" + id }

func isAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil && len(s) <= motacilla.MaxURL
}

// fingerprint is the ID of a part that has none: the same part has the same.
func fingerprint(v any) string {
	b, _ := json.Marshal(v) // it comes from JSON; the names of an object are in order
	sum := sha256.Sum256(b)
	return "sha256-" + hex.EncodeToString(sum[:16])
}

// Events returns the header that names the kind of document, and the kinds that are taken. No kinds mean that all are.
func (m *Mapping) Events() (header string, kinds []string) {
	return m.o.EventFrom, slices.Clone(m.o.Events)
}
