//go:build linux

package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
	"github.com/motacilla-live/motacilla/internal/message"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

// whole is the complete app with one publisher and the memory store. Posts are written into the store, as a receiver does,
// and rendered as short as those of the other servers.
type whole struct {
	store storage.Store
	ready Ready
}

func (s *whole) Ready() Ready { return s.ready }

func (s *whole) Publish(ctx context.Context, seq int, stamp int64) error {
	if _, err := s.store.PutPost(ctx, message.Channel, message.Post(seq, stamp), 0); err != nil {
		return fmt.Errorf("publish %d: %w", seq, err)
	}
	return nil
}

// transport is how the app delivers: a publisher, with the engine or with a goroutine for each connection, and over TLS or not.
type transport struct {
	publisher  string
	goroutines bool
	tls        bool
}

// config returns the configuration of an app with that transport alone. The files of the certificate are in dir.
func (t transport) config(dir string) (string, error) {
	secure := ""
	if t.tls {
		cert, key, err := Certificate(dir)
		if err != nil {
			return "", err
		}
		secure = fmt.Sprintf(", tls: {cert: %q, key: %q}", cert, key)
	}
	publisher := "type: " + t.publisher
	if t.goroutines {
		publisher += ", goroutine_per_connection: true"
	}
	return "server: {addr: 127.0.0.1:0, token: bench" + secure + "}\nlog: {level: error}\nstorage: {type: memory}\n" +
		"publishers: [{" + publisher + "}]\nreceivers: []\n", nil
}

func ours(t transport) func(context.Context) (Server, error) {
	return func(ctx context.Context) (Server, error) {
		publisherType := t.publisher
		config, err := t.config(os.TempDir()) // the folder belongs to this process
		if err != nil {
			return nil, err
		}
		var server *app.Server
		s := new(whole)
		a := app.New(
			standard.Module, fx.Supply(&app.Input{YAML: []byte(config), Env: []string{}}),
			fx.Supply(fx.Annotate(message.Renderer{}, fx.As(new(publisher.Renderer)))),
			fx.Populate(&server, &s.store),
		)
		if err := a.Start(ctx); err != nil {
			return nil, fmt.Errorf("start the app with %s: %w", publisherType, err)
		}
		ch, err := s.store.PutChannel(ctx, motacilla.Channel{ID: message.Channel, Title: "Bench"}, 0)
		if err != nil {
			return nil, fmt.Errorf("make the channel: %w", err)
		}
		path, err := server.URL(publisherType, string(message.Channel))
		if err != nil {
			return nil, fmt.Errorf("path of %s: %w", publisherType, err)
		}
		s.ready = Ready{Addr: server.Addr().String(), Path: path, Since: int64(ch.Head)}
		return s, nil
	}
}

// oursCost returns the app with interval polling, REST and a store, each with its default configuration.
func oursCost(store string) func(context.Context) (Server, error) {
	return func(ctx context.Context) (Server, error) {
		config := "server: {addr: 127.0.0.1:0, token: " + Token + "}\nlog: {level: error}\n" +
			"publishers: [{type: interval-polling}]\nreceivers: [{type: webapp}]\nstorage: {type: " + store
		if store == "sqlite" {
			config += fmt.Sprintf(", path: %q", filepath.Join(os.TempDir(), "live.db")) // the folder belongs to this process
		}
		config += "}\n"
		var server *app.Server
		s := new(whole)
		a := app.New(standard.Module, fx.Supply(&app.Input{YAML: []byte(config), Env: []string{}}), fx.Populate(&server, &s.store))
		if err := a.Start(ctx); err != nil {
			return nil, fmt.Errorf("start the app with %s: %w", store, err)
		}
		ch, err := s.store.PutChannel(ctx, motacilla.Channel{ID: message.Channel, Title: "Bench"}, 0)
		if err != nil {
			return nil, fmt.Errorf("make the channel: %w", err)
		}
		path, err := server.URL("interval-polling", string(message.Channel))
		if err != nil {
			return nil, fmt.Errorf("path of interval polling: %w", err)
		}
		s.ready = Ready{Addr: server.Addr().String(), Path: path, Since: int64(ch.Head)}
		return s, nil
	}
}

// Token is the token for writing to the app.
const Token = "bench"
