package people

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	mostLogin = 100 // bytes
	mostName  = 100 // characters
)

// parseLogin returns a login as it is kept: 1 to mostLogin lower-case letters, digits and . _ - @, a letter or a digit first.
// Keyboards of phones write capitals and spaces where nobody wants them, so letters of ASCII are made lower-case.
func parseLogin(s string) (login string, ok bool) {
	s = strings.Trim(s, " ")
	if s == "" || len(s) > mostLogin {
		return "", false
	}
	b := []byte(s)
	for i, c := range b {
		switch {
		case c >= 'A' && c <= 'Z':
			b[i] = c + 'a' - 'A'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case i > 0 && strings.IndexByte("._-@", c) >= 0:
		default:
			return "", false
		}
	}
	return string(b), true
}

// parseName returns what people call somebody, as it is kept: 1 to mostName characters in NFC. It has no control characters, and
// none that turn the direction of the text around it.
func parseName(s string) (name string, ok bool) {
	if len(s) > 4*utf8.UTFMax*mostName || !utf8.ValidString(s) {
		return "", false
	}
	s = norm.NFC.String(strings.TrimSpace(s))
	bad := strings.ContainsFunc(s, func(c rune) bool {
		return unicode.IsControl(c) || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 || c == 0x2028 || c == 0x2029
	})
	return s, s != "" && !bad && utf8.RuneCountInString(s) <= mostName
}
