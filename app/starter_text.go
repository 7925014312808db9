package app

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// gap writes an empty line, unless a mapping has just begun.
func (w *starter) gap() {
	if !w.begun {
		w.WriteByte('\n')
	}
}

// begin writes a line below which a mapping or a list begins.
func (w *starter) begin(line string) {
	w.WriteString(line + "\n")
	w.begun = true
}

// isValid reports whether the value may be given. The zero value of a setting without a default may be out of bounds.
func (f field) isValid() bool { return f.bounds.holds(f.value) }

// key writes a setting with its meaning. If it is not set, it is a comment.
func (w *starter) key(indent, name string, f field, isSet bool) {
	text := f.doc
	if words := f.bounds.String(); words != "" {
		text += " (" + words + ")"
	}
	if f.secret {
		text = "secret: " + text
	}
	w.comment(indent, text)
	var value any = f.String()
	if _, isDuration := f.value.Interface().(time.Duration); !isDuration {
		value = f.value.Interface()
	}
	if !f.isValid() {
		value = nil
	}
	w.scalar(indent, name, value, isSet)
}

// scalar writes a key with its value on one line.
func (w *starter) scalar(indent, name string, value any, isSet bool) {
	w.begun = false
	mark := ""
	if !isSet {
		mark = "#"
	}
	var node yaml.Node
	err := node.Encode(value)
	switch {
	case value == nil:
		node.Value = ""
	case node.Kind == yaml.SequenceNode:
		node.Style = yaml.FlowStyle
	case strings.ContainsFunc(node.Value, unicode.IsControl): // it would take more than one line
		node.Style = yaml.DoubleQuotedStyle
	}
	line, encodeErr := yaml.Marshal(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{
		{Kind: yaml.ScalarNode, Value: name}, &node,
	}})
	if err = cmp.Or(err, encodeErr); err != nil {
		w.err = cmp.Or(w.err, fmt.Errorf("%s: %w", name, err))
	}
	w.WriteString(indent + mark + string(line))
}

// comment writes text as a comment, on as many lines as it needs.
func (w *starter) comment(indent, text string) {
	w.begun = false
	const most = 116 // characters of a line
	used := most
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word) + 1
		if used+n > most {
			if used != most {
				w.WriteByte('\n')
			}
			w.WriteString(indent + "#")
			used = len(indent) + 1
		}
		w.WriteString(" " + word)
		used += n
	}
	w.WriteByte('\n')
}

// disabled writes what other has as a comment. Without the "#" behind indent, its lines are as other wrote them.
func (w *starter) disabled(indent string, other *starter) {
	w.err = cmp.Or(w.err, other.err)
	w.gap()
	for line := range strings.Lines(other.String()) {
		w.WriteString(strings.TrimRight(indent+"#"+strings.TrimPrefix(line, indent), "\n") + "\n")
	}
	w.begun = false
}
