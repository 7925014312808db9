package realserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Password is the password of the superuser "motacilla" of every server.
const Password = "se cret/@:%?&#" // with characters that a URL has to encode

const starting = 3 * time.Minute

// Postgres is a PostgreSQL server.
type Postgres struct {
	bin, dir string
	settings map[string]string
	port     int

	mu   sync.Mutex
	cmd  *exec.Cmd
	gone chan struct{} // closed when cmd has ended
	next int           // the number of the next database
}

// NewPostgres starts a server and stops it when the test ends. settings are lines of postgresql.conf. Commits wait for
// the disk, as they do by default.
func NewPostgres(t testing.TB, settings map[string]string) *Postgres {
	t.Helper()
	p, err := startPostgres(settings)
	if errors.Is(err, errMissing) {
		missing(t, "PostgreSQL", "postgresql")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.remove(); err != nil {
			t.Error(err)
		}
	})
	return p
}

var shared struct {
	sync.Mutex
	postgres *Postgres
}

// SharedPostgres returns a server for all tests of the process. Its commits do not wait for the disk. TestMain must call
// StopShared.
func SharedPostgres(t testing.TB) *Postgres {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.postgres == nil {
		p, err := startPostgres(map[string]string{"fsync": "off", "full_page_writes": "off", "max_connections": "200"})
		if errors.Is(err, errMissing) {
			missing(t, "PostgreSQL", "postgresql")
		}
		if err != nil {
			t.Fatal(err)
		}
		shared.postgres = p
	}
	return shared.postgres
}

// StopShared stops the server of SharedPostgres.
func StopShared() error {
	shared.Lock()
	defer shared.Unlock()
	if shared.postgres == nil {
		return nil
	}
	err := shared.postgres.remove()
	shared.postgres = nil
	return err
}

var errMissing = errors.New("not installed")

// postgresBin returns the folder of the newest PostgreSQL's binaries.
func postgresBin() (string, error) {
	all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // on Debian it is not in PATH
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	if len(all) > 0 {
		return filepath.Dir(slices.MaxFunc(all, func(a, b string) int { return version(a) - version(b) })), nil
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", errMissing
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	return filepath.Dir(path), nil
}

func startPostgres(settings map[string]string) (_ *Postgres, err error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "motacilla-postgres")
	if err != nil {
		return nil, err
	}
	p := &Postgres{bin: bin, dir: dir, settings: maps.Clone(settings)}
	defer func() {
		if err != nil {
			err = fmt.Errorf("start PostgreSQL: %w", errors.Join(err, p.remove()))
		}
	}()
	if err := p.init(); err != nil {
		return nil, err
	}
	for range 5 { // another process may take the port first
		if p.port, err = freePort(); err != nil {
			return nil, err
		}
		if err = p.start(); err == nil || !strings.Contains(p.Log(), "Address already in use") {
			break
		}
	}
	return p, err
}

// init makes the data directory. initdb and the server do not run as root, so root runs them as another user.
func (p *Postgres) init() error {
	if err := os.WriteFile(p.path("password"), []byte(Password), 0o600); err != nil {
		return err
	}
	if c := credential(); c != nil {
		for _, path := range []string{p.dir, p.path("password")} {
			if err := os.Chown(path, int(c.Uid), int(c.Gid)); err != nil {
				return err
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), starting)
	defer cancel()
	cmd := p.command(ctx, "initdb", "--pgdata", p.path("data"), "--username=motacilla", "--pwfile", p.path("password"),
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

func (p *Postgres) path(name string) string { return filepath.Join(p.dir, name) }

func (p *Postgres) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, name), args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	cmd.SysProcAttr = sysProcAttr()
	return cmd
}

// Restart starts a server again that was stopped or killed, with its port and data. It returns when the server answers.
func (p *Postgres) Restart(t testing.TB) {
	t.Helper()
	if err := p.start(); err != nil {
		t.Fatalf("restart PostgreSQL: %v", err)
	}
}

func (p *Postgres) start() error {
	args := []string{"-D", p.path("data"), "-h", "127.0.0.1", "-p", strconv.Itoa(p.port), "-k", p.dir}
	for _, name := range slices.Sorted(maps.Keys(p.settings)) {
		args = append(args, "-c", name+"="+p.settings[name])
	}
	deadline := time.Now().Add(starting)
	for {
		gone, err := p.run(args)
		if err != nil {
			return err
		}
		if err = p.ready(gone, deadline); err == nil {
			return nil
		}
		// After a kill the processes of connections may live for a moment.
		if !strings.Contains(p.Log(), "is still in use") || time.Now().After(deadline) {
			return fmt.Errorf("%w: the server says: %s", err, p.Log())
		}
		<-time.After(20 * time.Millisecond)
	}
}

func (p *Postgres) run(args []string) (gone chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	log, err := os.Create(p.path("log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := p.command(context.Background(), "postgres", args...)
	cmd.Stdout, cmd.Stderr = log, log
	if gone, err = start(cmd); err != nil {
		return nil, err
	}
	p.cmd, p.gone = cmd, gone
	return gone, nil
}

// Log returns what the server has printed since it was started.
func (p *Postgres) Log() string {
	text, _ := os.ReadFile(p.path("log"))
	return string(text)
}

// ready waits until the server answers.
func (p *Postgres) ready(gone chan struct{}, deadline time.Time) error {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		conn, err := pgx.Connect(ctx, p.URL("postgres"))
		if err == nil {
			_ = conn.Close(ctx)
		}
		cancel()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return err
		}
		select {
		case <-gone:
			return errors.New("the server ended")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// URL returns the URL of a database of the server.
func (p *Postgres) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword("motacilla", Password), Host: address(p.port), Path: database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Port returns the server's port, on 127.0.0.1.
func (p *Postgres) Port() int { return p.port }

// Database creates an empty database, which is dropped when the test ends, and returns its URL.
func (p *Postgres) Database(t testing.TB) string {
	t.Helper()
	p.mu.Lock()
	p.next++
	name := fmt.Sprintf("test_%d", p.next)
	p.mu.Unlock()
	p.Exec(t, "CREATE DATABASE "+name)
	t.Cleanup(func() {
		select {
		case <-p.ended(): // its files are removed
		default:
			p.Exec(t, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		}
	})
	return p.URL(name)
}

// Exec runs a statement as superuser in the database "postgres".
func (p *Postgres) Exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), starting)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Kill kills the server and all its processes. What they have written is still in the kernel, and reaches the disk.
func (p *Postgres) Kill() { p.signal(syscall.SIGKILL) }

// signal ends the server by sig and waits for its end.
func (p *Postgres) signal(s syscall.Signal) {
	p.mu.Lock()
	cmd := p.cmd
	p.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(s)
	select {
	case <-p.ended():
	case <-time.After(starting):
		_ = cmd.Process.Kill()
		<-p.ended()
	}
}

func (p *Postgres) ended() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}

// remove stops the server at once and removes its files.
func (p *Postgres) remove() error {
	p.signal(syscall.SIGQUIT)
	return os.RemoveAll(p.dir)
}
