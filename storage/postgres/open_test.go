package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func contains(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }

// with returns url with a parameter more.
func with(database, name, value string) string {
	return database + "&" + name + "=" + url.QueryEscape(value)
}

func TestOpenedTogether(t *testing.T) {
	db := database(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := Open(t.Context(), db, patient(nil))
			if err != nil {
				t.Error(err)
				return
			}
			_ = s.Close()
		})
	}
	wg.Wait()
	s := opened(t, db, nil)
	var times, steps int
	err := s.server.pool.QueryRow(t.Context(), "SELECT count(*), count(DISTINCT version_id) FROM "+versions+" WHERE version_id > 0").
		Scan(&times, &steps)
	if err != nil || times != steps || steps < 2 {
		t.Errorf("migrated %d times in %d steps (%v)", times, steps, err)
	}
}

func TestMigratesAnOlderSchema(t *testing.T) {
	s := opened(t, database(t), nil)
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c", Title: "kept"}, 0); err != nil {
		t.Fatal(err)
	}
	next := fstest.MapFS{
		"migrations/99998_mood.sql": {Data: []byte("-- +goose Up\n" +
			"ALTER TABLE motacilla_channels ADD COLUMN mood text NOT NULL DEFAULT 'calm';\n")},
	}
	known, err := migrations.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range known {
		name := "migrations/" + file.Name()
		data, err := migrations.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		next[name] = &fstest.MapFile{Data: data}
	}
	for range 2 { // the second finds it done
		if err := migrate(t.Context(), s.direct, next, guard); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := s.Channel(t.Context(), "c"); err != nil || c.Title != "kept" {
		t.Errorf("channel is %+v (%v)", c, err)
	}
	if _, err := s.PutPost(t.Context(), "c", motacilla.Post{}, 0); err != nil {
		t.Errorf("a write of the version before: %v", err)
	}
	next["migrations/99999_bad.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nDELETE FROM motacilla_channels;\nALTER TABLE none ADD x int;\n")}
	if err := migrate(t.Context(), s.direct, next, guard); err == nil {
		t.Error("a migration that fails is no error")
	}
	if _, err := s.Channel(t.Context(), "c"); err != nil {
		t.Errorf("a migration that failed left something: %v", err)
	}
}

func TestNewerSchema(t *testing.T) {
	db := database(t)
	s := opened(t, db, nil)
	if _, err := s.server.pool.Exec(t.Context(), "INSERT INTO "+versions+" (version_id, is_applied) VALUES (999, true)"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), db, patient(nil)); !contains(err, "made by a newer version") || errors.Is(err, motacilla.ErrUnavailable) {
		t.Fatalf("error is %v", err)
	}
}

// No error has the password, or a part of it.
func TestWrongURL(t *testing.T) {
	const password = "hush-hush"
	for wrong, want := range map[string]string{
		"":                                                          "url: must be set",
		"mysql://m:" + password + "@h/d":                            "url: must begin with postgres://",
		"host=h password=" + password:                               "url: must begin with postgres://",
		"postgres://m:" + password + "/%zz@h/d":                     "url: must be a postgres:// URL",
		"postgres://m:" + password + "%zz@h/d":                      "url: must be a postgres:// URL",
		"postgres://m:" + password + "/x@h:5432/d":                  "percent-encoded",
		"postgres://m:x@" + password + "@h:x/d":                     "url: must be a postgres:// URL",
		"postgres://m:" + password + "@h:none/d":                    "url: must be a postgres:// URL",
		"postgres://m:" + password + "@h/d?sslmode=maybe":           "sslmode",
		"postgres://h/d?sslmode=maybe&pass%77ord=" + password:       "sslmode",
		"postgres://h/d?sslmode=maybe&password=" + password:         "sslmode",
		"postgres://m:" + password + "@h/d?pool_max_conns=7":        "connections",
		"postgres://m:" + password + "@h/d?target_session_attrs=xx": "target_session_attrs",
	} {
		_, err := Open(t.Context(), wrong, nil)
		if !contains(err, want) || !errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("%q: error is %v, want %q", wrong, err, want)
		}
		if contains(err, "hush") {
			t.Errorf("%q: the password is in the error: %v", wrong, err)
		}
	}
	_, err := Open(t.Context(), "postgres://h/d", &Options{Pooler: true})
	if !contains(err, "direct_url: must be set") {
		t.Errorf("error is %v", err)
	}
}

