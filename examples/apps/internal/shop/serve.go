package shop

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Shop is what an app is made of, from its flags and its environment.
type Shop struct {
	Sessions *Sessions
	File     string // the database
}

// App is an app that can be served.
type App struct {
	Handler http.Handler
	Drain   func(context.Context) error // is called when the server stops, while requests may be under way
	Close   func(context.Context) error // is called when no request is left
}

// Main serves the app that open makes until the process gets SIGINT or SIGTERM. The flags are -addr and -file. SHOP_KEY
// signs the sessions; without it, nobody stays signed in after a restart. SHOP_PASSWORD is the password of the users
// "editor" and "reader".
func Main(open func(ctx context.Context, s *Shop) (*App, error)) {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	file := flag.String("file", "shop.db", "the database")
	flag.Parse()
	s := &Shop{File: *file, Sessions: &Sessions{Key: []byte(os.Getenv("SHOP_KEY")), Password: os.Getenv("SHOP_PASSWORD")}}
	if len(s.Sessions.Key) == 0 {
		s.Sessions.Key = []byte(rand.Text())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *addr, s, open); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, addr string, s *Shop, open func(context.Context, *Shop) (*App, error)) (err error) {
	app, err := open(ctx, s)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return errors.Join(err, app.Close(ctx))
	}
	log.Printf("http://%s/", listener.Addr())
	// There is no limit on the time of writing, because streams last long.
	server := &http.Server{Handler: app.Handler, ReadHeaderTimeout: 10 * time.Second}
	ending, cancel := context.WithCancel(context.Background())
	defer cancel()
	drained := make(chan error, 1)
	server.RegisterOnShutdown(func() { drained <- app.Drain(ending) })
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err = <-served:
		return errors.Join(err, app.Close(ending))
	case <-ctx.Done():
	}
	time.AfterFunc(10*time.Second, cancel)
	err = errors.Join(server.Shutdown(ending), <-drained, app.Close(ending))
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}

// Logged logs each request with its duration, as the logging middleware of many apps does.
func Logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		kept := &status{ResponseWriter: w}
		next.ServeHTTP(kept, r)
		log.Printf("%s %q %d %s", r.Method, r.URL.Path, kept.code, time.Since(began)) //nolint:gosec // %q escapes the path
	})
}

// status keeps the status of an answer.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// Unwrap lets what is behind this middleware reach the server's writer.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }
