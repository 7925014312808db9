package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/storagetest"
)

func TestMain(m *testing.M) {
	realserver.Main(m)
}

// guard ends what hangs. Nothing takes so long on a machine that is only slow.
const guard = 3 * time.Minute

// patient has the time-outs of tests that are not about time: a machine that stalls is no error.
func patient(o *Options) *Options {
	filled := Options{}
	if o != nil {
		filled = *o
	}
	if filled.Timeout == 0 {
		filled.Timeout = 2 * guard
	}
	if filled.silence == 0 {
		filled.silence = guard
	}
	return &filled
}

// opened opens the database and closes it with the test.
func opened(t testing.TB, url string, o *Options) *Store {
	t.Helper()
	return hasty(t, url, patient(o))
}

// hasty opens the database with short time-outs, which a machine that stalls may let pass.
func hasty(t testing.TB, url string, o *Options) (s *Store) {
	t.Helper()
	eventually(t, "open", func() (err error) {
		s, err = Open(t.Context(), url, o)
		return err
	})
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// eventually calls f again if a time-out has passed.
func eventually(t testing.TB, what string, f func() error) {
	t.Helper()
	for late := time.Now().Add(guard); ; {
		err := f()
		if err == nil {
			return
		}
		if !errors.Is(err, motacilla.ErrUnavailable) || time.Now().After(late) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// until waits until done returns true.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for late := time.Now().Add(guard); !done(); <-time.After(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("it never came true that %s", what)
		}
	}
}

// database returns the URL of an empty one.
func database(t testing.TB) string {
	t.Helper()
	return slowly(realserver.SharedPostgres(t).Database(t))
}

// slowly has connections wait for a machine that stalls.
func slowly(url string) string { return with(url, "connect_timeout", "180") }

// spare are databases that tests have left empty, with the schema.
var spare = make(chan string, 10)

// emptied returns the URL of a database without rows. It has the schema if another test has used it: that takes a
// fraction of the time of a new one.
func emptied(t testing.TB) (url string) { return reused(t, spare) }

// reused returns a database out of spare, or a new one, and puts it back when it is empty again.
func reused(t testing.TB, spare chan string) (url string) {
	t.Helper()
	server := realserver.SharedPostgres(t)
	select {
	case url = <-spare:
	default:
		name := fmt.Sprintf("spare_%d", made.Add(1))
		server.Exec(t, "CREATE DATABASE "+name) // the server takes it with it
		url = slowly(server.URL(name))
	}
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), url)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close(context.Background()) }()
		_, err = conn.Exec(context.Background(), `DO $$ BEGIN EXECUTE (SELECT 'TRUNCATE ' ||
			string_agg(format('%I.%I', schemaname, tablename), ', ')
			FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)' AND tablename <> '`+versions+`'); END $$`)
		if err != nil {
			t.Error(err)
			return
		}
		select {
		case spare <- url:
		default:
		}
	})
	return url
}

var made atomic.Int64

func empty(t *testing.T, clock motacilla.Clock) storage.Store {
	return opened(t, emptied(t), &Options{Clock: clock})
}

func TestStore(t *testing.T) {
	realserver.SharedPostgres(t)
	storagetest.Run(t, empty, &storagetest.Options{Operations: 5_000})
}

func TestMover(t *testing.T) {
	realserver.SharedPostgres(t)
	storagetest.RunMover(t, empty, &storagetest.Options{Operations: 5_000})
}

func TestShared(t *testing.T) {
	realserver.SharedPostgres(t)
	storagetest.RunShared(t, func(t *testing.T, clock motacilla.Clock) (a, b storage.Store) {
		url := emptied(t)
		return opened(t, url, &Options{Clock: clock}), opened(t, url, &Options{Clock: clock})
	}, nil)
}

// durableEnv is the URL of the database that a child process of TestDurable shares with the test.
const durableEnv = "MOTACILLA_POSTGRES_DURABLE"

func TestDurable(t *testing.T) {
	if os.Getenv(durableEnv) == "" {
		t.Setenv(durableEnv, database(t))
	}
	storagetest.RunDurable(t, func(ctx context.Context, _ string) (storage.Store, error) {
		return Open(ctx, os.Getenv(durableEnv), patient(nil))
	})
}

// As it is behind a pooler: nothing is prepared, and no parameters are set.
func TestPooler(t *testing.T) {
	realserver.SharedPostgres(t)
	storagetest.RunShared(t, func(t *testing.T, clock motacilla.Clock) (a, b storage.Store) {
		url := emptied(t)
		o := &Options{Clock: clock, Pooler: true, DirectURL: url}
		return opened(t, url, o), opened(t, url, o)
	}, nil)
	s := opened(t, database(t), &Options{Pooler: true, DirectURL: database(t)})
	var prepared int
	if err := s.server.pool.QueryRow(t.Context(), "SELECT count(*) FROM pg_prepared_statements").Scan(&prepared); err != nil || prepared != 0 {
		t.Errorf("%d prepared statements (%v)", prepared, err)
	}
}

func TestDeletedChannelForgets(t *testing.T) {
	s := opened(t, database(t), nil)
	if _, err := s.PutChannel(t.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
		t.Fatal(err)
	}
	_, err := s.server.pool.Exec(t.Context(), "INSERT INTO motacilla_log SELECT 'c', generate_series(1, $1::int)", storage.Remember+50)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.DeleteChannel(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	for since, want := range map[motacilla.Revision]bool{1: false, 52: false, 53: true, storage.Remember: true} {
		facts, err := s.Changes(t.Context(), "c", since, 0)
		if err != nil || !facts.Deleted || facts.Known != want {
			t.Errorf("since %d: %+v (%v), want known %v", since, facts, err, want)
		}
	}
}
