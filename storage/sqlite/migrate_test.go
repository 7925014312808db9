package sqlite

import (
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/motacilla-live/motacilla"
)

func TestMigratesAnOlderFile(t *testing.T) {
	s := opened(t, filepath.Join(t.TempDir(), "live.db"))
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c", Title: "kept"}, 0); err != nil {
		t.Fatal(err)
	}
	next := fstest.MapFS{
		"99998_mood.sql": {Data: []byte("-- +goose Up\n" +
			"ALTER TABLE channels ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm';\n")},
	}
	known, err := migrations.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range known {
		data, err := migrations.ReadFile("migrations/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		next[file.Name()] = &fstest.MapFile{Data: data}
	}
	for range 2 { // the second finds it done
		if err := migrate(t.Context(), s.file.write, s.file.names, next); err != nil {
			t.Fatal(err)
		}
	}
	var mood string
	if err := s.file.write.QueryRow("SELECT mood FROM channels WHERE id = 'c'").Scan(&mood); err != nil || mood != "calm" {
		t.Errorf("mood is %q (%v)", mood, err)
	}
	if c, err := s.Channel(t.Context(), "c"); err != nil || c.Title != "kept" {
		t.Errorf("channel is %+v (%v)", c, err)
	}
	next["99999_bad.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nDELETE FROM channels;\nALTER TABLE none ADD x;\n")}
	if err := migrate(t.Context(), s.file.write, s.file.names, next); err == nil {
		t.Error("a migration that fails is no error")
	}
	if _, err := s.Channel(t.Context(), "c"); err != nil {
		t.Errorf("a migration that failed left something: %v", err)
	}
}
