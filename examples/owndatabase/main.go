// Command owndatabase is a shop with its own database: stock and orders. Its live page tells of each order. Order, stock and
// post are written in one transaction, so that the page never tells of an order that is not there, nor misses one:
//
//	curl -d item=scarf -d buyer=Ada http://127.0.0.1:8080/orders/shop
//
// The store of Motacilla is in the same file, in tables whose names begin with live_.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/sqlite"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

func main() { app.Main(options) }

var options = fx.Options(
	sse.Module,
	webapp.Module,
	fx.Provide(openDatabase, newStore),
	storage.Register("shop", &struct{}{}, func(s *sqlite.Store) *sqlite.Store { return s }),
	receiver.Register("orders", &orderOptions{Path: "/orders/{channel_id}"}, newOrders),
)

// database is the shop's file. Transactions begin with the lock for writing, and a commit is on the disk when it returns.
const database = "file:shop.db?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_pragma=synchronous(FULL)"

const schema = `
	CREATE TABLE IF NOT EXISTS stock (item TEXT PRIMARY KEY, pieces INTEGER NOT NULL);
	CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL REFERENCES stock (item), buyer TEXT NOT NULL);
	INSERT OR IGNORE INTO stock VALUES ('scarf', 2), ('cap', 100);`

// openDatabase opens the app's own database. Whatever asks for it is made later, starts later and stops earlier.
func openDatabase(lc fx.Lifecycle) (*sql.DB, error) {
	db, err := sql.Open("sqlite", database)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StartStopHook(func(ctx context.Context) error {
		_, err := db.ExecContext(ctx, schema)
		return err
	}, db.Close))
	return db, nil
}

// newStore makes the store in the app's database. The app closes the store when it stops.
func newStore(db *sql.DB, log *zap.Logger) (*sqlite.Store, error) {
	return sqlite.New(context.Background(), db, &sqlite.Options{Prefix: "live_", Logger: log})
}

type orderOptions struct {
	Path string `key:"path" doc:"path with {channel_id} to which orders are sent"`
}

// orders is the receiver. An app that is open to the internet would also authenticate the buyer.
type orders struct {
	options *orderOptions
	db      *sql.DB
	store   *sqlite.Store
	feed    *publisher.Feed
}

func newOrders(o *orderOptions, db *sql.DB, store *sqlite.Store, feed *publisher.Feed) *orders {
	return &orders{o, db, store, feed}
}

// URLs returns the one route.
func (o *orders) URLs() []route.Route {
	return []route.Route{{Name: "orders", Pattern: o.options.Path, Handler: http.HandlerFunc(o.serve)}}
}

func (o *orders) serve(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodPost) {
		return
	}
	ch, err := route.ChannelID(r)
	if err == nil {
		_, err = o.feed.Channel(r.Context(), ch) // without a read of the store if the channel has readers
	}
	if err == nil {
		err = o.order(r.Context(), ch, r.PostFormValue("item"), r.PostFormValue("buyer"))
	}
	if err != nil {
		route.WriteError(w, r, err)
	}
}

// order stores the order, takes the piece out of the stock, and tells the readers, or does nothing at all.
func (o *orders) order(ctx context.Context, ch motacilla.ChannelID, item, buyer string) error {
	tx, err := o.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("order: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	var number int64
	err = tx.QueryRowContext(ctx, "INSERT INTO orders (item, buyer) VALUES (?, ?) RETURNING id", item, buyer).Scan(&number)
	if err != nil {
		return fmt.Errorf("store order: %w", err)
	}
	text := motacilla.PlainText(fmt.Sprintf("%s has bought a %s.", buyer, item)) // a name may hold markup
	_, err = o.store.In(tx).PutPost(ctx, ch, motacilla.Post{
		MessageID: fmt.Sprint("order ", number), Show: true, Content: []motacilla.Block{text},
	}, 0)
	if err != nil {
		return err
	}
	var left int
	err = tx.QueryRowContext(ctx, "UPDATE stock SET pieces = pieces - 1 WHERE item = ? RETURNING pieces", item).Scan(&left)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return motacilla.Invalid("item", "must be in the stock")
	case err != nil:
		return fmt.Errorf("take from stock: %w", err)
	case left < 0:
		return motacilla.Invalid("item", "must not be sold out")
	}
	return tx.Commit()
}
