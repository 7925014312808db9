package outboundtest_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/outbound/outboundtest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestAddressesAreRefused(t *testing.T) {
	p, c := outboundtest.NewPrivate(t), outboundtest.NewClient(t)
	for _, address := range p.Addresses() {
		if _, err := c.Get(t.Context(), address+"/", 100); !errors.Is(err, outbound.ErrRefused) {
			t.Errorf("%s: %v", address, err)
		}
	}
	server, paths := p.Redirects(t)
	for i, path := range paths {
		if _, err := c.Get(t.Context(), server.URL+path, 100); !errors.Is(err, outbound.ErrRefused) {
			t.Errorf("a redirect to %s: %v", p.Addresses()[i], err)
		}
	}
	p.Untouched(t)
}

// The server can be reached, so that it proves something that nobody does.
func TestServerIsThere(t *testing.T) {
	p := outboundtest.NewPrivate(t)
	c := outbound.New(&outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	defer c.Close()
	if page, err := c.Get(t.Context(), p.URL, 100); err != nil || page.Type != "text/html" {
		t.Errorf("%+v, %v", page, err)
	}
	server, paths := p.Redirects(t)
	if page, err := c.Get(t.Context(), server.URL+paths[0], 100); err != nil || page.Header.Get("Content-Type") == "" {
		t.Errorf("%v", err)
	}
	probe := &testing.T{}
	if p.Untouched(probe); !probe.Failed() {
		t.Error("that the server was reached is not noticed")
	}
}
