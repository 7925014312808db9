package outbound

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// CheckURL parses a URL that comes from outside, and returns an [ErrRefused] if no client may call it, whatever its host
// resolves to: it must be an absolute http or https URL without a user name, and its host must be a name or an address in its
// usual form. What the host resolves to is checked when a [Client] connects.
func CheckURL(raw string) (*url.URL, error) {
	if len(raw) > motacilla.MaxURL {
		return nil, refused("", "it has more than %d bytes", motacilla.MaxURL)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, refused("", "it is not a URL")
	}
	return u, checkURL(u)
}

func checkURL(u *url.URL) error {
	host := u.Hostname()
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return refused(host, "its scheme is not http or https")
	case u.User != nil:
		return refused(host, "it has a user name")
	case host == "" || u.Opaque != "":
		return refused("", "it has no host")
	case strings.ContainsAny(host, " \t\r\n%/\\@?#\x00"):
		return refused(host, "the host has a character that no host has")
	}
	if port := u.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || slices.Contains(badPorts, uint16(n)) {
			return refused(host, "port %s is not for HTTP", port)
		}
	}
	if _, err := netip.ParseAddr(host); err != nil && endsInNumber(host) {
		// Some resolvers take 2130706433, 0x7f.1 and 0177.0.0.1 for 127.0.0.1 (inet_aton).
		return refused(host, "the host is an address in an unusual form")
	}
	return nil
}

// endsInNumber is the same test of the URL standard (https://url.spec.whatwg.org/#ends-in-a-number-checker): such a host must be
// an IPv4 address.
func endsInNumber(host string) bool {
	if strings.HasPrefix(host, "[") || strings.Contains(host, ":") {
		return true
	}
	host = strings.TrimSuffix(host, ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" {
		return true
	}
	digits := strings.Trim(last, "0123456789") == ""
	hex := len(last) >= 2 && (last[:2] == "0x" || last[:2] == "0X") && strings.Trim(last[2:], "0123456789abcdefABCDEF") == ""
	return digits || hex
}

// badPorts are of protocols that could take an HTTP request for one of theirs (https://fetch.spec.whatwg.org/#port-blocking).
var badPorts = []uint16{
	0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111,
	113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554,
	556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666,
	6667, 6668, 6669, 6679, 6697, 10080,
}

// refused returns an ErrRefused that names the host and nothing else of the URL.
func refused(host, why string, args ...any) error {
	if host == "" {
		return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(why, args...))
	}
	return fmt.Errorf("%q: %w: %s", host, ErrRefused, fmt.Sprintf(why, args...))
}
