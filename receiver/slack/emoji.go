package slack

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kyokomi/emoji/v2"
)

// maxEmoji is the longest name of an emoji that is looked up, in bytes.
const maxEmoji = 100

// emojiOf returns the characters of an emoji that Slack names, such as smile or wave::skin-tone-3. ok is false if there is none: a
// workspace has emoji of its own.
func emojiOf(name string) (text string, ok bool) {
	name, tone, _ := strings.Cut(name, "::")
	if text, ok = flag(name); ok {
		return text, true
	}
	switch name {
	case "simple_smile": // Slack's name from before there was the other
		name = "slightly_smiling_face"
	case "large_red_circle":
		name = "red_circle"
	}
	if text, ok = emoji.CodeMap()[":"+name+":"]; !ok {
		return "", false
	}
	return toned(strings.TrimSpace(text), tone), true
}

// toned gives an emoji a colour of skin. The tone follows the first character.
func toned(text, tone string) string {
	r, ok := toneOf(tone)
	if !ok {
		return text
	}
	_, n := utf8.DecodeRuneInString(text)
	return text[:n] + string(r) + strings.TrimPrefix(text[n:], "\ufe0f")
}

// toneOf returns the character of skin-tone-2 to skin-tone-6.
func toneOf(tone string) (rune, bool) {
	n, ok := strings.CutPrefix(tone, "skin-tone-")
	if !ok || len(n) != 1 || n < "2" || n > "6" {
		return 0, false
	}
	return 0x1f3fb + rune(n[0]-'2'), true
}

// flag returns the flag of a country, such as flag-de.
func flag(name string) (text string, ok bool) {
	country, ok := strings.CutPrefix(name, "flag-")
	if !ok || len(country) != 2 {
		return "", false
	}
	for _, c := range []byte(country) {
		if c < 'a' || c > 'z' {
			return "", false
		}
		text += string(0x1f1e6 + rune(c-'a'))
	}
	return text, true
}

// codePoints returns the characters that rich text has for an emoji, such as 1f44b-1f3fd.
func codePoints(list string) (text string, ok bool) {
	if list == "" || len(list) > maxEmoji {
		return "", false
	}
	for hex := range strings.SplitSeq(list, "-") {
		n, err := strconv.ParseUint(hex, 16, 32)
		r := rune(n)
		if err != nil || n > utf8.MaxRune || !utf8.ValidRune(r) || r < 0xa9 && !strings.ContainsRune("#*0123456789", r) {
			return "", false
		}
		text += string(r)
	}
	return text, true
}

// shortcodes replaces the emoji in a text, such as :smile:. A name that is not known stays.
func shortcodes(text string) string {
	if strings.Count(text, ":") < 2 {
		return text
	}
	var out strings.Builder
	for {
		at := strings.IndexByte(text, ':')
		if at < 0 {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(text[:at])
		text = text[at:]
		name, ok := shortcode(text)
		found := ""
		if ok {
			found, ok = emojiOf(name)
		}
		if !ok {
			out.WriteByte(':')
			text = text[1:]
			continue
		}
		out.WriteString(found)
		text = text[len(name)+2:]
	}
}

// shortcode returns the name that text begins with, between colons. A tone of skin is part of it.
func shortcode(text string) (name string, ok bool) {
	n := nameLen(text[1:])
	if n == 0 || len(text) < n+2 || text[n+1] != ':' {
		return "", false
	}
	name = text[1 : n+1]
	if rest := text[n+1:]; strings.HasPrefix(rest, "::skin-tone-") && len(rest) > 13 && rest[13] == ':' {
		name += rest[:13]
	}
	return name, true
}

func nameLen(text string) int {
	for i := range min(len(text), maxEmoji) {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("_+-'", rune(c)) {
			return i
		}
	}
	return min(len(text), maxEmoji)
}
