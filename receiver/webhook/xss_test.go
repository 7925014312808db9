package webhook_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webhook"
	"golang.org/x/net/html"
)

// hostile are values that try to become markup.
var hostile = []string{
	`<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `"><svg/onload=alert(1)>`, `' onmouseover='alert(1)`,
	`javascript:alert(1)`, `JaVaScRiPt&colon;alert(1)`, "java\nscript:alert(1)", `data:text/html,<script>alert(1)</script>`,
	`</div></section><form action=https://e.example><input name=id>`, `{{.}}{{document}}`, `<iframe srcdoc="<script>alert(1)</script>">`,
	`<math><mi//xlink:href="data:x,<script>alert(1)</script>">`, `<style>*{display:none}</style>`, `<a href="https://e.example" id=live-posts class=x>`,
	"\u2028<b onclick=alert(1)>", "a\x00<script>", `<!--><script>alert(1)</script>-->`, `<template><script>alert(1)</script></template>`,
	`[x](javascript:alert(1))`, `<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `x" style="position:fixed`, `<b>bold</b>`,
}

// everywhere is a mapping that puts the same value into every option that takes one, and into each context of HTML.
func everywhere() *webhook.Options {
	return &webhook.Options{
		Channel: "match-42", MessageID: "{{.v}}", Author: "{{.v}}", Title: "{{.v}}", ImageAlt: "{{.v}}", Image: []string{"@.image"},
		Text: `<p title="{{.v}}">{{.v}}</p><a href="{{.v}}">{{.v}}</a><a href='https://e.example/?q={{.v}}'>x</a>
<!-- {{.v}} --><ul>{{range $k, $v := .o}}<li lang={{$v}}>{{$k}}</li>{{end}}</ul>{{lines .v}}{{markdown .v}}{{markup .v}}{{cut 9 .v}}{{.o}}{{paths "@.v"}}`,
	}
}

// check fails the test if what would be stored of p can do harm, or is not sanitised for good.
func check(t testing.TB, p webhook.Post) {
	t.Helper()
	for _, b := range p.Content {
		text := b.Text.String()
		if again := receiver.Sanitise(text); again != b.Text {
			t.Errorf("sanitising %q again makes %q", text, again)
		}
		doc, err := html.Parse(strings.NewReader("<!doctype html><section>" + text + "</section>"))
		if err != nil {
			t.Fatal(err)
		}
		for n := range doc.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			switch n.Data {
			case "script", "style", "iframe", "object", "embed", "svg", "math", "form", "input", "img", "template", "noscript", "base", "meta":
				t.Errorf("<%s> in %q", n.Data, text)
			}
			for _, a := range n.Attr {
				link := strings.ToLower(strings.TrimSpace(a.Val))
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "id" || a.Key == "class" || a.Key == "name" ||
					a.Key == "href" && !strings.HasPrefix(link, "http") && !strings.HasPrefix(link, "mailto:") {
					t.Errorf("%s=%q in %q", a.Key, a.Val, text)
				}
			}
		}
	}
}

func TestValuesNeverBecomeMarkup(t *testing.T) {
	m, err := webhook.NewMapping(everywhere())
	if err != nil {
		t.Fatal(err)
	}
	escaped, err := webhook.NewMapping(plain(func(o *webhook.Options) { o.Title, o.Text = "{{.v}}", "<p>{{.v}}</p>{{lines .v}}" }))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range hostile {
		body, err := json.Marshal(map[string]any{"v": v, "o": map[string]any{v: v}, "image": "https://e.example/x.png"})
		if err != nil {
			t.Fatal(err)
		}
		posts, err := m.Map(t.Context(), nil, body)
		if err != nil {
			var field *motacilla.FieldError
			if errors.As(err, &field) && strings.Contains(v, "\x00") {
				continue // it is refused
			}
			t.Fatalf("%q: %v", v, err)
		}
		check(t, posts[0])
		posts, err = escaped.Map(t.Context(), nil, body)
		if err != nil {
			t.Fatalf("%q: %v", v, err)
		}
		check(t, posts[0])
		// Nothing that the value says is markup: the elements are the template's own.
		for _, b := range posts[0].Content {
			for _, tag := range strings.Split(b.Text.String(), "<")[1:] {
				name, _, _ := strings.Cut(strings.TrimPrefix(tag, "/"), ">")
				if name != "b" && name != "p" && name != "br" || strings.Contains(b.Text.String(), "<b>bold") {
					t.Errorf("%q became the element %q", v, name)
				}
			}
		}
	}
}

// Whatever a document is, mapping it ends, what it makes is sanitised, and an error names a field.
func FuzzDocument(f *testing.F) {
	var all []*webhook.Mapping
	presets, err := webhook.Presets()
	if err != nil {
		f.Fatal(err)
	}
	list := []*webhook.Options{everywhere(), generic(), plain(func(o *webhook.Options) {
		o.Text = `{{range .}}{{.}}{{end}}{{len .}}{{index . 0}}{{printf "%v %d %s" . . .}}{{eq . 1}}{{lt . 2}}`
	}), plain(func(o *webhook.Options) {
		o.Each, o.Text, o.When = "$..*", `{{cut 100 .}}{{join "," (paths "$..v")}}`, []string{"@.v || $.o"}
	})}
	for _, p := range presets {
		list = append(list, options(p.Name))
	}
	for _, o := range list {
		m, err := webhook.NewMapping(o)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, m)
	}
	for _, file := range documents(f) {
		f.Add(read(f, file), "release")
	}
	f.Add([]byte(`{"v":"<b>","o":{"<":1e400},"image":"https://e.example/"}`), "workflow_run")
	f.Add([]byte(`{"messages":[{"id":1,"channel":"c","version":-0,"author":null,"text":"x"}]}`), "")
	f.Fuzz(func(t *testing.T, body []byte, event string) {
		h := http.Header{"X-Github-Event": {event}}
		for _, m := range all {
			posts, err := m.Map(t.Context(), h, body)
			var field *motacilla.FieldError
			if err != nil && !errors.As(err, &field) && !errors.Is(err, motacilla.ErrInvalid) {
				t.Fatalf("%s: %v", m.Name(), err)
			}
			for _, p := range posts {
				check(t, p)
			}
		}
	})
}

// Whatever a mapping says, reading it ends in a mapping or an error that names an option, and so does the use of it.
func FuzzMapping(f *testing.F) {
	body := read(f, "testdata/alertmanager.firing.json")
	presets, err := webhook.Presets()
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range presets {
		f.Add(p.Options.Text, p.Options.Each, p.Options.Title, strings.Join(p.Options.When, ""))
	}
	f.Add(`{{path "@.a['b']"}}`, "$..alerts[?@.a < 'b']", "{{.a | printf \"%s\"}}", "match(@.a, '[') && $.x")
	f.Fuzz(func(t *testing.T, text, each, title, when string) {
		for _, loop := range []string{"range", "define", "template", "block", "printf", "%", ".."} { // what may take its time, the operator may write
			if strings.Contains(text+title+each, loop) {
				return
			}
		}
		m, err := webhook.NewMapping(&webhook.Options{Channel: "match-42", Text: text, Each: each, Title: title, When: []string{when}})
		if err != nil {
			if field, problem := fieldOf(err); field == "" {
				t.Fatal(problem)
			}
			return
		}
		posts, err := m.Map(t.Context(), nil, body)
		if err != nil {
			if field, problem := fieldOf(err); field == "" {
				t.Fatal(problem)
			}
		}
		for _, p := range posts {
			check(t, p)
		}
	})
}
