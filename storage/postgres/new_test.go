package postgres

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/storagetest"
)

// lookalikes are tables of the app that have the names of the store's, but other columns, and are first in the search_path of
// the app: a query or a function that lacks the schema fails.
const lookalikes = `CREATE SCHEMA IF NOT EXISTS app; CREATE TABLE IF NOT EXISTS app.orders (name text PRIMARY KEY);
	CREATE TABLE IF NOT EXISTS app.motacilla_channels (x int); CREATE TABLE IF NOT EXISTS app.motacilla_posts (x int);
	CREATE TABLE IF NOT EXISTS app.motacilla_tombstones (x int); CREATE TABLE IF NOT EXISTS app.motacilla_log (x int);
	CREATE TABLE IF NOT EXISTS app.motacilla_namespaces (x int); CREATE TABLE IF NOT EXISTS app.motacilla_records (x int)`

const oddSchema = `Live "1" $x` // needs quotes

// apps are databases of apps that tests have left empty.
var apps = make(chan string, 10)

// pooled returns a pool of an app.
func pooled(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// founded returns a pool of an app with tables, and a store in it.
func founded(t testing.TB, clock motacilla.Clock) (*pgxpool.Pool, *Store) {
	t.Helper()
	pool := pooled(t, with(reused(t, apps), "search_path", "app"))
	if _, err := pool.Exec(t.Context(), lookalikes); err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), pool, patient(&Options{Clock: clock, Schema: oddSchema}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return pool, s
}

// owner is a store that closes the pool of the app with it.
type owner struct {
	*Store
	pool *pgxpool.Pool
}

func (o owner) Close() error {
	err := o.Store.Close()
	o.pool.Close()
	return err
}

func inPool(t *testing.T, clock motacilla.Clock) storage.Store {
	pool, s := founded(t, clock)
	return owner{s, pool}
}

func TestStoreInPool(t *testing.T) {
	realserver.SharedPostgres(t)
	storagetest.Run(t, inPool, &storagetest.Options{Operations: 2_000})
}

func TestMoverInPool(t *testing.T) {
	realserver.SharedPostgres(t)
	storagetest.RunMover(t, inPool, &storagetest.Options{Operations: 2_000})
}

func appOf(pool *pgxpool.Pool, s *Store, options pgx.TxOptions) *storagetest.App {
	return &storagetest.App{
		Store: s,
		Begin: func(ctx context.Context) (*storagetest.AppTx, error) {
			tx, err := pool.BeginTx(ctx, options)
			if err != nil {
				return nil, err
			}
			return &storagetest.AppTx{
				Tx: s.In(tx),
				Order: func(ctx context.Context, name string) error {
					_, err := tx.Exec(ctx, "INSERT INTO orders VALUES ($1)", name)
					return err
				},
				Commit: tx.Commit, Rollback: tx.Rollback,
			}, nil
		},
		Orders: func(ctx context.Context) ([]string, error) {
			rows, err := pool.Query(ctx, "SELECT name FROM orders")
			return list(rows, err, func(from pgx.Row) (name string, err error) {
				err = from.Scan(&name)
				return name, err
			})
		},
	}
}

func TestTx(t *testing.T) {
	realserver.SharedPostgres(t)
	storagetest.RunTx(t, func(t *testing.T, clock motacilla.Clock) *storagetest.App {
		pool, s := founded(t, clock)
		return appOf(pool, s, pgx.TxOptions{})
	}, nil)
}

// A store that was opened by its URL takes transactions of another pool too.
func TestTxOfAnOpenedDatabase(t *testing.T) {
	realserver.SharedPostgres(t)
	storagetest.RunTx(t, func(t *testing.T, clock motacilla.Clock) *storagetest.App {
		url := reused(t, apps)
		pool := pooled(t, with(url, "search_path", "app"))
		if _, err := pool.Exec(t.Context(), lookalikes); err != nil {
			t.Fatal(err)
		}
		return appOf(pool, opened(t, url, &Options{Clock: clock, Schema: "opened"}), pgx.TxOptions{})
	}, nil)
}

// In a transaction that keeps its snapshot, a write to a channel that has moved since fails with the server's own code, and
// changes nothing. A savepoint survives it.
func TestSerializable(t *testing.T) {
	pool, s := founded(t, nil)
	channel(t, s, "c")
	for _, isolation := range []pgx.TxIsoLevel{pgx.RepeatableRead, pgx.Serializable} {
		tx, err := pool.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: isolation})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback(context.Background()) }()
		if _, err := tx.Exec(t.Context(), "SELECT count(*) FROM orders"); err != nil {
			t.Fatal(err)
		}
		there, err := s.PutPost(t.Context(), "c", text("meanwhile"), 0)
		if err != nil {
			t.Fatal(err)
		}
		save, err := tx.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.In(save).PutPost(t.Context(), "c", text("x"), 0)
		var pg *pgconn.PgError
		if !errors.Is(err, motacilla.ErrUnavailable) || !errors.As(err, &pg) || pg.Code != "40001" {
			t.Fatalf("%s: error is %v", isolation, err)
		}
		if _, err = s.In(save).PutPost(t.Context(), "c", text("x"), 0); !contains(err, "roll the transaction back") {
			t.Errorf("%s: the next call: %v", isolation, err)
		}
		if err := save.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.In(tx).PutChannel(t.Context(), motacilla.Channel{ID: motacilla.ChannelID(strings.Fields(string(isolation))[0])}, 0); err != nil {
			t.Errorf("%s: after the savepoint: %v", isolation, err)
		}
		if err := tx.Commit(t.Context()); err != nil {
			t.Error(err)
		}
		if c, err := s.Channel(t.Context(), "c"); err != nil || c.Head != there.Revision {
			t.Errorf("%s: channel is %+v, %v", isolation, c, err)
		}
	}
}

