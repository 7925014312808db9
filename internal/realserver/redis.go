package realserver

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// redisPatience is how long a server may take to answer.
const redisPatience = 2 * time.Minute

// Redis is a running redis-server.
type Redis struct {
	Port int
	Dir  string // of its data; the name is short enough for Unix sockets

	args  []string
	cmd   *exec.Cmd     // nil while it does not run
	ended chan struct{} // closed when cmd has ended
	out   bytes.Buffer  // output of cmd; must not be read before its end
}

// NewRedis starts a redis-server with these arguments, such as "--appendonly", "yes". It is stopped when the test ends.
// By default it keeps nothing on disk.
func NewRedis(t testing.TB, settings ...string) *Redis {
	t.Helper()
	redisBinary(t)
	r := &Redis{Dir: redisDir(t)}
	for attempt := 0; ; attempt++ { // a test of another package may take the port first
		r.Port = FreePort(t)
		r.args = append([]string{
			"--port", strconv.Itoa(r.Port), "--bind", "127.0.0.1", "--dir", r.Dir, "--save", "", "--appendonly", "no",
			"--unixsocket", filepath.Join(r.Dir, "s"), "--loglevel", "warning", "--enable-debug-command", "local",
		}, settings...)
		err := r.start()
		if err == nil {
			break
		}
		if attempt == 4 {
			t.Fatalf("start redis-server: %v", err)
		}
	}
	t.Cleanup(r.Kill)
	return r
}

// DurableRedis are arguments with which an acknowledged write is on disk.
func DurableRedis() []string { return []string{"--appendonly", "yes", "--appendfsync", "always"} }

// Addr returns the server's address.
func (r *Redis) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.Port)) }

// URL returns the server's URL for go-redis.
func (r *Redis) URL() string { return "redis://" + r.Addr() }

// Socket returns the path of its Unix socket.
func (r *Redis) Socket() string { return filepath.Join(r.Dir, "s") }

// Kill ends the server by SIGKILL and waits for its end.
func (r *Redis) Kill() {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	<-r.ended
	r.cmd = nil
}

// Restart starts a killed server again with its data. It returns when the server answers.
func (r *Redis) Restart(t testing.TB) {
	t.Helper()
	if err := r.start(); err != nil {
		t.Fatalf("restart redis-server: %v", err)
	}
}

// Do sends one command without a client library, and returns the first line of the answer.
func (r *Redis) Do(t testing.TB, args ...string) string {
	t.Helper()
	answer, err := r.do(args...)
	if err != nil {
		t.Fatalf("%s: %v", args[0], err)
	}
	return answer
}

func (r *Redis) do(args ...string) (string, error) {
	conn, err := net.DialTimeout("tcp", r.Addr(), redisPatience)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(redisPatience))
	var command strings.Builder
	fmt.Fprintf(&command, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&command, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := conn.Write([]byte(command.String())); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

func (r *Redis) start() error {
	r.out.Reset()
	r.cmd = exec.CommandContext(context.Background(), "redis-server", r.args...)
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.out
	if err := r.cmd.Start(); err != nil {
		r.cmd = nil
		return err
	}
	cmd, ended := r.cmd, make(chan struct{})
	r.ended = ended
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	for until := time.Now().Add(redisPatience); ; {
		if answer, err := r.do("PING"); err == nil && (answer == "+PONG" || strings.HasPrefix(answer, "-NOAUTH")) {
			return nil
		}
		select {
		case <-ended:
			r.cmd = nil
			return fmt.Errorf("it ended: %s", r.out.String())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(until) {
			return fmt.Errorf("no answer within %v", redisPatience)
		}
	}
}

// NewRedisSentinel starts a sentinel that watches a master by this name.
func NewRedisSentinel(t testing.TB, name string, master *Redis) *Redis {
	t.Helper()
	redisBinary(t)
	r := &Redis{Dir: redisDir(t), Port: FreePort(t)}
	file := filepath.Join(r.Dir, "sentinel.conf")
	text := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor %s 127.0.0.1 %d 1\n", r.Port, r.Dir, name, master.Port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r.args = []string{file, "--sentinel"}
	if err := r.start(); err != nil {
		t.Fatalf("start sentinel: %v", err)
	}
	t.Cleanup(r.Kill)
	return r
}

// NewRedisCluster starts a Redis Cluster of three masters and returns them when it serves.
func NewRedisCluster(t testing.TB) []*Redis {
	t.Helper()
	redisBinary(t)
	nodes := make([]*Redis, 3)
	for i := range nodes {
		r := &Redis{Dir: redisDir(t), Port: FreePort(t)}
		r.args = []string{
			"--port", strconv.Itoa(r.Port), "--bind", "127.0.0.1", "--dir", r.Dir, "--save", "", "--appendonly", "no",
			"--cluster-enabled", "yes", "--cluster-node-timeout", "60000", "--loglevel", "warning",
		}
		if err := r.start(); err != nil {
			t.Fatalf("start redis-server: %v", err)
		}
		t.Cleanup(r.Kill)
		nodes[i] = r
	}
	const slots = 16384
	for i, r := range nodes {
		r.Do(t, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i*slots/3), strconv.Itoa((i+1)*slots/3-1))
		r.Do(t, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		if i > 0 {
			r.Do(t, "CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(nodes[0].Port))
		}
	}
	for until := time.Now().Add(redisPatience); ; {
		agree := true
		for _, r := range nodes {
			info, err := redisInfo(r)
			agree = agree && err == nil && strings.Contains(info, "cluster_state:ok") &&
				strings.Contains(info, "cluster_known_nodes:3") && strings.Contains(info, "cluster_slots_ok:16384")
		}
		if agree {
			return nodes
		}
		if time.Now().After(until) {
			t.Fatalf("the cluster does not come up within %v", redisPatience)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func redisInfo(r *Redis) (string, error) {
	conn, err := net.DialTimeout("tcp", r.Addr(), redisPatience)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(redisPatience))
	if _, err := conn.Write([]byte("CLUSTER INFO\r\n")); err != nil {
		return "", err
	}
	in := bufio.NewReader(conn)
	var n int
	if _, err := fmt.Fscanf(in, "$%d\r\n", &n); err != nil {
		return "", err
	}
	text := make([]byte, n)
	for read := 0; read < n; {
		more, err := in.Read(text[read:])
		if err != nil {
			return "", err
		}
		read += more
	}
	return string(text), nil
}

// redisBinary returns the path of redis-server. It ends the test if there is none.
func redisBinary(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err == nil {
		return
	}
	const missing = "no redis-server: apt-get install -y redis-server"
	if os.Getenv("CI") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}

// redisDir returns a folder like t.TempDir, without the test's name: the path of a Unix socket has at most 107 bytes.
func redisDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
