package app

import (
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"strconv"
	"strings"
)

// address is where a server listens: a TCP address, or the path of a Unix socket.
type address struct {
	network string // "tcp" or "unix"
	at      string
	mode    fs.FileMode // of the socket's file
}

// unixPrefix stands before the path of a socket.
const unixPrefix = "unix:"

// longestSocket is how many bytes the path of a socket may have: sun_path has 108 on Linux and 104 on BSD and macOS, with a
// zero at the end.
const longestSocket = 103

// errAddress says what an address may be.
var errAddress = errors.New("must be host:port, such as 127.0.0.1:8080 or :8080, " +
	"or unix: and the path of a socket, such as unix:/run/motacilla/motacilla.sock")

// parseAddress reads server.addr or server.admin.
func parseAddress(text string) (address, error) {
	path, is := strings.CutPrefix(text, unixPrefix)
	switch {
	case !is:
		if _, _, err := net.SplitHostPort(text); err != nil {
			return address{}, errAddress
		}
		return address{network: "tcp", at: text}, nil
	case !filepath.IsAbs(path):
		return address{}, errors.New("must have an absolute path after unix:, such as unix:/run/motacilla/motacilla.sock")
	case len(path) > longestSocket:
		return address{}, errors.New("the path of the socket is too long for the system: it may have at most " +
			strconv.Itoa(longestSocket) + " bytes")
	}
	return address{network: "unix", at: path}, nil
}

// SocketPath returns the path of the Unix socket that an address such as server.addr names, if it names one.
func SocketPath(addr string) (path string, is bool) {
	a, err := parseAddress(addr)
	return a.at, err == nil && a.network == "unix"
}

func (a address) String() string {
	if a.network == "unix" {
		return unixPrefix + a.at
	}
	return a.at
}

// anyPort reports whether the system chooses the port of a TCP address.
func anyPort(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	return err == nil && port == "0"
}

// shown returns the address that ln listens on, in the form of the configuration.
func (a address) shown(ln net.Listener) string {
	if a.network == "unix" {
		return a.String()
	}
	return ln.Addr().String()
}

// address returns an address of the server with what the other keys say of it.
func (s *ServerSettings) address(text string) (address, error) {
	a, err := parseAddress(text)
	if err != nil {
		return a, err
	}
	a.mode, err = parseMode(s.SocketMode)
	return a, err
}

// parseMode reads server.socket_mode.
func parseMode(text string) (fs.FileMode, error) {
	mode, err := strconv.ParseUint(text, 8, 32)
	if err != nil || mode > 0o777 || mode&0o600 != 0o600 {
		return 0, errors.New(`must be an octal mode in quotes with which the server itself may read and write, such as "0660"`)
	}
	return fs.FileMode(mode), nil
}
