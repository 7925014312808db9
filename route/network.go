package route

import (
	"encoding/binary"
	"net/netip"
)

// Network is whom an address counts for where something is limited by address: an IPv4 address for itself, an IPv6
// address for its /64, since a subscriber has at least that many (RFC 6177). The zero Network is of an address that
// can't be told.
type Network uint64

// IPv6 has no addresses below these: 0::/8 is reserved (RFC 4291), so that IPv4's find room there.
const (
	networkV4 Network = 1 << 32
	networkV6 Network = 1 << 33 // stands for ::/64, of which ::1 is
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

// wide is the allocation that n is probably of: an IPv4 /16, an IPv6 /32.
func (n Network) wide() Network {
	if n>>32 == networkV4>>32 {
		return n &^ 0xffff
	}
	return n &^ 0xffffffff
}
