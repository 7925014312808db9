package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/internal/configtest"
)

// checkFile fails the test unless both "motacilla config" and the schema beside it accept a file that init wrote.
func checkFile(t *testing.T, name string, mode fs.FileMode) string {
	t.Helper()
	body, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := os.ReadFile(filepath.Join(filepath.Dir(name), app.SchemaFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := configtest.New(t, schema).Check(body); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm()&^mode != 0 { // the umask may take more away
		t.Errorf("%s has the mode %v (%v), want %v", name, info.Mode(), err, mode)
	}
	if code, _, errs := call("config", "--config", name); code != 0 {
		t.Errorf("config does not accept %s: %s", name, errs)
	}
	return string(body)
}

func TestInit(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("MOTACILLA_PAGE_NAME", "of the environment")
	code, out, errs := call("init")
	if code != 0 || errs != "" || !strings.HasPrefix(out, "motacilla.yaml: ") || !strings.HasSuffix(out, "Start the server with: motacilla serve\n") {
		t.Fatalf("init = %d, %s%s", code, out, errs)
	}
	body := checkFile(t, "motacilla.yaml", 0o644)
	first, _, _ := strings.Cut(body, "\n")
	if first != "# yaml-language-server: $schema=motacilla.schema.json" || strings.Contains(body, "of the environment") {
		t.Errorf("init wrote\n%s", body)
	}
	schema, err := allKeys()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range schema.Keys() {
		name := k.Name[strings.LastIndexByte(k.Name, '.')+1:]
		if !regexp.MustCompile(`(?m)^ *#?[ #-]*` + regexp.QuoteMeta(name) + ":").MatchString(body) {
			t.Errorf("%s is not in the file", k.Name)
		}
	}

	// What exists is not replaced, and then nothing is written.
	if code, _, errs := call("init"); code != 1 || errs != "motacilla: motacilla.yaml exists already; --force replaces it\n" {
		t.Errorf("init again = %d, %s", code, errs)
	}
	if err := os.WriteFile(app.SchemaFile, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := call("init", "other.yaml"); code != 1 || !strings.Contains(errs, app.SchemaFile+" exists already; --force replaces it") {
		t.Errorf("init with a schema of another version = %d, %s", code, errs)
	}
	if _, err := os.Stat("other.yaml"); err == nil {
		t.Error("other.yaml was written")
	}

	// A secret is only for the owner, also if the file was for all before.
	code, out, errs = call("init", "--force", "-o", "json", "--storage.type", "postgres", "--storage.url", "postgres://u:p@db/live", "--publishers", "sse")
	var answer struct{ File, Schema string }
	if err := json.Unmarshal([]byte(out), &answer); code != 0 || err != nil || answer.File != "motacilla.yaml" || answer.Schema != app.SchemaFile {
		t.Errorf("init --force = %d (%v), %s%s", code, err, out, errs)
	}
	body = checkFile(t, "motacilla.yaml", 0o600)
	if info, err := os.Stat(app.SchemaFile); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the schema was replaced by one with the mode %v (%v)", info.Mode(), err)
	}
	for _, want := range []string{"\n  url: postgres://u:p@db/live\n", "\n  - type: sse\n", "\n  #- type: websocket\n"} {
		if !strings.Contains(body, want) {
			t.Errorf("the file lacks %q:\n%s", want, body)
		}
	}
	if !regexp.MustCompile(`(?m)^  token: [A-Z2-7]{26}$`).MatchString(body) || !strings.Contains(errs, "new token") {
		t.Errorf("nodes that share a store need a token: %s\n%s", errs, body)
	}
	entries, err := os.ReadDir(".")
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder has %v (%v)", entries, err)
	}
}

func TestInitElsewhere(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(t.TempDir())
	name := filepath.Join(dir, "live.yaml")
	code, out, errs := call("init", name, "--storage.type", "redis")
	if code != 0 || !strings.Contains(out, "motacilla serve --config "+name) ||
		!strings.Contains(errs, "Set storage.url in the file, or MOTACILLA_STORAGE_URL in the environment") {
		t.Errorf("init = %d, %s%s", code, out, errs)
	}
	checkFile(t, name, 0o600)
	for _, tt := range []struct {
		code int
		args []string
		err  string
	}{
		{2, []string{"--config", "x.yaml"}, "motacilla init x.yaml"},
		{2, []string{"a.yaml", "b.yaml"}, "one argument too many"},
		{1, []string{"--page.size", "0"}, "page.size: must be 1 to 500 (flag --page.size)"},
		{1, []string{"--storage.url", "postgres://db"}, "storage.url: it is of a type that is not chosen"},
		{1, []string{filepath.Join("no", "folder.yaml")}, "no such file or directory"},
	} {
		if code, _, errs := call(append([]string{"init"}, tt.args...)...); code != tt.code || !strings.Contains(errs, tt.err) {
			t.Errorf("init %q = %d, %s", tt.args, code, errs)
		}
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 0 {
		t.Errorf("wrong calls wrote %v (%v)", entries, err)
	}
}

// TestServeStartsWithInitsFile: the server starts with the file as init wrote it.
func TestServeStartsWithInitsFile(t *testing.T) {
	t.Parallel()
	cmd := program(t, "serve", "--config", "live.yaml")
	name := filepath.Join(cmd.Dir, "live.yaml")
	if code, _, errs := call("init", name, "--server.addr", "127.0.0.1:0"); code != 0 {
		t.Fatal(errs)
	}
	out := newLines()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out.await(t, `"addr": "127.0.0.1:`)
	stop(t, cmd, syscall.SIGTERM, out)
}

func TestConfigSchema(t *testing.T) {
	code, out, errs := call("config", "schema")
	committed, err := os.ReadFile("../../docs/motacilla.schema.json")
	if code != 0 || errs != "" || err != nil || out != string(committed) {
		t.Errorf("config schema = %d, %s (%v): not as in docs/", code, errs, err)
	}
}
