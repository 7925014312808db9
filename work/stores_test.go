package work_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/motacilla-live/motacilla/storage/postgres"
	"github.com/motacilla-live/motacilla/storage/redis"
	"github.com/motacilla-live/motacilla/storage/sqlite"
	"github.com/motacilla-live/motacilla/work"
)

// patience only ends a test that hangs.
const patience = 3 * time.Minute

// opener opens a store again and again: each node has a handle of its own. place says which store to a child process.
type opener struct {
	place string
	open  func(ctx context.Context, place string) (storage.Store, error)
}

func openSQLite(ctx context.Context, place string) (storage.Store, error) {
	return sqlite.Open(ctx, place, &sqlite.Options{Timeout: patience, BusyTimeout: patience})
}

func openPostgres(ctx context.Context, place string) (storage.Store, error) {
	return postgres.Open(ctx, place, &postgres.Options{Timeout: patience})
}

func openRedis(ctx context.Context, place string) (storage.Store, error) {
	return redis.Open(ctx, place, &redis.Options{Timeout: patience})
}

// openers returns the stores that processes can share.
func openers() map[string]func(t *testing.T) opener {
	return map[string]func(t *testing.T) opener{
		"sqlite": func(t *testing.T) opener { return opener{filepath.Join(t.TempDir(), "live.db"), openSQLite} },
		"postgres": func(t *testing.T) opener {
			return opener{realserver.SharedPostgres(t).Database(t) + "&connect_timeout=120", openPostgres}
		},
		"redis": func(t *testing.T) opener {
			return opener{realserver.NewRedis(t, realserver.DurableRedis()...).URL(), openRedis}
		},
	}
}

func (o opener) handle(t *testing.T) storage.Store {
	t.Helper()
	s, err := o.open(t.Context(), o.place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestStores lets two nodes do jobs that fail at random, over each store. The link of one node loses writes and answers.
func TestStores(t *testing.T) {
	all := openers()
	all["memory"] = func(*testing.T) opener {
		s := memory.New(nil)
		return opener{"", func(context.Context, string) (storage.Store, error) { return s, nil }}
	}
	for name, open := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const jobs = 100
			o, a := open(t), &attempts{}
			do := func(_ context.Context, job work.Job) error {
				if !bytes.Equal(job.Payload, []byte{0, 0xff, '\n', 'x'}) {
					t.Errorf("the payload is %q", job.Payload)
				}
				if rand.IntN(4) == 0 {
					return fmt.Errorf("not now")
				}
				a.note(job.Key)
				return nil
			}
			options := &work.QueueOptions{Poll: 50 * time.Millisecond, Backoff: 10 * time.Millisecond, Attempts: 1000}
			good := &link{Records: o.handle(t).Records()}
			bad := &link{Records: o.handle(t).Records(), losing: 0.2}
			q := start(t, good, do, options)
			start(t, bad, do, options)
			for i := range jobs {
				if err := q.Add(t.Context(), fmt.Sprint("job ", i), []byte{0, 0xff, '\n', 'x'}); err != nil {
					t.Fatal(err)
				}
			}
			empty(t, q)
			bad.set(false, 0)
			for i := range jobs {
				if len(a.of(fmt.Sprint("job ", i))) == 0 {
					t.Errorf("job %d was not done", i)
				}
			}
		})
	}
}

// empty waits until no job is left.
func empty(t *testing.T, q *work.Queue) {
	t.Helper()
	for late := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		n, err := q.Len(t.Context())
		if err == nil && n == 0 {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("%d jobs are left (%v)", n, err)
		}
	}
}

// These say to a child of TestKilledNodes which store it shares, and in which file it tells what it does.
const (
	placeEnv = "MOTACILLA_WORK_PLACE"
	logEnv   = "MOTACILLA_WORK_LOG"
)

// diary is a file of lines from several processes. Each line is one write at its end, so all lines have one order.
type diary struct{ *os.File }

func openDiary(t *testing.T, path string) diary {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return diary{f}
}

// tell writes that a process begins ("+"), ends ("-") or, if it was killed, will never end a job.
func (d diary) tell(what string, pid int, key string) {
	_, _ = fmt.Fprintf(d, "%s %d %s\n", what, pid, key)
}

