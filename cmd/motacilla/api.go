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

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 64 << 20

// serverEnv names the server that commands talk to; MOTACILLA_SERVER_ADDR is where serve listens.
const serverEnv = "MOTACILLA_SERVER"

// remote is a server, reached by HTTP.
type remote struct {
	server string
	from   string // who said so: --server, or what stands in for it
	token  string
	http   *http.Client
}

// remoteFlags gives cmd the flags of all commands that talk to a server.
func remoteFlags(cmd *cobra.Command) *remote {
	r := &remote{http: httpClient()}
	cmd.PersistentFlags().StringVar(&r.server, "server", "",
		"`URL` of the server; else "+serverEnv+", else where server.addr of the configuration listens (default "+
			defaultServer+")")
	cmd.PersistentFlags().StringVar(&r.token, "token", "",
		"the server's `TOKEN`; else MOTACILLA_SERVER_TOKEN, else "+app.TokenFile+" beside the data")
	return r
}

// httpClient waits longer than any request is held.
func httpClient() *http.Client { return &http.Client{Timeout: 90 * time.Second} }

// findServer completes the server's URL from the environment and the configuration.
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

// dialled is the URL at which this machine reaches what listens on addr.
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

// local is the configuration that serve would have here, nil where it is wrong, which is serve's to report.
func local() *app.Config {
	c, err := load(app.Input{})
	if err != nil {
		return nil
	}
	return c
}

// findToken completes the token from the environment, the configuration, and the file beside the data.
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

// problem is an answer that is an error.
type problem struct {
	status int
	text   string
	ours   bool // it was a problem of Motacilla's
}

func (p *problem) Error() string { return p.text }

// call sends body as JSON, where it is not nil, and decodes the answer into out, where that is not nil.
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

// base is the server's URL.
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

// resolve returns path, which begins with a slash and may have a query, below the server's URL.
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
			"or say with --server where it is", r.server)
	} else {
		err = fmt.Errorf("reach %s: %w; is %s right?", r.server, err, r.from)
	}
	return coded{err, exitUnavailable}
}

// tokenWanted says what to do about the token.
func (r *remote) tokenWanted() string {
	text := "the server does not accept the token. "
	if r.token == "" {
		text = "the server wants its token. "
	}
	return text + "It is server.token of its configuration, else in " + app.TokenFile +
		" beside its data, and was printed at its first start. Give it with --token or MOTACILLA_SERVER_TOKEN"
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
