package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

// TestMain runs the program itself if the environment says so.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_AS_PROGRAM") != "" {
		main()
	}
	os.Exit(m.Run())
}

// program returns a command that runs the program, with an environment and a folder of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"RUN_AS_PROGRAM=1", "PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir}
	return cmd
}

// nobody is an address on which nothing listens. Only root could, and a port that is free now may be taken in a moment.
const nobody = "127.0.0.1:1"

// patience bounds how long a test waits. It must only end a test that hangs.
const patience = 2 * time.Minute

// serve starts a server and returns its URL.
func serve(t *testing.T) string {
	t.Helper()
	base, _ := serveStore(t)
	return base
}

// serveStore starts a server and returns its URL and its store.
func serveStore(t *testing.T) (base string, store storage.Store) {
	t.Helper()
	return serveAt(t, "127.0.0.1:0")
}

// serveAt starts a server at an address.
func serveAt(t *testing.T, addr string) (base string, store storage.Store) {
	t.Helper()
	var server *app.Server
	in := &app.Input{YAML: []byte{}, Env: []string{}, Flags: map[string]string{
		"server.addr": addr, "server.token": "s3cret", "log.level": "error", "publishers.interval-polling.interval": "50ms"}}
	a := app.New(memory.Module, sse.Module, websocket.Module, polling.Module, webapp.Module, fx.Supply(in),
		fx.Populate(&server, &store))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return "http://" + server.Addr().String(), store
}

func TestCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("MOTACILLA_SERVER_TOKEN", "")
	base := serve(t)
	other := httptest.NewServer(nil) // a server that is not ours
	defer other.Close()
	var last string // the ID that was printed last
	for _, tt := range []struct {
		args  string
		stdin string
		code  int
		out   string
		err   string
	}{
		{args: "version", out: "motacilla "},
		{args: "--help", out: "motacilla demo"},
		{args: "serve --help", out: "--server.addr"},
		{args: "carrier", code: 2, err: `there is no command "carrier" of motacilla; there are: audit, backup, channel, `},
		{args: "chanel list", code: 2, err: `there is no command "chanel" of motacilla; did you mean channel?`},
		{args: "", out: "To see it, run"},
		{args: "post add", code: 2, err: "CHANNEL is missing\nSee motacilla post add --help"},
		{args: "post edit final", code: 2, err: "POST is missing"},
		{args: "post add final Goal by Mara", code: 2, err: `"by" is one argument too many; put quotes around`},
		{args: "channel create a b", code: 2, err: `"b" is one argument too many`},
		{args: "tail", code: 2, err: "CHANNEL is missing"},
		{args: "tail final --transport pigeon", code: 2, err: "known: auto, sse, websocket, long-polling, interval-polling"},
		{args: "tail a/b --server URL", code: 2, err: `"a/b" can't be a channel's ID`},
		{args: "tail final --server http://" + nobody, code: 5, err: `Start it with "motacilla serve"`},
		{args: "tail final --server " + other.URL, code: 1, err: "404 Not Found, not as Motacilla does; is --server right?"},
		{args: "serve --sever.addr x", code: 2, err: "did you mean --server.addr?"},
		{args: "serve --publishers pigeon", code: 1, err: "known: "},
		{args: "channel list --server http://" + nobody, code: 5, err: `Start it with "motacilla serve"`},
		{args: "channel list --server " + other.URL, code: 1, err: "404 Not Found, not as Motacilla does"},
		{args: "channel list --server nowhere", code: 2, err: "must be a URL such as"},
		{args: "channel create final --server URL", code: 4, err: "--token or MOTACILLA_SERVER_TOKEN"},
		{args: "channel create final --server URL --token wrong", code: 4, err: "does not accept the token"},
		{args: "channel create final --title Final --server URL --token s3cret", out: "/channels/final\n"},
		{args: "channel create final --server URL --token s3cret", code: 1, err: "exists already"},
		{args: "channel create secret --access private --server URL --token s3cret"},
		{args: "channel list --server URL", out: "final\tpublic\tlive\tFinal\n"},
		{args: "channel list --server URL --token s3cret", out: "secret\tprivate"},
		{args: "post add nowhere hello --server URL --token s3cret", code: 3, err: "motacilla channel create nowhere"},
		{args: "post add final --server URL --token s3cret", code: 2, err: "standard input has no text"},
		{args: "post add final --author Mara --server URL --token s3cret", stdin: "Kick-off\n", out: "-"},
		{args: "post edit final ID --server URL --token s3cret", code: 2, err: "nothing to change"},
		{args: "post edit final 7 text --server URL --token s3cret", code: 2, err: "no post's ID"},
		{args: "post edit final ID Off --pin --server URL --token s3cret"},
		{args: "post edit final ID --show=false --server URL --token s3cret"},
		{args: "post hide final ID --server URL --token s3cret"},
		{args: "post list final --server URL --token s3cret", out: "\thidden,pinned\tMara\tOff\n"},
		{args: "post list final --server URL --token -", out: ""},
		{args: "post show final ID --server URL --token s3cret"},
		{args: "post unpin final ID --server URL --token s3cret"},
		{args: "post list final --server URL", out: "ID\t\tMara\tOff\n"},
		{args: "post pin final ID --server URL --token s3cret -o json", out: `"pinned": true`},
		{args: "post list final --limit 0 --server URL", code: 2, err: "--limit must be 1 or more"},
		{args: "post list final --limit x --server URL", code: 2, err: "--limit x: must be a whole number"},
		{args: "post list final --limit 3 --all --server URL", code: 2, err: "can't be given together"},
		{args: "post list final --before x --server URL", code: 2, err: "--before: "},
		{args: "post list nowhere --server URL", code: 3, err: "motacilla channel create nowhere"},
		{args: "post pin final ID --server URL", code: 4, err: "--token"},
		{args: "post delete final ID --server URL --token s3cret"},
		{args: "post pin final ID --server URL --token s3cret", code: 3, err: "there is no post"},
		{args: "post delete final ID --server URL --token s3cret", code: 3, err: "there is no post"},
		{args: "tail nowhere --server URL", code: 3, err: "motacilla channel create nowhere"},
		{args: "tail secret --server URL", code: 4, err: "--token"},
		{args: "tail final --since x --server URL", code: 2, err: "--since x: must be a revision"},
		{args: "channel show final --server URL", out: "State     live\n"},
		{args: "channel show nowhere --server URL", code: 3, err: "there is no channel nowhere"},
		{args: "channel show secret --server URL", code: 4, err: "--token"},
		{args: "channel edit final --server URL --token s3cret", code: 2, err: "nothing to change"},
		{args: "channel edit final --access open --server URL", code: 2, err: "--access open: known: public, private"},
		{args: "channel edit final --title Final! --server URL --token s3cret -o json", out: `"title": "Final!"`},
		{args: "channel end final --server URL --token s3cret"},
		{args: "channel end final --server URL --token s3cret -o json", out: `"ended": "2`, err: "It has ended already"},
		{args: "channel list --server URL", out: "final\tpublic\tended\tFinal!\n"},
		{args: "channel reopen final --server URL --token s3cret -o json", out: `"ended": null`},
		{args: "channel delete final --server URL --token s3cret", code: 2, err: "give --yes"},
		{args: "channel delete final --yes --server URL", code: 4, err: "--token"},
		{args: "channel delete final --yes --server URL --token s3cret"},
		{args: "channel delete final --yes --server URL --token s3cret", code: 3, err: "there is no channel final"},
		{args: "channel", out: "motacilla channel create"},
		{args: "channel creat x", code: 2, err: "did you mean create?"},
		{args: "channel list x", code: 2, err: `"x" is one argument too many`},
		{args: "chanel", code: 2, err: "channel"},
		{args: "post add final --authr Mara", code: 2, err: "did you mean --author?"},
		{args: "post add final --author", code: 2, err: "--author needs a value"},
		{args: "channel list --frobnicate", code: 2, err: "unknown flag: --frobnicate\n"},
		{args: "channel list -o xml", code: 2, err: "--output xml: known: text, json"},
		{args: "serve -o json", code: 2, err: "motacilla serve prints no JSON"},
		{args: "version -o json", out: `"go": "go`},
		{args: "serve x", code: 2, err: `"x" is one argument too many`},
		{args: "demo --server.addr x", code: 1, err: "server.addr"},
		{args: "demo --addr x", code: 2, err: "did you mean --server.addr?"},
		{args: "demo --storage.type sqlite", code: 2, err: "--storage.type: the demo keeps everything in memory"},
	} {
		line := strings.NewReplacer("URL", base, "ID", last).Replace(tt.args)
		var out, errs bytes.Buffer
		code := run(strings.Fields(line), strings.NewReader(tt.stdin), &out, &errs)
		want := strings.ReplaceAll(tt.out, "ID", last)
		if code != tt.code || !strings.Contains(out.String(), want) || !strings.Contains(errs.String(), tt.err) {
			t.Errorf("motacilla %s = %d\n%s%s\nwant %d, %q, %q", tt.args, code, &out, &errs, tt.code, want, tt.err)
		}
		if id := strings.TrimSpace(out.String()); len(id) == 36 {
			last = id
		}
	}
}