// Transactions that wait for each other end: the server undoes one of them, and says so.
func TestDeadlock(t *testing.T) {
	pool, s := founded(t, nil)
	channel(t, s, "a")
	channel(t, s, "b")
	errs := make(chan error, 2)
	var first sync.WaitGroup // both have their first lock
	first.Add(2)
	for _, order := range [][2]motacilla.ChannelID{{"a", "b"}, {"b", "a"}} {
		go func() {
			errs <- pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
				_, err := s.In(tx).PutPost(t.Context(), order[0], text("x"), 0)
				first.Done()
				first.Wait()
				if err == nil {
					_, err = s.In(tx).PutPost(t.Context(), order[1], text("x"), 0)
				}
				return err
			})
		}()
	}
	one, other := <-errs, <-errs
	if one == nil {
		one, other = other, one
	}
	if other != nil || !contains(one, "begin the transaction again") {
		t.Errorf("errors are %v and %v", one, other)
	}
}

// A store that is in the default place, or found its schema by the search_path, can be used by an app's pool.
func TestNewOnTablesThatAreThere(t *testing.T) {
	url := database(t)
	conn := connect(t, url)
	if _, err := conn.Exec(t.Context(), lookalikes+"; CREATE SCHEMA old"); err != nil {
		t.Fatal(err)
	}
	for schema, at := range map[string]string{"public": url, "old": with(url, "search_path", "old")} {
		before := opened(t, at, nil)
		channel(t, before, "c")
		pool := pooled(t, with(url, "search_path", "app,public"))
		s, err := New(t.Context(), pool, patient(&Options{Schema: schema}))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if s.topic != before.topic {
			t.Errorf("%s: hints have two topics", schema)
		}
		if _, err := s.PutPost(t.Context(), "c", text("x"), 0); err != nil {
			t.Errorf("%s: %v", schema, err)
		}
		if _, err := before.PutPost(t.Context(), "c", text("x"), 0); err != nil {
			t.Errorf("%s, by the store before: %v", schema, err)
		}
	}
	// Without a schema, New takes the first of the search_path.
	s, err := New(t.Context(), pooled(t, url), patient(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Channel(t.Context(), "c"); err != nil || s.schema != "public" {
		t.Errorf("in schema %q: %v", s.schema, err)
	}
}

func TestUnfitPools(t *testing.T) {
	url := database(t)
	for _, c := range []struct{ parameter, value, schema, want string }{
		{"default_transaction_isolation", "serializable", "live", "default_transaction_isolation"},
		{"search_path", "none", "", "no schema"},
		{"search_path", "public", "pg_live", "schema: must not"},
		{"search_path", "public", strings.Repeat("x", 64), "schema: must be"},
		{"search_path", "public", "a\x00b", "schema: must be"},
	} {
		pool := pooled(t, with(url, c.parameter, c.value))
		if _, err := New(t.Context(), pool, patient(&Options{Schema: c.schema})); !contains(err, c.want) {
			t.Errorf("%s=%s: error is %v", c.parameter, c.value, err)
		}
		if err := pool.Ping(t.Context()); err != nil {
			t.Errorf("the pool afterwards: %v", err)
		}
	}
}

// The hooks of the pool hold for the connections of migrations and of Watch too.
func TestHooksOfThePool(t *testing.T) {
	config, err := pgxpool.ParseConfig(database(t))
	if err != nil {
		t.Fatal(err)
	}
	password := config.ConnConfig.Password
	config.ConnConfig.Password = "fetched later"
	config.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
		c.Password = password
		return nil
	}
	config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SET lock_timeout = '4min'")
		return err
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s, err := New(t.Context(), pool, patient(&Options{Schema: "live"}))
	if err != nil {
		t.Fatal(err)
	}
	w := watch(t, s)
	channel(t, s, "c")
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.In(tx).PutPost(t.Context(), "c", text("x"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.reaches(t, "c", p.Revision)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := pool.Ping(t.Context()); err != nil {
		t.Errorf("the pool is closed with the store: %v", err)
	}
}

// Every function of a schema finds the tables, whatever the caller's search_path is.
func TestFunctionsHaveTheSchema(t *testing.T) {
	pool, s := founded(t, nil)
	rows, err := pool.Query(t.Context(), qUnpinned, s.server.names.schema)
	missing, err := list(rows, err, func(from pgx.Row) (name string, err error) {
		err = from.Scan(&name)
		return name, err
	})
	if err != nil || len(missing) != 0 {
		t.Errorf("without a search_path are %q, %v", missing, err)
	}
}

// Migrations make functions with the schema, so that no moment passes in which a function lacks it.
func TestMigrationsNameTheSchema(t *testing.T) {
	n, err := newNames(oddSchema)
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		text, err := fs.ReadFile(n.migrations(migrations), name)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Count(string(text), "LANGUAGE plpgsql")
		if got := strings.Count(string(text), `SET search_path = "Live ""1"" $x", pg_temp AS`); got != want || want == 0 {
			t.Errorf("%s: %d of %d functions have the schema", name, got, want)
		}
	}
}
