package examples

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// exports has the packages that code in documents may use: those of this module, its dependencies and the standard library.
type exports struct {
	files map[string]string // export data, by path
	names map[string]string // paths of the packages that a fragment may use without an import, by name
}

// packages lists them once.
var packages = sync.OnceValues(func() (*exports, error) {
	list := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Name,Export", "../...", "testing", "testing/synctest")
	list.Env = append(os.Environ(), "CGO_ENABLED=0") // as make build does, so that nothing is compiled again
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	e := &exports{files: map[string]string{}, names: map[string]string{}}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p struct{ ImportPath, Name, Export string }
		if err := d.Decode(&p); err != nil {
			return nil, err
		}
		e.files[p.ImportPath] = p.Export
		ours := strings.HasPrefix(p.ImportPath, "github.com/motacilla-live/motacilla") && !strings.Contains(p.ImportPath, "/internal/")
		std := !strings.Contains(p.ImportPath, ".") && !strings.Contains(p.ImportPath, "internal")
		if ours || std && e.names[p.Name] == "" || p.ImportPath == "go.uber.org/fx" || p.ImportPath == "go.uber.org/zap" {
			if !strings.Contains(e.names[p.Name], "motacilla-live") || ours {
				e.names[p.Name] = p.ImportPath
			}
		}
	}
	return e, nil
})

func newExports(t *testing.T) *exports {
	t.Helper()
	e, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// given are the variables that the text around a fragment mentions.
const given = `ctx context.Context, w http.ResponseWriter, r *http.Request, feed *publisher.Feed, sink receiver.Sink, ` +
	`store storage.Store, channel motacilla.ChannelID, cursor motacilla.Revision, t *testing.T`

var elided = regexp.MustCompile(`\{ (…|\.\.\.) \}`)

// compile type-checks code: a whole file, declarations, or statements. "…" stands for code that is left out.
func (e *exports) compile(code string) error {
	code = elided.ReplaceAllString(code, `{ panic("left out") }`)
	if strings.HasPrefix(code, "package ") || strings.HasPrefix(code, "//") && strings.Contains(code, "\npackage ") {
		return e.check(code)
	}
	declarations := e.check("package fragment\n" + e.imports(code) + code)
	if declarations == nil {
		return nil
	}
	statements := e.check("package fragment\n" + e.imports(code+given) + "func _(" + given + ") {\n" + code + "\n}\n")
	if statements == nil {
		return nil
	}
	return fmt.Errorf("as declarations: %w; as statements: %w", declarations, statements)
}

var selector = regexp.MustCompile(`\b([a-z][a-z0-9]*)\.[A-Z]`)

func (e *exports) imports(code string) string {
	var b strings.Builder
	seen := map[string]bool{}
	for _, m := range selector.FindAllStringSubmatch(code, -1) {
		if path := e.names[m[1]]; path != "" && !seen[m[1]] {
			fmt.Fprintf(&b, "import %s %q\n", m[1], path)
		}
		seen[m[1]] = true
	}
	return b.String()
}

func (e *exports) check(source string) error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "block.go", source, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	var errs []error
	config := types.Config{
		Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
			if e.files[path] == "" {
				return nil, fmt.Errorf("there is no package %s", path)
			}
			return os.Open(e.files[path])
		}),
		Error: func(err error) {
			if wrong := (types.Error{}); errors.As(err, &wrong) && wrong.Soft {
				return // a fragment declares something that it does not use
			}
			errs = append(errs, err)
		},
	}
	_, _ = config.Check(file.Name.Name, fset, []*ast.File{file}, nil)
	return errors.Join(errs...)
}
