package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/realserver"
)

// secureNode is a process of the program that speaks TLS.
type secureNode struct {
	t      *testing.T
	addr   string
	url    string // https
	output *bytes.Buffer
	stop   func() // sends SIGTERM and waits
}

// startSecure starts the program with these variables, and waits until it is ready. So it has a certificate by then.
func startSecure(t *testing.T, addr string, env ...string) *secureNode {
	t.Helper()
	n := &secureNode{t: t, addr: addr, url: "https://" + addr, output: &bytes.Buffer{}}
	cmd := exec.Command(binary, "serve")
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), n.output, n.output
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "MOTACILLA_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(append(cmd.Env, "MOTACILLA_SERVER_ADDR="+addr, "MOTACILLA_SERVER_TOKEN="+token), env...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	n.stop = func() {
		n.stop = func() {}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the program ended with %v\n%s", err, n.output)
			}
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			t.Errorf("the program did not end: %v\n%s", <-ended, n.output)
		}
		if t.Failed() {
			t.Logf("the program: %s", n.output)
		}
	}
	t.Cleanup(func() { n.stop() })
	anybody := httpsClient(&tls.Config{InsecureSkipVerify: true})
	await(t, "the program is ready", func() bool {
		select {
		case err := <-ended:
			n.stop = func() {}
			t.Fatalf("the program ended at once: %v\n%s", err, n.output)
		default:
		}
		resp, err := anybody.Get(n.url + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return n
}

// httpsClient returns a client that makes a connection for each request.
func httpsClient(config *tls.Config) *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}, Timeout: patience}
}

// ownCertificate writes a certificate of 127.0.0.1 and localhost that vouches for itself, and its key.
func ownCertificate(t *testing.T) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	certText, keyText, err := realserver.SelfSigned("127.0.0.1", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := errors.Join(os.WriteFile(cert, certText, 0o600), os.WriteFile(key, keyText, 0o600)); err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(certText)
	return cert, key, roots
}

// tool returns the path of a program of the machine. It fails the test in CI if there is none.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing := fmt.Sprintf("this needs %s: apt-get install -y %s", name, name)
		if os.Getenv("CI") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	return path
}

// freePair returns two ports of 127.0.0.1 for a node: https and http.
func freePair(t *testing.T) (https, http string, ports [2]int) {
	t.Helper()
	port := realserver.FreePort(t)
	join := func(p int) string { return net.JoinHostPort("127.0.0.1", fmt.Sprint(p)) }
	return join(port), join(port + 10_000), [2]int{port, port + 10_000}
}