func FuzzURL(f *testing.F) {
	const password = "hUsHhUsH"
	f.Add("postgres://m:", "@h/d")
	f.Add("postgres://m:x/", "%zz@h:x/d?sslmode=x")
	f.Add("postgres://m@h/d?password=", "&sslmode=x")
	f.Add("postgres://m:x@", "@[::1/d")
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.ContainsAny(before, "?=") || strings.Count(after, "@") == 0 {
			return // what stands where no password does
		}
		if _, err := parse("url", before+password+after); contains(err, password) {
			t.Errorf("%q: %v", before+password+after, err)
		}
	})
}

func TestWrongPassword(t *testing.T) {
	db, err := url.Parse(database(t))
	if err != nil {
		t.Fatal(err)
	}
	db.User = url.UserPassword("motacilla", "hush-hush")
	if _, err := Open(t.Context(), db.String(), patient(nil)); !contains(err, "password authentication failed") || contains(err, "hush") {
		t.Errorf("error is %v", err)
	}
	db.Host = fmt.Sprintf("127.0.0.1:%d", realserver.FreePort(t))
	_, err = Open(t.Context(), db.String(), patient(nil))
	if !errors.Is(err, motacilla.ErrUnavailable) || !contains(err, "connection refused") || contains(err, "hush") {
		t.Errorf("error is %v", err)
	}
}

func TestOtherEncoding(t *testing.T) {
	server := realserver.SharedPostgres(t)
	server.Exec(t, "CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0")
	t.Cleanup(func() { server.Exec(t, "DROP DATABASE ascii WITH (FORCE)") })
	if _, err := Open(t.Context(), slowly(server.URL("ascii")), patient(nil)); !contains(err, "it must be UTF8") {
		t.Errorf("error is %v", err)
	}
}

func TestSettingsThatLoseWrites(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	opened(t, with(database(t), "synchronous_commit", "off"), &Options{Logger: zap.New(core)})
	var off []string
	for _, e := range logs.All() {
		off = append(off, fmt.Sprint(e.ContextMap()["setting"]))
	}
	if got := strings.Join(off, " "); got != "fsync full_page_writes synchronous_commit" {
		t.Errorf("warned of %q", got)
	}
}

// What the database is set to otherwise does not take the ground from under the store.
func TestOtherIsolation(t *testing.T) {
	db := database(t)
	opened(t, db, nil)
	conn := connect(t, db)
	for _, isolation := range []string{"serializable", "repeatable read"} {
		if _, err := conn.Exec(t.Context(), "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = "+
			"''"+isolation+"''', current_database()); END $$"); err != nil {
			t.Fatal(err)
		}
		s := opened(t, db, nil)
		var got string
		if err := s.server.pool.QueryRow(t.Context(), "SHOW transaction_isolation").Scan(&got); err != nil || got != "read committed" {
			t.Errorf("isolation is %q (%v)", got, err)
		}
		if _, err := Open(t.Context(), db, patient(&Options{Pooler: true, DirectURL: db})); !contains(err, "default_transaction_isolation") {
			t.Errorf("behind a pooler: error is %v", err)
		}
	}
}

func TestReadOnlyServer(t *testing.T) {
	db := database(t)
	opened(t, db, nil)
	s := opened(t, with(db, "default_transaction_read_only", "on"), nil)
	if err := s.Ping(t.Context()); !errors.Is(err, motacilla.ErrUnavailable) || !contains(err, "standby") {
		t.Errorf("ping: %v", err)
	}
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("write: %v", err)
	}
}

// Stores in two schemas of a database have nothing to do with each other.
func TestSchemas(t *testing.T) {
	db := database(t)
	conn := connect(t, db)
	if _, err := conn.Exec(t.Context(), "CREATE SCHEMA one; CREATE SCHEMA two"); err != nil {
		t.Fatal(err)
	}
	a, b := opened(t, with(db, "search_path", "one"), nil), opened(t, with(db, "search_path", "two"), nil)
	if _, err := a.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Channel(t.Context(), "c"); !errors.Is(err, motacilla.ErrNotFound) {
		t.Errorf("channel of the other schema: %v", err)
	}
	if a.topic == b.topic {
		t.Error("hints of both have one topic")
	}
	if _, err := Open(t.Context(), with(db, "search_path", "none"), patient(nil)); !contains(err, "no schema") {
		t.Errorf("error is %v", err)
	}
}

func TestModule(t *testing.T) {
	in := app.Input{YAML: []byte{}, Env: []string{}}
	store, err := app.OpenStore(t.Context(), app.StoreAt(database(t)), in, zap.NewNop(), Module)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(store.Ping(t.Context()), store.Close()); err != nil {
		t.Error(err)
	}
	if _, err := app.OpenStore(t.Context(), "postgres:x", in, zap.NewNop(), Module); !errors.Is(err, motacilla.ErrInvalid) {
		t.Errorf("error is %v", err)
	}
}

// connect returns a connection of the test's own.
func connect(t testing.TB, db string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
