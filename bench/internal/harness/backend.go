//go:build linux

package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/motacilla-live/motacilla/internal/process"
)

// backend is a database server that nodes share. It runs Debian's binaries in a temporary folder of its own. Writes are on
// disk when they are acknowledged.
type backend struct {
	kind    string // type of the store
	version string
	url     string

	dir  string
	cmd  *exec.Cmd
	gone chan struct{}
	used map[int]time.Duration // CPU of each of its processes, when last seen
}

// backends returns all kinds, in the order of the tables.
func backends() []string { return []string{"postgres", "redis"} }

const backendPatience = 60 * time.Second

var errNotInstalled = errors.New("is not installed: run scripts/deps.sh as root")

func startBackend(ctx context.Context, kind string) (_ *backend, err error) {
	dir, err := os.MkdirTemp("", "bench-"+kind)
	if err != nil {
		return nil, err
	}
	b := &backend{kind: kind, dir: dir, used: make(map[int]time.Duration)}
	defer func() {
		if err != nil {
			err = fmt.Errorf("start %s: %w", kind, errors.Join(err, b.stop()))
		}
	}()
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "postgres":
		return b, b.postgres(ctx, port)
	case "redis":
		return b, b.redis(ctx, port)
	}
	return nil, fmt.Errorf("unknown store; known: %s", strings.Join(backends(), ", "))
}

func freePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

func (b *backend) postgres(ctx context.Context, port string) error {
	bin, err := postgresBin()
	if err != nil {
		return err
	}
	as, err := unprivileged()
	if err != nil {
		return err
	}
	if as != nil {
		if err := os.Chown(b.dir, int(as.Uid), int(as.Gid)); err != nil {
			return err
		}
	}
	data := filepath.Join(b.dir, "data")
	if _, err := b.run(ctx, as, filepath.Join(bin, "initdb"), "--pgdata", data, "--username=motacilla", "--auth=trust",
		"--encoding=UTF8", "--locale=C", "--no-sync"); err != nil {
		return err
	}
	server := filepath.Join(bin, "postgres")
	if b.version, err = b.run(ctx, as, server, "--version"); err != nil {
		return err
	}
	b.url = "postgres://motacilla@127.0.0.1:" + port + "/postgres?sslmode=disable"
	if err := b.start(as, server, "-D", data, "-h", "127.0.0.1", "-p", port, "-k", b.dir); err != nil {
		return err
	}
	return b.ready(func() error {
		_, err := b.run(ctx, as, filepath.Join(bin, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", port)
		return err
	})
}

func (b *backend) redis(ctx context.Context, port string) error {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return fmt.Errorf("redis-server %w", errNotInstalled)
	}
	if b.version, err = b.run(ctx, nil, path, "--version"); err != nil {
		return err
	}
	b.version = strings.Join(strings.Fields(b.version)[:min(3, len(strings.Fields(b.version)))], " ")
	b.url = "redis://127.0.0.1:" + port
	if err := b.start(nil, path, "--port", port, "--bind", "127.0.0.1", "--dir", b.dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning"); err != nil {
		return err
	}
	return b.ready(func() error {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", "127.0.0.1:"+port)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		answer := make([]byte, len("+PONG"))
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		if _, err := conn.Write([]byte("PING\r\n")); err != nil {
			return err
		}
		if _, err := conn.Read(answer); err != nil || string(answer) != "+PONG" {
			return fmt.Errorf("PING was answered with %q: %w", answer, err)
		}
		return nil
	})
}

// run runs a program to its end and returns its output.
func (b *backend) run(ctx context.Context, as *syscall.Credential, path string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env = b.dir, append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(path), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

func (b *backend) log() string { return filepath.Join(b.dir, "log") }

func (b *backend) start(as *syscall.Credential, path string, args ...string) error {
	log, err := os.Create(b.log())
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	b.cmd = exec.CommandContext(context.Background(), path, args...) // stop ends it
	b.cmd.Dir, b.cmd.Env = b.dir, append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	b.cmd.Stdout, b.cmd.Stderr = log, log
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGQUIT, Setpgid: true}
	if err := b.cmd.Start(); err != nil {
		b.cmd = nil
		return err
	}
	b.gone = make(chan struct{})
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait()
		close(b.gone)
	}(b.cmd)
	return nil
}

// ready waits until the server answers.
func (b *backend) ready(ask func() error) error {
	for end := time.Now().Add(backendPatience); ; {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-b.gone:
			err = errors.New("the server has ended")
		case <-time.After(20 * time.Millisecond):
			if time.Now().Before(end) {
				continue
			}
		}
		said, _ := os.ReadFile(b.log())
		return fmt.Errorf("%w; its log: %s", err, said)
	}
}

// stop ends the server and removes its files.
func (b *backend) stop() error {
	if b.cmd != nil {
		_ = b.cmd.Process.Signal(syscall.SIGINT)
		select {
		case <-b.gone:
		case <-time.After(10 * time.Second):
			_ = b.cmd.Process.Signal(syscall.SIGQUIT)
			<-b.gone
		}
		b.cmd = nil
	}
	return os.RemoveAll(b.dir)
}

// cpu returns the CPU time that the server has used so far, by its process and all child processes that were ever seen.
func (b *backend) cpu() (time.Duration, error) {
	tree, err := process.Tree(b.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	for _, pid := range tree {
		if used, err := (process.Group{pid}).CPU(); err == nil { // on an error the process has ended
			b.used[pid] = used
		}
	}
	var sum time.Duration
	for _, used := range b.used {
		sum += used
	}
	return sum, nil
}

// postgresBin returns the folder with the programs of the newest PostgreSQL. Debian does not have it in PATH.
func postgresBin() (string, error) {
	all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(all) == 0 {
		return "", fmt.Errorf("PostgreSQL %w", errNotInstalled)
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	return filepath.Dir(slices.MaxFunc(all, func(a, b string) int { return version(a) - version(b) })), nil
}

// unprivileged returns the user that PostgreSQL runs as if this process is root, because PostgreSQL refuses to run as
// root. Otherwise it returns nil.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}
