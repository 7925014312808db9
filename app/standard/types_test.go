package standard_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const root = "github.com/motacilla-live/motacilla"

// program is a Go file around statements. raw is text from outside, and block and message hold such text.
const program = `package p

import (
	"context"

	"` + root + `"
	"` + root + `/client"
	"` + root + `/publisher"
	"` + root + `/receiver"
	"` + root + `/storage"
)

type renderer struct{}

func (renderer) RenderPost(p motacilla.Post) (motacilla.HTML, error) { return %s, nil }

var _ publisher.Renderer = renderer{}

var _ = client.New

func f(ctx context.Context, raw string, block motacilla.RawBlock, message receiver.Message, update *motacilla.Update,
	store storage.Store, in *receiver.Ingest) {
	%s
}
`

// TestRawTextDoesNotCompile type-checks programs that give raw text to a store or to readers. Each has a sound counterpart,
// which differs only in the text's type and must compile.
func TestRawTextDoesNotCompile(t *testing.T) {
	const keep = "p.Content[0].Text"
	check := checker(t)
	for _, c := range []struct{ name, bad, good string }{
		{"conversion", `_ = motacilla.HTML(raw)`, `_ = receiver.Sanitise(raw)`},
		{"literal", `_ = motacilla.HTML{raw}`, `_ = motacilla.HTML{}`},
		{"conversion of a struct", `_ = motacilla.HTML(struct{ s string }{raw})`, `_ = motacilla.HTML{}`},
		{"Text", `_ = motacilla.Text(raw)`, `_ = motacilla.PlainText(raw)`},
		{"Text of a constant", `_ = motacilla.Text("<img src=x onerror=alert(1)>")`, `_ = motacilla.PlainText("<img>")`},
		{"Block", `_ = motacilla.Block{Type: motacilla.TextBlock, Text: raw}`,
			`_ = motacilla.Block{Type: motacilla.TextBlock, Text: receiver.Sanitise(raw)}`},
		{"assignment", `var b motacilla.Block; b.Text = block.Text; _ = b`,
			`var b motacilla.Block; b.Text = receiver.Sanitise(block.Text); _ = b`},
		{"conversion of a block", `_ = motacilla.Block(block)`, `_ = block.Sanitise(receiver.Sanitise)`},
		{"a message's content", `_ = motacilla.Post{Content: message.Content}`,
			`_ = motacilla.Post{Content: []motacilla.Block{motacilla.PlainText(message.Text)}}`},
		{"PutPost", `_, _ = store.PutPost(ctx, "c", motacilla.Post{Content: []motacilla.Block{block}}, 0)`,
			`_, _ = store.PutPost(ctx, "c", motacilla.Post{Content: []motacilla.Block{motacilla.PlainText(block.Text)}}, 0)`},
		{"Ingest.Change", `_, _ = in.Change(ctx, "c", "", func(p *motacilla.Post) error { p.Content = message.Content; return nil })`,
			`_, _ = in.Change(ctx, "c", "", func(p *motacilla.Post) error { p.Content[0].Text = receiver.Sanitise(raw); return nil })`},
		{"a client's update", `_ = motacilla.Text(update.Renders[0].Content)`,
			`_ = motacilla.PlainText(update.Renders[0].Content)`},
		{"the text as a string", `_ = "<p>" + motacilla.PlainText(raw).Text`, `_ = "<p>" + motacilla.PlainText(raw).Text.String()`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := check(keep, c.good); err != nil {
				t.Errorf("%s: %v", c.good, err)
			}
			if err := check(keep, c.bad); err == nil {
				t.Errorf("it compiles: %s", c.bad)
			} else if strings.Contains(err.Error(), "undefined") || strings.Contains(err.Error(), "could not import") {
				t.Errorf("%s fails for another reason: %v", c.bad, err)
			}
		})
	}
	for _, bad := range []string{`"<b>" + p.Author`, `p.Author`, `"<p>" + p.Content[0].Text.String()`, `p.Content[0].Alt`} {
		t.Run("a renderer returns "+bad, func(t *testing.T) {
			if err := check(bad, ""); err == nil {
				t.Error("it compiles")
			} else if !strings.Contains(err.Error(), "motacilla.HTML") {
				t.Errorf("it fails for another reason: %v", err)
			}
		})
	}
}

// checker returns a function that type-checks program with a renderer's result and statements.
func checker(t *testing.T) func(rendered, statements string) error {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-json=ImportPath,Export",
		root+"/client", root+"/publisher", root+"/receiver", root+"/storage")
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, &stderr)
	}
	exports := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p struct{ ImportPath, Export string }
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
	}
	fset := token.NewFileSet()
	compiled := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	return func(rendered, statements string) error {
		file, err := parser.ParseFile(fset, "p.go", fmt.Sprintf(program, rendered, statements), 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = (&types.Config{Importer: compiled}).Check("p", fset, []*ast.File{file}, nil)
		return err
	}
}
