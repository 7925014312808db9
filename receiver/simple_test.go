package receiver

import (
	"strings"
	"testing"
)

// Sanitising leaves a simple text as it is.
func FuzzSimple(f *testing.F) {
	for _, text := range []string{
		"", "words", "  words \n", "a <b>b</b> c", "<b>a <i>b</i></b> &amp; &lt;", "<sub>x</sub><sup>y</sup>",
		"<b><b>x</b></b>", "<b><i>x</b></i>", "</b>", "<b>", "<b", "a &copy; b", "a & b", "\r", "a\x00b", "\ufeffx",
		"<em>a<strong>b<u>c<s>d<code>e<small>f<mark>g</mark></small></code></s></u></strong></em>", "<B>x</B>", "<b >x</b>",
		"\f\v\x7f\u2028", "&amp;lt;script&amp;gt;", "&lt;script&gt;", "'\"`", "<script>x</script>", "<p>x</p>",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "\ufffd")
		if simple(text) {
			if out := sanitise.settled(text); out != text {
				t.Fatalf("%q is taken for simple, and becomes %q", text, out)
			}
		}
	})
}

func TestWhatIsSimple(t *testing.T) {
	for text, want := range map[string]bool{
		"words": true, "a <b>b <i>c</i></b> &amp; d": true, `<a href="https://e.example">x</a>`: false,
		"<b>x": false, "<b><i>x</b></i>": false, "a & b": false, "<b><b>x</b></b>": false, "a > b": false,
	} {
		if simple(text) != want {
			t.Errorf("simple(%q) is %v", text, !want)
		}
	}
}
