package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
)

// TestFilesAreFresh: the committed files are what "make generate" would write.
func TestFilesAreFresh(t *testing.T) {
	page, jsonSchema := filepath.Join(t.TempDir(), "page"), filepath.Join(t.TempDir(), "schema")
	if err := write(page, jsonSchema); err != nil {
		t.Fatal(err)
	}
	for committed, written := range map[string]string{"configuration.md": page, "motacilla.schema.json": jsonSchema} {
		want, err := os.ReadFile(written)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("../../../../docs", committed))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("docs/%s is not what the options' types say: run make generate, and commit it", committed)
		}
	}
}

// TestEveryKeyIsExplained: no key of the program is without a word, and each stands in the reference.
func TestEveryKeyIsExplained(t *testing.T) {
	schema, err := app.SchemaOf(standard.Module)
	if err != nil {
		t.Fatal(err)
	}
	text, err := reference(schema)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range schema.Keys() {
		if k.Doc == "" || k.Type == "" {
			t.Errorf("%s has no doc tag", k.Name)
		}
		if !strings.Contains(text, "`--"+k.Name+"` `"+k.Env+"`") {
			t.Errorf("%s is not in the reference", k.Name)
		}
	}
}
