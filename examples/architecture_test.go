package examples

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var named = regexp.MustCompile("`([a-z0-9_/]+\\.go):([A-Za-z]+(?:\\.[A-Za-z]+)?)`")

// TestArchitectureNamesWhatThereIs looks up every file and function that docs/architecture.md names.
func TestArchitectureNamesWhatThereIs(t *testing.T) {
	page, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	found := named.FindAllStringSubmatch(string(page), -1)
	if len(found) < 20 {
		t.Fatalf("%d functions are named, want 20 at least: is the pattern right?", len(found))
	}
	for _, m := range found {
		file, name := m[1], m[2]
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, 0)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if !declares(parsed, name) {
			t.Errorf("%s has no function %s", file, name)
		}
	}
	steps := regexp.MustCompile("(?m)^[0-9]+\\. `([a-z0-9_/]+\\.go):").FindAllStringSubmatch(string(page), -1)
	files := map[string]bool{}
	for _, m := range steps {
		files[m[1]] = true
	}
	if len(steps) > 10 || len(files) > 7 {
		t.Errorf("the way of an update has %d functions in %d files, want 10 in 7 at most", len(steps), len(files))
	}
	for _, m := range regexp.MustCompile("\\| `([a-z/]+)`").FindAllStringSubmatch(string(page), -1) {
		if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
			if _, err := os.Stat(filepath.Join("../publisher", m[1])); err != nil {
				t.Errorf("there is no folder %s", m[1])
			}
		}
	}
}

// declares reports whether file has the function, or the method Type.Name.
func declares(file *ast.File, name string) bool {
	receiver, method, isMethod := strings.Cut(name, ".")
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if !isMethod && f.Recv == nil && f.Name.Name == name {
			return true
		}
		if isMethod && f.Recv != nil && f.Name.Name == method && receiverOf(f.Recv.List[0].Type) == receiver {
			return true
		}
	}
	return false
}

func receiverOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiverOf(e.X)
	case *ast.IndexExpr:
		return receiverOf(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
