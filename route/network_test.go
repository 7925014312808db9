package route_test

import (
	"net/netip"
	"testing"

	"github.com/motacilla-live/motacilla/route"
)

func TestNetworkOf(t *testing.T) {
	seen := map[route.Network]int{}
	for i, same := range [][]string{
		{"192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"},
		{"192.0.2.2"},
		{"0.0.0.0"},
		{"255.255.255.255"},
		{"::", "::1", "::ffff"},
		{"2001:db8::", "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8::1%eth0"},
		{"2001:db8:0:1::"},
		{"2001:db9::"},
	} {
		for _, s := range same {
			n := route.NetworkOf(netip.MustParseAddr(s))
			if other, taken := seen[n]; n == 0 || taken && other != i {
				t.Errorf("%s: %x is of another", s, n)
			}
			seen[n] = i
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d networks, want 8", len(seen))
	}
	if n := route.NetworkOf(netip.Addr{}); n != 0 {
		t.Errorf("no address: %x", n)
	}
}
