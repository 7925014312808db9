package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/client"
	"github.com/spf13/cobra"
)

const defaultServer = "http://127.0.0.1:8080"

// serverEnv is the environment variable with the URL of the server that commands talk to. MOTACILLA_SERVER_ADDR is the
// address on which serve listens.
const serverEnv = "MOTACILLA_SERVER"

// remote is a server that is called by HTTP.
type remote struct {
	server string
	from   string // where the URL was given, such as --server
	token  string
}

// remoteFlags gives cmd the flags that all commands that talk to a server have.
func remoteFlags(cmd *cobra.Command) *remote {
	r := &remote{}
	cmd.PersistentFlags().StringVar(&r.server, "server", "",
		"`URL` of the server, or unix:/path of its socket; or else "+serverEnv+", or else server.addr of the configuration (default "+
			defaultServer+")")
	cmd.PersistentFlags().StringVar(&r.token, "token", "",
		"the server's `TOKEN`; or else server.token of the configuration, or else the one in "+app.TokenFile)
	return r
}

// findServer takes the server's URL from the environment or the configuration if no flag gives it.
func (r *remote) findServer() {
	if r.from != "" {
		return
	}
	r.from = "--server"
	if r.server != "" {
		return
	}
	if r.server = os.Getenv(serverEnv); r.server != "" {
		r.from = serverEnv
		return
	}
	addr := ""
	if c := local(); c != nil {
		addr = c.Server.Addr
		if c.Server.TLS.On() {
			r.server = securely(c.Server)
			return
		}
	} else {
		addr = os.Getenv("MOTACILLA_SERVER_ADDR")
	}
	r.server = dialled(addr)
}

// dialled returns the URL by which this machine reaches a server that listens on addr.
func dialled(addr string) string {
	if _, is := app.SocketPath(addr); is {
		return addr
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" || port == "0" {
		return defaultServer
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// securely returns the URL by which this machine reaches a server that speaks TLS. Its host must be one of the certificate.
func securely(s app.ServerSettings) string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	addr := strings.TrimPrefix(dialled(s.Addr), "http://")
	if hosts := s.TLS.ACME.Hosts; len(hosts) > 0 {
		_, port, _ := net.SplitHostPort(addr) // dialled has joined it
		addr = net.JoinHostPort(hosts[0], port)
	}
	return "https://" + addr
}

// local returns the configuration that serve would have here, or nil if it is wrong. serve reports what is wrong.
func local() *app.Config {
	c, err := load(app.Input{})
	if err != nil {
		return nil
	}
	return c
}

// findToken takes the token from the environment, the configuration or the token file if no flag gives it.
func (r *remote) findToken() {
	if r.token != "" {
		return
	}
	if r.token = os.Getenv("MOTACILLA_SERVER_TOKEN"); r.token != "" {
		return
	}
	path := app.TokenFile
	if c := local(); c != nil {
		if r.token = c.Server.Token; r.token != "" {
			return
		}
		path = c.TokenPath()
	}
	if secret, err := app.ReadToken(path); err == nil {
		r.token = secret
	}
}

// attempts is how often a command asks the server.
const attempts = 3

// client returns a client of the server, which the flags, the environment or the configuration name.
func (r *remote) client() (*client.Client, error) {
	base, err := r.base()
	if err != nil {
		return nil, err
	}
	r.findToken()
	c, err := client.New(base.String(), &client.Options{
		Token: r.token, UserAgent: "motacilla", Attempts: attempts, MinWait: 250 * time.Millisecond, Retry: unlessAbsent,
		HTTP: r.overSocket(),
	})
	if err != nil {
		return nil, misused(err)
	}
	return c, nil
}

// unlessAbsent ends a call if nothing listens at the server's address: whoever has typed the command can start it.
func unlessAbsent(err error, _ time.Duration) error {
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) { // the file of a socket is not there
		return err
	}
	return nil
}

// overSocket returns a client whose connections go to the server's Unix socket; nil if the server has none.
func (r *remote) overSocket() *http.Client {
	path, is := app.SocketPath(r.server)
	if !is {
		return nil
	}
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == socketHost+":80" { // a transport may have another address: that of server.public_url
			network, addr = "unix", path
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
}

// socketHost is the host in the URL of a server on a Unix socket.
const socketHost = "localhost"

// base returns the server's URL.
func (r *remote) base() (*url.URL, error) {
	r.findServer()
	if _, is := app.SocketPath(r.server); is {
		return &url.URL{Scheme: "http", Host: socketHost}, nil
	}
	base, err := url.Parse(r.server)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, misused(fmt.Errorf("%s %s: must be a URL such as %s, or unix: and the path of a socket", r.from, r.server, defaultServer))
	}
	base.RawQuery, base.Fragment = "", ""
	return base, nil
}

// page returns the URL of a channel's page.
func (r *remote) page(channel motacilla.ChannelID) (string, error) {
	base, err := r.base()
	if err != nil {
		return "", err
	}
	return base.JoinPath("channels", string(channel)).String(), nil
}
