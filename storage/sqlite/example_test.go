package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/sqlite"
)

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "motacilla")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	store, err := sqlite.Open(ctx, filepath.Join(dir, "live.db"), nil)
	if err != nil {
		panic(err)
	}
	defer store.Close()

	channel, err := store.PutChannel(ctx, motacilla.Channel{ID: "match-42", Title: "Rovers v United"}, 0)
	if err != nil {
		panic(err)
	}
	_, err = store.PutPost(ctx, "match-42", motacilla.Post{
		MessageID: "1", Show: true, Content: []motacilla.Block{motacilla.PlainText("Kick-off")},
	}, 0)
	if err != nil {
		panic(err)
	}

	changes, err := store.Changes(ctx, "match-42", channel.Head, 0)
	if err != nil {
		panic(err)
	}
	for _, p := range changes.Posts {
		fmt.Println(p.Content[0].Text)
	}
	// Output: Kick-off
}

// An order and a post are stored together. What is rolled back was never there.
func ExampleStore_In() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "motacilla")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "shop.db")+
		"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)")
	if err != nil {
		panic(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE TABLE orders (name TEXT PRIMARY KEY)"); err != nil {
		panic(err)
	}
	store, err := sqlite.New(ctx, db, &sqlite.Options{Prefix: "live_"})
	if err != nil {
		panic(err)
	}
	defer store.Close()
	if _, err := store.PutChannel(ctx, motacilla.Channel{ID: "shop"}, 0); err != nil {
		panic(err)
	}

	order := func(name string) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // does nothing after Commit
		_, err = store.In(tx).PutPost(ctx, "shop", motacilla.Post{
			MessageID: name, Show: true, Content: []motacilla.Block{motacilla.PlainText("Sold: " + name)},
		}, 0)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO orders VALUES (?)", name); err != nil {
			return err
		}
		return tx.Commit()
	}
	fmt.Println(order("a scarf"))
	if _, err := db.ExecContext(ctx, "INSERT INTO orders VALUES ('a cap')"); err != nil {
		panic(err)
	}
	fmt.Println("the order of a cap fails:", order("a cap") != nil)

	page, err := store.Posts(ctx, "shop", motacilla.Query{})
	if err != nil {
		panic(err)
	}
	for _, p := range page.Posts {
		fmt.Println(p.Content[0].Text)
	}
	// Output:
	// <nil>
	// the order of a cap fails: true
	// Sold: a scarf
}
