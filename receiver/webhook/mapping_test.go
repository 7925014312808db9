package webhook_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver/webhook"
)

// plain is a mapping with one change.
func plain(change func(*webhook.Options)) *webhook.Options {
	o := &webhook.Options{Channel: "match-42", Text: "{{.text}}"}
	if change != nil {
		change(o)
	}
	return o
}

func fieldOf(err error) (name, problem string) {
	var f *motacilla.FieldError
	if !errors.As(err, &f) {
		return "", fmt.Sprint(err)
	}
	return f.Field, f.Problem
}

// What is wrong in the configuration is an error at start, which names the option, and the line and column in it.
func TestWrongMapping(t *testing.T) {
	for _, c := range []struct {
		set           func(*webhook.Options)
		field, within string
	}{
		{func(o *webhook.Options) { o.Channel = "" }, "channel", "must be set"},
		{func(o *webhook.Options) { o.Text = "" }, "text", "or title or image"},
		{func(o *webhook.Options) { o.Name = "A b" }, "name", "a-z"},
		{func(o *webhook.Options) { o.Name = strings.Repeat("a", 41) }, "name", "40"},
		{func(o *webhook.Options) { o.Preset = "github" }, "preset", "github-releases"},
		{func(o *webhook.Options) { o.Text = "{{.a" }, "text", "line 1"},
		{func(o *webhook.Options) { o.Text = "one\ntwo {{shout .a}}" }, "text", `line 2, column 7: function "shout" not defined`},
		{func(o *webhook.Options) { o.Text = "<a href='{{if .a}}'{{end}}>" }, "text", "line 1: "},
		{func(o *webhook.Options) { o.Text = "{{template \"x\"}}" }, "text", "line 1"},
		{func(o *webhook.Options) { o.Title = "{{markup .a}}" }, "title", `line 1, column 3: function "markup" not defined`},
		{func(o *webhook.Options) { o.Text = "a\n  {{path .a}}" }, "text", "line 2, column 5: path needs a path in quotes"},
		{func(o *webhook.Options) { o.Text = "{{if true}}{{range paths}}x{{end}}{{end}}" }, "text", "line 1, column 20: paths needs one path"},
		{func(o *webhook.Options) { o.Text = `{{with path "@.a b"}}x{{end}}` }, "text", "in the path, line 1, column 4: unexpected blank space"},
		{func(o *webhook.Options) { o.Text = `{{define "x"}}{{path "a"}}{{end}}{{.a}}` }, "text", "must be a path that begins with $"},
		{func(o *webhook.Options) { o.Channel = "{{end}}" }, "channel", "line 1"},
		{func(o *webhook.Options) { o.Each = "alerts" }, "each", "must be a path"},
		{func(o *webhook.Options) { o.Each = "$.alerts[" }, "each", "line 1, column 10"},
		{func(o *webhook.Options) { o.When = []string{"@.a == 1", "@.a = 1"} }, "when[1]", "line 1, column 5: invalid comparison operator"},
		{func(o *webhook.Options) { o.When = []string{"@.a == 1 &&\n@.b == 'x"} }, "when[0]", "line 2"},
		{func(o *webhook.Options) { o.When = []string{"@.a][?@.b"} }, "when[0]", "must be one condition"},
		{func(o *webhook.Options) { o.When = []string{"@.a, ?@.b"} }, "when[0]", "must be one condition"},
		{func(o *webhook.Options) { o.When = []string{"@.a].b[0"} }, "when[0]", "must be one condition"},
		{func(o *webhook.Options) { o.When = []string{""} }, "when[0]", ""},
		{func(o *webhook.Options) { o.When = []string{"shout(@.a)"} }, "when[0]", "column 1: unknown function shout()"},
		{func(o *webhook.Options) { o.Remove = []string{"@.a"} }, "message_id", "must be set"},
		{func(o *webhook.Options) { o.Version = "1" }, "message_id", "must be set"},
		{func(o *webhook.Options) { o.Pinned = []string{"?"} }, "pinned[0]", ""},
		{func(o *webhook.Options) { o.Link = "https://e.example/" }, "title", "must be set"},
		{func(o *webhook.Options) { o.Image = []string{"$.a", "photo"} }, "image[1]", "must be a path"},
		{func(o *webhook.Options) { o.Events = []string{"a"} }, "event_header", "must be set"},
	} {
		_, err := webhook.NewMapping(plain(c.set))
		field, problem := fieldOf(err)
		if field != c.field || !strings.Contains(problem, c.within) {
			t.Errorf("%s: %s: %s; want %s: %s", c.field, field, problem, c.field, c.within)
		}
	}
}

