package main

import (
	"bytes"
	"os"
	"testing"
)

func TestCommittedBundleIsFresh(t *testing.T) {
	want, err := bundle("../../client/main.ts")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../static/live.js")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatal("page/static/live.js is not what page/client makes; run: go generate ./page")
	}
}
