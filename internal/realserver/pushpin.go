package realserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"text/template"
	"time"
)

// PushpinKey is the key with which every Pushpin signs the requests to its origin.
const PushpinKey = "a key of pushpin for tests"

// pushpinConfig leaves out what the tests do not need, and gives everything else a place of its own. Debian's Pushpin asks the
// zurl of the machine, unless it is told otherwise.
var pushpinConfig = template.Must(template.New("pushpin.conf").Parse(`[global]
include=/usr/lib/pushpin/internal.conf
rundir={{.Dir}}
ipc_prefix=p-

[runner]
services=condure,zurl,pushpin-proxy,pushpin-handler
http_port={{.Addr}}
client_maxconn=1000

[proxy]
routesfile=routes
sig_iss=pushpin
sig_key={{.Key}}
updates_check=off
zurl_out_specs=ipc://{{.Dir}}/p-zurl-in
zurl_out_stream_specs=ipc://{{.Dir}}/p-zurl-in-stream
zurl_in_specs=ipc://{{.Dir}}/p-zurl-out

[handler]
push_in_spec=
push_in_sub_specs=
push_in_http_addr=127.0.0.1
push_in_http_port={{.ControlPort}}
push_in_http_max_body_size=10000000
stats_spec=ipc://{{.Dir}}/stats
command_spec=ipc://{{.Dir}}/command
`))

// Pushpin is a proxy that speaks GRIP.
type Pushpin struct {
	processes
	Addr    string // host and port for readers
	Control string // URL to publish to
}

// NewPushpin starts a Pushpin that passes all requests on to origin, which is a host and port. It is killed when the test
// ends.
func NewPushpin(t testing.TB, origin string) *Pushpin {
	t.Helper()
	program, err := exec.LookPath("pushpin")
	if err != nil {
		missing(t, fmt.Sprintf("pushpin (%v)", err), "pushpin")
	}
	dir, err := os.MkdirTemp("", "pushpin") // the path of a Unix socket has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &Pushpin{}
	config := filepath.Join(dir, "pushpin.conf")
	p.command = func() *exec.Cmd {
		cmd := exec.CommandContext(context.Background(), program, "--config", config, "--merge-output")
		cmd.SysProcAttr = gentle() // it ends what it has started
		return cmd
	}
	var control string
	ready := holder(t)
	p.ready = func() error { return proxies(p.Addr) }
	p.first(t, func() error {
		port := FreePort(t)
		p.Addr, control = address(port), address(port+10_000)
		p.Control = "http://" + control + "/publish/"
		routes := fmt.Sprintf("%s %s\n* %s\n", readyHost, ready, origin)
		return errors.Join(os.WriteFile(filepath.Join(dir, "routes"), []byte(routes), 0o600), writePushpinConfig(config, p.Addr, control))
	})
	return p
}

// readyHost is the host of requests that are there to see whether Pushpin is ready.
const readyHost = "ready"

// holder returns the address of an origin that has Pushpin hold every connection.
func holder(t testing.TB) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Grip-Hold", "stream")
		w.Header().Set("Grip-Channel", "ready")
	}))
	s.Config.SetKeepAlivesEnabled(false) // a restart leaves no goroutine behind
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// proxies returns nil if a connection is held, for which all parts of Pushpin are needed. They find each other after they have begun to
// listen, and what they send before that is lost.
func proxies(addr string) error {
	if err := accepts(addr); err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodGet, "http://"+addr+"/", http.NoBody)
	if err != nil {
		return err
	}
	req.Host = readyHost
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

func writePushpinConfig(file, addr, control string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, port, err := net.SplitHostPort(control)
	if err != nil {
		return err
	}
	return pushpinConfig.Execute(f, map[string]string{
		"Dir": filepath.Dir(file), "Addr": addr, "ControlPort": port, "Key": PushpinKey,
	})
}
