package webhook

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"
)

// path is a JSONPath (RFC 9535). It begins with $, which is the document, or with @, which is the part.
type path struct {
	of     *jsonpath.Path
	ofPart bool
}

func parsePath(option, text string) (*path, error) {
	trimmed := strings.TrimSpace(text)
	p := &path{ofPart: strings.HasPrefix(trimmed, "@")}
	if !p.ofPart && !strings.HasPrefix(trimmed, "$") {
		return nil, motacilla.Invalid(option, "must be a path that begins with $, the document, or @, the part, not %q", text)
	}
	of, err := jsonpath.Parse("$" + trimmed[1:])
	if err != nil {
		return nil, syntax(option, text, err, strings.Index(text, trimmed))
	}
	p.of = of
	return p, nil
}

// values returns what the path selects.
func (p *path) values(e *part) []any {
	if p.ofPart {
		return p.of.Select(e.value)
	}
	return p.of.Select(e.of.value)
}

// condition is an expression as in a filter of JSONPath: @ is the part, and $ the document.
type condition struct {
	text   string
	filter *spec.FilterSelector
}

func parseCondition(option, text string) (condition, error) {
	const before = "$[?"
	p, err := jsonpath.Parse(before + text + "]")
	if err != nil {
		return condition{}, syntax(option, text, err, -len(before))
	}
	// Text with a bracket of its own could end the filter, and begin something else.
	if s := p.Query().Segments(); len(s) == 1 && len(s[0].Selectors()) == 1 {
		if f, ok := s[0].Selectors()[0].(*spec.FilterSelector); ok {
			return condition{text, f}, nil
		}
	}
	return condition{}, motacilla.Invalid(option, "must be one condition, such as @.status == 'firing', not %q", text)
}

func (c condition) holds(e *part) bool { return c.filter.Eval(e.value, e.of.value) }

// conditions hold if all of them hold.
type conditions struct {
	option string
	all    []condition
}

func parseConditions(option string, list []string) (conditions, error) {
	c := conditions{option: option}
	for i, text := range list {
		one, err := parseCondition(option+"["+strconv.Itoa(i)+"]", text)
		if err != nil {
			return c, err
		}
		c.all = append(c.all, one)
	}
	return c, nil
}

func (c conditions) empty() bool { return len(c.all) == 0 }

// holds reports whether there are conditions, and all of them hold.
func (c conditions) holds(e *part) bool { return !c.empty() && c.failing(e) == "" }

// failing returns the first condition that does not hold, or "".
func (c conditions) failing(e *part) string {
	for _, one := range c.all {
		if !one.holds(e) {
			return one.text
		}
	}
	return ""
}

var position = regexp.MustCompile(`^jsonpath: (.*?)(?: at position (\d+))?$`)

// syntax returns the error of a path or condition that can't be parsed. shift is what is to be added to the position.
func syntax(option, text string, err error, shift int) error {
	m := position.FindStringSubmatch(err.Error())
	if m == nil {
		return motacilla.Invalid(option, "%q can't be read: %v", text, errors.Unwrap(err))
	}
	if m[2] == "" {
		return motacilla.Invalid(option, "%q can't be read: %s", text, m[1])
	}
	n, _ := strconv.Atoi(m[2])
	return motacilla.Invalid(option, "%s: %s in %q", at(text, n-1+shift), m[1], text)
}
