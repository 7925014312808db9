package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// scope is what a template's functions see while it is executed. One goroutine has it at a time.
type scope struct {
	ctx   context.Context
	part  *part
	paths map[string]*path
}

// plain are the functions of every template.
func (s *scope) plain() map[string]any {
	return map[string]any{
		"document": func() any { return s.part.of.forTemplates() },
		"header":   func(name string) string { return s.part.of.header.Get(name) },
		"path":     s.first,
		"paths":    s.all,
		"default":  preferred,
		"lower":    func(v any) string { return strings.ToLower(text(v)) },
		"upper":    func(v any) string { return strings.ToUpper(text(v)) },
		"trim":     func(v any) string { return strings.TrimSpace(text(v)) },
		"cut":      cut,
		"join":     join,
		"date":     date,
		"eq":       equal,
		"ne":       func(a, b any) bool { return !same(a, b) },
		"lt":       func(a, b any) (bool, error) { n, err := compare(a, b); return n < 0, err },
		"le":       func(a, b any) (bool, error) { n, err := compare(a, b); return n <= 0, err },
		"gt":       func(a, b any) (bool, error) { n, err := compare(a, b); return n > 0, err },
		"ge":       func(a, b any) (bool, error) { n, err := compare(a, b); return n >= 0, err },
		"call":     func() (string, error) { return "", errors.New("call is not available") },
	}
}

// markup are the functions of templates in HTML. What they return is sanitised with the rest of the text.
func (s *scope) markup() map[string]any {
	return map[string]any{
		"lines":    lines,
		"markdown": markdown,
		"markup":   func(v any) template.HTML { return template.HTML(text(v)) }, //nolint:gosec // Ingest sanitises it
	}
}

func (s *scope) all(expression string) ([]any, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	p, known := s.paths[expression]
	if !known { // unreachable: the template was searched for paths
		return nil, fmt.Errorf("the path %q is not known", expression)
	}
	values := []any{}
	for _, v := range p.values(s.part) {
		values = append(values, forTemplates(v))
	}
	return values, nil
}

func (s *scope) first(expression string) (any, error) {
	values, err := s.all(expression)
	if err != nil || len(values) == 0 {
		return null{}, err
	}
	return values[0], nil
}

// text returns a value of a document as text.
func text(v any) string {
	switch v := v.(type) {
	case nil, null:
		return ""
	case string:
		return v
	case map[string]any, []any:
		b, _ := json.Marshal(v) // it comes from JSON
		return string(b)
	}
	return fmt.Sprint(v)
}

// preferred returns v, or other if v is empty.
func preferred(other, v any) any {
	if truth, _ := template.IsTrue(v); truth {
		return v
	}
	return other
}

// cut returns at most most characters of v. It puts an ellipsis in the place of the others.
func cut(most int, v any) (string, error) {
	if most < 1 {
		return "", errors.New("must keep at least 1 character")
	}
	s := text(v)
	if utf8.RuneCountInString(s) <= most {
		return s, nil
	}
	runes := []rune(s)
	return strings.TrimSpace(string(runes[:most-1])) + "…", nil
}

func join(separator string, v any) (string, error) {
	switch v := v.(type) {
	case null:
		return "", nil
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, text(e))
		}
		return strings.Join(parts, separator), nil
	}
	return "", errors.New("must be a list")
}

// date writes a time as layout says, which is the reference time of Go, such as "2 January 15:04".
func date(layout string, v any) (string, error) {
	t, err := moment(text(v))
	if err != nil || t.IsZero() {
		return "", err
	}
	return t.Format(layout), nil
}

// moment reads a time: RFC 3339, or seconds since the Unix epoch. "" is the zero time.
func moment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 && n < 1<<38 {
		return time.Unix(n, 0).UTC(), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time: it must be as in RFC 3339, or in seconds", clip(s))
}

// equal reports whether a is equal to one of the others.
func equal(a any, others ...any) (bool, error) {
	if len(others) == 0 {
		return false, errors.New("eq needs two values")
	}
	for _, b := range others {
		if same(a, b) {
			return true, nil
		}
	}
	return false, nil
}

func same(a, b any) bool {
	x, isNumber := number(a)
	if y, ok := number(b); ok && isNumber {
		return x.Cmp(y) == 0
	}
	switch a := a.(type) {
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case string, json.Number, null:
		switch b.(type) {
		case string, json.Number, null:
			return text(a) == text(b)
		}
	}
	return false
}

func compare(a, b any) (int, error) {
	x, isNumber := number(a)
	if y, ok := number(b); ok && isNumber {
		return x.Cmp(y), nil
	}
	s, isText := a.(string)
	if t, ok := b.(string); ok && isText {
		return strings.Compare(s, t), nil
	}
	return 0, errors.New("only two numbers or two texts can be compared")
}

// lines returns plain text as HTML with its line breaks.
func lines(v any) template.HTML {
	s := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimSpace(text(v)))
	return template.HTML(strings.ReplaceAll(template.HTMLEscapeString(s), "\n", "<br>")) //nolint:gosec // it is escaped
}

// maxMarkdown is how much Markdown is read, in bytes. The parser's time grows with the square of some texts that were made to be
// hard: a text of this length takes less than a second.
const maxMarkdown = 16 << 10

// markdown returns Markdown as GitHub has it as HTML. Markup in it is left out. Of a text that is too long it returns the first
// lines.
func markdown(v any) (template.HTML, error) {
	s := text(v)
	if len(s) > maxMarkdown {
		s = s[:max(strings.LastIndexByte(s[:maxMarkdown], '\n'), 0)] + "\n\n…"
	}
	var b strings.Builder
	err := goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert([]byte(s), &b)
	return template.HTML(b.String()), err //nolint:gosec // goldmark escapes, and Ingest sanitises it
}

// clip shortens a value of a document for an error.
func clip(s string) string {
	s, _ = cut(40, s)
	return s
}
