package outbound

import (
	"net/netip"
	"testing"
)

func TestAddressesThatMayNotBeCalled(t *testing.T) {
	for _, a := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1",
		"127.255.255.254", "168.63.129.16", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1",
		"192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
		"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
		"64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8", "100::1",
		"2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1",
		"2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1", "3fff::1", "3fff:fff::1", "5f00::1", "fc00::1", "fd00:ec2::254",
		"fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2606:4700::1111%eth0",
	} {
		if refusal(netip.MustParseAddr(a), nil) == "" {
			t.Errorf("%s may be called", a)
		}
	}
}

func TestAddressesThatMayBeCalled(t *testing.T) {
	for _, a := range []string{
		"1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1",
		"198.17.0.1", "198.20.0.1", "223.255.255.255", "::ffff:8.8.8.8", "2606:4700::1111", "2a00:1450::1", "64:ff9b::8.8.8.8",
	} {
		if why := refusal(netip.MustParseAddr(a), nil); why != "" {
			t.Errorf("%s: %s", a, why)
		}
	}
}

func TestNetworksThatAreAllowed(t *testing.T) {
	allow := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32")}
	for a, allowed := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false, "fd00:1::5": true, "fd00:2::5": false, "127.0.0.1": false,
		"64:ff9b::10.1.2.3": false,
	} {
		if got := refusal(netip.MustParseAddr(a), allow) == ""; got != allowed {
			t.Errorf("%s: allowed %v", a, got)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, a := range []string{"127.0.0.1", "8.8.8.8", "::ffff:10.0.0.1", "2002:7f00:1::"} {
		f.Add(netip.MustParseAddr(a).AsSlice())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		called := refusal(a, nil) == ""
		if plain := a.Unmap(); called && (plain.IsPrivate() || !plain.IsGlobalUnicast() || plain.IsLoopback()) {
			t.Errorf("%s may be called", a)
		}
		if refusal(a, nil) != refusal(a.Unmap(), nil) {
			t.Errorf("%s and %s differ", a, a.Unmap())
		}
	})
}
