package postgres_test

import (
	"context"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage/postgres"
)

// Nodes that open the same database share its channels.
func Example() {
	ctx := context.Background()
	store, err := postgres.Open(ctx, os.Getenv("DATABASE_URL"), nil)
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
}

// An order and a post are stored together, or neither is.
func ExampleStore_In() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		panic(err)
	}
	defer pool.Close()
	store, err := postgres.New(ctx, pool, &postgres.Options{Schema: "live"})
	if err != nil {
		panic(err)
	}
	defer store.Close()

	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO orders (item) VALUES ('a scarf')"); err != nil {
			return err
		}
		_, err := store.In(tx).PutPost(ctx, "shop", motacilla.Post{
			Show: true, Content: []motacilla.Block{motacilla.PlainText("Sold: a scarf")},
		}, 0)
		return err
	})
	if err != nil {
		panic(err)
	}
}
