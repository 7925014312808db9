package motacilla_test

import (
	"go/build"
	"strings"
	"testing"
)

func TestStandardLibraryAlone(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pkg.Imports {
		if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
			t.Errorf("the root package imports %s", path)
		}
	}
}
