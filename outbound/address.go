package outbound

import "net/netip"

// network is a range of addresses that the client does not call.
type network struct {
	prefix netip.Prefix
	why    string
}

// networks are the ranges of the IANA registries for special purposes (RFC 6890) that do not belong to the public Internet. An
// IPv6 address outside of 2000::/3 is refused without an entry.
var networks = []network{
	{netip.MustParsePrefix("0.0.0.0/8"), "it is of this machine"},
	{netip.MustParsePrefix("10.0.0.0/8"), "it is private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "it is of a provider's own network"},
	{netip.MustParsePrefix("127.0.0.0/8"), "it is of this machine"},
	{netip.MustParsePrefix("168.63.129.16/32"), "it serves this machine's cloud alone"}, // Azure
	{netip.MustParsePrefix("169.254.0.0/16"), "it is link-local"},                       // and the metadata of most clouds
	{netip.MustParsePrefix("172.16.0.0/12"), "it is private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "it is reserved"},
	{netip.MustParsePrefix("192.0.2.0/24"), "it is for documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "it is reserved"},
	{netip.MustParsePrefix("192.168.0.0/16"), "it is private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "it is for benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "it is for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "it is for documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "it is multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "it is reserved"},

	{netip.MustParsePrefix("::/128"), "it is of this machine"},
	{netip.MustParsePrefix("::1/128"), "it is of this machine"},
	{netip.MustParsePrefix("2001::/23"), "it is reserved"}, // Teredo, benchmarks, ORCHID
	{netip.MustParsePrefix("2001:db8::/32"), "it is for documentation"},
	{netip.MustParsePrefix("2002::/16"), "it is of a 6to4 tunnel"},
	{netip.MustParsePrefix("3fff::/20"), "it is for documentation"},
	{netip.MustParsePrefix("fc00::/7"), "it is private"},
	{netip.MustParsePrefix("fe80::/10"), "it is link-local"},
	{netip.MustParsePrefix("ff00::/8"), "it is multicast"},
}

var (
	globalIPv6 = netip.MustParsePrefix("2000::/3")
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
)

// refusal says why a must not be called, or "".
func refusal(a netip.Addr, allow []netip.Prefix) string {
	if !a.IsValid() {
		return "it is no address"
	}
	if a.Zone() != "" {
		return "it has a zone"
	}
	a = a.Unmap()
	for _, p := range allow {
		if p.Contains(a) {
			return ""
		}
	}
	for _, n := range networks {
		if n.prefix.Contains(a) {
			return n.why
		}
	}
	if a.Is4() || globalIPv6.Contains(a) {
		return ""
	}
	if nat64.Contains(a) { // how a network that has only IPv6 reaches an IPv4 address
		b := a.As16()
		return refusal(netip.AddrFrom4([4]byte(b[12:])), nil)
	}
	return "it is not of the public Internet"
}
