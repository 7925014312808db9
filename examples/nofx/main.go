// Command nofx is a whole application without fx: every part is made by its constructor, with what it takes, and this
// file says in which order they start and stop.
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

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
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
	renderer := page.NewRenderer()
	feed := publisher.NewFeed(store, renderer, nil) // what publishers read: one for all
	if err := feed.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, feed.Close()) }()

	site := &site{publishers: []publisher.Publisher{sse.New(feed, nil), polling.NewLong(feed, nil)}}
	hook := route.NewToken(token, feed.Channel, nil) // who may write, and read what is private
	live := page.New(store, snapshot(feed), &page.Options{
		Name: "Live", Renderer: renderer, Transports: site.transports, SignIn: hook.SignIn,
		Readable: feed.Readable,
	})
	rest := webapp.New(store, hook.Authorize, nil)
	if err := site.mount(hook, live, rest); err != nil {
		return err
	}

	// Requests that are held and streams have no end of their own, so that there is no limit on writing here.
	server := &http.Server{Handler: site.table, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	return site.stop(server, served)
}

// site is what is mounted, and how readers get at it.
type site struct {
	table      *route.Table
	publishers []publisher.Publisher
}

// mount puts everything into one table: what readers use stands behind the hook, the REST interface asks it by itself.
func (s *site) mount(hook *route.Token, live *page.Page, rest *webapp.Webapp) error {
	s.table = route.NewTable()
	s.table.NotFound = live.NotFound
	for _, rt := range live.URLs() {
		if rt.Name == "page" || rt.Name == "page-transports" {
			rt = route.Guard(rt, route.Read, hook.Authorize)
		}
		if err := s.table.Add("page", "/", rt); err != nil {
			return err
		}
	}
	for _, p := range s.publishers {
		for _, rt := range p.URLs() {
			if err := s.table.Add("publisher", "/live", route.Guard(rt, route.Read, hook.Authorize)); err != nil {
				return err
			}
		}
	}
	if err := s.table.Add("webapp", "/", rest.URLs()...); err != nil {
		return err
	}
	return rest.Describe(s.table.Routes()...)
}

// transports is what the page offers its readers, in the order in which to try.
func (s *site) transports(ch motacilla.ChannelID) []page.Transport {
	var list []page.Transport
	for _, p := range s.publishers {
		name := p.URLs()[0].Name
		if url, err := s.table.URL(name, string(ch)); err == nil {
			list = append(list, page.Transport{Name: name, URL: url})
		}
	}
	return list
}

// stop drains: publishers end what is held while the listener closes, for Shutdown waits for requests and knows no
// streams.
func (s *site) stop(server *http.Server, served <-chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ended := make(chan error, len(s.publishers))
	for _, p := range s.publishers {
		go func() { ended <- p.Shutdown(ctx) }()
	}
	err := server.Shutdown(ctx)
	for range s.publishers {
		err = errors.Join(err, <-ended)
	}
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}

// snapshot is what a page begins with.
func snapshot(feed *publisher.Feed) func(context.Context, motacilla.ChannelID) (*motacilla.Update, error) {
	return func(ctx context.Context, ch motacilla.ChannelID) (*motacilla.Update, error) {
		step, err := feed.Snapshot(ctx, ch)
		if err != nil {
			return nil, err
		}
		return step.Update, nil
	}
}
