package webhook

import (
	"context"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	texttemplate "text/template"
	"text/template/parse"

	"github.com/motacilla-live/motacilla"
)

// maxOutput is the most that a template may write, in bytes. A post has at most 64 KiB of text.
const maxOutput = 128 << 10

// written is a template of an option: of Go, with the functions of scope. In HTML, values are escaped for the place in which they
// stand (html/template).
type written struct {
	option, text string
	html         bool
	paths        map[string]*path
	pool         sync.Pool // of *instance
}

// instance is a template that one goroutine executes at a time, since its functions need the document.
type instance struct {
	scope   *scope
	execute func(w io.Writer, data any) error
}

// parseTemplate returns nil for a text that is empty. The error is an ErrInvalid that names option, with line and column.
func parseTemplate(option, text string, html bool) (*written, error) {
	if text == "" {
		return nil, nil
	}
	t := &written{option: option, text: text, html: html, paths: map[string]*path{}}
	trees, err := t.trees()
	if err != nil {
		return nil, t.syntax(err)
	}
	for _, tree := range trees {
		if err := t.find(tree); err != nil {
			return nil, err
		}
	}
	first, err := t.instance()
	if err != nil {
		return nil, t.syntax(err)
	}
	// The escaper reads a template when it is first executed. What else goes wrong then is for want of a document.
	first.scope.ctx, first.scope.part = context.Background(), &part{of: &document{}}
	var wrong *htmltemplate.Error
	if err := first.execute(io.Discard, map[string]any{}); errors.As(err, &wrong) {
		return nil, motacilla.Invalid(option, "line %d: %s", max(wrong.Line, 1), wrong.Description)
	}
	t.pool.Put(first)
	return t, nil
}

// trees parses the template only to look into it.
func (t *written) trees() (map[string]*parse.Tree, error) {
	s := &scope{}
	known := s.plain()
	if t.html {
		for name, f := range s.markup() {
			known[name] = f
		}
	}
	parsed, err := texttemplate.New(t.option).Funcs(known).Parse(t.text)
	if err != nil {
		return nil, err
	}
	trees := map[string]*parse.Tree{}
	for _, one := range parsed.Templates() {
		trees[one.Name()] = one.Tree
	}
	return trees, nil
}

func (t *written) instance() (*instance, error) {
	s := &scope{paths: t.paths}
	const missing = "missingkey=error"
	if t.html {
		parsed, err := htmltemplate.New(t.option).Option(missing).Funcs(s.plain()).Funcs(s.markup()).Parse(t.text)
		if err != nil {
			return nil, err
		}
		return &instance{s, parsed.Execute}, nil
	}
	parsed, err := texttemplate.New(t.option).Option(missing).Funcs(s.plain()).Parse(t.text)
	if err != nil {
		return nil, err
	}
	return &instance{s, parsed.Execute}, nil
}

// find parses the paths in a template. They must be written in it: a document must not bring its own.
func (t *written) find(tree *parse.Tree) error {
	var errs []error
	walk(tree.Root, func(c *parse.CommandNode) {
		name, ok := c.Args[0].(*parse.IdentifierNode)
		if !ok || name.Ident != "path" && name.Ident != "paths" {
			return
		}
		where := at(t.text, int(c.Position()))
		if len(c.Args) != 2 {
			errs = append(errs, motacilla.Invalid(t.option, "%s: %s needs one path in quotes", where, name.Ident))
			return
		}
		literal, ok := c.Args[1].(*parse.StringNode)
		if !ok {
			errs = append(errs, motacilla.Invalid(t.option, "%s: %s needs a path in quotes", where, name.Ident))
			return
		}
		p, err := parsePath(t.option, literal.Text)
		if err != nil {
			var field *motacilla.FieldError
			errors.As(err, &field)
			errs = append(errs, motacilla.Invalid(t.option, "%s: in the path, %s", where, field.Problem))
			return
		}
		t.paths[literal.Text] = p
	})
	if len(errs) > 0 {
		return errs[0]
	}
	return nil
}

