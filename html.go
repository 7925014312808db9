package motacilla

import (
	"errors"
	"strings"
)

// HTML is markup that a reader's browser may show as it is. It is the type of everything that readers get unescaped, so
// that text from outside can't be taken for it: no conversion and no decoder makes an HTML. The makers are receiver.Sanitise,
// [PlainText], and [TrustedHTML] for markup that the app itself has written.
//
// The zero value is empty. HTML is comparable.
type HTML struct{ s string }

// TrustedHTML returns s as HTML. It neither changes nor checks s. s must be markup of which the app itself has written every
// tag, and in which it has escaped every value, such as the output of html/template. s must not be text from outside: that is
// for receiver.Sanitise or [PlainText].
func TrustedHTML(s string) HTML { return HTML{s} }

// String returns the markup.
func (h HTML) String() string { return h.s }

// MarshalJSON encodes h as a JSON string.
func (h HTML) MarshalJSON() ([]byte, error) { return AppendJSONString(nil, h.s), nil }

// UnmarshalJSON returns an error, and leaves h as it is. JSON may come from outside, so it must be decoded as a string, which
// is then sanitised.
func (h *HTML) UnmarshalJSON([]byte) error {
	return errors.New("decode HTML: JSON may hold unsanitised text: decode a string and pass it to receiver.Sanitise")
}

// escapePlain returns plain text as markup that shows it, each line on its own. U+0000 and what is not UTF-8 become U+FFFD.
func escapePlain(text string) HTML {
	return HTML{plainEscapes.Replace(strings.ToValidUTF8(text, "\ufffd"))}
}

// plainEscapes is costly to make, and never changes.
var plainEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r\n", "<br>", "\n", "<br>", "\r", "<br>",
	"\x00", "\ufffd")
