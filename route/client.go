package route

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the proxies whose X-Forwarded-For, X-Forwarded-Proto and Forwarded headers are believed. nil is none. The zero
// Prefix stands for every peer of a Unix socket.
type Proxies []netip.Prefix

// UnixPeers is what ParseProxies takes for every peer of a Unix socket. Whoever may open the socket is then believed.
const UnixPeers = "unix"

// ParseProxies parses addresses and networks, such as "10.0.0.0/8" and "::1", and [UnixPeers].
func ParseProxies(list []string) (Proxies, error) {
	var ps Proxies
	for _, s := range list {
		if s == UnixPeers {
			ps = append(ps, netip.Prefix{})
			continue
		}
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			addr, addrErr := netip.ParseAddr(s)
			if addrErr != nil {
				return nil, fmt.Errorf("trusted proxy %q: must be an address, a network such as 10.0.0.0/8, or unix", s)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		if prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
		}
		ps = append(ps, prefix.Masked())
	}
	return ps, nil
}

// trusts reports whether a is a proxy's. The zero Addr is that of a Unix socket's peer.
func (ps Proxies) trusts(a netip.Addr) bool {
	if !a.IsValid() {
		return slices.Contains(ps, netip.Prefix{})
	}
	for _, p := range ps {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// ClientAddr returns the address that the request comes from. This is the peer's address. If the peer is a trusted
// proxy, it is the last address in X-Forwarded-For, or else in Forwarded, that is not a trusted proxy's. The zero Addr
// means that the address is unknown. The peer of a Unix socket has no address.
func (ps Proxies) ClientAddr(r *http.Request) netip.Addr {
	client, known := peerOf(r)
	if !known {
		return netip.Addr{}
	}
	hops := forwardedFor(r.Header)
	for i := len(hops) - 1; i >= 0 && ps.trusts(client); i-- {
		hop, err := netip.ParseAddr(hops[i])
		if err != nil {
			break
		}
		client = plain(hop)
	}
	return client
}

// peerOf returns the address of the peer: the zero Addr if the request came over a Unix socket. known is false if it is not
// known where the request came from.
func peerOf(r *http.Request) (peer netip.Addr, known bool) {
	if p, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return plain(p.Addr()), true
	}
	_, unix := r.Context().Value(http.LocalAddrContextKey).(*net.UnixAddr)
	return netip.Addr{}, unix
}

// plain returns a without its zone: no prefix contains a zone, and the sender chooses its text.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// Scheme returns "https" or "http": that of the connection, or, if the peer is a trusted proxy, the last one in
// X-Forwarded-Proto, or else in Forwarded.
func (ps Proxies) Scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	if peer, known := peerOf(r); known && ps.trusts(peer) {
		if strings.EqualFold(lastProto(r.Header), "https") {
			return "https"
		}
	}
	return "http"
}

func lastProto(h http.Header) string {
	if lines := h.Values("X-Forwarded-Proto"); len(lines) > 0 {
		line := lines[len(lines)-1]
		return strings.TrimSpace(line[strings.LastIndexByte(line, ',')+1:])
	}
	if hops := forwarded(h.Values("Forwarded")); len(hops) > 0 {
		return hops[len(hops)-1]["proto"]
	}
	return ""
}

// forwardedFor returns the hops that the request says it came by, the nearest last. An unknown hop is empty.
func forwardedFor(h http.Header) []string {
	var hops []string
	for _, line := range h.Values("X-Forwarded-For") {
		for hop := range strings.SplitSeq(line, ",") {
			hops = append(hops, bareAddr(hop))
		}
	}
	if hops != nil {
		return hops
	}
	for _, hop := range forwarded(h.Values("Forwarded")) {
		hops = append(hops, bareAddr(hop["for"]))
	}
	return hops
}

// bareAddr strips a port and brackets: "[2001:db8::1]:80" is 2001:db8::1.
func bareAddr(s string) string {
	s = strings.TrimSpace(s)
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().String()
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		return strings.TrimSuffix(inner, "]")
	}
	return s
}
