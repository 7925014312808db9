package slack

import (
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/slack-go/slack"
)

// parseBlock adds what a block of a message says to d. Blocks that say nothing to readers, such as buttons, add nothing.
func parseBlock(d *document, block slack.Block) {
	switch b := block.(type) {
	case *slack.RichTextBlock:
		for _, e := range b.Elements {
			parseRichText(d, e)
		}
	case *slack.SectionBlock:
		parseText(d, plainPart, b.Text)
		for _, f := range b.Fields {
			parseText(d, plainPart, f)
		}
	case *slack.HeaderBlock:
		parseText(d, headingPart, b.Text)
	case *slack.ContextBlock:
		for _, e := range b.ContextElements.Elements {
			if t, ok := e.(*slack.TextBlockObject); ok {
				parseText(d, smallPart, t)
			}
		}
	case *slack.ImageBlock:
		addImage(d, b.ImageURL, b.AltText)
	}
}

// addImage adds an image that is shown by its URL.
func addImage(d *document, url, alt string) {
	if validLink(url) && strings.HasPrefix(url, "http") && len(url) <= motacilla.MaxURL {
		d.add(part{kind: imagePart, url: url, alt: alt})
	}
}

// parseText reads the text of a block. Only plain text can be a heading or small.
func parseText(d *document, kind partKind, t *slack.TextBlockObject) {
	switch {
	case t == nil:
	case t.Type == slack.MarkdownType && kind == plainPart:
		parseMrkdwn(d, t.Text)
	case t.Type == slack.MarkdownType:
		var lines []line
		for l := range strings.SplitSeq(lineBreaks.Replace(t.Text), "\n") {
			lines = append(lines, lineOf(l))
		}
		d.add(part{kind: kind, lines: lines})
	default:
		d.add(part{kind: kind, lines: textLines([]span{{text: shortcodes(entities.Replace(t.Text))}})})
	}
}

func parseRichText(d *document, e slack.RichTextElement) {
	switch e := e.(type) {
	case *slack.RichTextSection:
		d.add(part{kind: plainPart, lines: textLines(parseElements(e.Elements))})
	case *slack.RichTextQuote:
		d.add(part{kind: quotePart, lines: textLines(parseElements(e.Elements))})
	case *slack.RichTextPreformatted:
		d.add(part{kind: prePart, lines: textLines(parseElements(e.Elements))})
	case *slack.RichTextList:
		d.add(part{kind: listPart, items: parseList(e)})
	}
}

// maxOffset is the largest number that a list may leave out at its beginning.
const maxOffset = 100_000

func parseList(l *slack.RichTextList) []item {
	var items []item
	for i, e := range l.Elements {
		section, ok := e.(*slack.RichTextSection)
		if !ok {
			continue
		}
		next := item{indent: l.Indent, ordered: l.Style == slack.RTEListOrdered, lines: textLines(parseElements(section.Elements))}
		if i == 0 {
			next.offset = min(l.Offset, maxOffset)
		}
		items = append(items, next)
	}
	return items
}

func parseElements(elements []slack.RichTextSectionElement) []span {
	var spans []span
	for _, e := range elements {
		if s, ok := parseElement(e); ok {
			spans = append(spans, s)
		}
	}
	return spans
}

func parseElement(e slack.RichTextSectionElement) (s span, ok bool) {
	switch e := e.(type) {
	case *slack.RichTextSectionTextElement:
		return span{text: e.Text, marks: marksOf(e.Style)}, true
	case *slack.RichTextSectionLinkElement:
		return linkTo(e.URL, e.Text, e.Style), true
	case *slack.RichTextSectionUserElement:
		return span{kind: userSpan, id: e.UserID, marks: marksOf(e.Style)}, validID(e.UserID)
	case *slack.RichTextSectionChannelElement:
		return span{kind: channelSpan, id: e.ChannelID, marks: marksOf(e.Style)}, validID(e.ChannelID)
	case *slack.RichTextSectionUserGroupElement:
		return span{kind: groupSpan, id: e.UsergroupID, marks: marksOf(e.Style)}, validID(e.UsergroupID)
	case *slack.RichTextSectionBroadcastElement:
		return span{text: "@" + e.Range, marks: marksOf(e.Style)}, e.Range != ""
	case *slack.RichTextSectionEmojiElement:
		return span{text: emojiText(e), marks: marksOf(e.Style)}, e.Name != "" || e.Unicode != ""
	case *slack.RichTextSectionDateElement:
		fallback := ""
		if e.Fallback != nil {
			fallback = *e.Fallback
		}
		s, ok := timeOf(strconv.FormatInt(int64(e.Timestamp), 10), fallback)
		if e.URL != nil && validLink(*e.URL) {
			s.url = *e.URL
		}
		s.marks = marksOf(e.Style)
		return s, ok
	case *slack.RichTextSectionColorElement:
		return span{text: e.Value, marks: marksOf(e.Style)}, true
	case *slack.RichTextSectionTagElement:
		return span{text: e.Text, marks: marksOf(e.Style)}, true
	case *slack.RichTextSectionAttachmentMentionElement:
		return linkTo(e.URL, e.Text, e.Style), true
	case *slack.RichTextSectionMessageMentionElement:
		return linkTo("", e.Text, e.Style), e.Text != "" // readers can't open it
	}
	return span{}, false
}

// linkTo returns a link, or its words if readers may not get it.
func linkTo(url, text string, style *slack.RichTextSectionTextStyle) span {
	s := span{text: text, marks: marksOf(style)}
	if validLink(url) {
		s.url = url
	} else if text == "" {
		s.text = url
	}
	return s
}

func marksOf(style *slack.RichTextSectionTextStyle) (m mark) {
	if style == nil {
		return 0
	}
	if style.Bold {
		m |= bold
	}
	if style.Italic {
		m |= italic
	}
	if style.Strike {
		m |= strike
	}
	if style.Code {
		m |= code
	}
	if style.Underline {
		m |= underline
	}
	return m
}

// emojiText returns an emoji. Rich text has its characters, unless the workspace has made it.
func emojiText(e *slack.RichTextSectionEmojiElement) string {
	if text, ok := codePoints(e.Unicode); ok {
		return text
	}
	name := e.Name
	if e.SkinTone > 1 && !strings.Contains(name, "::") {
		name += "::skin-tone-" + strconv.Itoa(e.SkinTone)
	}
	if text, ok := emojiOf(name); ok {
		return text
	}
	return ":" + e.Name + ":"
}

// parseAttachment adds what a bot's attachment says. It is the form that Slack had before blocks.
func parseAttachment(d *document, a slack.Attachment) {
	parseMrkdwn(d, a.Pretext)
	if a.Title != "" {
		title := span{text: shortcodes(entities.Replace(a.Title)), marks: bold}
		if link := entities.Replace(a.TitleLink); validLink(link) {
			title.url = link
		}
		d.add(part{kind: plainPart, lines: textLines([]span{title})})
	}
	parseMrkdwn(d, a.Text)
	for _, f := range a.Fields {
		l := line{{text: shortcodes(entities.Replace(f.Title)) + ": ", marks: bold}}
		d.add(part{kind: plainPart, lines: []line{append(l, lineOf(lineBreaks.Replace(f.Value))...)}})
	}
	for _, b := range a.Blocks.BlockSet {
		parseBlock(d, b)
	}
	addImage(d, a.ImageURL, a.Fallback)
}
