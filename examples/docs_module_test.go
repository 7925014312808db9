package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var requirements = regexp.MustCompile(`(?s)require \(.*?\n\)`)

// TestModules writes the module of a document into a folder outside of the repository, and runs the tests of that module. It
// runs them -short and without -race, to compile less; examples/custompublisher has the same code, whose tests run whole.
func TestModules(t *testing.T) {
	made := 0
	for _, document := range documents(t) {
		list, err := blocks(document)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		module := ""
		for _, b := range list {
			if b.file != "" {
				files[b.file] += b.text
			}
			if m := regexp.MustCompile(`(?m)^go mod init (\S+)$`).FindStringSubmatch(b.text); m != nil {
				module = m[1]
			}
		}
		if len(files) == 0 {
			continue
		}
		made++
		t.Run(document, func(t *testing.T) {
			t.Parallel()
			dir := makeModule(t, module, files)
			for _, args := range [][]string{{"vet", "./..."}, {"test", "-vet=off", "-short", "./..."}} {
				run := exec.Command("go", args...)
				run.Dir = dir
				run.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
				if out, err := run.CombinedOutput(); err != nil {
					t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
				}
			}
		})
	}
	if made == 0 {
		t.Error("no document makes a module: docs/add-a-publisher.md should")
	}
}

// makeModule writes the module. It has the requirements of this module, so that nothing is downloaded.
func makeModule(t *testing.T, module string, files map[string]string) string {
	t.Helper()
	if module == "" {
		t.Fatal("the document does not say go mod init")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	const motacilla = "github.com/motacilla-live/motacilla"
	files["go.sum"] = string(sums)
	files["go.mod"] = "module " + module + "\n\ngo 1.26.0\n\nrequire " + motacilla + " v0.0.0\n\nreplace " + motacilla + " => " + root +
		"\n\n" + strings.Join(requirements.FindAllString(string(ours), -1), "\n\n") + "\n"
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
