package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"testing"
)

// libraries goes to the folder compose, with its libraries installed.
func libraries(t *testing.T) {
	t.Helper()
	t.Chdir("../..")
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); errors.Is(err, exec.ErrNotFound) {
			const missing = "the desk needs Node.js and npm: apt-get install -y nodejs npm"
			if os.Getenv("CI") == "true" {
				t.Fatal(missing)
			}
			t.Skip(missing)
		}
	}
	if err := install(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestCommittedFilesAreFresh(t *testing.T) {
	libraries(t)
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
			t.Errorf("compose/%s is not what the source makes; run: go generate ./compose", name)
		}
	}
}

// TestTypes checks the types of the desk's source, and of the browser client's, which it builds on: one compiler for both.
func TestTypes(t *testing.T) {
	libraries(t)
	for _, source := range []string{"client", "../page/client"} {
		check := exec.CommandContext(t.Context(), "node", "client/node_modules/typescript/bin/tsc", "--noEmit", "-p", source)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s: tsc: %v\n%s", source, err, out)
		}
	}
}
