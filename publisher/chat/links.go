package chat

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// urls finds what begins like a URL. The brackets and points of Chinese and Japanese end it, because no space does.
var urls = regexp.MustCompile(`\bhttps?://[\p{L}\p{N}][\p{L}\p{N}._-]*(?::[0-9]{1,5})?(?:[/?#][^\s<>"…，。、；：！？「」『』（）《》【】]*)?`)

// linksOf returns where the URLs in a text begin and end, in bytes. Punctuation at the end is not a part of them, nor is a bracket
// that began before. A URL with a user is none.
func linksOf(text string) (list [][2]int) {
	for _, at := range urls.FindAllStringIndex(text, -1) {
		rest := text[at[1]:]
		next, _ := utf8.DecodeRuneInString(strings.TrimPrefix(rest, ":"))
		if strings.HasPrefix(rest, "@") || strings.HasPrefix(rest, ":") && (unicode.IsLetter(next) || unicode.IsNumber(next)) {
			continue
		}
		url := text[at[0]:at[1]]
		for strings.ContainsRune(`'.,;:!?([`, rune(url[len(url)-1])) || unmatched(url, "(", ")") || unmatched(url, "[", "]") {
			url = url[:len(url)-1]
		}
		list = append(list, [2]int{at[0], at[0] + len(url)})
	}
	return list
}

// unmatched reports whether a text ends with a bracket that closes more than was opened.
func unmatched(text, begin, end string) bool {
	return strings.HasSuffix(text, end) && strings.Count(text, begin) < strings.Count(text, end)
}

// domain is the beginning of a URL whose host can be a domain of the Internet.
var domain = regexp.MustCompile(`^https?://[\p{L}\p{N}._-]*\.(?:\p{L}{2,}|xn--[a-z0-9-]+)(?:[:/?#]|$)`)
