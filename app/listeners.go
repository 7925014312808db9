package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"

	"github.com/motacilla-live/motacilla/internal/handover"
	"go.uber.org/fx"
)

// What listens, by the names that other processes know, such as systemd.
const (
	listenServer   = "server"
	listenAdmin    = "admin"
	listenRedirect = "redirect"
)

// listeners opens what the app listens on. A listener comes from the process that this one replaces, or from systemd, or else is
// opened. Nothing is accepted until open: a process that replaces another one must not accept before that one has stopped.
type listeners struct {
	successor *handover.Successor // nil if this process replaces no other
	activated activated

	mu    sync.Mutex
	gates []*gate
}

type listenersIn struct {
	fx.In

	Successor *handover.Successor `optional:"true"`
}

func newListeners(in listenersIn) (*listeners, error) {
	from, err := activation()
	return &listeners{successor: in.Successor, activated: from}, err
}

// listen returns the listener for what name says: server, admin or redirect. key is that of the address in the configuration, for
// errors.
func (l *listeners) listen(ctx context.Context, name string, at address, key string) (net.Listener, error) {
	ln, ok := l.successor.Listener(name, at.String())
	before := l.successor.Mode(name, at.String())
	if !ok {
		ln, ok = l.activated.take(name)
	}
	var err error
	switch {
	case !ok:
		ln, err = at.open(ctx, key)
	case at.network == "unix":
		ln, err = keepSocket(ln, at)
	}
	if err != nil {
		return nil, err
	}
	s, ok := ln.(socket)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%s: a %T can't be paused", key, ln), ln.Close())
	}
	g := &gate{socket: s, name: name, at: at, chmod: at.network == "unix" && before != 0 && before != at.mode}
	g.pause()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gates = append(l.gates, g)
	return g, nil
}

// open lets connections in. Nothing is listened on after it.
func (l *listeners) open() error {
	if err := l.activated.close(); err != nil {
		return err
	}
	if err := l.successor.Ready(); err != nil {
		return err
	}
	for _, g := range l.gates {
		if err := g.open(); err != nil {
			return err
		}
	}
	return nil
}

// all returns the listeners for a process that replaces this one.
func (l *listeners) all() ([]handover.Listener, error) {
	var all []handover.Listener
	for _, g := range l.gates {
		of, ok := g.socket.(syscall.Conn)
		if !ok {
			return nil, fmt.Errorf("the listener at %s is a %T and can't be handed over", g.at, g.socket)
		}
		at := handover.Place{Name: g.name, Address: g.at.String()}
		all = append(all, handover.Listener{Place: at, Mode: g.at.mode, Socket: of})
	}
	return all, nil
}

func (l *listeners) pause() {
	for _, g := range l.gates {
		g.pause()
	}
}

func (l *listeners) resume() {
	for _, g := range l.gates {
		g.resume()
	}
}

// leave has the files of sockets stay when the listeners close: they are another process's.
func (l *listeners) leave() {
	for _, g := range l.gates {
		if s, ok := g.socket.(*socketListener); ok {
			s.leave()
		}
	}
}