// What is wrong in a document is an error that names the option, and the part of the document.
func TestWrongDocument(t *testing.T) {
	each := func(change func(*webhook.Options)) *webhook.Options {
		return plain(func(o *webhook.Options) { o.Each = "$.list[*]"; change(o) })
	}
	for _, c := range []struct {
		o             *webhook.Options
		body          string
		field, within string
	}{
		{plain(nil), ``, "body", "must be JSON"}, {plain(nil), `{"a":}`, "body", "byte 6"}, {plain(nil), `{} {}`, "body", "one JSON document"},
		{plain(nil), "{\"text\":\"\xff\"}", "body", "UTF-8"},
		{plain(nil), strings.Repeat("[", 65) + strings.Repeat("]", 65), "body", "deep"},
		{plain(nil), "[" + strings.Repeat("0,", 100_000) + "0]", "body", "100000 values"},
		{plain(nil), `{}`, "text", "<.text> at line 1, column 3 is not in the document, in $ of the document"},
		{plain(nil), `{"text":""}`, "text", "is empty"}, {plain(nil), `{"text":null}`, "text", "is empty"}, {plain(nil), `[]`, "text", "can't evaluate field text"},
		{plain(nil), `{"text":"` + strings.Repeat("x", 65<<10) + `"}`, "text", "at most"},
		{plain(nil), `{"text":"` + strings.Repeat("x", 129<<10) + `"}`, "text", "becomes longer than"},
		{each(func(o *webhook.Options) { o.Text = "{{.a.b}}" }), `{"list":[{"a":{"b":"x"}},{"a":{}}]}`, "text", "<.a.b> at line 1, column 5 is not in the document, in $['list'][1]"},
		{each(func(o *webhook.Options) { o.Channel = "{{.c}}" }), `{"list":[{"text":"x","c":"a b"}]}`, "channel", `makes "a b"`},
		{each(func(o *webhook.Options) { o.MessageID = "{{.id}}" }), `{"list":[{"text":"x","id":null}]}`, "message_id", "is empty"},
		{each(func(o *webhook.Options) { o.MessageID = "{{.id}}" }), `{"list":[{"text":"x","id":"` + strings.Repeat("x", 300) + `"}]}`, "message_id", "at most"},
		{each(func(o *webhook.Options) { o.MessageID = "1"; o.Version = "{{.v}}" }), `{"list":[{"text":"x","v":1.5}]}`, "version", `"1.5"`},
		{each(func(o *webhook.Options) { o.MessageID = "1"; o.Version = "{{.v}}" }), `{"list":[{"text":"x","v":0}]}`, "version", `"0"`},
		{each(func(o *webhook.Options) { o.Created = "{{.t}}" }), `{"list":[{"text":"x","t":"yesterday"}]}`, "created", `"yesterday" is no time`},
		{each(func(o *webhook.Options) { o.Author = "{{.a}}" }), `{"list":[{"text":"x","a":"` + strings.Repeat("x", 300) + `"}]}`, "author", "at most"},
		{each(func(o *webhook.Options) { o.Title = "{{.t}}"; o.Link = "{{.l}}" }), `{"list":[{"text":"x","t":"t","l":"javascript:alert(1)"}]}`, "link", "no http"},
		{each(func(o *webhook.Options) { o.Image = []string{"@.i"} }), `{"list":[{"text":"x","i":"file:///etc/passwd"}]}`, "image[0]", "no http"},
		{each(func(o *webhook.Options) { o.Image = []string{"@.i"} }), `{"list":[{"text":"x","i":{}}]}`, "image[0]", "no http"},
		{each(func(o *webhook.Options) { o.Text = "{{date \"15:04\" .t}}" }), `{"list":[{"t":"x"}]}`, "text", `"x" is no time`},
		{each(func(o *webhook.Options) { o.Text = "{{if lt .t 3}}x{{end}}" }), `{"list":[{"t":"x"}]}`, "text", "only two numbers"},
		{each(func(o *webhook.Options) { o.Text = "{{range .t}}x{{end}}" }), `{"list":[{"t":9223372036854775807}]}`, "text", "range"},
		{each(func(o *webhook.Options) {}), `{"list":[` + strings.Repeat(`{"text":"x"},`, 1000) + `{"text":"x"}]}`, "each", "1001 parts"},
	} {
		m, err := webhook.NewMapping(c.o)
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.Map(t.Context(), http.Header{}, []byte(c.body))
		field, problem := fieldOf(err)
		if field != c.field || !strings.Contains(problem, c.within) || len(problem) > 1000 {
			t.Errorf("%.60s: %s: %.300s; want %s: %s", c.body, field, problem, c.field, c.within)
		}
	}
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	m, err := webhook.NewMapping(plain(nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Map(t.Context(), form, []byte("payload=%7B%7D")); err == nil || !strings.Contains(err.Error(), "choose application/json") {
		t.Error(err)
	}
	if posts, err := m.Map(t.Context(), form, []byte(`{"text":"x"}`)); err != nil || len(posts) != 1 { // as curl sends it
		t.Error(posts, err)
	}
}

func TestFunctions(t *testing.T) {
	const body = `{"list":[{"n":12345678901234567890,"f":1.50,"s":"Ann & <b>Ben</b>","l":["a","b",null],"z":null,"yes":true,"o":{"x-y":1},
		"t":"2026-03-02T15:19:25Z","u":1772464765,"deep":{"a":[{"k":1,"v":"one"},{"k":2,"v":"two"}]}}],"name":"Final"}`
	for text, want := range map[string]string{
		`{{.n}} {{.f}}`: "12345678901234567890 1.50",
		`{{.s}}`:        "Ann &amp; &lt;b&gt;Ben&lt;/b&gt;",
		`{{markup .s}}`: "Ann &amp; <b>Ben</b>",
		`<a href="https://e.example/?q={{.s}}">x</a>`:            `<a href="https://e.example/?q=Ann%20%26%20%3cb%3eBen%3c%2fb%3e" rel="nofollow noopener">x</a>`,
		`<a href="javascript:{{.s}}">x</a>`:                      "x",
		`{{.z}}|{{if .z}}a{{else}}b{{end}}|{{range .z}}c{{end}}`: "|b|",
		`{{if eq .f 1.5}}a{{end}}{{if eq .n 12345678901234567890.0}}b{{end}}{{if eq .yes true}}c{{end}}{{if eq .z ""}}d{{end}}`: "acd",
		`{{if eq .s "x" "y"}}a{{end}}{{if ne .s "x"}}b{{end}}{{if eq .f "1.50"}}c{{end}}`:                                       "bc",
		`{{if gt .f 1}}a{{end}}{{if le .f 1}}b{{end}}{{if lt "a" .s}}c{{end}}{{if ge .f 1.5}}d{{end}}`:                          "ad",
		`{{join ", " .l}} {{len .l}} {{index .l 1}}`:                                                                            "a, b,  3 b",
		`{{index .o "x-y"}} {{path "@.o['x-y']"}} {{path "$.name"}} {{document.name}}`:                                          "1 1 Final Final",
		`{{path "@.deep.a[?@.k == 2].v"}} {{len (paths "@.deep.a[*]")}} [{{path "@.missing"}}]`:                                 "two 2 []",
		`{{range paths "@.deep.a[*]"}}{{.k}}={{.v}} {{end}}`:                                                                    "1=one 2=two",
		`{{range $i, $e := .deep.a}}{{$i}}{{$e.v}}{{$.f}} {{end}}`:                                                              "0one1.50 1two1.50",
		`{{default "x" .z}} {{default "x" .f}} {{.s | upper | printf "%.3s"}} {{lower "ÄB"}}`:                                   "x 1.50 ANN äb",
		`{{cut 4 .s}}|{{cut 40 "äöü"}}|{{trim " a "}}`:                                                                          "Ann…|äöü|a",
		`{{date "2 Jan 15:04" .t}} {{date "15:04" .u}} [{{date "15:04" .z}}]`:                                                   "2 Mar 15:19 15:19 []",
		`{{lines "a\n<b>\r\nc"}}`: "a<br>&lt;b&gt;<br>c",
		`{{markdown "**a** <i>b</i> ~~c~~\n\n[x](javascript:alert(1))"}}`: "<p><strong>a</strong> b <del>c</del></p>\n<p>x</p>",
		`{{header "X-Kind"}}`: "score",
	} {
		m, err := webhook.NewMapping(plain(func(o *webhook.Options) { o.Each, o.Text = "$.list[*]", text }))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for range 2 {
			posts, err := m.Map(t.Context(), http.Header{"X-Kind": {"score"}}, []byte(body))
			if err != nil || len(posts) != 1 || len(posts[0].Content) != 1 || posts[0].Content[0].Text.String() != want {
				t.Errorf("%s: %+v, %v; want %q", text, posts, err, want)
			}
		}
	}
}

// A text that was made to be hard takes no long time: without a bound, the first takes minutes.
func TestLongMarkdownIsCut(t *testing.T) {
	m, err := webhook.NewMapping(plain(func(o *webhook.Options) { o.Text = "{{markdown .text}}" }))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"[a](", "words and words\n"} {
		posts, err := m.Map(t.Context(), nil, fmt.Appendf(nil, `{"text":%q}`, strings.Repeat(line, 500_000/len(line))))
		if err != nil || len(posts[0].Content[0].Text.String()) > 200<<10 || !strings.Contains(posts[0].Content[0].Text.String(), "…") {
			t.Errorf("%q: %v", line, err)
		}
	}
}

// Conditions compare numbers as the source wrote them, and see the document too.
func TestConditions(t *testing.T) {
	const body = `{"kind":"match","list":[{"n":1.0,"s":"goal","z":null,"team":{"id":7}}],"teams":[7]}`
	for condition, holds := range map[string]bool{
		"@.n == 1": true, "@.n > 1": false, "@.s == 'goal' && $.kind == 'match'": true, "@.z == null": true, "@.z": true, "!@.x": true,
		"@.x == null": false, "match(@.s, 'go.*')": true, "search(@.s, 'oa')": true, "length(@.s) == 4": true, "@.team.id == $.teams[0]": true,
		"count($.list[*]) == 1": true, "@.s < 'h' || @.n": true, "1 == @.x": false, "'a' < @.x": false, "@.x < 'a'": false,
		"@.team == $.list[0].team": true, "@.*": true,
	} {
		m, err := webhook.NewMapping(plain(func(o *webhook.Options) {
			o.Each, o.When, o.Text, o.Pinned = "$.list[*]", []string{"$.kind", condition}, "x", []string{condition}
		}))
		if err != nil {
			t.Errorf("%s: %v", condition, err)
			continue
		}
		posts, err := m.Map(t.Context(), nil, []byte(body))
		if err != nil || len(posts) != 1 || (posts[0].Ignored == "") != holds || posts[0].Message.Pinned != holds {
			t.Errorf("%s: %+v, %v; want %t", condition, posts, err, holds)
		}
		if !holds && !strings.Contains(posts[0].Ignored, condition) {
			t.Errorf("%s: ignored, since %s", condition, posts[0].Ignored)
		}
	}
}

// A part without an ID is the same post if it is the same, in whatever order the source writes its fields.
func TestHashIsTheID(t *testing.T) {
	r := newRig(t, plain(func(o *webhook.Options) {
		o.Each, o.Verify, o.Secrets = "$.list[*]", "bearer", []string{secret}
	}), nil)
	for _, body := range []string{`{"list":[{"text":"a","n":1},{"text":"b","n":1}]}`, `{"list":[{"n":1,"text":"a"}]}`, `{"list":[{"n":2,"text":"a"}]}`} {
		if status, answer := r.deliver("/hooks/webhook", []byte(body)); status != 200 || answer != "" {
			t.Fatal(status, answer)
		}
	}
	if posts := r.posts(); len(posts) != 3 {
		t.Errorf("%d posts: %+v", len(posts), posts)
	}
}
