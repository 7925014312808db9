package slack

import (
	"context"
	"html"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/short"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/slack-go/slack"
)

// content returns the blocks of a message and the files that are to be fetched for them. Both may be empty.
func (r *Receiver) content(ctx context.Context, m *message) ([]motacilla.RawBlock, []receiver.File) {
	d := m.document()
	names := r.names.all(ctx, d.mentions(maxMentions))
	blocks := renderer{func(m mention) string { return names[m] }}.blocks(d)
	var images []motacilla.RawBlock
	var files []receiver.File
	for _, f := range r.known(ctx, m.files()) {
		file, isImage := imageOf(f)
		switch {
		case isImage && len(files) < maxFiles:
			images = append(images, r.files.Block(file))
			files = append(files, file)
		case r.o.FileNames && shown(f) && nameOf(f) != "":
			blocks = append(blocks, motacilla.RawBlock{Type: motacilla.TextBlock, Text: escape(nameOf(f))})
		}
	}
	return append(fit(blocks, motacilla.MaxBlocks-maxFiles), images...), files
}

const (
	maxFiles    = 30 // of a message; Slack takes 10 at a time
	maxMentions = 50 // whose names are looked up; the others keep their IDs
)

// fit returns blocks that a post may have. A message of too many lines or bytes keeps only its words, up to the limit.
func fit(blocks []motacilla.RawBlock, most int) []motacilla.RawBlock {
	const (
		spare = 4 << 10
		rel   = len(` rel="nofollow noopener"`) // Ingest gives it to each link
	)
	size := 0
	for _, b := range blocks {
		size += len(b.Text) + rel*strings.Count(b.Text, "<a ")
	}
	if len(blocks) <= most && size <= motacilla.MaxText-spare {
		return blocks
	}
	var words []string
	for _, b := range blocks {
		switch b.Type {
		case motacilla.EmbedBlock:
			words = append(words, html.EscapeString(b.URL))
		case motacilla.TextBlock:
			words = append(words, html.EscapeString(plain(b.Text)))
		}
	}
	text := short.Cut(strings.Join(words, "<br>"), motacilla.MaxText-spare)
	if at := strings.LastIndexAny(text, "&<"); at > len(text)-len("&#34;") {
		text = text[:at] // half of an entity or of a break
	}
	return []motacilla.RawBlock{{Type: motacilla.TextBlock, Text: text + "…"}}
}

// plain returns the words of markup that render has made.
func plain(markup string) string {
	var out strings.Builder
	for _, piece := range strings.Split(strings.ReplaceAll(markup, "<br>", "\n"), "<") {
		if _, after, ok := strings.Cut(piece, ">"); ok {
			piece = after
		}
		out.WriteString(piece)
	}
	return html.UnescapeString(out.String())
}

// shown reports whether a file is there for readers.
func shown(f slack.File) bool {
	switch f.Mode {
	case "tombstone", "hidden_by_limit", "hidden":
		return false
	}
	return true
}

func nameOf(f slack.File) string { return firstOf(f.Title, f.Name) }

// picture is one of the forms in which Slack has an image.
type picture struct {
	url           string
	width, height int
}

// imageOf returns a file that is an image and that Slack keeps. ok is false for all others.
func imageOf(f slack.File) (file receiver.File, ok bool) {
	if !shown(f) || f.IsExternal || !strings.HasPrefix(f.Mimetype, "image/") {
		return receiver.File{}, false
	}
	p := picture{firstOf(f.URLPrivateDownload, f.URLPrivate), f.OriginalW, f.OriginalH}
	if !common(f.Mimetype) { // such as HEIC: Slack has made a JPEG or PNG of it
		p = picture{}
		for _, t := range []picture{
			{f.Thumb1024, f.Thumb1024W, f.Thumb1024H}, {f.Thumb960, f.Thumb960W, f.Thumb960H}, {f.Thumb800, f.Thumb800W, f.Thumb800H},
			{f.Thumb720, f.Thumb720W, f.Thumb720H}, {f.Thumb480, f.Thumb480W, f.Thumb480H}, {f.Thumb360, f.Thumb360W, f.Thumb360H},
		} {
			if t.url != "" && p.url == "" {
				p = t
			}
		}
	}
	if p.url == "" || f.ID == "" {
		return receiver.File{}, false
	}
	return receiver.File{
		ID: f.ID, Ref: p.url, Alt: clean(f.AltTxt), Name: clean(nameOf(f)), Width: p.width, Height: p.height,
	}, true
}

// common reports whether an image has a form that every media library takes.
func common(mimetype string) bool {
	switch mimetype {
	case "image/jpeg", "image/png", "image/gif", "image/webp":
		return true
	}
	return false
}
