package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
)

var (
	scratch string // a folder for all tests
	binary  string // the path of cmd/motacilla, built by TestMain
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "4") // the tests wait more than they work; -parallel overrides it
	flag.Parse()
	var err error
	if scratch, err = os.MkdirTemp("", "motacilla-e2e-"); err != nil {
		panic(err)
	}
	if !slices.Contains([]wire{"", overTCP, overTLS, overHTTP2}, wire(*over)) {
		fmt.Fprintf(os.Stderr, "-over %s: there are %s, %s and %s\n", *over, overTCP, overTLS, overHTTP2)
		os.Exit(2)
	}
	if certificate, err = realserver.NewCertificate(scratch); err != nil {
		panic(err)
	}
	if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		transport.TLSClientConfig = certificate.Client()
	}
	code := 1
	if binary, err = build("motacilla", "./cmd/motacilla"); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	closeBrowsers()
	_ = os.RemoveAll(scratch)
	os.Exit(code)
}

// build builds a program of the main module and returns its path.
func build(name, pkg string) (path string, err error) { return buildIn("..", name, pkg) }

// buildIn builds a program of the module in dir.
func buildIn(dir, name, pkg string) (path string, err error) {
	path = filepath.Join(scratch, name)
	cmd := exec.Command("go", "build", "-o", path, pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as in make build, so that nothing is compiled twice
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}

const token = "a-token-of-the-browser-tests"

// program is a process of `motacilla serve` with sqlite, or of an app with a live site. It can be stopped and started again
// with the same file and port.
type program struct {
	t      *testing.T
	run    []string // the command
	ready  string   // a path that is answered with 200 when the program is ready
	dir    string
	env    []string
	addr   string
	wire   wire   // to addr
	base   string // the path below which the site is, such as /news/live
	cookie string // signs the requests of api in; without one the token does
	url    string // of the channel
	output *printed
	stop   func() // sends SIGTERM and waits
	kill   func() // sends SIGKILL and waits
}

// printed is what a program has written so far.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// site returns the URL of the server.
func (p *program) site() string { return p.wire.url(p.addr) }

// serve starts the program with publishers and creates the channel.
func serve(t *testing.T, publishers string, env ...string) *program {
	t.Helper()
	return serveIn(t, t.TempDir(), publishers, env...)
}

// serveIn is serve in a folder, which may have a motacilla.yaml.
func serveIn(t *testing.T, dir, publishers string, env ...string) *program {
	t.Helper()
	return serveOver(t, usual(), dir, publishers, env...)
}

func serveOver(t *testing.T, w wire, dir, publishers string, env ...string) *program {
	t.Helper()
	return serveAt(t, w, realserver.FreeAddress(t), dir, publishers, env...)
}

// serveAt is serveOver at an address.
func serveAt(t *testing.T, w wire, addr, dir, publishers string, env ...string) *program {
	t.Helper()
	p := &program{
		t: t, run: []string{binary, "serve"}, ready: "/readyz", dir: dir, addr: addr, wire: w,
		url: w.url(addr) + "/channels/" + string(channel),
	}
	p.env = append(plainEnv(), "MOTACILLA_SERVER_ADDR="+addr, "MOTACILLA_SERVER_TOKEN="+token,
		"MOTACILLA_STORAGE_TYPE=sqlite", "MOTACILLA_ACCESS=none") // most tests sign in with the token, on the page's own form
	if publishers != "" {
		p.env = append(p.env, "MOTACILLA_PUBLISHERS="+publishers)
	}
	p.env = slices.Concat(p.env, w.env(), env)
	for _, kv := range env {
		if base, is := strings.CutPrefix(kv, "MOTACILLA_SERVER_BASE_PATH="); is {
			p.base = base
			p.url = w.url(addr) + base + "/channels/" + string(channel)
		}
	}
	p.start()
	p.api(http.MethodPost, "channels", map[string]any{"id": channel, "title": "The match"}, nil)
	return p
}

// plainEnv is the environment without settings of the program.
func plainEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "MOTACILLA_") })
}

func (p *program) start() {
	p.t.Helper()
	output := &printed{}
	p.output = output
	cmd := exec.Command(p.run[0], p.run[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, p.env, output, output
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	p.stop = func() {
		p.t.Helper()
		p.stop = func() {}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				p.t.Errorf("%s ended with %v\n%s", p.run, err, output)
			}
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			p.t.Errorf("%s did not end after SIGTERM: %v\n%s", p.run, <-ended, output)
		}
	}
	p.kill = func() {
		p.t.Helper()
		p.stop = func() {}
		_ = cmd.Process.Kill()
		<-ended
	}
	p.t.Cleanup(func() { p.stop() })
	for deadline := time.Now().Add(patience); ; {
		answer, err := http.Get(p.site() + p.ready)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-ended:
			p.stop = func() {}
			p.t.Fatalf("%s ended at once: %v\n%s", p.run, err, output)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s is not ready: %v", p.run, err)
		}
	}
}

// api makes a request to the REST interface. While the store has too much to write, it is made again, as clients do.
func (p *program) api(method, path string, in, out any) {
	p.t.Helper()
	for late := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		busy, err := p.ask(method, path, in, out)
		switch {
		case err == nil:
			return
		case !busy || time.Now().After(late):
			p.t.Fatalf("%s %s: %v", method, path, err)
		}
	}
}

// ask is api once. busy is true if the store was too busy.
func (p *program) ask(method, path string, in, out any) (busy bool, err error) {
	p.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, p.site()+p.base+"/api/"+path, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if p.cookie != "" {
		r.Header.Set("Cookie", p.cookie)
	} else {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if in == nil {
		r.Body = http.NoBody
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	err = errors.Join(err, answer.Body.Close())
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", answer.Status, text)
	}
	if err == nil && out != nil {
		err = json.Unmarshal(text, out)
	}
	return answer.StatusCode == http.StatusServiceUnavailable, err
}

func (p *program) channel(changes map[string]any) {
	p.t.Helper()
	p.api(http.MethodPatch, "channels/"+string(channel), changes, nil)
}

func (p *program) post(text string) motacilla.PostID {
	p.t.Helper()
	var made struct{ ID motacilla.PostID }
	message := fmt.Sprint("message-", messages.Add(1)) // so that what is sent again is no second post
	p.api(http.MethodPost, "channels/"+string(channel)+"/posts", map[string]any{"text": text, "message_id": message}, &made)
	return made.ID
}

var messages atomic.Int64

func (p *program) edit(id motacilla.PostID, changes map[string]any) {
	p.t.Helper()
	p.api(http.MethodPatch, "channels/"+string(channel)+"/posts/"+string(id), changes, nil)
}

func (p *program) remove(id motacilla.PostID) {
	p.t.Helper()
	p.api(http.MethodDelete, "channels/"+string(channel)+"/posts/"+string(id), nil, nil)
}
