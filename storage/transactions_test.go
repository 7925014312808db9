package storage_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/storage/postgres"
	"github.com/motacilla-live/motacilla/storage/sqlite"
	"github.com/motacilla-live/motacilla/storage/storagetest"
)

// These tests run an app that writes an order and a post in each transaction, in processes that are killed. Afterwards orders
// and posts agree exactly, and a reader of Feed has seen exactly the committed ones, in order. MOTACILLA_TRANSACTIONS says how
// many transactions there are; 600 by default.
const (
	transactionsEnv = "MOTACILLA_TRANSACTIONS"
	placeEnv        = "MOTACILLA_TRANSACTIONS_PLACE" // where the child's database is
	writersEach     = 3                              // of a child
	children        = 2                              // at once
	leastKills      = 6
)

var channels = []motacilla.ChannelID{"north", "south"}

// founder opens an app on the database at place. It makes the app's table if it is missing.
type founder = func(ctx context.Context, place string) (app *storagetest.App, end func(), err error)

func TestTransactionsSQLite(t *testing.T) {
	trade(t, foundSQLite, func() string { return filepath.Join(t.TempDir(), "app.db") }, func(string) {})
}

func TestTransactionsPostgres(t *testing.T) {
	trade(t, foundPostgres, func() string {
		server := realserver.NewPostgres(t, map[string]string{"max_connections": "100"})
		return server.Database(t) + "&application_name=app"
	}, func(place string) { // a backend finishes what its dead client has sent
		conn, err := pgx.Connect(t.Context(), place+"&application_name=parent")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(context.Background()) }()
		for n := 1; n > 0; {
			err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'child'").Scan(&n)
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

func foundSQLite(ctx context.Context, place string) (*storagetest.App, func(), error) {
	db, err := sql.Open("sqlite", "file:"+place+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=busy_timeout(300000)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, nil, err
	}
	if _, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS orders (name TEXT PRIMARY KEY)"); err != nil {
		return nil, nil, err
	}
	store, err := sqlite.New(ctx, db, &sqlite.Options{Prefix: "live_", BusyTimeout: 5 * time.Minute, Timeout: 10 * time.Minute})
	if err != nil {
		return nil, nil, err
	}
	app := &storagetest.App{
		Store: store,
		Begin: func(ctx context.Context) (*storagetest.AppTx, error) {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return nil, err
			}
			return &storagetest.AppTx{
				Tx: store.In(tx),
				Order: func(ctx context.Context, name string) error {
					_, err := tx.ExecContext(ctx, "INSERT INTO orders VALUES (?)", name)
					return err
				},
				Commit:   func(context.Context) error { return tx.Commit() },
				Rollback: func(context.Context) error { return tx.Rollback() },
			}, nil
		},
		Orders: func(ctx context.Context) (names []string, err error) {
			var list []byte
			if err := db.QueryRowContext(ctx, "SELECT json_group_array(name) FROM orders").Scan(&list); err != nil {
				return nil, err
			}
			return names, json.Unmarshal(list, &names)
		},
	}
	return app, func() { _, _ = store.Close(), db.Close() }, nil
}

func foundPostgres(ctx context.Context, place string) (*storagetest.App, func(), error) {
	pool, err := pgxpool.New(ctx, place)
	if err != nil {
		return nil, nil, err
	}
	if _, err := pool.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS shop; CREATE TABLE IF NOT EXISTS shop.orders (name text PRIMARY KEY)"); err != nil {
		return nil, nil, err
	}
	store, err := postgres.New(ctx, pool, &postgres.Options{Schema: "live", Timeout: 10 * time.Minute})
	if err != nil {
		return nil, nil, err
	}
	app := &storagetest.App{
		Store: store,
		Begin: func(ctx context.Context) (*storagetest.AppTx, error) {
			tx, err := pool.Begin(ctx)
			if err != nil {
				return nil, err
			}
			return &storagetest.AppTx{
				Tx: store.In(tx),
				Order: func(ctx context.Context, name string) error {
					_, err := tx.Exec(ctx, "INSERT INTO shop.orders VALUES ($1)", name)
					return err
				},
				Commit: tx.Commit, Rollback: tx.Rollback,
			}, nil
		},
		Orders: func(ctx context.Context) (names []string, err error) {
			err = pool.QueryRow(ctx, "SELECT coalesce(array_agg(name), '{}') FROM shop.orders").Scan(&names)
			return names, err
		},
	}
	return app, func() { _ = store.Close(); pool.Close() }, nil
}

