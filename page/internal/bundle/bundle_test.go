package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestCommittedFilesAreFresh(t *testing.T) {
	t.Chdir("../..")
	files, err := outputs()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("page/%s is not what the source makes; run: go generate ./page", name)
		}
	}
	// A module that the source no longer makes must not be packed.
	modules, err := filepath.Glob(packed + "/*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range modules {
		if files[name] == nil {
			t.Errorf("page/%s is made from nothing; remove it", name)
		}
	}
	want := []string{"element.js", "index.js", "shared.js"}
	if got := bases(modules); !slices.Equal(got, want) {
		t.Errorf("the package has the modules %q, want %q", got, want)
	}
}

func TestPackageHasTheLicenseOfTheProject(t *testing.T) {
	t.Chdir("../../..")
	want, err := os.ReadFile("LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("packages/client/LICENSE")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("packages/client/LICENSE is not LICENSE (%v)", err)
	}
}

func bases(paths []string) []string {
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = filepath.Base(path)
	}
	return names
}
