package main

import (
	"strings"

	"github.com/mattn/go-runewidth"
	"golang.org/x/net/html"
)

// oneLine returns s without control characters, which a terminal would obey, and with single spaces.
func oneLine(s string) string {
	clean := strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return ' '
		}
		return c
	}, s)
	return strings.Join(strings.Fields(clean), " ")
}

// brief returns the beginning of a text.
func brief(s string) string { return runewidth.Truncate(s, 60, "…") }

// textIn returns the text of a post's HTML on one line, without control characters.
func textIn(content string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(content))
	for skip := 0; ; {
		switch z.Next() {
		case html.ErrorToken:
			return oneLine(b.String())
		case html.StartTagToken:
			name, _ := z.TagName()
			if hasNoText(string(name)) {
				skip++
			}
			b.WriteString(gap(string(name)))
		case html.EndTagToken:
			name, _ := z.TagName()
			if hasNoText(string(name)) && skip > 0 {
				skip--
			}
			b.WriteString(gap(string(name)))
		case html.TextToken:
			if skip == 0 {
				b.Write(z.Text())
			}
		}
	}
}

func hasNoText(tag string) bool {
	return tag == "script" || tag == "style" || tag == "header" || tag == "time"
}

// gap returns the space that a tag stands for: none if it is inline.
func gap(tag string) string {
	switch tag {
	case "a", "b", "em", "i", "strong", "span", "code", "u", "s", "sub", "sup", "mark", "small":
		return ""
	}
	return " "
}