// work is the child: its writers begin transactions until it is killed. Each third one is rolled back. It prints a line for
// each when it has ended: "C name" of a commit, "R name" of a rollback.
func work(t *testing.T, found founder, place string) {
	app, _, err := found(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	acks := os.NewFile(3, "acks")
	say := func(kind, name string) {
		if _, err := fmt.Fprintln(acks, kind, name); err != nil { // one write
			os.Exit(0) // the parent is gone
		}
	}
	one := func(name string, n int) error {
		tx, err := app.Begin(t.Context())
		if err != nil {
			return err
		}
		order := func() error { return tx.Order(t.Context(), name) }
		post := func() error {
			_, err := tx.PutPost(t.Context(), channels[n%len(channels)], motacilla.Post{
				MessageID: name, Show: true, Content: []motacilla.Block{motacilla.PlainText(name)},
			}, 0)
			return err
		}
		steps := []func() error{order, post}
		if n/2%2 == 0 {
			slices.Reverse(steps)
		}
		for _, step := range steps {
			if err := step(); err != nil {
				return errors.Join(err, tx.Rollback(t.Context()))
			}
		}
		if n%3 == 2 {
			if err := tx.Rollback(t.Context()); err != nil {
				return err
			}
			say("R", name)
			return nil
		}
		if err := tx.Commit(t.Context()); err != nil {
			return err
		}
		say("C", name)
		return nil
	}
	var wg sync.WaitGroup
	for w := range writersEach {
		wg.Go(func() {
			for n := 0; ; n++ {
				if err := one(fmt.Sprintf("%d.%d.%d", os.Getpid(), w, n), n+w); err != nil {
					say("E", strings.ReplaceAll(err.Error(), "\n", " "))
					return
				}
			}
		})
	}
	wg.Wait()
}

// ledger is what children have acknowledged.
type ledger struct {
	mu                  sync.Mutex
	stored, undone      []string
	inChild, wanted     int // transactions
	childrenKilled      int
	problem             error
	plain               func() error // a write outside of transactions
	sinceLastPlainWrite int
}

func (l *ledger) note(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kind, name, _ := strings.Cut(line, " ")
	switch kind {
	case "C":
		l.stored = append(l.stored, name)
	case "R":
		l.undone = append(l.undone, name)
	default:
		l.problem = errors.Join(l.problem, fmt.Errorf("a child says: %s", line))
	}
	l.inChild++
	if l.sinceLastPlainWrite++; l.sinceLastPlainWrite == 20 {
		l.sinceLastPlainWrite = 0
		l.problem = errors.Join(l.problem, l.plain())
	}
}

func (l *ledger) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.problem != nil || l.inChild >= l.wanted && l.childrenKilled >= leastKills
}

// killed runs a child and kills it after a random number of its transactions.
func (l *ledger) killed(t *testing.T, place string) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=1h")
	child.Env = append(os.Environ(), placeEnv+"="+place)
	child.ExtraFiles = []*os.File{write}
	child.Stderr = os.Stderr
	err = child.Start()
	_ = write.Close()
	if err != nil {
		return err
	}
	said, last := 0, 1+rand.IntN(l.wanted/leastKills+1)
	for lines := bufio.NewScanner(read); lines.Scan(); {
		line := lines.Text()
		l.note(line)
		if said++; said == last || strings.HasPrefix(line, "E") {
			time.AfterFunc(time.Duration(rand.IntN(20_000))*time.Microsecond, func() { _ = child.Process.Kill() })
		}
	}
	_ = child.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.childrenKilled++
	if said < last {
		return fmt.Errorf("a child ended after %d of %d transactions: %v", said, last, child.ProcessState)
	}
	return nil
}

// reader follows a channel through Feed.
type reader struct {
	seen  []motacilla.PostID // in the order of revisions
	err   error
	ended chan struct{}
}

// follow reads the channel up to the post whose ID comes over last.
func follow(ctx context.Context, feed *publisher.Feed, ch motacilla.ChannelID, cursor motacilla.Revision, last motacilla.PostID) *reader {
	r := &reader{ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		for {
			d, err := feed.Next(ctx, ch, cursor)
			if err != nil {
				r.err = err
				return
			}
			if d.Reset || d.From != cursor || len(d.Removals) > 0 {
				r.err = fmt.Errorf("update from %d to %d, reset %v, for a reader at %d", d.From, d.Revision, d.Reset, cursor)
				return
			}
			renders := slices.Clone(d.Renders)
			slices.SortFunc(renders, func(a, b motacilla.Render) int { return int(a.Revision - b.Revision) })
			for _, post := range renders {
				if post.Revision <= cursor {
					r.err = fmt.Errorf("post of revision %d for a reader at %d", post.Revision, cursor)
					return
				}
				if post.ID == last {
					return
				}
				r.seen = append(r.seen, post.ID)
			}
			cursor = d.Revision
		}
	}()
	return r
}

