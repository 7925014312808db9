// Command nofx is a whole server without fx and without configuration: a live.Live, a store and a listener.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage/sqlite"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	file := flag.String("file", "motacilla.db", "the database")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *addr)
	if err == nil {
		log.Printf("http://%s/channels/", listener.Addr())
		err = run(ctx, listener, filepath.Clean(*file), os.Getenv("TOKEN"))
	}
	if err != nil {
		log.Fatal(err)
	}
}

// run serves on listener until ctx ends.
func run(ctx context.Context, listener net.Listener, file, token string) (err error) {
	store, err := sqlite.Open(ctx, file, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	site, err := live.New(live.Options{
		Store: store,
		Token: token, // permits writing, and reading private channels
		Publishers: func(p *live.Parts) []publisher.Publisher {
			return []publisher.Publisher{sse.New(p.Feed, nil), polling.NewLong(p.Feed, nil)}
		},
		Receivers: func(p *live.Parts) []receiver.Receiver {
			return []receiver.Receiver{webapp.New(p.Sink(), p.Authorize, nil)}
		},
	})
	if err != nil {
		return err
	}
	if err := site.Start(ctx); err != nil {
		return err
	}

	// There is no limit on the time of writing: parked requests and streams may take long.
	server := &http.Server{Handler: site, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err = <-served:
	case <-ctx.Done():
		err = stop(server, site)
	}
	return errors.Join(err, site.Shutdown(context.Background()))
}

// stop ends streams and answers parked requests while the listener closes: http.Server.Shutdown waits for requests, and does
// not know hijacked connections.
func stop(server *http.Server, site *live.Live) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- site.Drain(ctx) }()
	return errors.Join(server.Shutdown(ctx), <-drained)
}
