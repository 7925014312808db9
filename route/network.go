package route

import (
	"encoding/binary"
	"net/netip"
)

// Network is what a limit by address counts: an IPv4 address, or the /64 of an IPv6 address, since a subscriber has at
// least that many (RFC 6177). The zero Network stands for an unknown address.
type Network uint64

// The IPv4 networks stand in 0::/8, which IPv6 reserves (RFC 4291).
const (
	networkV4 Network = 1 << 32
	networkV6 Network = 1 << 33 // stands for ::/64, to which ::1 belongs
)

// NetworkOf returns a's network.
func NetworkOf(a netip.Addr) Network {
	switch a = a.Unmap(); {
	case !a.IsValid():
		return 0
	case a.Is4():
		b := a.As4()
		return networkV4 | Network(binary.BigEndian.Uint32(b[:]))
	}
	b := a.As16()
	if n := Network(binary.BigEndian.Uint64(b[:8])); n != 0 {
		return n
	}
	return networkV6
}

// wide returns the block of addresses that n's owner probably got: an IPv4 /16 or an IPv6 /32.
func (n Network) wide() Network {
	if n>>32 == networkV4>>32 {
		return n &^ 0xffff
	}
	return n &^ 0xffffffff
}