// walk calls visit for each command of a template.
func walk(n parse.Node, visit func(*parse.CommandNode)) {
	list := func(l *parse.ListNode) {
		if l != nil {
			for _, n := range l.Nodes {
				walk(n, visit)
			}
		}
	}
	branch := func(b *parse.BranchNode) {
		walk(b.Pipe, visit)
		list(b.List)
		list(b.ElseList)
	}
	switch n := n.(type) {
	case *parse.ListNode:
		list(n)
	case *parse.ActionNode:
		walk(n.Pipe, visit)
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	case *parse.TemplateNode:
		if n.Pipe != nil {
			walk(n.Pipe, visit)
		}
	case *parse.PipeNode:
		if n != nil {
			for _, c := range n.Cmds {
				walk(c, visit)
			}
		}
	case *parse.CommandNode:
		visit(n)
		for _, a := range n.Args {
			walk(a, visit)
		}
	case *parse.ChainNode:
		walk(n.Node, visit)
	}
}

// apply executes the template on a part, and returns what it writes without white space at the ends. The error is an ErrInvalid
// that names the option.
func (t *written) apply(ctx context.Context, e *part) (string, error) {
	if t == nil {
		return "", nil
	}
	it, _ := t.pool.Get().(*instance)
	if it == nil {
		var err error
		if it, err = t.instance(); err != nil { // unreachable: it was parsed before
			return "", t.syntax(err)
		}
	}
	s := it.scope
	s.ctx, s.part = ctx, e
	out := &bounded{ctx: ctx}
	err := it.execute(out, e.shown)
	*s = scope{paths: t.paths}
	t.pool.Put(it)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, errLong):
		return "", motacilla.Invalid(t.option, "becomes longer than %d bytes", maxOutput)
	case err != nil:
		return "", t.failed(err)
	}
	return strings.TrimSpace(out.String()), nil
}

var errLong = errors.New("too long")

// bounded takes what a template writes, up to a limit.
type bounded struct {
	strings.Builder
	ctx context.Context
}

func (b *bounded) Write(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.Len()+len(p) > maxOutput {
		return 0, errLong
	}
	return b.Builder.Write(p)
}

var (
	parseError   = regexp.MustCompile(`(?s)^(?:html/)?template: [a-z_]+:(\d+):(?:(\d+):)? (.*)$`)
	executeError = regexp.MustCompile(`(?s)^(?:html/)?template: [a-z_]+:(\d+):(\d+): executing "[^"]*" at (<.*?>): (.*)$`)
	quoted       = regexp.MustCompile(`"([^"]+)"|<([^<>]+)>`)
)

// syntax returns the error of a template that can't be parsed. The parser gives a line; the column is that of what it quotes.
func (t *written) syntax(err error) error {
	m := parseError.FindStringSubmatch(err.Error())
	if m == nil {
		return motacilla.Invalid(t.option, "%v", err)
	}
	number, _ := strconv.Atoi(m[1])
	lines := strings.Split(t.text, "\n")
	if q := quoted.FindStringSubmatch(m[3]); q != nil && number >= 1 && number <= len(lines) {
		if column := strings.Index(lines[number-1], q[1]+q[2]); column >= 0 {
			return motacilla.Invalid(t.option, "line %d, column %d: %s", number, column+1, m[3])
		}
	}
	return motacilla.Invalid(t.option, "line %d: %s", number, m[3])
}

// failed returns the error of a template that can't be executed on a document.
func (t *written) failed(err error) error {
	m := executeError.FindStringSubmatch(err.Error())
	if m == nil {
		return motacilla.Invalid(t.option, "%v", err)
	}
	column, _ := strconv.Atoi(m[2])
	problem := fmt.Sprintf("%s at line %s, column %d: %s", m[3], m[1], column+1, m[4])
	if strings.Contains(m[4], "map has no entry for key") {
		problem = fmt.Sprintf("%s at line %s, column %d is not in the document", m[3], m[1], column+1)
	}
	return motacilla.Invalid(t.option, "%s", problem)
}
