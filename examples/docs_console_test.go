package examples

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is the longest time that a command of a document may take.
const patience = 2 * time.Minute

// program builds the program once, and returns the folder that has it.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp(binaries, "")
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "motacilla"), "../cmd/motacilla")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as make build does, so that nothing is compiled again
	out, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
})

// binaries is a folder that is removed after the tests.
var binaries string

func TestMain(m *testing.M) {
	var err error
	if binaries, err = os.MkdirTemp("", "motacilla-docs"); err != nil {
		panic(err)
	}
	status := m.Run()
	_ = os.RemoveAll(binaries)
	os.Exit(status)
}

// session is the shell of a document: a folder and a server.
type session struct {
	*testing.T
	dir, bin string
	makes    bool   // the document creates the channel match-42
	token    string // of the server; "" if the server made it and keeps it in the folder
	addr     string
	stop     func()
}

func newSession(t *testing.T, document []block) *session {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	s := &session{T: t, dir: t.TempDir(), bin: bin}
	s.makes = slices.ContainsFunc(document, func(b block) bool {
		return b.language == "console" && strings.Contains(b.text, "channel create match-42")
	})
	// A terminal would not mix progress with the output either.
	if err := os.WriteFile(filepath.Join(s.dir, ".curlrc"), []byte("silent\nshow-error\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.stop != nil {
			s.stop()
		}
	})
	return s
}

func (s *session) command(ctx context.Context, line string) *exec.Cmd {
	for _, given := range []string{"https://live.example.org", "http://localhost:8080", "http://127.0.0.1:8080", "localhost:8080"} {
		line = strings.ReplaceAll(line, given, "http://"+s.addr)
	}
	line = strings.ReplaceAll(line, "go run ./cmd/motacilla", "motacilla")
	cmd := exec.CommandContext(ctx, "bash", "-c", line)
	cmd.Dir = s.dir
	cmd.Env = append([]string{"PATH=" + s.bin + ":" + os.Getenv("PATH"), "HOME=" + s.dir, "TERM=dumb"}, "MOTACILLA_SERVER=http://"+s.addr)
	if s.token != "" {
		cmd.Env = append(cmd.Env, "MOTACILLA_SERVER_TOKEN="+s.token)
	}
	cmd.WaitDelay = patience // what it printed may be read late
	return cmd
}

var (
	serves  = regexp.MustCompile(`\bmotacilla (serve|demo)\b`)
	follows = regexp.MustCompile(`\bmotacilla tail\b|\bcurl\b.* (-N|--no-buffer)\b`)
	listens = regexp.MustCompile(`"addr": "([^"]+)"|http://(127\.0\.0\.1:\d+)`)
)

// serve starts the server of the session.
func (s *session) serve(line string) error {
	if s.stop != nil {
		s.stop()
	}
	s.token = ""
	line, _, _ = strings.Cut(line, " #")
	line = strings.TrimSuffix(strings.TrimSpace(line), "&")
	line = strings.ReplaceAll(line, "go run ./cmd/motacilla", "motacilla")
	line = strings.Replace(line, "motacilla demo", "exec motacilla demo --server.addr 127.0.0.1:0", 1)
	line = strings.Replace(line, "motacilla serve", "exec motacilla serve --server.addr 127.0.0.1:0 --feed.heartbeat 5s", 1)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := s.command(ctx, line)
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		cancel()
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		_ = in.Close()
		close(ended)
	}()
	s.stop = func() {
		cancel()
		<-ended
	}
	said := bufio.NewScanner(out)
	var all []string
	for said.Scan() {
		all = append(all, said.Text())
		if m := listens.FindStringSubmatch(said.Text()); m != nil && strings.Contains(said.Text(), "127.0.0.1:") {
			s.addr = m[1] + m[2]
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return nil
		}
	}
	return fmt.Errorf("the server ended: %s", strings.Join(all, "\n"))
}

