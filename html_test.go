package motacilla_test

import (
	"bytes"
	"database/sql"
	"encoding"
	"encoding/gob"
	"encoding/json"
	"html/template"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
)

const attack = `<img src=x onerror=alert(1)>`

func TestDecodersMakeNoHTML(t *testing.T) {
	quoted, _ := json.Marshal(attack)
	text := `{"type":"text","value":{"text":` + string(quoted) + `}}`
	html := motacilla.TrustedHTML("before")
	block := motacilla.Text(html)
	var list []motacilla.Block
	var post motacilla.Post
	for _, c := range []struct {
		data   string
		into   any
		advice string
	}{
		{string(quoted), &html, "receiver.Sanitise"},
		{`null`, &html, "receiver.Sanitise"},
		{text, &block, "RawBlock"},
		{`null`, &block, "RawBlock"},
		{"[" + text + "]", &list, "TrustedContent"},
		{`{"Content":[` + text + `]}`, &post, "TrustedContent"},
	} {
		if err := json.Unmarshal([]byte(c.data), c.into); err == nil || !strings.Contains(err.Error(), c.advice) {
			t.Errorf("%s into %T: %v; want advice to use %s", c.data, c.into, err, c.advice)
		}
	}
	if html.String() != "before" || block != motacilla.Text(html) {
		t.Errorf("a refused value has changed: %q, %+v", html, block)
	}
	for _, b := range append(list, post.Content...) {
		if b.Text != (motacilla.HTML{}) {
			t.Errorf("decoded %q", b.Text)
		}
	}
	if _, ok := any(&html).(encoding.TextUnmarshaler); ok {
		t.Error("HTML decodes text")
	}
	if _, ok := any(&html).(sql.Scanner); ok {
		t.Error("HTML scans columns")
	}
	var wire bytes.Buffer
	_ = gob.NewEncoder(&wire).Encode(struct{ Type, Text string }{"text", attack})
	if err := gob.NewDecoder(&wire).Decode(&block); err == nil || block.Text != html {
		t.Errorf("gob decoded %+v, %v", block, err)
	}
}

func TestHTMLEncodesAsString(t *testing.T) {
	const s = "<p title=\"ü\">\u2028 & \\</p>"
	got, err := json.Marshal(motacilla.TrustedHTML(s))
	want, _ := json.Marshal(s)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

// Whoever prints HTML without thought gets it escaped.
func TestTemplatesEscapeHTML(t *testing.T) {
	var out strings.Builder
	err := template.Must(template.New("").Parse("{{.}}")).Execute(&out, motacilla.TrustedHTML("<b>"))
	if err != nil || out.String() != "&lt;b&gt;" {
		t.Errorf("%s, %v", out.String(), err)
	}
}

func TestPlainText(t *testing.T) {
	for text, want := range map[string]string{
		"Kick-off":             "Kick-off",
		attack:                 "&lt;img src=x onerror=alert(1)&gt;",
		"&lt;b&gt; \"it's\"":   "&amp;lt;b&amp;gt; \"it's\"",
		"one\ntwo\r\nthree\rx": "one<br>two<br>three<br>x",
		"a\x00b\xff":           "a\ufffdb\ufffd",
		"":                     "",
	} {
		got := motacilla.PlainText(text)
		if got != motacilla.Text(motacilla.TrustedHTML(want)) {
			t.Errorf("PlainText(%q) = %q, want %q", text, got.Text, want)
		}
		if _, err := (motacilla.Post{Content: []motacilla.Block{got}}).Admit(1); err != nil {
			t.Errorf("PlainText(%q) can't be stored: %v", text, err)
		}
	}
}

func TestRawBlockIsSanitised(t *testing.T) {
	sanitise := func(text string) motacilla.HTML { return motacilla.TrustedHTML("clean " + text) }
	image := motacilla.RawBlock{Type: motacilla.ImageBlock, Text: attack, URL: "/a", Alt: "a", Width: 1, Height: 2}
	if got := image.Sanitise(sanitise); got != (motacilla.Block{Type: motacilla.ImageBlock, URL: "/a", Alt: "a", Width: 1, Height: 2}) {
		t.Errorf("%+v", got)
	}
	text := motacilla.RawBlock{Type: motacilla.TextBlock, Text: "x"}
	if got := text.Sanitise(sanitise); got.Text.String() != "clean x" {
		t.Errorf("%+v", got)
	}
}

func TestTrustedContent(t *testing.T) {
	for data, want := range map[string][]motacilla.Block{`null`: nil, `[]`: {}} {
		if got, err := motacilla.TrustedContent([]byte(data)); err != nil || len(got) != 0 || (got == nil) != (want == nil) {
			t.Errorf("%s: %#v, %v", data, got, err)
		}
	}
	content := []motacilla.Block{motacilla.PlainText(attack), {Type: motacilla.EmbedBlock, URL: "https://example.org/"}}
	data, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	got, err := motacilla.TrustedContent(data)
	if err != nil || len(got) != 2 || got[0] != content[0] || got[1] != content[1] {
		t.Errorf("%+v, %v", got, err)
	}
}