// lines collects what is written, and can wait for a text.
type lines struct {
	mu   sync.Mutex
	text string
	more chan struct{}
}

func newLines() *lines { return &lines{more: make(chan struct{}, 1)} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	l.text += string(p)
	l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (l *lines) await(t *testing.T, text string) string {
	t.Helper()
	deadline := time.After(patience)
	for {
		l.mu.Lock()
		all := l.text
		l.mu.Unlock()
		if strings.Contains(all, text) {
			return all
		}
		select {
		case <-l.more:
		case <-deadline:
			t.Fatalf("%q did not come; what came:\n%s", text, all)
		}
	}
}

// tail works with each transport, also if a proxy serves the server below a path.
func TestTail(t *testing.T) {
	for _, name := range []string{"auto", "sse", "websocket", "long-polling", "interval-polling"} {
		t.Run(name, func(t *testing.T) { testTail(t, name) })
	}
}

func testTail(t *testing.T, transport string) {
	t.Chdir(t.TempDir())
	server, err := url.Parse(serve(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(http.StripPrefix("/live-blog", httputil.NewSingleHostReverseProxy(server)))
	t.Cleanup(proxy.Close)
	base := proxy.URL + "/live-blog/"
	do := func(line string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(append(strings.Fields(line), "--server", base, "--token", "s3cret"), nil, &out, &errs); code != 0 {
			t.Fatalf("motacilla %s = %d: %s", line, code, &errs)
		}
		return strings.TrimSpace(out.String())
	}
	do("channel create final --title Final")
	out := newLines()
	ended := make(chan int)
	go func() {
		ended <- run([]string{"tail", "final", "--transport", transport, "--server", base}, nil, out, out)
	}()
	out.await(t, "# Final")
	id := do("post add final One<b>two</b>&amp;three")
	out.await(t, id+"  Onetwo&three\n")
	do("post edit final " + id + " Four")
	out.await(t, id+"  [edited] Four\n")
	do("post edit final " + id + " --pin")
	out.await(t, id+"  [pinned]\n")
	do("post edit final " + id + " --show=false")
	out.await(t, id+"  [hidden]\n")
	do("post edit final " + id + " --show")
	out.await(t, id+"  Four\n")
	do("post delete final " + id)
	out.await(t, id+"  [removed]\n")
	do("channel delete final --yes")
	out.await(t, "The channel was deleted.")
	if code := <-ended; code != 0 {
		t.Errorf("tail ended with %d", code)
	}
}

// Commands find the server without --server.
func TestServerFound(t *testing.T) {
	t.Chdir(t.TempDir())
	base := serve(t)
	address := strings.TrimPrefix(base, "http://")
	list := func() (code int, text string) {
		var out bytes.Buffer
		code = run([]string{"channel", "list"}, nil, &out, &out)
		return code, out.String()
	}
	t.Setenv("MOTACILLA_SERVER_ADDR", address)
	if code, text := list(); code != 0 {
		t.Errorf("by MOTACILLA_SERVER_ADDR: %d, %s", code, text)
	}
	t.Setenv("MOTACILLA_SERVER", "nowhere")
	if code, text := list(); code != 2 || !strings.Contains(text, "MOTACILLA_SERVER nowhere: must be a URL") {
		t.Errorf("MOTACILLA_SERVER is no URL: %d, %s", code, text)
	}
	t.Setenv("MOTACILLA_SERVER", base)
	t.Setenv("MOTACILLA_SERVER_ADDR", nobody)
	if code, text := list(); code != 0 {
		t.Errorf("by MOTACILLA_SERVER: %d, %s", code, text)
	}
	t.Setenv("MOTACILLA_SERVER", "")
	t.Setenv("MOTACILLA_SERVER_ADDR", "")
	if err := os.WriteFile("motacilla.yaml", []byte("server: {addr: \""+address+"\"}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, text := list(); code != 0 {
		t.Errorf("by the configuration: %d, %s", code, text)
	}
	socket := "unix:" + filepath.Join(t.TempDir(), "s")
	serveAt(t, socket)
	if err := os.WriteFile("motacilla.yaml", []byte("server: {addr: \""+socket+"\"}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, text := list(); code != 0 {
		t.Errorf("by a Unix socket in the configuration: %d, %s", code, text)
	}
	var out bytes.Buffer
	for _, command := range []string{
		"channel create socket --title Socket --token s3cret", "post add socket One --token s3cret", "post list socket",
	} {
		if code := run(append(strings.Fields(command), "--server", socket), nil, &out, &out); code != 0 {
			t.Errorf("%s: %d, %s", command, code, &out)
		}
	}
	if !strings.Contains(out.String(), "One") {
		t.Errorf("printed %s", &out)
	}
	if code := run([]string{"channel", "list", "--server", socket + "2"}, nil, &out, &out); code != exitUnavailable ||
		!strings.Contains(out.String(), "nothing listens at "+socket+"2") {
		t.Errorf("no socket: %d, %s", code, &out)
	}
	if code := run([]string{"doctor", "--server", socket}, nil, &out, &out); code != exitUsage ||
		!strings.Contains(out.String(), "give the URL by which readers reach it") {
		t.Errorf("doctor of a socket: %d, %s", code, &out)
	}
	for addr, want := range map[string]string{
		socket: socket, ":9000": "http://127.0.0.1:9000", "0.0.0.0:80": "http://127.0.0.1:80", "[::]:80": "http://127.0.0.1:80",
		"[::1]:80": "http://[::1]:80", "live:8080": "http://live:8080", "": defaultServer, "127.0.0.1:0": defaultServer,
	} {
		if got := dialled(addr); got != want {
			t.Errorf("what listens on %q is reached at %s, want %s", addr, got, want)
		}
	}
}

// A command fails if its output can't be written.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full here")
	}
	defer full.Close()
	t.Chdir(t.TempDir())
	more := []string{"--server", serve(t), "--token", "s3cret"}
	for _, line := range []string{
		"channel create final --title Final", "channel list", "channel show final", "post add final Goal", "post list final",
		"tail final", "tail final -o json", "version", "channel list -o json", "post list final -o json", "completion bash",
		"config", "config -o json", "config -o yaml", "config keys", "doctor --fast",
	} {
		args := strings.Fields(line)
		if strings.Contains("channel post tail doctor", args[0]) {
			args = append(args, more...)
		}
		var errs bytes.Buffer
		if code := run(args, nil, full, &errs); code != 1 || !strings.Contains(errs.String(), "no space left") {
			t.Errorf("motacilla %s >/dev/full = %d, %s", line, code, &errs)
		}
	}
}

func TestTextIn(t *testing.T) {
	for in, want := range map[string]string{
		"<p>a &amp; b</p><p>c</p>":          "a & b c",
		"x<script>alert(1)</script>y":       "x y",
		"\x1b[31mred":                       "[31mred",
		"<b>bo</b>ld<br>line":               "bold line",
		"<p>&amp;lt;</p>":                   "&lt;",
		motacilla.Stub("some-post-with-id"): "",
	} {
		if got := textIn(in); got != want {
			t.Errorf("textIn(%q) = %q, want %q", in, got, want)
		}
	}
}

// The demo serves a page on which a match has begun, and ends with an interrupt. TestMatch plays the match to its end.
func TestDemo(t *testing.T) {
	cmd := program(t, "demo", "--server.addr", "127.0.0.1:0")
	out := newLines()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	url := regexp.MustCompile(`http://[0-9.:]+`).FindString(out.await(t, "/channels/demo"))
	tail, ended := newLines(), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(ended)
		f := &follower{remote: &remote{server: url, token: "-"}, channel: "demo",
			out: &output{w: tail}, notes: tail}
		if err := f.follow(ctx); ctx.Err() == nil {
			t.Errorf("follow: %v", err)
		}
	}()
	tail.await(t, "welcome to the Riverside Ground")
	cancel()
	<-ended
	stop(t, cmd, os.Interrupt, out)
}

// stop sends the program a signal. The program must end without an error. If it hangs, it prints what its goroutines do.
func stop(t *testing.T, cmd *exec.Cmd, s os.Signal, out *lines) {
	t.Helper()
	if err := cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	hangs := time.AfterFunc(patience, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	defer hangs.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("after the signal %v the program ended with %v\n%s", s, err, out.text)
	}
}
