package handover

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/leaktest"
	"go.uber.org/goleak"
)

// The test binary is also the server that is replaced, and the one that replaces it. The environment says what it plays.
const (
	roleKey       = "HANDOVER_TEST_ROLE"
	generationKey = "HANDOVER_TEST_GENERATION"
	addrKey       = "HANDOVER_TEST_ADDR"
	doorKey       = "HANDOVER_TEST_DOOR"
	stepKey       = "HANDOVER_TEST_STEP"    // where something happens, as GENERATION:STEP
	doesKey       = "HANDOVER_TEST_DOES"    // what happens there: kill, hang, or exit
	readyKey      = "HANDOVER_TEST_READY"   // limits.ready
	paceKey       = "HANDOVER_TEST_PACE"    // limits.step
	versionKey    = "HANDOVER_TEST_VERSION" // of the second generation
	slowKey       = "HANDOVER_TEST_SLOW"    // if it is set, the server gives no connection
	commandKey    = "HANDOVER_TEST_COMMAND" // runs the second generation
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleKey) {
	case "server":
		os.Exit(serveEcho())
	case "ask":
		os.Exit(askAs())
	}
	leaktest.Main(m)
}

func number(key string) int {
	n, _ := strconv.Atoi(os.Getenv(key))
	return n
}

// step does what the test wants at a step of this generation.
func step(name string) {
	if os.Getenv(stepKey) != fmt.Sprintf("%d:%s", number(generationKey), name) {
		return
	}
	switch os.Getenv(doesKey) {
	case "kill":
		die()
	case "hang":
		say("hangs")
		select {}
	case "exit":
		os.Exit(3)
	}
}

func testLimits() limits {
	l := limits{ready: 5 * time.Minute, step: 5 * time.Minute}
	if d, err := time.ParseDuration(os.Getenv(readyKey)); err == nil {
		l.ready = d
	}
	if d, err := time.ParseDuration(os.Getenv(paceKey)); err == nil {
		l.step = d
	}
	return l
}

func openFiles() int {
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	return len(all)
}

func serveEcho() int {
	gone := make(chan struct{}) // the test
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(gone)
	}()
	goroutines := goleak.IgnoreCurrent()
	e, err := takeOver()
	if err != nil {
		say("failed %v", err)
		return 1
	}
	replaced := make(chan struct{})
	control := NewControl(func(ctx context.Context, told func(string)) (Count, error) {
		count, err := e.upgrade(ctx, told)
		say("files %d", openFiles())
		if err == nil {
			close(replaced)
		}
		return count, err
	})
	if err := control.Start(context.Background()); err != nil {
		say("failed %v", err)
		return 1
	}
	say("serving %d %s", os.Getpid(), e.ln.Addr())
	select {
	case <-replaced:
	case <-gone:
	}
	control.Stop()
	e.close()
	if err := leaktest.Find(time.Minute, goroutines); err != nil {
		say("leak %q", err)
	}
	return 0
}

// takeOver starts the server, from nothing or as the successor of another one.
func takeOver() (*echo, error) {
	step("born")
	v := version
	if n := number(versionKey); n != 0 && number(generationKey) > 1 {
		v = n
	}
	s, err := inherited(hello{Version: v, Build: "test", PID: os.Getpid()}, testLimits())
	if err != nil {
		return nil, err
	}
	step("inherited")
	e := &echo{at: step, talks: map[*talk]struct{}{}}
	for name, set := range map[string]func(net.Listener){
		"echo": func(ln net.Listener) { e.ln = ln.(*net.TCPListener) },
		"door": func(ln net.Listener) { e.door = ln.(*net.UnixListener) },
	} {
		network, addr := "tcp", os.Getenv(addrKey)
		if name == "door" {
			network, addr = "unix", os.Getenv(doorKey)
		}
		ln, ok := s.Listener(name, addr)
		if !ok {
			if name == "door" {
				_ = os.Remove(addr) // it is left over
			}
			if ln, err = net.Listen(network, addr); err != nil {
				return nil, err
			}
		}
		set(ln)
	}
	e.door.SetUnlinkOnClose(false)
	if err := s.Ready(); err != nil {
		return nil, err
	}
	step("ready")
	e.Resume()
	n := 0
	count, err := s.Take(context.Background(), func(c Connection) error {
		n++
		step(fmt.Sprintf("take %d", n))
		return e.take(c)
	})
	say("took %d %d", count.Taken, count.Refused)
	return e, err
}

// upgrade replaces this process by the next generation.
func (e *echo) upgrade(ctx context.Context, told func(string)) (Count, error) {
	cmd := exec.Command("/proc/self/exe")
	if text := os.Getenv(commandKey); text != "" {
		cmd = exec.Command("/bin/sh", "-c", text)
	}
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", generationKey, number(generationKey)+1),
		addrKey+"="+e.ln.Addr().String(), "HANDOVER_TEST_EXE="+executable())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return replace(ctx, cmd, e, func(text string) {
		told(text)
		step("told " + strings.Trim(text, "0123456789 ."))
	}, testLimits())
}

func executable() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}
