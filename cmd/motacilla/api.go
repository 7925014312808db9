package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/motacilla-live/motacilla/app"
	"github.com/spf13/cobra"
)

const defaultServer = "http://127.0.0.1:8080"

// maxAnswer is the longest answer that is accepted, in bytes.
const maxAnswer = 64 << 20

// serverEnv is the environment variable with the URL of the server that commands talk to. MOTACILLA_SERVER_ADDR is the
// address on which serve listens.
const serverEnv = "MOTACILLA_SERVER"

// remote is a server that is called by HTTP.
type remote struct {
	server string
	from   string // where the URL was given, such as --server
	token  string
	http   *http.Client
}

// remoteFlags gives cmd the flags that all commands that talk to a server have.
func remoteFlags(cmd *cobra.Command) *remote {
	r := &remote{http: httpClient()}
	cmd.PersistentFlags().StringVar(&r.server, "server", "",
		"`URL` of the server; or else "+serverEnv+", or else server.addr of the configuration (default "+
			defaultServer+")")
	cmd.PersistentFlags().StringVar(&r.token, "token", "",
		"the server's `TOKEN`; or else server.token of the configuration, or else the one in "+app.TokenFile)
	return r
}

// httpClient has a time-out that is longer than any request is parked.
func httpClient() *http.Client { return &http.Client{Timeout: 90 * time.Second} }

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
	} else {
		addr = os.Getenv("MOTACILLA_SERVER_ADDR")
	}
	r.server = dialled(addr)
}

// dialled returns the URL by which this machine reaches a server that listens on addr.
func dialled(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" || port == "0" {
		return defaultServer
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
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

// problem is an error that the server, or a proxy before it, answered.
type problem struct {
	status int
	text   string
	ours   bool // it is from Motacilla
}

func (p *problem) Error() string { return p.text }

// call sends body as JSON and decodes the answer into out. Both may be nil.
func (r *remote) call(ctx context.Context, method, path string, body, out any) error {
	r.findToken()
	target, err := r.resolve(path)
	if err != nil {
		return err
	}
	var payload io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		payload = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, target, payload)
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.from, r.server, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return r.unreachable(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return r.unreachable(err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return r.refused(resp, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s does not answer as Motacilla does: %w; is %s right?", r.server, err, r.from)
	}
	return nil
}

// base returns the server's URL.
func (r *remote) base() (*url.URL, error) {
	r.findServer()
	base, err := url.Parse(r.server)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, misused(fmt.Errorf("%s %s: must be a URL such as %s", r.from, r.server, defaultServer))
	}
	base.Path, base.RawPath = strings.TrimRight(base.Path, "/"), strings.TrimRight(base.RawPath, "/")
	base.RawQuery, base.Fragment = "", ""
	return base, nil
}

// resolve returns the URL of a path of the server. path begins with a slash and may have a query.
func (r *remote) resolve(path string) (string, error) {
	base, err := r.base()
	if err != nil {
		return "", err
	}
	return base.String() + path, nil
}

func (r *remote) unreachable(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		err = fmt.Errorf("nothing listens at %s: is the server running? Start it with \"motacilla serve\", "+
			"or give its URL with --server", r.server)
	} else {
		err = fmt.Errorf("reach %s: %w; is %s right?", r.server, err, r.from)
	}
	return coded{err, exitUnavailable}
}

// tokenWanted returns the text of an error about the token.
func (r *remote) tokenWanted() string {
	text := "the server does not accept the token. "
	if r.token == "" {
		text = "the server wants its token. "
	}
	return text + "It is server.token of its configuration, or else in the file " + app.TokenFile +
		" in the folder of its data. Give it with --token or MOTACILLA_SERVER_TOKEN"
}

func (r *remote) refused(resp *http.Response, answer []byte) error {
	var p struct{ Title, Detail, Field string }
	ours := true
	if err := json.Unmarshal(answer, &p); err != nil || p.Title == "" {
		ours = false
		p.Detail = "the server answered " + resp.Status + ", not as Motacilla does; is " + r.from + " right?"
	}
	text := p.Detail
	if text == "" {
		text = strings.ToLower(p.Title)
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		text = r.tokenWanted()
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		text += "; try again in a moment"
	}
	return &problem{resp.StatusCode, text, ours}
}

func is(err error, status int) bool {
	var p *problem
	return errors.As(err, &p) && p.status == status
}