// child does jobs until it is killed.
func child(t *testing.T, open func(context.Context, string) (storage.Store, error)) {
	s, err := open(t.Context(), os.Getenv(placeEnv))
	if err != nil {
		t.Fatal(err)
	}
	d, pid := openDiary(t, os.Getenv(logEnv)), os.Getpid()
	q := work.NewQueue(s.Records(), "test", func(ctx context.Context, job work.Job) error {
		d.tell("+", pid, job.Key)
		defer d.tell("-", pid, job.Key)
		select {
		case <-time.After(rand.N(100 * time.Millisecond)):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}, killedOptions())
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {}
}

// killedOptions have a lease that outlives stalls of a busy machine.
func killedOptions() *work.QueueOptions {
	return &work.QueueOptions{Lease: 15 * time.Second, Poll: 100 * time.Millisecond, Workers: 4}
}

// TestKilledNodes adds jobs while two processes do them, and kills one of them with SIGKILL, again and again. No job is lost, none
// is done by two living processes at once, and only those that a killed process was about are done twice.
func TestKilledNodes(t *testing.T) {
	for name, open := range openers() {
		t.Run(name, func(t *testing.T) {
			if os.Getenv(placeEnv) != "" {
				child(t, opener{}.named(name))
				return
			}
			t.Parallel()
			const jobs, kills = 300, 3
			o := open(t)
			records := o.handle(t).Records()
			path := filepath.Join(t.TempDir(), "diary")
			d := openDiary(t, path)
			q := work.NewQueue(records, "test", nil, nil)
			nodes := []*exec.Cmd{spawn(t, o.place, path), spawn(t, o.place, path)}
			for i := range jobs {
				if err := q.Add(t.Context(), fmt.Sprint(i), nil); err != nil {
					t.Fatal(err)
				}
				if i%(jobs/kills) == jobs/kills/2 {
					n := i / (jobs / kills) % 2
					killed(t, nodes[n], d)
					nodes[n] = spawn(t, o.place, path)
				}
			}
			empty(t, q)
			for _, n := range nodes {
				killed(t, n, d)
			}
			checkDiary(t, path, jobs, kills*killedOptions().Workers)
		})
	}
}

func (opener) named(name string) func(context.Context, string) (storage.Store, error) {
	return map[string]func(context.Context, string) (storage.Store, error){
		"sqlite": openSQLite, "postgres": openPostgres, "redis": openRedis,
	}[name]
}

// spawn starts this test in another process, and waits until that does a job.
func spawn(t *testing.T, place, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$", "-test.timeout=1h")
	cmd.Env = append(os.Environ(), placeEnv+"="+place, logEnv+"="+path)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

// killed kills a process as soon as it is about a job, if it ever is.
func killed(t *testing.T, cmd *exec.Cmd, d diary) {
	t.Helper()
	begun := []byte(fmt.Sprintf("+ %d ", cmd.Process.Pid))
	for late := time.Now().Add(10 * time.Second); time.Now().Before(late); <-time.After(time.Millisecond) {
		text, err := os.ReadFile(d.Name())
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, begun) {
			break
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	d.tell("killed", cmd.Process.Pid, "")
}

func checkDiary(t *testing.T, path string, jobs, most int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doing, done, twice := make(map[string]int), make(map[string]int), 0
	for line := range strings.Lines(string(text)) {
		var what, key string
		var pid int
		_, _ = fmt.Sscan(line, &what, &pid, &key)
		switch what {
		case "+":
			if other, busy := doing[key]; busy {
				t.Errorf("process %d begins job %s, which process %d does", pid, key, other)
			}
			doing[key] = pid
			if done[key] > 0 {
				twice++
			}
		case "-":
			delete(doing, key)
			done[key]++
		case "killed":
			for key, of := range doing {
				if of == pid {
					delete(doing, key)
					twice++
				}
			}
		}
	}
	for i := range jobs {
		if done[fmt.Sprint(i)] == 0 {
			t.Errorf("job %d was not done", i)
		}
	}
	if twice > most {
		t.Errorf("%d attempts were made in vain, want at most %d", twice, most)
	}
	t.Logf("%d jobs, %d attempts in vain", jobs, twice)
}
