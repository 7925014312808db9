package handover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const pidKey = "HANDOVER_TEST_PID"

// askAs is a process that asks for an upgrade, and prints the answer.
func askAs() int {
	count, err := Ask(context.Background(), number(pidKey), func(text string) { fmt.Println(text) })
	fmt.Println(count.Taken, err)
	return 0
}

// controlled starts a Control in this process. It says "begun" and then waits for finish.
func controlled(t *testing.T) (finish chan error) {
	t.Helper()
	finish = make(chan error)
	c := NewControl(func(ctx context.Context, told func(string)) (Count, error) {
		told("begun")
		select {
		case err := <-finish:
			return Count{PID: 7, Taken: 3}, err
		case <-ctx.Done():
			return Count{}, errors.New("stopped")
		}
	})
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return finish
}

// asked asks this process in the background. It returns when the upgrade has begun.
func asked(t *testing.T) (done chan error) {
	t.Helper()
	begun, done := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := Ask(context.Background(), os.Getpid(), func(string) { close(begun) })
		done <- err
	}()
	select {
	case <-begun:
	case err := <-done:
		t.Fatalf("the upgrade has not begun: %v", err)
	}
	return done
}

func TestOneUpgradeAtATime(t *testing.T) {
	finish := controlled(t)
	refuse := func() {
		t.Helper()
		_, err := Ask(t.Context(), os.Getpid(), func(text string) { t.Errorf("told %q", text) })
		if err == nil || !strings.Contains(err.Error(), "another upgrade") {
			t.Errorf("error is %v", err)
		}
	}
	first := asked(t)
	refuse()
	finish <- errors.New("it went wrong")
	if err := <-first; err == nil || !strings.Contains(err.Error(), "it went wrong") {
		t.Errorf("error is %v", err)
	}
	second := asked(t) // after a failure it can be tried again
	finish <- nil
	if err := <-second; err != nil {
		t.Error(err)
	}
	refuse() // this process is about to end
}

// TestStopCancels: a server that stops tells whoever waits for its upgrade.
func TestStopCancels(t *testing.T) {
	c := NewControl(func(ctx context.Context, told func(string)) (Count, error) {
		told("begun")
		<-ctx.Done()
		return Count{}, errors.New("stopped")
	})
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := asked(t)
	c.Stop()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "stopped") {
		t.Errorf("error is %v", err)
	}
	if _, err := Ask(t.Context(), os.Getpid(), nil); err == nil || !strings.Contains(err.Error(), "network namespace") {
		t.Errorf("error is %v", err)
	}
}

// TestAskGivesUp: the upgrade goes on if whoever asked for it has gone.
func TestAskGivesUp(t *testing.T) {
	finish := controlled(t)
	why := errors.New("no patience")
	ctx, giveUp := context.WithCancelCause(t.Context())
	if _, err := Ask(ctx, os.Getpid(), func(string) { giveUp(why) }); !errors.Is(err, why) {
		t.Errorf("error is %v", err)
	}
	finish <- nil // is taken
}

// TestBadRequests: each is answered with what is wrong with it. One that never comes holds up nobody.
func TestBadRequests(t *testing.T) {
	finish := controlled(t)
	silent, err := net.Dial("unix", address(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for text, want := range map[string]string{
		"rubbish\n":                            "not understood",
		"{\"do\":\"stop\"}\n":                  "not understood",
		"\n":                                   "not understood",
		"[]\n":                                 "not understood",
		strings.Repeat("x", maxLine):           "more than 4096 bytes",
		"{\"do\":\"upg":                        "EOF",
		"":                                     "EOF",
		"\x00\xff" + strings.Repeat("\n", 100): "not understood",
	} {
		conn, err := net.Dial("unix", address(os.Getpid()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, text); err != nil {
			t.Error(err)
		}
		_ = conn.(*net.UnixConn).CloseWrite()
		if _, err := follow(conn, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want %q", text, err, want)
		}
		conn.Close()
	}
	done := asked(t)
	finish <- nil
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := follow(silent, nil); err == nil || !strings.Contains(err.Error(), "no request within 5s") {
		t.Errorf("error is %v", err)
	}
}

// TestStrangers: only the user of the server and root may upgrade it.
func TestStrangers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	finish := controlled(t)
	for uid, want := range map[uint32]string{65534: "user 65534 may not upgrade this server; only user 0 and root may", 0: "3 <nil>"} {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), roleKey+"=ask", "GORACE=atexit_sleep_ms=0", fmt.Sprintf("%s=%d", pidKey, os.Getpid()))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		stop := make(chan struct{})
		go func() {
			select {
			case finish <- nil:
			case <-stop:
			}
		}()
		out, err := cmd.CombinedOutput()
		close(stop)
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("user %d: got %q (%v), want %q", uid, out, err, want)
		}
	}
}

// TestImpostor: a process that listens at the name of another one is found out.
func TestImpostor(t *testing.T) {
	const other = 1 << 29 // no process has this PID
	ln, err := net.Listen("unix", address(other))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	want := fmt.Sprintf("process %d listens at @motacilla/%d", os.Getpid(), other)
	if _, err := Ask(t.Context(), other, nil); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want %q", err, want)
	}
}

func TestServersAreListed(t *testing.T) {
	const table = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 22201 @motacilla/300
0000000000000000: 00000003 00000000 00000000 0001 03 22202 @motacilla/301
0000000000000000: 00000002 00000000 00010000 0001 01 22203 @motacilla/20
0000000000000000: 00000002 00000000 00010000 0001 01 22204 @motacilla/-1
0000000000000000: 00000002 00000000 00010000 0001 01 22205 @motacilla/x
0000000000000000: 00000002 00000000 00010000 0001 01 22206 /run/@motacilla/5
0000000000000000: 00000002 00000000 00010000 0001 01 22207 @motacilla/6 7
0000000000000000: 00000002 00000000 00010000 0005 01 22208
`
	pids, err := listed(strings.NewReader(table))
	if want := []int{20, 300}; err != nil || !slices.Equal(pids, want) {
		t.Errorf("got %v, %v, want %v", pids, err, want)
	}
	controlled(t)
	pids, err = Servers()
	if err != nil || !slices.Contains(pids, os.Getpid()) {
		t.Errorf("got %v, %v, want %d among them", pids, err, os.Getpid())
	}
}

// TestServersOfOthersAreNotListed: nobody can keep a user from "motacilla upgrade" by listening at such a name.
func TestServersOfOthersAreNotListed(t *testing.T) {
	own, user := os.Getpid(), os.Geteuid()
	if user == 0 {
		user = 65534
	}
	all := []int{1, own, 1 << 29} // no process has the last PID
	if got := ours(slices.Clone(all), user); os.Geteuid() == 0 && len(got) > 0 || os.Geteuid() != 0 && slices.Contains(got, 1) {
		t.Errorf("user %d: got %v of %v", user, got, all)
	}
	if got := ours(slices.Clone(all), os.Geteuid()); !slices.Contains(got, own) || slices.Contains(got, 1<<29) {
		t.Errorf("got %v of %v, want %d", got, all, own)
	}
}
