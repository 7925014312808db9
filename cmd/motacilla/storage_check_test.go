package main

import (
	"bytes"
	"database/sql"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/sqlite"
)

// A database in which the counter of a namespace went back would issue a version twice.
func TestStorageCheckFindsDamagedRecords(t *testing.T) {
	t.Chdir(t.TempDir())
	s, err := sqlite.Open(t.Context(), "live.db", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, putErr := s.Records().Put(t.Context(), storage.Record{Namespace: "accounts", Key: "ada"})
	if closeErr := s.Close(); putErr != nil || closeErr != nil {
		t.Fatal(putErr, closeErr)
	}
	db, err := sql.Open("sqlite", "live.db")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "UPDATE namespaces SET born = 1, version = 2"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for format, expected := range map[string]string{
		"text": `namespace "accounts", key "ada", version `, "json": `"key": "ada"`,
	} {
		var out, stderr bytes.Buffer
		code := run([]string{"storage", "check", "--storage", "sqlite:live.db", "--output", format}, nil, &out, &stderr)
		if code != 1 || !strings.Contains(out.String(), expected) || !strings.Contains(stderr.String(), "1 violation") {
			t.Fatalf("status %d, output %s, errors %s", code, out.String(), stderr.String())
		}
	}
}
