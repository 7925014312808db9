package app_test

import (
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/dependencies.txt anew")

// TestDependencyLists compares testdata/dependencies.txt with the modules that users of each public package compile. A
// change of that file is visible in a review. TestDependencies says what must never be in it.
//
//	go test ./app -run TestDependencyLists -update
func TestDependencyLists(t *testing.T) {
	const file = "testdata/dependencies.txt"
	all := listPackages(t)
	var got strings.Builder
	for _, pkg := range slices.Sorted(maps.Keys(all)) {
		if all[pkg].DepOnly {
			continue
		}
		path := strings.TrimPrefix(strings.TrimPrefix(pkg, module), "/")
		if strings.Contains(path+"/", "internal/") || strings.HasPrefix(path, "examples") || strings.HasPrefix(path, "cmd/") {
			continue
		}
		var modules []string
		for _, dep := range all[pkg].Deps {
			if m := all[dep].Module; m != nil {
				modules = append(modules, m.Path)
			}
		}
		slices.Sort(modules)
		modules = slices.DeleteFunc(slices.Compact(modules), func(m string) bool { return m == module })
		if path == "" {
			path = "."
		}
		got.WriteString(path + "\n")
		for _, m := range modules {
			if m == "github.com/getkin/kin-openapi" {
				t.Errorf("%s compiles %s, which is for tests", path, m)
			}
			got.WriteString("\t" + m + "\n")
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	was, is := strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")
	for i := range max(len(was), len(is)) {
		if i >= len(was) || i >= len(is) || was[i] != is[i] {
			t.Fatalf("what users of the packages compile has changed from line %d of %s on; if that is intended, run\n"+
				"\tgo test ./app -run TestDependencyLists -update\nnow:\n%s", i+1, file, got.String())
		}
	}
}