// play runs the commands of a block and compares their output.
func (s *session) play(text string) error {
	var command string
	var want []string
	run := func() error {
		defer func() { command, want = "", nil }()
		switch {
		case command == "":
			return nil
		case serves.MatchString(strings.ReplaceAll(command, "go run ./cmd/motacilla", "motacilla")):
			return s.serve(command)
		}
		if s.addr == "" {
			if err := s.serve("motacilla serve --storage.type memory --server.token docs"); err != nil {
				return err
			}
			s.token = "docs"
			if !s.makes {
				if out, err := s.command(context.Background(), "motacilla channel create match-42 --title Final").CombinedOutput(); err != nil {
					return fmt.Errorf("%w: %s", err, out)
				}
			}
		}
		return s.run(command, strings.Join(want, "\n"))
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		next, is := strings.CutPrefix(line, "$ ")
		switch {
		case is:
			if err := run(); err != nil {
				return err
			}
			command = next
		case strings.HasSuffix(command, "\\"):
			command = strings.TrimSuffix(command, "\\") + strings.TrimSpace(strings.TrimPrefix(line, ">"))
		default:
			want = append(want, line)
		}
	}
	return run()
}

func (s *session) run(command, want string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	following := follows.MatchString(command)
	cmd := s.command(ctx, command)
	out := &output{want: want, enough: func() {}}
	if following {
		out.enough, out.first = cancel, s.post
		cmd.WaitDelay = time.Second // what it started may hold the pipe open
	}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	got := out.String()
	if following {
		err = nil // the test ended it
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, got)
	}
	if want = strings.TrimSpace(want); want == "" {
		return nil
	}
	if following {
		return matchStart(want, got)
	}
	return match(want, got)
}

// post writes a post for a command that follows.
func (s *session) post() {
	r, err := http.NewRequest("POST", "http://"+s.addr+"/api/channels/match-42/posts", strings.NewReader(`{"text":"Goal!"}`))
	if err != nil {
		s.Error(err)
		return
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer docs")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Error(err)
		return
	}
	resp.Body.Close()
}

// output collects what a command prints, and reports when it matches.
type output struct {
	mu     sync.Mutex
	buf    bytes.Buffer
	want   string
	first  func()
	enough func()
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Write(p)
	if o.first != nil && bytes.Contains(o.buf.Bytes(), []byte(`"reset":true`)) {
		go o.first()
		o.first = nil
	}
	if matchStart(o.want, o.buf.String()) == nil {
		o.enough()
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// varying matches what differs from run to run: IDs, times, revisions, durations.
var varying = []struct {
	is   *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-(\.\.\.|…|[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})`), "ID"},
	{regexp.MustCompile(`\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?`), "TIME"},
	{regexp.MustCompile(`\b\d{2}:\d{2}:\d{2}\b`), "CLOCK"},
	{regexp.MustCompile(`\b\d{16}\b(\.\d+)?`), "REVISION"}, {regexp.MustCompile(`retry: \d+`), "RETRY"},
	{regexp.MustCompile(`\b(localhost|127\.0\.0\.1|live\.example\.org)(:\d+)?`), "HOST"},
}

// pattern returns the expected output as a regular expression.
func pattern(want string) string {
	for _, v := range varying {
		want = v.is.ReplaceAllString(want, v.name)
	}
	want = regexp.QuoteMeta(strings.TrimSpace(want))
	return strings.NewReplacer("…", "(?s:.*?)", `\.\.\.`, "(?s:.*?)").Replace(want)
}

func match(want, got string) error { return compare("^"+pattern(want)+`$`, want, got) }

func matchStart(want, got string) error { return compare("^"+pattern(want), want, got) }

func compare(pattern, want, got string) error {
	for _, v := range varying {
		got = v.is.ReplaceAllString(got, v.name)
	}
	if !regexp.MustCompile(pattern).MatchString(strings.TrimSpace(got)) {
		return fmt.Errorf("printed\n%s\nwant\n%s", got, want)
	}
	return nil
}

// checkSketch checks the syntax of a sketch of shell, and that the program has its commands and flags.
func checkSketch(t *testing.T, text string) error {
	t.Helper()
	bin, err := program()
	if err != nil {
		return err
	}
	syntax := exec.Command("bash", "-n")
	syntax.Stdin = strings.NewReader(text)
	if out, err := syntax.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		line, _, _ = strings.Cut(line, " #")
		call := regexp.MustCompile(`(^|[ /])motacilla( [a-z][^|&;<>()$` + "`" + `]*)`).FindStringSubmatch(strings.TrimSpace(line))
		if call == nil || strings.HasPrefix(line, "#") {
			continue
		}
		if out, err := exec.Command("bash", "-c", filepath.Join(bin, "motacilla")+call[2]+" --help").CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.TrimSpace(call[0]), err, out)
		}
	}
	return nil
}
