package main

import (
	"bytes"
	"os"
	"testing"
)

func TestCommittedBundlesAreFresh(t *testing.T) {
	for output, entry := range outputs {
		want, err := bundle("../../" + entry)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile("../../" + output)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("page/%s is not what page/%s makes; run: go generate ./page", output, entry)
		}
	}
}
