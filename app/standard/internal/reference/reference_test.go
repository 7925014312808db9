package main

import (
	"os"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
)

func TestReferenceIsFresh(t *testing.T) {
	want, err := reference()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/configuration.md is not what the options' types say: run make generate, and commit it")
	}
}

// TestEveryKeyIsExplained: no key of the program is without a word, and each stands in the reference.
func TestEveryKeyIsExplained(t *testing.T) {
	schema, err := app.SchemaOf(standard.Module)
	if err != nil {
		t.Fatal(err)
	}
	text, err := reference()
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