// plainly renders posts without their content.
type plainly struct{}

func (plainly) RenderPost(motacilla.Post) (motacilla.HTML, error) { return motacilla.HTML{}, nil }

func trade(t *testing.T, found founder, place func() string, quiet func(place string)) {
	if at := os.Getenv(placeEnv); at != "" {
		work(t, found, at)
		return
	}
	wanted := 600
	if text := os.Getenv(transactionsEnv); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("%s is %q; it must be a number from 1 on", transactionsEnv, text)
		}
		wanted = n
	}
	at := place()
	app, end, err := found(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	feed := publisher.NewFeed(app.Store, plainly{}, &publisher.FeedOptions{
		CatchUp: 1 << 20, Timeout: 10 * time.Minute,
	})
	if err := feed.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	made := map[motacilla.ChannelID]motacilla.Revision{}
	readers := map[motacilla.ChannelID]*reader{}
	lasts := map[motacilla.ChannelID]motacilla.PostID{}
	for i, ch := range channels {
		c, err := app.Store.PutChannel(t.Context(), motacilla.Channel{ID: ch}, 0)
		if err != nil {
			t.Fatal(err)
		}
		lasts[ch] = motacilla.PostID(fmt.Sprintf("01900000-0000-7000-8000-00000000000%d", i))
		made[ch], readers[ch] = c.Head, follow(t.Context(), feed, ch, c.Head, lasts[ch])
	}

	began := time.Now()
	var plain int
	l := &ledger{wanted: wanted, plain: func() error {
		plain++
		_, err := app.Store.PutPost(t.Context(), channels[plain%2], motacilla.Post{MessageID: fmt.Sprint("plain ", plain), Show: true}, 0)
		return err
	}}
	childPlace := strings.Replace(at, "application_name=app", "application_name=child", 1)
	var wg sync.WaitGroup
	for range children {
		wg.Go(func() {
			for !l.over() {
				if err := l.killed(t, childPlace); err != nil {
					l.mu.Lock()
					l.problem = errors.Join(l.problem, err)
					l.mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if l.problem != nil {
		t.Fatal(l.problem)
	}
	quiet(childPlace)

	orders, err := app.Orders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var posts []string
	for _, ch := range channels {
		if _, err := app.Store.PutPost(t.Context(), ch, motacilla.Post{ID: lasts[ch], Show: true}, 0); err != nil {
			t.Fatal(err)
		}
		facts, err := app.Store.Changes(t.Context(), ch, made[ch], 0)
		if err != nil || !facts.Known {
			t.Fatalf("changes of %s: known %v, %v", ch, facts.Known, err)
		}
		var order []motacilla.PostID
		for _, p := range facts.Posts {
			if p.ID == lasts[ch] {
				continue
			}
			order = append(order, p.ID)
			if !strings.HasPrefix(p.MessageID, "plain ") {
				posts = append(posts, p.MessageID)
			}
		}
		r := readers[ch]
		<-r.ended
		if r.err != nil || !slices.Equal(r.seen, order) {
			t.Errorf("%s: a reader has seen %d posts (%v), stored are %d; or their order differs", ch, len(r.seen), r.err, len(order))
		}
	}
	slices.Sort(orders)
	slices.Sort(posts)
	if !slices.Equal(orders, posts) {
		t.Errorf("%d orders and %d posts do not agree", len(orders), len(posts))
	}
	for _, name := range l.stored {
		if _, there := slices.BinarySearch(orders, name); !there {
			t.Errorf("%s was committed, and is lost", name)
		}
	}
	for _, name := range l.undone {
		if _, there := slices.BinarySearch(orders, name); there {
			t.Errorf("%s was rolled back, and is there", name)
		}
	}
	t.Logf("%d transactions in %v: %d committed, %d rolled back, %d stored whose acknowledgement was lost; %d processes killed; "+
		"%d orders, %d posts, %d posts outside of transactions", l.inChild, time.Since(began).Round(time.Millisecond), len(l.stored),
		len(l.undone), len(orders)-len(l.stored), l.childrenKilled, len(orders), len(posts), plain)
}
