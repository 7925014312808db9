//go:build linux

package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla/live"
)

// front serves h over TLS and HTTP/2 on an address of its own, which it returns.
func front(ctx context.Context, h http.Handler) (string, error) {
	config, err := tlsConfig("h2", "http/1.1")
	if err != nil {
		return "", err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	s := &http.Server{Handler: h, TLSConfig: config, HTTP2: live.HTTP2(0), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	go func() { _ = s.ServeTLS(l, "", "") }()
	return l.Addr().String(), nil
}
