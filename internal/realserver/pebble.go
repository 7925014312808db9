package realserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// pebbleVersion is the version of pebble that the tests use.
const pebbleVersion = "v2.10.1"

// PebbleOptions are the settings of a Pebble. nil and zero fields mean the defaults.
type PebbleOptions struct {
	HTTPPort, TLSPort int           // where it asks for the answers to challenges; 0: nowhere that answers
	Validity          time.Duration // of certificates; default 90 days
	AlwaysValid       bool          // no challenge is looked at
	EABKey            string        // key of the external account binding with the ID "kid-1", which is then demanded
}

// Pebble is a certificate authority that speaks ACME, with a name server that says that every host is 127.0.0.1.
type Pebble struct {
	Directory string // URL
	Roots     string // file with the certificate that vouches for the directory itself

	options  PebbleOptions
	dir      string
	addr     string // of the directory
	admin    string
	bin      [2]string // pebble, challtestsrv
	resolver string
	running  []running
}

type running struct {
	cmd   *exec.Cmd
	ended chan struct{}
	out   *bytes.Buffer // must not be read before the end of cmd
}

// NewPebble starts an authority, which is stopped when the test ends. The programs come from the Go module proxy, once for this
// machine's user.
func NewPebble(t testing.TB, o *PebbleOptions) *Pebble {
	t.Helper()
	p := &Pebble{dir: t.TempDir()}
	if o != nil {
		p.options = *o
	}
	for i, name := range []string{"pebble", "pebble-challtestsrv"} {
		bin, err := installed("github.com/letsencrypt/pebble/v2/cmd/"+name, pebbleVersion)
		if err != nil {
			missing(t, fmt.Sprintf("%s (%v)", name, err), "golang")
		}
		p.bin[i] = bin
	}
	port := FreePort(t)
	p.addr, p.admin = address(port), address(port+10_000)
	p.resolver = address(FreePort(t))
	p.Directory = "https://" + p.addr + "/dir"
	p.Roots = filepath.Join(p.dir, "cert.pem")
	if err := p.configure(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	p.Start(t)
	return p
}

// configure writes the configuration, and a certificate for the directory.
func (p *Pebble) configure() error {
	cert, key, err := SelfSigned("127.0.0.1")
	if err != nil {
		return err
	}
	o := p.options
	section := map[string]any{
		"listenAddress": p.addr, "managementListenAddress": p.admin,
		"certificate": p.Roots, "privateKey": filepath.Join(p.dir, "key.pem"),
		"httpPort": o.HTTPPort, "tlsPort": o.TLSPort, "keyAlgorithm": "ecdsa",
		"retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles": map[string]any{"default": map[string]any{
			"description": "for tests", "validityPeriod": int(max(o.Validity, 0) / time.Second),
		}},
	}
	if o.EABKey != "" {
		section["externalAccountBindingRequired"] = true
		section["externalAccountMACKeys"] = map[string]string{"kid-1": o.EABKey}
	}
	config, err := json.Marshal(map[string]any{"pebble": section})
	return errors.Join(err,
		os.WriteFile(p.Roots, cert, 0o600), os.WriteFile(filepath.Join(p.dir, "key.pem"), key, 0o600),
		os.WriteFile(filepath.Join(p.dir, "pebble.json"), config, 0o600))
}

// Start starts the authority after Kill, with its address. It has forgotten all accounts, and has another root.
func (p *Pebble) Start(t testing.TB) {
	t.Helper()
	_, port, _ := net.SplitHostPort(p.resolver)
	resolver := exec.CommandContext(context.Background(), p.bin[1], "-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", "",
		"-doh", "", "-dnsserver", p.resolver, "-management", address(mustPort(port)+10_000))
	authority := exec.CommandContext(context.Background(), p.bin[0], "-config", filepath.Join(p.dir, "pebble.json"), "-dnsserver", p.resolver)
	authority.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=5")
	if p.options.AlwaysValid {
		authority.Env = append(authority.Env, "PEBBLE_VA_ALWAYS_VALID=1")
	}
	for _, cmd := range []*exec.Cmd{resolver, authority} {
		r := running{cmd: cmd, out: &bytes.Buffer{}}
		cmd.Stdout, cmd.Stderr = r.out, r.out
		cmd.SysProcAttr = sameUser()
		var err error
		if r.ended, err = start(cmd); err != nil {
			t.Fatal(err)
		}
		p.running = append(p.running, r)
	}
	if err := p.await(); err != nil {
		t.Fatal(err)
	}
}

func mustPort(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err) // address has made it
	}
	return n
}

// await returns when the directory and its management answer.
func (p *Pebble) await() error {
	for late := time.Now().Add(starting); ; {
		_, err := p.Root()
		if err == nil {
			var conn net.Conn
			if conn, err = net.DialTimeout("tcp", p.addr, time.Second); err == nil {
				return conn.Close()
			}
		}
		for _, r := range p.running {
			select {
			case <-r.ended:
				return fmt.Errorf("%s ended: %s", r.cmd.Path, r.out)
			default:
			}
		}
		if time.Now().After(late) {
			return fmt.Errorf("pebble does not answer: %w", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Root returns the certificate, in PEM, that vouches for the certificates that the authority issues.
func (p *Pebble) Root() ([]byte, error) {
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	resp, err := client.Get("https://" + p.admin + "/roots/0")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// Kill kills the authority and its name server, and waits for their end.
func (p *Pebble) Kill() {
	for _, r := range p.running {
		_ = r.cmd.Process.Kill()
		<-r.ended
	}
	p.running = nil
}
