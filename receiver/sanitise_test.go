package receiver

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestSanitise(t *testing.T) {
	const rel = ` rel="nofollow noopener"`
	for _, c := range []struct{ name, in, want string }{
		{"plain", `Don't "stop"`, `Don't "stop"`},
		{"marks", `<b>Goal</b> <em>again</em><br>`, `<b>Goal</b> <em>again</em><br>`},
		{"script", `a<script>alert(1)</script>b`, `ab`},
		{"split script", `<scr<script>ipt>alert(1)</script>`, `ipt&gt;alert(1)`},
		{"handler", `<b onclick="x()">b</b>`, `<b>b</b>`},
		{"image", `<img src=x onerror=alert(1)>`, ``},
		{"svg", `<svg><script>alert(1)</script></svg>x`, `x`},
		{"frame", `<iframe src="https://x.example"></iframe>x`, `x`},
		{"attributes", `<p id="a" name="b" class="c" style="color:red" data-x="d" title="t">x</p>`, `<p>x</p>`},
		{"link", `<a href="https://e.example/?a=1&amp;b=2" target="_top" rel="opener">x</a>`,
			`<a href="https://e.example/?a=1&amp;b=2"` + rel + `>x</a>`},
		{"mail", `<a href="mailto:a@e.example">x</a>`, `<a href="mailto:a@e.example"` + rel + `>x</a>`},
		{"javascript", `<a href=" java&#115;cript:alert(1)">x</a>`, `x`},
		{"data link", `<a href="data:text/html,x">x</a>`, `x`},
		{"relative link", `<a href="/x">x</a>`, `x`},
		{"unbalanced", `</div></div><b>x`, `<b>x</b>`},
		{"entities", `a &lt;b&gt; &amp; c`, `a &lt;b&gt; &amp; c`},
		{"comment", `a<!-- <b> -->b`, `ab`},
		{"bad UTF-8", "a\xffb", "a\ufffdb"},
		{"language", `<span lang="fr" dir="ltr">x</span>`, `<span lang="fr" dir="ltr">x</span>`},
		{"list", `<ol start="3"><li>x</ol>`, `<ol start="3"><li>x</li></ol>`},
		{"table", `<table><tr><td colspan="2">x</table>`,
			`<table><tbody><tr><td colspan="2">x</td></tr></tbody></table>`},
		{"deep", strings.Repeat("<b><i>", 2000) + "x<", `x&lt;`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Sanitise(c.in).String(); got != c.want {
				t.Errorf("Sanitise(%.80q)\n got %q\nwant %q", c.in, got, c.want)
			}
			checkSanitised(t, Sanitise(c.in).String())
		})
	}
}

// checkSanitised fails the test if out is not what Sanitise promises.
func checkSanitised(t *testing.T, out string) {
	t.Helper()
	if again := Sanitise(out).String(); again != out {
		t.Fatalf("sanitised again it changes:\n first %q\nsecond %q", out, again)
	}
	// The element that the text stands in must hold all of it, as a browser parses it.
	doc, err := html.Parse(strings.NewReader(`<!doctype html><div id="post">` + out + `</div><hr id="after">`))
	if err != nil {
		t.Fatalf("parse %.200q: %v", out, err)
	}
	bad := []string{"script", "style", "iframe", "object", "embed", "img", "svg", "math", "form", "input", "template",
		"base", "meta", "link", "textarea", "noscript", "title", "video", "audio"}
	held := true
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		inside := false
		for p := range n.Ancestors() {
			inside = inside || p.Data == "div" && slices.ContainsFunc(p.Attr, isID)
		}
		if !inside {
			held = held && slices.Contains([]string{"html", "head", "body", "div", "hr"}, n.Data)
			continue
		}
		if slices.Contains(bad, n.Data) || slices.ContainsFunc(n.Attr, isID) {
			t.Fatalf("%q holds <%s>", out, n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), strings.HasPrefix(a.Key, "data-"),
				slices.Contains([]string{"id", "name", "class", "style", "src", "srcset", "action", "target"}, a.Key):
				t.Fatalf("%q keeps the attribute %s", out, a.Key)
			case a.Key == "href":
				scheme, _, _ := strings.Cut(a.Val, ":")
				if !slices.Contains([]string{"http", "https", "mailto"}, scheme) {
					t.Fatalf("%q keeps the link %q", out, a.Val)
				}
			}
		}
	}
	if !held {
		t.Fatalf("%q breaks out of its element", out)
	}
}

func isID(a html.Attribute) bool { return a.Key == "id" }

func FuzzSanitise(f *testing.F) {
	for _, s := range []string{
		``, `plain & simple`, `<b>x</b>`, `<a href="https://e.example/?a=%20&b">x</a>`, `<a href="javascript:x">x</a>`,
		`<table><b><a href="http://a"><tr><td>x<a href="http://b">`, `<svg><p><style><!--</style><img src=x onerror=x>`,
		`<b><p><i></b></p>x`, "<pre>\n\nx", `<math><mi><mglyph><style><!--`, `<li><ul><li>`, `&#0;&#13;&lt;script&gt;`,
		`<a href="http://x"><div><a href="http://y">z`, `<table>x<tr>y<td>z`, `<noscript><p title="</noscript><b>">`,
		"<p>\x00\xff\r\n", `</div></body><p>x`, `<ol reversed start=-1><li value=2>x`, strings.Repeat("<b>", 600),
		strings.Repeat("<b>", 509) + "x", strings.Repeat("<i>", 100) + "x", strings.Repeat("<table><tr><td>", 40),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkSanitised(t, Sanitise(s).String()) })
}
