package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/move"
	"github.com/motacilla-live/motacilla/storage/sqlite"
)

// stored makes a store in the working directory. It has two channels, of which one was deleted.
func stored(t *testing.T, path string) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, ch := range []motacilla.ChannelID{"final", "gone"} {
		if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: ch, Title: "Final"}, 0); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		p, err := s.PutPost(t.Context(), "final", motacilla.Post{MessageID: fmt.Sprint(i), Show: true}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			if _, err := s.DeletePost(t.Context(), "final", p.ID, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := s.DeleteChannel(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
}

func TestStorageCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	stored(t, "live.db")
	stored(t, "other.db")
	if err := os.WriteFile("here.yaml", []byte("storage: {type: sqlite, path: live.db}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for _, tt := range []struct {
		args string
		code int
		out  string
		err  string
	}{
		{args: "storage --help", out: "copy"},
		{args: "storage copy --help", out: "--replace"},
		{args: "storage copy", code: 2, err: "--from and --to are both needed"},
		{args: "storage copy --from sqlite:live.db", code: 2, err: "--from and --to are both needed"},
		{args: "storage copy --from sqlite:live.db --to sqlite:new.db --batch 0", code: 2, err: "--batch: must be 1 to 10000"},
		{args: "storage copy --from sqlite:live.db --to sqlite:new.db --output xml", code: 2, err: "--output"},
		{args: "storage copy --from memory --to sqlite:new.db", code: 1, err: "is inside its server's process"},
		{args: "storage copy --from sqlite:live.db --to memory", code: 1, err: "--to: a store of type memory"},
		{args: "storage copy --from pigeon:x --to sqlite:new.db", code: 1, err: `there is no store "pigeon"; known: `},
		{args: "storage copy --from sqlite: --to sqlite:new.db", code: 1, err: "the path of the store"},
		{args: "storage copy --from memory:x --to sqlite:new.db", code: 1, err: "has no place"},
		{args: "storage copy --from sqlite:typo.db --to sqlite:new.db", code: 1, err: "there is no store"},
		{args: "storage copy --from sqlite:live.db --to sqlite:./live.db", code: 1, err: "--from and --to are both sqlite:live.db"},
		{args: "storage copy --from sqlite:live.db --to sqlite:none/new.db", code: 1, err: "there is no directory"},
		{args: "storage copy --from sqlite:live.db --to sqlite:new.db",
			out: "sqlite:live.db -> sqlite:new.db\n7 changes copied from 2 of 2 channels", err: "pass 1: 2 of 2 channels, 7 changes"},
		{args: "storage copy --from sqlite:live.db --to sqlite:new.db", out: "0 changes copied from 0 of 2 channels"},
		{args: "storage copy --from sqlite:live.db --to sqlite:new.db --output json", out: `"records": 0`},
		{args: "storage copy --from sqlite --config here.yaml --to sqlite:second.db", out: "sqlite:live.db -> sqlite:second.db"},
		{args: "storage copy --from sqlite:live.db --to sqlite:other.db", code: 1, err: "give --replace"},
		{args: "storage copy --from sqlite:live.db --to sqlite:other.db --replace", out: "The target has everything that the source has"},
		{args: "storage cehck", code: 2, err: "did you mean check?"},
		{args: "storage check x", code: 2, err: `"x" is one argument too many`},
		{args: "storage barrier a/b", code: 2, err: `"a/b" can't be a channel's ID`},
		{args: "storage check", code: 1, err: "there is no store"},
		{args: "storage check --config here.yaml",
			out: "sqlite:live.db: 2 channels, 2 posts, 1 tombstone, 7 revisions remembered, 0 shared records: nothing is wrong\n"},
		{args: "storage check --storage sqlite:other.db --output json", out: `"violations": []`},
		{args: "storage barrier --storage sqlite:other.db --margin -1s", code: 2, err: "--margin: must be"},
		{args: "storage barrier --storage sqlite:other.db final nowhere", code: 1, err: "there is no channel nowhere in the store; no barrier was set"},
		{args: "storage barrier --storage sqlite:other.db final", out: "1 barrier set"},
		{args: "storage barrier --storage sqlite:other.db --output json", out: `"channel": "gone"`},
		{args: "storage check --storage sqlite:other.db", out: "nothing is wrong"},
	} {
		var out, stderr bytes.Buffer
		code := run(strings.Fields(tt.args), strings.NewReader(""), &out, &stderr)
		if code != tt.code || !strings.Contains(out.String(), tt.out) || !strings.Contains(stderr.String(), tt.err) {
			t.Fatalf("motacilla %s: status %d, output %q, errors %q", tt.args, code, out.String(), stderr.String())
		}
		if strings.Contains(tt.args, "json") && code == 0 && !json.Valid(out.Bytes()) {
			t.Fatalf("motacilla %s: %s", tt.args, out.String())
		}
	}
	s, err := sqlite.Open(t.Context(), "other.db", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := s.Channel(t.Context(), "final")
	const margin = 10 * time.Minute
	if head := c.Head.Time().Add(-margin); err != nil || head.Before(began.Truncate(time.Microsecond)) || head.After(time.Now()) {
		t.Fatalf("after a barrier the head is at %v (%v), want %v after the barrier was set", c.Head.Time(), err, margin)
	}
}

func TestStorageCheckFindsDamage(t *testing.T) {
	t.Chdir(t.TempDir())
	stored(t, "live.db")
	db, err := sql.Open("sqlite", "live.db")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "DELETE FROM log WHERE channel = 'final' AND revision = (SELECT max(revision) FROM log WHERE channel = 'final')"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for format, expected := range map[string]string{"text": "is its head, and is not remembered", "json": `"problem": "is its head`} {
		var out, stderr bytes.Buffer
		code := run([]string{"storage", "check", "--storage", "sqlite:live.db", "--output", format}, nil, &out, &stderr)
		if code != 1 || !strings.Contains(out.String(), expected) || !strings.Contains(stderr.String(), "violations. Copy the store's data before") {
			t.Fatalf("status %d, output %s, errors %s", code, out.String(), stderr.String())
		}
	}
}

// No secret of a store's URL is shown.
func TestStorageSecrets(t *testing.T) {
	for place, shown := range map[string]string{
		"postgres://live:s3cr3t@db/live":              "postgres://live:********@db/live",
		"postgres://live:s3c%2Fr3t@db/live":           "postgres://live:********@db/live",
		"postgres://live:s3c/r3t@db/live":             "postgres://live:********@db/live",
		"redis://:x@cache:6379/0":                     "redis://:********@cache:6379/0",
		"postgres://db/live?user=a&password=s3cr3t":   "postgres://db/live?user=a&password=********",
		"postgres://live@db/live":                     "postgres://live@db/live",
		"motacilla.db":                                "motacilla.db",
		"redis://cache/0?sslpassword=abcdef&db=1":     "redis://cache/0?sslpassword=********&db=1",
		"postgres://live:p@ss@db.example.org:5432/a?": "postgres://live:********@db.example.org:5432/a?",
	} {
		secrets := secretsIn(place)
		if got := secrets.Replace(place); got != shown {
			t.Errorf("%s is shown as %s, want %s", place, got, shown)
		}
		err := maskedError{fmt.Errorf("dial %s: no (s3cr3t, s3c/r3t)", place), secrets}
		if strings.Contains(place, "s3cr3t") && strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%v", err)
		}
	}
	var out, stderr bytes.Buffer
	run(strings.Fields("storage check --storage pigeon://live:s3cr3t@db/live"), nil, &out, &stderr)
	if text := out.String() + stderr.String(); strings.Contains(text, "s3cr3t") {
		t.Error(text)
	}
}

// On a terminal the progress of a copy is one line that changes. Elsewhere it is a line now and then, and at the end.
func TestStorageProgress(t *testing.T) {
	var plain, onTerminal bytes.Buffer
	for _, c := range []*copyProgress{
		{w: &plain, last: time.Now().Add(time.Hour)}, // a line was printed just now
		{w: &onTerminal, last: time.Now().Add(-time.Minute), terminal: true},
	} {
		for i := range 4 {
			c.show(move.Progress{Pass: 1, Channel: "final", Done: i, Channels: 3, Records: int64(i)})
		}
		c.end()
	}
	if got := plain.String(); got != "pass 1: 3 of 3 channels, 3 changes, at final\n" {
		t.Errorf("off a terminal %q", got)
	}
	if got := onTerminal.String(); !strings.HasPrefix(got, "\r\x1b[Kpass 1: 0 of 3") || !strings.HasSuffix(got, "at final\n") {
		t.Errorf("on a terminal %q", got)
	}
}
