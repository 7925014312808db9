// Command nofx is a whole app without fx. It calls the constructor of each part, and this file says in which order the parts
// start and stop.
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
	feed := publisher.NewFeed(store, renderer, nil) // all publishers read from it
	if err := feed.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, feed.Close()) }()

	site := &site{publishers: []publisher.Publisher{sse.New(feed, nil), polling.NewLong(feed, nil)}}
	hook := route.NewToken(token, feed.Channel, nil) // decides who may write, and who may read private channels
	live := page.New(store, snapshot(feed), &page.Options{
		Name: "Live", Renderer: renderer, Transports: site.transports, SignIn: hook.SignIn,
		Readable: feed.Readable,
	})
	rest := webapp.New(store, hook.Authorize, nil)
	if err := site.mount(hook, live, rest); err != nil {
		return err
	}

	// There is no limit on the time of writing: parked requests and streams may take long.
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

// site has the routes and the publishers.
type site struct {
	table      *route.Table
	publishers []publisher.Publisher
}

// mount puts all routes into one table. Routes of readers ask the hook. The REST interface asks it by itself.
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
	return rest.Describe("", s.table.Routes()...)
}

// transports returns the transports that a page offers, in the order in which a reader tries them.
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

// stop drains. The publishers answer parked requests and end streams while the listener closes: Shutdown waits for requests,
// and does not know hijacked connections.
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

// snapshot returns the function from which a page gets its first posts.
func snapshot(feed *publisher.Feed) func(context.Context, motacilla.ChannelID) (*motacilla.Update, error) {
	return func(ctx context.Context, ch motacilla.ChannelID) (*motacilla.Update, error) {
		step, err := feed.Snapshot(ctx, ch)
		if err != nil {
			return nil, err
		}
		return step.Update, nil
	}
}
