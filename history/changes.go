package history

import (
	"slices"
	"strings"

	"github.com/motacilla-live/motacilla"
	"golang.org/x/net/html"
)

// changes returns the names of the fields in which two versions of a post differ. What the server itself fills in does not count: the
// files of an image, and the card of an embed.
func changes(old, next motacilla.Post) []string {
	names := []string{}
	for _, f := range []struct {
		name    string
		differs bool
	}{
		{"author", old.Author != next.Author},
		{"created", !old.Created.Equal(next.Created)},
		{"show", old.Show != next.Show},
		{"pinned", old.Pinned != next.Pinned},
		{"key_event", old.KeyEvent != next.KeyEvent},
		{"content", !slices.EqualFunc(old.Content, next.Content, says)},
	} {
		if f.differs {
			names = append(names, f.name)
		}
	}
	return names
}

// says reports whether two blocks say the same.
func says(a, b motacilla.Block) bool {
	for _, of := range []*motacilla.Block{&a, &b} {
		of.Card = motacilla.Card{}
		if of.Media != "" {
			*of = motacilla.Block{Type: of.Type, Media: of.Media, Alt: of.Alt}
		}
	}
	return a == b
}

// linesOf returns the text of a post, a line for each block and for each line of its text.
func linesOf(content []motacilla.Block) []string {
	var lines []string
	for _, b := range content {
		switch b.Type {
		case motacilla.TextBlock:
			for line := range strings.SplitSeq(textOf(b.Text.String()), "\n") {
				if line = strings.Join(strings.Fields(line), " "); line != "" {
					lines = append(lines, line)
				}
			}
		case motacilla.ImageBlock:
			lines = append(lines, strings.TrimSpace("[image] "+strings.Join(strings.Fields(b.Alt), " ")))
		case motacilla.EmbedBlock:
			lines = append(lines, "[embed] "+b.URL)
		case motacilla.ScoreBlock:
			lines = append(lines, strings.Join(strings.Fields(b.Score.String()), " "))
		}
	}
	return lines
}

// textOf returns the text of sanitised HTML. Lines end where a tag begins another one.
func textOf(content string) string {
	var text strings.Builder
	z := html.NewTokenizer(strings.NewReader(content))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return text.String()
		case html.TextToken:
			text.WriteString(strings.ReplaceAll(string(z.Text()), "\n", " "))
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			if name, _ := z.TagName(); !inline(string(name)) {
				text.WriteByte('\n')
			}
		}
	}
}

func inline(tag string) bool {
	switch tag {
	case "a", "abbr", "b", "bdi", "bdo", "cite", "code", "del", "dfn", "em", "i", "ins", "kbd", "mark", "q", "s", "samp", "small", "span",
		"strong", "sub", "sup", "time", "tt", "u", "var", "wbr":
		return true
	}
	return false
}
