package standard_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// adapters returns the folders of the adapters of a port: packages that have a module.go. The port media has stores, and
// media/oembed is none.
func adapters(t *testing.T, port string) []string {
	t.Helper()
	modules, err := filepath.Glob("../../" + port + "/*/module.go")
	if err != nil || len(modules) == 0 {
		t.Fatalf("%s has no adapters: %v", port, err)
	}
	var dirs []string
	for _, m := range modules {
		if dir := filepath.Dir(m); filepath.Base(dir) != "oembed" {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// packageComment returns the comment of the package in dir.
func packageComment(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	comment := ""
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		comment += parsed.Doc.Text()
	}
	return comment
}

// TestSameOutline: the package comments of all adapters of a port have the same sections in the same order.
func TestSameOutline(t *testing.T) {
	for port, outline := range map[string][]string{
		"storage":   {"Durability", "One node or many", "Options", "Limits"},
		"publisher": {"Wire", "Resuming", "Options", "Limits"},
		"receiver":  {"Source", "Repeats", "Options", "Limits"},
		"media":     {"Durability", "One node or many", "Options", "Limits"},
	} {
		for _, dir := range adapters(t, port) {
			var headings []string
			for _, m := range regexp.MustCompile(`(?m)^# (.+)$`).FindAllStringSubmatch(packageComment(t, dir), -1) {
				headings = append(headings, m[1])
			}
			if !slices.Equal(headings, outline) {
				t.Errorf("%s: the package comment has the sections %q, those of a %s are %q", dir, headings, port, outline)
			}
		}
	}
}

// TestEveryPackageHasAnExample: each public package has an example that runs.
func TestEveryPackageHasAnExample(t *testing.T) {
	dirs := []string{
		"../..", "../../app", "../../client", "../../media", "../../media/oembed", "../../outbound", "../../page", "../../publisher",
		"../../receiver", "../../route", "../../storage", "../../work",
	}
	for _, port := range []string{"storage", "publisher", "receiver", "media"} {
		dirs = append(dirs, adapters(t, port)...)
	}
	runs := regexp.MustCompile(`(?m)^func Example\w*\(\) \{(?s:.*?)\n\t// Output:`)
	compiles := regexp.MustCompile(`(?m)^func Example`)
	needServer := []string{"postgres", "redis", "s3"} // these examples need a server, so they only compile
	for _, dir := range dirs {
		files, err := filepath.Glob(dir + "/example*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		found, example := false, runs
		if slices.Contains(needServer, filepath.Base(dir)) {
			example = compiles
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || example.Match(text)
		}
		if !found {
			t.Errorf("%s has no example that runs", dir)
		}
	}
}
