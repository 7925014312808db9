package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// open opens the listener of an address. key names it in errors, such as "server.addr".
func (a address) open(ctx context.Context, key string) (net.Listener, error) {
	var ln net.Listener
	var err error
	if a.network == "unix" {
		ln, err = listenSocket(ctx, a)
	} else {
		ln, err = listen(ctx, a.at)
	}
	if err != nil {
		return nil, a.listenError(key, err)
	}
	return ln, nil
}

func (a address) listenError(key string, err error) error {
	switch {
	case errors.Is(err, errTaken) || errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listen on %s: another program listens there; stop it, or choose another address with %s", a, key)
	case a.network == "unix" && errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("listen on %s: there is no such folder; create it, or choose another path with %s", a, key)
	case a.network == "unix" && errors.Is(err, syscall.EACCES):
		return fmt.Errorf("listen on %s: not permitted in this folder; choose another path with %s", a, key)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("listen on %s: not permitted; choose a port from 1024 on with %s", a, key)
	}
	return fmt.Errorf("listen on %s: %w; choose another address with %s", a, err, key)
}
