package motacilla_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// vouching has the names that make HTML of any string, and the files that may use each, with what vouches for the string.
var vouching = map[string]map[string]string{
	"TrustedHTML": {
		"html.go":                           "its definition",
		"receiver/sanitise.go":              "the sanitiser",
		"page/render.go":                    "html/template",
		"cmd/motacilla/match.go":            "constants of the demo",
		"internal/message/message.go":       "the only values are a post's ID and its HTML",
		"publisher/publishertest/cases.go":  "a test suite: a constant",
		"publisher/publishertest/site.go":   "a test suite: its caller",
		"publisher/publishertest/source.go": "a test suite: the only values are a post's ID and its HTML",
		"storage/storagetest/posts.go":      "a test suite: no reader gets these posts",
	},
	"TrustedContent": {
		"raw_block.go":                "its definition",
		"history/version.go":          "what a store had, in the store's records",
		"internal/drafted/drafted.go": "what a store had, in the store's records",
		"receiver/drafts/draft.go":    "what a store had, in the store's records",
		"storage/postgres/rows.go":    "the store's own rows",
		"storage/redis/rows.go":       "the store's own values",
		"storage/sqlite/rows.go":      "the store's own rows",
	},
	"HTML{": { // in the root package, which alone can write this
		"html.go":      "the makers",
		"raw_block.go": "content that a store has written",
	},
}

// TestFewVouchForHTML finds all uses of what makes HTML of any string, outside tests.
func TestFewVouchForHTML(t *testing.T) {
	used := map[string][]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name != "." && strings.HasPrefix(name, ".") || name == "bin"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		path = filepath.ToSlash(path)
		for _, name := range vouches(file, !strings.Contains(path, "/")) {
			if _, allowed := vouching[name][path]; !allowed {
				t.Errorf("%s uses %s: sanitise the text (receiver.Ingest) or escape it (motacilla.PlainText); "+
					"if neither is right, say here what vouches for it", path, name)
			}
			used[name] = append(used[name], path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range vouching {
		for path := range files {
			if !slices.Contains(used[name], path) {
				t.Errorf("%s does not use %s any more", path, name)
			}
		}
	}
}

// vouches returns which names of vouching a file uses.
func vouches(file *ast.File, root bool) (names []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if n.Name == "TrustedHTML" || n.Name == "TrustedContent" {
				names = append(names, n.Name)
			}
		case *ast.CompositeLit:
			if of, ok := n.Type.(*ast.Ident); ok && root && of.Name == "HTML" && len(n.Elts) > 0 {
				names = append(names, "HTML{")
			}
		}
		return true
	})
	return names
}
