package main

import (
	"database/sql"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

func TestOwnDatabase(t *testing.T) {
	defer leaktest.None(t)
	defer http.DefaultClient.CloseIdleConnections()
	t.Chdir(t.TempDir())
	var server *app.Server
	var store storage.Store
	var db *sql.DB
	in := &app.Input{YAML: []byte(`{server: {addr: "127.0.0.1:0"}, log: {level: error}}`), Env: []string{}}
	a := app.New(options, fx.Supply(in), fx.Populate(&server, &store, &db))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "shop"}, 0); err != nil {
		t.Fatal(err)
	}
	base := "http://" + server.Addr().String()
	for _, order := range []struct {
		channel, item, buyer string
		status, orders       int // orders that are stored then
	}{
		{"shop", "scarf", "Ada", http.StatusOK, 1},
		{"none", "scarf", "Ben", http.StatusNotFound, 1},
		{"shop", "shoe", "Cem", http.StatusBadRequest, 1},
		{"shop", "scarf", "Dan", http.StatusOK, 2},
		{"shop", "scarf", "Eva", http.StatusBadRequest, 2}, // sold out, after the post was written
		{"shop", "cap", "Fay", http.StatusOK, 3},
	} {
		resp, err := http.PostForm(base+"/orders/"+order.channel, url.Values{"item": {order.item}, "buyer": {order.buyer}})
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != order.status {
			t.Fatalf("order of %s: %s %s, want %d", order.buyer, resp.Status, body, order.status)
		}
		var stored, taken int
		err = db.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM orders), (SELECT 102 - sum(pieces) FROM stock)").Scan(&stored, &taken)
		if err != nil || stored != order.orders || taken != order.orders {
			t.Errorf("after the order of %s: %d orders, %d pieces taken, want %d (%v)", order.buyer, stored, taken, order.orders, err)
		}
		// Readers are told soon after the commit. An order that was rolled back was never there: the page has nothing of it
		// when it tells of a later one.
		for order.status == http.StatusOK && !strings.Contains(page(t, base), order.buyer+" has bought a "+order.item) {
			<-time.After(10 * time.Millisecond)
		}
	}
	for _, buyer := range []string{"Ben", "Cem", "Eva"} {
		if strings.Contains(page(t, base), buyer) {
			t.Errorf("the page tells of the order of %s, which was rolled back", buyer)
		}
	}
}

func page(t *testing.T, base string) string {
	t.Helper()
	resp, err := http.Get(base + "/channels/shop")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
