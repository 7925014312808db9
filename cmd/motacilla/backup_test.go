package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/motacilla-live/motacilla/storage/sqlite"
)

// The store of a running server can be copied.
func TestBackup(t *testing.T) {
	t.Chdir(t.TempDir())
	server := program(t, "serve", "--server.addr", "127.0.0.1:0", "--server.token", "s3cret")
	out := newLines()
	server.Stdout, server.Stderr = out, out
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	base := "http://" + regexp.MustCompile(`127\.0\.0\.1:[0-9]+`).FindString(out.await(t, `"}`))
	path := server.Dir + "/motacilla.db"
	remote := []string{"--server", base, "--token", "s3cret"}
	for _, line := range []string{"channel create final", "post add final Kick-off", "post add final Goal"} {
		if code, _, errs := call(append(strings.Fields(line), remote...)...); code != 0 {
			t.Fatalf("%s: %s", line, errs)
		}
	}
	code, said, errs := call("backup", "copy.db", "--storage.path", path)
	if code != 0 || !strings.HasPrefix(said, "copy.db: 1 channel, 2 posts, ") {
		t.Fatalf("backup = %d, %s%s", code, said, errs)
	}
	if code, _, errs := call("backup", "copy.db", "--storage.path", path); code != 1 || !strings.Contains(errs, "--force") {
		t.Errorf("again = %d, %s", code, errs)
	}
	if code, _, errs := call(append([]string{"post", "add", "final", "Off"}, remote...)...); code != 0 {
		t.Fatal(errs)
	}
	code, said, errs = call("backup", "copy.db", "--force", "--storage.path", path, "-o", "json")
	var answer struct {
		From, To     string
		Posts, Bytes int64
	}
	err := json.Unmarshal([]byte(said), &answer)
	if info, statErr := os.Stat("copy.db"); code != 0 || err != nil || statErr != nil || info.Size() != answer.Bytes ||
		answer.Posts != 3 || answer.From != path || answer.To != "copy.db" {
		t.Errorf("--force = %d, %v, %v, %s%s", code, err, statErr, said, errs)
	}
	stop(t, server, syscall.SIGTERM, out)
	s, err := sqlite.Open(t.Context(), "copy.db", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if facts, err := s.Changes(t.Context(), "final", 0, 0); err != nil || len(facts.Posts) != 3 {
		t.Errorf("the copy has %+v (%v)", facts, err)
	}
}

func TestBackupErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct {
		args string
		code int
		err  string
	}{
		{"backup", 2, "FILE is missing"},
		{"backup a b", 2, `"b" is one argument too many`},
		{"backup a", 1, "give the store with --config or --storage.path"},
		{"backup a --storage.type memory", 1, "a store in memory ends with its server"},
		{"backup a --storage.type paper", 1, "known: "},
		{"backup a --storge.path x", 2, "did you mean --storage.path?"},
		{"backup a --forse", 2, "did you mean --force?"},
	} {
		code, _, errs := call(strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(errs, tt.err) {
			t.Errorf("motacilla %s = %d, %s; want %d, %q", tt.args, code, errs, tt.code, tt.err)
		}
	}
	if _, err := os.Stat("motacilla.db"); err == nil {
		t.Error("a store was made")
	}
	for _, kind := range []string{"postgres", "redis", "paper"} {
		c, err := load(noFile())
		if err != nil {
			t.Fatal(err)
		}
		c.Storage.Type = kind
		if _, _, err := storePath(c); err == nil || !strings.Contains(fmt.Sprint(err), "storage.type is "+kind+": use ") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
